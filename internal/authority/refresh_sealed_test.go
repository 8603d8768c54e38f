package authority

import (
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

// What was sealed for one token, client and key opens for no other, also where a
// row of the database was put in the place of another.
func TestSealedAnswerIsBound(t *testing.T) {
	bound := func(id token.ID, client, proof string) string {
		return string(boundTo(&token.Token{ID: id, Client: client, Proof: proof}))
	}
	mine := bound(1, "c1", "p1")
	for name, other := range map[string]string{"token": bound(2, "c1", "p1"), "client": bound(1, "c2", "p1"), "key": bound(1, "c1", "p2"), "split": bound(1, "c1p1", "")} {
		if other == mine {
			t.Errorf("another %s is bound alike", name)
		}
	}
}
