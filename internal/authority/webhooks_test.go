package authority_test

import (
	"strconv"
	"testing"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

// A deed of a workspace leaves a row in the outbox for each: what was ended and
// is subscribed again counts like what is new.
func TestSubscriptionsAreBoundedAlsoWhereOneIsRestored(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	put := func(i int) (token.Webhook, error) {
		d := token.Webhook{Workspace: "w", URL: "https://hooks.w.test/" + strconv.Itoa(i), Events: []string{"*"}}
		hook, _, _, err := h.Authority.PutWebhook(t.Context(), apply, d, "", authority.Options{Restore: true})
		return hook, err
	}
	ended, err := put(0)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Authority.EndWebhook(t.Context(), apply, "w", ended.ID); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		if _, err := put(i + 1); err != nil {
			t.Fatalf("subscription %d: %v", i+1, err)
		}
	}
	for what, i := range map[string]int{"restored": 0, "new": 51} {
		if _, err := put(i); !token.Is(err, token.Conflict) {
			t.Errorf("one more, %s: got %v, want a conflict", what, err)
		}
	}
}
