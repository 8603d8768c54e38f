package panel

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// copyToken shows the form for a token filled in from another one that the
// visitor may see. It is an order like any other: what they may not give is left
// out of it.
func (p *Panel) copyToken(c *web.Call, v *visit, from string) error {
	id, ok := token.ParseID(from)
	if !ok {
		return noToken()
	}
	r, err := p.cfg.Verifier.Record(c.Context(), id)
	if err != nil {
		return err
	}
	if r == nil || !authority.CareOf(r, v.person(), v.workspace.ID).See || !p.mayBeLike(v, r.Token) {
		return noToken()
	}
	typed, err := p.like(c, v, r.Token)
	if err != nil {
		return err
	}
	return p.drawOrder(c, v, http.StatusOK, pages.TokenForm{Typed: typed, Once: rand.Text()})
}

// mayBeLike reports whether somebody may order a token of that kind themselves.
func (p *Panel) mayBeLike(v *visit, t *token.Token) bool {
	return slices.Contains(authority.InPerson(v.person(), v.workspace.ID), t.Kind) && (t.Kind != token.Personal || t.Person == v.person().ID)
}

// like is the order that a token would be ordered by again.
func (p *Panel) like(c *web.Call, v *visit, t *token.Token) (pages.TokenOrder, error) {
	owner, err := p.cfg.Verifier.Person(c.Context(), t.Owner)
	typed := pages.TokenOrder{
		Kind: string(t.Kind), Name: t.Name, Purpose: t.Purpose, Owner: t.Owner, Scopes: t.Scopes, Expires: "never", Everywhere: t.Workspace == "",
		Addresses: strings.Join(networks(t.Addresses), " "),
	}
	if owner != nil {
		typed.Owner = v.person().Email
		if owner.In(v.workspace.ID).Live() {
			typed.Owner = owner.Email
		}
	}
	if t.ExpiresAt != 0 {
		typed.Expires = strconv.FormatInt((t.ExpiresAt-t.IssuedAt)/1000, 10)
	}
	if t.Key == "" {
		typed.Format = "opaque"
	}
	if t.MaxUses > 0 {
		typed.MaxUses = strconv.FormatInt(t.MaxUses, 10)
	}
	return typed, err
}

// copies returns the newest tokens of a kind that somebody may make one like.
func (p *Panel) copies(c *web.Call, v *visit, kind string) ([]pages.Token, error) {
	page := &token.Page{}
	var err error
	switch {
	case token.Kind(kind) == token.Personal:
		page, err = p.cfg.Store.OwnTokens(c.Context(), v.person().ID, 0, mostLines)
	case v.membership.IsAdmin():
		page, err = p.cfg.Store.Inventory(c.Context(), token.Inventory{Workspace: v.workspace.ID, Kinds: []token.Kind{token.Kind(kind)}, Bound: true, Limit: mostLines})
	}
	if err != nil {
		return nil, err
	}
	return p.viewsOf(c, v, page.Tokens)
}
