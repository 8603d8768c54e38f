package panel_test

import (
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/server/servertest"
)

// A scope that begins with the mark between its parts belongs to no domain, and
// is offered under its whole name.
func TestScopeOfNoDomainIsPicked(t *testing.T) {
	for _, name := range []string{":read", ".write", "_read"} {
		h := servertest.Start(t, strings.ReplaceAll(world, `"forms"`, `"`+name+`"`), nil)
		signedIn(t, h, "ana@acme.example").open("/panel/w/ws1/tokens/new?type=personal").says(200, name+" Manage forms. None Use ")
	}
}
