package panel_test

import (
	"slices"
	"testing"
)

// TestTokenIsOrderedLikeAnother: the form is filled in from a token that the
// visitor sees, and from no other.
func TestTokenIsOrderedLikeAnother(t *testing.T) {
	h := newHouse(t, nil)
	b := as(t, h, "ana@acme.example")
	_, page := b.make("service", "editor bot", "content:write", "expires", "604800", "purpose", "writes", "owner", "lim@acme.example", "addresses", "192.0.2.0/24")
	const at = "/panel/w/ws1/tokens/new"
	b.open(page).says(200, "Make a token like this one")
	b.open(at+"?type=service").says(200, "Copy from another token", "editor bot …")
	form := b.open(at+"?from="+id(page)).says(200, "192.0.2.0/24").form(at)
	for name, want := range map[string]string{
		"type": "service", "name": "editor bot", "purpose": "writes", "owner": "lim@acme.example", "expires": "604800",
	} {
		if got := form.fields.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	scopes := ""
	for name, values := range form.fields {
		if slices.Contains(values, "content:write") {
			scopes = name
		}
	}
	if scopes == "" {
		t.Errorf("no scope is chosen: %v", form.fields)
	}
	lim := as(t, h, "lim@acme.example")
	lim.open(at + "?from=" + id(page)).says(404)
	b.open(at + "?from=nothing").says(404)
	_, odd := b.make("personal", "odd", "catalog:read", "expires", "777600")
	if got := b.open(at + "?from=" + id(odd)).form(at).fields.Get("expires"); got != "777600" {
		t.Errorf("a life of nine days is %q", got)
	}
	lim.open(at + "?from=" + id(odd)).says(404)
}
