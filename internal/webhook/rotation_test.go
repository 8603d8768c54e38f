package webhook_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/store"
	"github.com/fichadev/ficha/internal/token"
)

// TestDeliveriesAreSignedWithBothSecretsWhileOneTakesOver: a receiver that has
// either secret accepts what is sent, until the old one is retired.
func TestDeliveriesAreSignedWithBothSecretsWhileOneTakesOver(t *testing.T) {
	h := servertest.Start(t, oneWorkspace, nil)
	e := listen(t, 204)
	hook := subscribe(t, h, e.URL, "role.*")
	signatures := func(role string) (v1 []string) {
		t.Helper()
		happen(t, h, role)
		drain(t, h)
		all := e.all()
		for one := range strings.FieldsSeq(all[len(all)-1].header.Get("Webhook-Signature")) {
			if strings.HasPrefix(one, "v1,") {
				v1 = append(v1, one)
			}
		}
		return v1
	}
	turn := authority.SecretTurn{What: token.RotatesWebhookSecret, Workspace: "w", Credential: hook.String(), Grace: time.Hour}
	begin := func() *token.Rotation {
		t.Helper()
		r, secret, err := h.Authority.RotateSecret(t.Context(), operator, turn)
		if err != nil || !strings.HasPrefix(secret, "whsec_") {
			t.Fatal(secret, err)
		}
		return r
	}
	if n := len(signatures("a")); n != 1 {
		t.Fatalf("%d signatures before", n)
	}
	r := begin()
	if n := len(signatures("b")); n != 2 {
		t.Errorf("%d signatures while the new secret is pending, want 2", n)
	}
	if _, _, err := h.Authority.RotateSecret(t.Context(), operator, turn); !token.Is(err, token.Conflict) {
		t.Errorf("a second rotation: %v", err)
	}
	if _, err := h.Authority.CancelRotation(t.Context(), operator, r.ID); err != nil {
		t.Fatal(err)
	}
	if n := len(signatures("c")); n != 1 {
		t.Errorf("%d signatures after it was given up, want 1", n)
	}
	r = begin()
	if _, err := h.Authority.ConfirmRotation(t.Context(), operator, r.ID); err != nil {
		t.Fatal(err)
	}
	if n := len(signatures("d")); n != 2 {
		t.Errorf("%d signatures within the grace, want 2", n)
	}
	h.Clock.Move(time.Hour)
	if n, err := h.Authority.RetireDue(t.Context(), 10); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if n := len(signatures("e")); n != 1 {
		t.Errorf("%d signatures at the end, want 1", n)
	}
}

// TestSecretThatCannotBeOpenedIsToldOfOnceAndMendedByRotating: the log says so
// once, whoever looks sees it, and the new secret signs though the old one is
// still there.
func TestSecretThatCannotBeOpenedIsToldOfOnceAndMendedByRotating(t *testing.T) {
	h := servertest.Start(t, oneWorkspace, nil)
	e := listen(t, 204)
	hook := subscribe(t, h, e.URL, "role.*")
	err := h.Store.Do(t.Context(), func(tx *store.Tx) error {
		if _, err := tx.SetNextWebhookSecret(t.Context(), "w", hook, token.SealedSecret{Sealed: []byte("damaged")}); err != nil {
			return err
		}
		_, err := tx.TurnWebhookSecret(t.Context(), "w", hook)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	needs := func() bool {
		t.Helper()
		s, err := h.Store.Subscription(t.Context(), hook)
		if err != nil {
			t.Fatal(err)
		}
		return h.Authority.NeedsSecret(s)
	}
	for range 3 {
		if err := h.Authority.MarkWebhooks(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(h.Log.String(), "the secret of a webhook cannot be opened"); n != 1 || !needs() {
		t.Errorf("told %d times, want once; needs a secret: %v", n, needs())
	}
	happen(t, h, "a")
	drain(t, h)
	if all := e.all(); len(all) != 0 {
		t.Errorf("sent without a signature: %v", all)
	}
	turn := authority.SecretTurn{What: token.RotatesWebhookSecret, Workspace: "w", Credential: hook.String(), Grace: time.Hour}
	if _, _, err := h.Authority.RotateSecret(t.Context(), operator, turn); err != nil {
		t.Fatal(err)
	}
	h.Clock.Move(time.Hour)
	drain(t, h)
	if all := e.all(); needs() || len(all) != 1 || !strings.HasPrefix(all[0].header.Get("Webhook-Signature"), "v1,") {
		t.Errorf("after the rotation it needs a secret: %v; arrived %v", needs(), all)
	}
}
