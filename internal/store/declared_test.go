package store

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

// wins runs a verb that reports whether it did something.
func wins(t *testing.T, s *Store, what string, want bool, verb func(*Tx) (bool, error)) {
	t.Helper()
	do(t, s, func(tx *Tx) error {
		got, err := verb(tx)
		if got != want {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
		return err
	})
}

func TestNewThingTakesNobodysIDOrNumber(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		first := &token.Workspace{ID: "w", Name: "first", Number: 7, AllScopes: true, CreatedAt: 1}
		add := func(w *token.Workspace) func(*Tx) (bool, error) {
			return func(tx *Tx) (bool, error) { return tx.AddWorkspace(ctx, w) }
		}
		wins(t, s, "a new workspace", true, add(first))
		wins(t, s, "its id", false, add(&token.Workspace{ID: "w", Name: "second", Number: 8}))
		wins(t, s, "its number", false, add(&token.Workspace{ID: "v", Name: "third", Number: 7}))
		same(t, "workspace", first)(s.Workspace(ctx, "w"))
		same[*token.Workspace](t, "none", nil)(s.Workspace(ctx, "v"))

		addClient := func(c *token.Client) func(*Tx) (bool, error) {
			return func(tx *Tx) (bool, error) { return tx.AddClient(ctx, c) }
		}
		wins(t, s, "a new client", true, addClient(&token.Client{ID: "c", Workspace: "w", Number: 7}))
		wins(t, s, "its id", false, addClient(&token.Client{ID: "c", Workspace: "other", Number: 8}))
		wins(t, s, "its number", false, addClient(&token.Client{ID: "d", Workspace: "other", Number: 7}))
		wins(t, s, "another", true, addClient(&token.Client{ID: "b", Workspace: "w", Number: 9}))
		do(t, s, func(tx *Tx) error {
			same(t, "clients of w", []string{"b", "c"})(tx.ClientIDs(ctx, "w"))
			same(t, "client 7", "c")(tx.ClientNumbered(ctx, 7))
			same(t, "workspace 7", "w")(tx.WorkspaceNumbered(ctx, 7))
			same(t, "no workspace", "")(tx.WorkspaceNumbered(ctx, 8))
			same(t, "lock", true)(tx.LockClient(ctx, "c"))
			same(t, "lock of none", false)(tx.LockClient(ctx, "d"))
			return nil
		})
	})
}

func TestClientTokenEndsOnceAndComesBackOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx, hash := t.Context(), token.HashOf("chronos")
		state := func(workspace string, ended bool) {
			t.Helper()
			c, err := s.ClientToken(ctx, hash)
			if err != nil || c == nil || c.Workspace != workspace || c.Live(1) == ended {
				t.Errorf("got %+v, %v; want %q, ended %v", c, err, workspace, ended)
			}
		}
		if c, err := s.ClientToken(ctx, hash); c != nil || err != nil {
			t.Errorf("before it is entered: %+v, %v", c, err)
		}
		made := &token.ClientToken{Workspace: "w", Secret: token.Secret{ID: 7, Hash: hash, LastFour: "onos"}}
		wins(t, s, "enter", true, func(tx *Tx) (bool, error) { return tx.PutClientToken(ctx, made) })
		state("w", false)
		for _, step := range []struct {
			what string
			want bool
			verb func(*Tx) (bool, error)
		}{
			{"restore what lives", false, func(tx *Tx) (bool, error) { return tx.RestoreClientToken(ctx, "w", hash) }},
			{"end another's", false, func(tx *Tx) (bool, error) { return tx.EndClientToken(ctx, "v", hash) }},
			{"end", true, func(tx *Tx) (bool, error) { return tx.EndClientToken(ctx, "w", hash) }},
			{"end twice", false, func(tx *Tx) (bool, error) { return tx.EndClientToken(ctx, "w", hash) }},
			{"restore another's", false, func(tx *Tx) (bool, error) { return tx.RestoreClientToken(ctx, "v", hash) }},
		} {
			wins(t, s, step.what, step.want, step.verb)
		}
		state("w", true)
		wins(t, s, "restore", true, func(tx *Tx) (bool, error) { return tx.RestoreClientToken(ctx, "w", hash) })
		state("w", false)
	})
}

