package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fichadev/ficha/internal/token"
)

// do runs a rare deed that must succeed.
func do(t *testing.T, s *Store, f func(*Tx) error) {
	t.Helper()
	if err := s.Do(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// same fails the test unless a reading succeeded and gave what is wanted.
func same[T any](t *testing.T, what string, want T) func(T, error) {
	return func(got T, err error) {
		t.Helper()
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%s: %v; want -, got +:\n%s", what, err, d)
		}
	}
}

func TestCatalogueSpeaksEveryLanguage(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		read := &token.ScopeInfo{Name: "catalog:read", Description: map[string]string{"en": "Read the catalogue", "es": "Leer el catálogo"}, Use: map[string]string{"": "front ends"}, CreatedAt: 5}
		bare := &token.ScopeInfo{Name: "a.b"}
		do(t, s, func(tx *Tx) error { return tx.PutScope(t.Context(), read) })
		do(t, s, func(tx *Tx) error { return tx.PutScope(t.Context(), bare) })
		same(t, "catalogue", []*token.ScopeInfo{bare, read})(s.Scopes(t.Context()))

		changed := &token.ScopeInfo{Name: "catalog:read", Description: map[string]string{"pt-BR": "Ler"}, CreatedAt: 9}
		do(t, s, func(tx *Tx) error { return tx.PutScope(t.Context(), changed) })
		changed.CreatedAt = 5 // it was made then
		same(t, "changed", []*token.ScopeInfo{bare, changed})(s.Scopes(t.Context()))
	})
}

func TestResourceNamesWhoMayAskAboutItsTokens(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		api := &token.Resource{Identifier: "https://api.example.test/", Workspace: "ws1", Scopes: token.Scopes{"a:b"}, TokenFormat: "jwt", IntrospectionClient: "gateway", CreatedAt: 3}
		do(t, s, func(tx *Tx) error { return tx.PutResource(t.Context(), api) })
		same(t, "resource", api)(s.Resource(t.Context(), api.Identifier))
		same[*token.Resource](t, "unknown", nil)(s.Resource(t.Context(), "https://other.example.test/"))
		same(t, "of the workspace", []*token.Resource{api})(s.Resources(t.Context(), "ws1"))
		same[[]*token.Resource](t, "of another", nil)(s.Resources(t.Context(), "ws2"))

		var heard []token.Change
		s.OnChange(func(c []token.Change) { heard = c })
		moved := *api
		moved.IntrospectionClient, moved.Workspace = "other", "ws2"
		do(t, s, func(tx *Tx) error { return tx.PutResource(t.Context(), &moved) })
		told := map[string]bool{}
		for _, c := range heard {
			told[string(c.What)+" "+c.ID] = true
		}
		for _, want := range []string{"client gateway", "client other", "catalogue https://api.example.test/"} {
			if !told[want] {
				t.Errorf("nobody heard of %s: %v", want, told)
			}
		}
		moved.Workspace = "ws1" // a resource does not wander
		same(t, "moved", &moved)(s.Resource(t.Context(), api.Identifier))
	})
}

func TestEndedWebhookHearsNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		h := token.Webhook{ID: newID(token.Long), Workspace: "ws1", URL: "https://hook.example.test/", Events: []string{"token.*"}}
		do(t, s, func(tx *Tx) error { return tx.PutWebhook(t.Context(), h, token.SealedSecret{Sealed: []byte("sealed")}) })
		same(t, "webhooks", []token.Webhook{h})(s.Webhooks(t.Context(), "ws1"))

		for i, want := range []struct {
			workspace string
			ended     bool
		}{{"ws2", false}, {"ws1", true}, {"ws1", false}} {
			do(t, s, func(tx *Tx) error {
				got, err := tx.EndWebhook(t.Context(), want.workspace, h.ID)
				if got != want.ended {
					t.Errorf("try %d: ended %v, want %v", i, got, want.ended)
				}
				return err
			})
		}
		same[[]token.Webhook](t, "after the end", nil)(s.Webhooks(t.Context(), "ws1"))
	})
}
