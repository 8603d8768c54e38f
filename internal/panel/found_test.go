package panel_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

// TestWhoeverHoldsATokenEndsIt, signed in or not, and hears the same of a text
// that is none.
func TestWhoeverHoldsATokenEndsIt(t *testing.T) {
	h := newHouse(t, nil)
	owner := as(t, h, "ana@acme.example")
	secret, page := owner.make("service", "found on the street", "content:write")
	b := newBrowser(t, h)
	b.open("/panel/found").says(200, "Whoever holds a token may end it").form("/panel/found").post().says(422, "Please check this")
	said := b.open("/panel/found").form("/panel/found").fill("token", "\n "+secret+"\n", "url", "https://paste.example/1").post().says(200, "opens nothing any more")
	if owner.opens(secret) {
		t.Error("it opens something still")
	}
	if strings.Contains(said.html, secret) || strings.Contains(said.url, secret) || strings.Contains(h.Log.String(), secret) {
		t.Error("the secret was kept")
	}
	owner.open(page).says(200, "Revoked", "https://paste.example/1")
	if none := b.open("/panel/found").form("/panel/found").fill("token", "no token").post(); none.text != said.text || none.url != said.url {
		t.Errorf("of another text it says %s", none.text)
	}
	for h.Authority.AdmitReports(token.Actor{Address: "127.0.0.1"}, 1) == nil {
		continue // until the address has said enough
	}
	b.open("/panel/found").form("/panel/found").fill("token", "fch_pat_guess").post().says(429)
	if res := newBrowser(t, h).do("POST", h.URL+"/panel/found", url.Values{"token": {secret}}, "Sec-Fetch-Site", "cross-site"); res.StatusCode != 403 {
		t.Errorf("another site's form answers %d", res.StatusCode)
	}
}
