package panel_test

import (
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/server/servertest"
)

// A scope that begins with the mark between its parts belongs to no domain.
func TestScopeOfNoDomainIsPicked(t *testing.T) {
	for _, name := range []string{":read", ".write", "_read"} {
		h := servertest.Start(t, strings.ReplaceAll(world, `"forms"`, `"`+name+`"`), nil)
		signedIn(t, h, "ana@acme.example").open("/panel/w/ws1/tokens/new?type=personal").says(200, "Create token")
	}
}
