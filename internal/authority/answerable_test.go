package authority_test

import (
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

// TestWarningFindsSomebodyWhenTheOwnerHasLeft: it goes to who can act on it, and
// tells a stranger nothing.
func TestWarningFindsSomebodyWhenTheOwnerHasLeft(t *testing.T) {
	h := &policed{servertest.Start(t, policyHouse, func(c *server.Config) { c.SMTPURL, c.MailFrom = "smtp://127.0.0.1:1", "ficha@example.test" }), t}
	owner, super, admin := h.as("one@example.test"), h.as("super@example.test"), h.as("admin@example.test")
	h.issue(service(func(o *authority.Order) { o.Owner = owner.ID }))
	if err := h.Identity.Remove(t.Context(), super, owner.ID, "ws1", "left"); err != nil {
		t.Fatal(err)
	}
	h.put(token.Policy{RequirePurpose: true, EnforceFrom: h.now() + hours(8*24)})
	h.keep()
	told := map[string]int{}
	for {
		l, err := h.Store.ClaimLetter(t.Context(), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if l == nil {
			break
		}
		if l.Kind == token.LetterPolicyWarning {
			told[l.To]++
		}
	}
	if len(told) != 2 || told[super.ID] != 1 || told[admin.ID] != 1 {
		t.Errorf("told %v, want the administrators %s and %s once each", told, super.ID, admin.ID)
	}
}