func TestDroppedEntriesAreGone(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope := &token.ScopeInfo{Name: "a:b", Description: map[string]string{"": "text"}}
		api := &token.Resource{Identifier: "https://api.example.test/", Workspace: "w", IntrospectionClient: "c"}
		do(t, s, func(tx *Tx) error { return tx.PutScope(ctx, scope) })
		do(t, s, func(tx *Tx) error { return tx.PutResource(ctx, api) })
		do(t, s, func(tx *Tx) error {
			same(t, "scope", scope)(tx.Scope(ctx, "a:b"))
			same(t, "resource", api)(tx.Resource(ctx, api.Identifier))
			return nil
		})
		wins(t, s, "drop the scope", true, func(tx *Tx) (bool, error) { return tx.DropScope(ctx, "a:b") })
		wins(t, s, "drop it twice", false, func(tx *Tx) (bool, error) { return tx.DropScope(ctx, "a:b") })
		elsewhere := *api
		elsewhere.Workspace = "v"
		wins(t, s, "drop another's resource", false, func(tx *Tx) (bool, error) { return tx.DropResource(ctx, &elsewhere) })
		wins(t, s, "drop the resource", true, func(tx *Tx) (bool, error) { return tx.DropResource(ctx, api) })
		same[*token.Resource](t, "resource", nil)(s.Resource(ctx, api.Identifier))
		do(t, s, func(tx *Tx) error {
			same[*token.ScopeInfo](t, "scope", nil)(tx.Scope(ctx, "a:b"))
			return nil
		})
	})
}

func TestEndedSubscriptionIsRemembered(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		h := token.Webhook{ID: newID(token.Long), Workspace: "w", URL: "https://hooks.example.test/", Events: []string{"token.*"}}
		do(t, s, func(tx *Tx) error { return tx.PutWebhook(ctx, h, token.SealedSecret{Sealed: []byte("sealed")}) })
		h.Events = []string{"*"}
		wins(t, s, "renew", true, func(tx *Tx) (bool, error) { return tx.RenewWebhook(ctx, h) })
		same(t, "renewed", []token.Webhook{h})(s.Webhooks(ctx, "w"))
		wins(t, s, "was ended", false, func(tx *Tx) (bool, error) { return tx.EndedWebhook(ctx, "w", h.URL) })
		wins(t, s, "end", true, func(tx *Tx) (bool, error) { return tx.EndWebhook(ctx, "w", h.ID) })
		wins(t, s, "was ended", true, func(tx *Tx) (bool, error) { return tx.EndedWebhook(ctx, "w", h.URL) })
		wins(t, s, "of another", false, func(tx *Tx) (bool, error) { return tx.EndedWebhook(ctx, "v", h.URL) })
		wins(t, s, "renew what ended", false, func(tx *Tx) (bool, error) { return tx.RenewWebhook(ctx, h) })
	})
}

func TestImportedSecretMovesToItsNewRow(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		first, second, third := newToken(token.Long), newToken(token.Long), newToken(token.Long)
		second.Hash, third.Hash = first.Hash, first.Hash
		wins(t, s, "import", true, func(tx *Tx) (bool, error) { return tx.Import(ctx, first) })
		wins(t, s, "import again", true, func(tx *Tx) (bool, error) { return tx.ImportAgain(ctx, first.ID, second) })
		wins(t, s, "a slower racer", false, func(tx *Tx) (bool, error) { return tx.ImportAgain(ctx, first.ID, third) })
		same(t, "address", second.ID)(s.Imported(ctx, first.Hash))
		same[*token.Token](t, "the slower one's row", nil)(s.Token(ctx, third.ID))
	})
}

func TestWhoGovernsEveryWorkspaceLacksNone(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		for i, id := range []string{"v", "w"} {
			do(t, s, func(tx *Tx) error { return tx.PutWorkspace(ctx, &token.Workspace{ID: id, Number: int64(i + 1)}) })
		}
		put := func(workspace, role string, removed int64) {
			t.Helper()
			m := &token.Membership{ID: "m" + workspace, Person: "p", Workspace: workspace, Role: role, RemovedAt: removed}
			do(t, s, func(tx *Tx) error { return tx.PutMembership(ctx, m) })
		}
		put("v", token.SuperAdmin, 0)
		same(t, "no member of w", "w")(s.WorkspaceWithout(ctx, "p"))
		put("w", token.Admin, 0)
		same(t, "an admin of w", "w")(s.WorkspaceWithout(ctx, "p"))
		put("w", token.SuperAdmin, 5)
		same(t, "removed from w", "w")(s.WorkspaceWithout(ctx, "p"))
		put("w", token.SuperAdmin, 0)
		same(t, "super admin of both", "")(s.WorkspaceWithout(ctx, "p"))
		same(t, "somebody else", "v")(s.WorkspaceWithout(ctx, "q"))
	})
}

func TestLockedValueTakesEveryAddition(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		const adders = 10
		errs := make([]error, adders)
		var all sync.WaitGroup
		for i := range adders {
			all.Go(func() {
				errs[i] = s.Do(ctx, func(tx *Tx) error {
					have, err := tx.LockMeta(ctx, "list")
					if err != nil {
						return err
					}
					return tx.SetMeta(ctx, "list", append(have, 'x'))
				})
			})
		}
		all.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		same(t, "list", []byte(strings.Repeat("x", adders)))(s.Meta(ctx, "list"))
	})
}
