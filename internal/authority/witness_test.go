package authority_test

import (
	"context"
	"testing"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
)

type step = func(ctx context.Context, who token.Actor, id token.ID) (*token.Rotation, error)

// A node that has not heard yet finds a secret pending which was given up a
// moment ago. Whoever saw it work would throw the old one away.
func TestSecretThatWasGivenUpIsNotConfirmedByItsUse(t *testing.T) {
	h := startPoliced(t)
	super, confirm, cancel, undo := h.as("super@example.test"), h.Authority.ConfirmRotation, h.Authority.CancelRotation, h.Authority.UndoRotation
	finish := func(ctx context.Context, who token.Actor, id token.ID) (*token.Rotation, error) {
		return h.Authority.FinishRotation(ctx, who, id, "all have it")
	}
	for name, c := range map[string]struct {
		steps []step
		works bool
	}{
		"seen by another node": {[]step{confirm}, true},
		"given up":             {[]step{cancel}, false},
		"old one took its place again, in its grace": {[]step{confirm, undo}, true},
		"old one is over": {[]step{confirm, finish}, true},
		"over itself":     {[]step{confirm, undo, finish}, false},
	} {
		turn := authority.Turn{Token: h.issue(service(nil)).Token, Grace: authority.UsualGrace}
		out, r, err := h.Authority.Rotate(t.Context(), super, turn)
		if err != nil {
			t.Fatal(err)
		}
		known, err := h.Verifier.Record(t.Context(), out.Token.ID)
		if err != nil || !known.Token.Pending() {
			t.Fatalf("%+v, %v", known, err)
		}
		then, record := *known.Token, *known
		record.Token = &then
		for _, step := range c.steps {
			if _, err := step(t.Context(), super, r.ID); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		err = h.Authority.Witness(t.Context(), &record, token.Use{Now: h.now()})
		if c.works && err != nil || !c.works && !token.Is(err, token.InvalidToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
