package panel

import (
	"io"
	"net/http"

	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// lostFactorsRoutes are the page for a member who has lost their app and their
// passkeys. Who may help them, identity decides.
func (p *Panel) lostFactorsRoutes() []web.Route {
	return []web.Route{
		p.shows("/panel/w/{workspace}/members/{id}/factors", p.showLostFactors),
		p.does("/panel/w/{workspace}/members/{id}/factors", p.removeFactors),
	}
}

// lost returns the member whom the address names.
func (p *Panel) lost(c *web.Call, v *visit) (*token.Person, error) {
	id, err := c.PathValue("id")
	if err != nil {
		return nil, err
	}
	person, err := p.cfg.Verifier.Person(c.Context(), id)
	if err != nil {
		return nil, err
	}
	if !v.membership.IsAdmin() || person == nil || !person.In(v.workspace.ID).Live() {
		return nil, token.Errorf(token.NotFound, "there is no such member, or you do not administrate this workspace")
	}
	return person, nil
}

func (p *Panel) showLostFactors(c *web.Call, v *visit) error {
	member, err := p.lost(c, v)
	if err != nil {
		return err
	}
	return p.drawLostFactors(c, v, http.StatusOK, member, nil)
}

func (p *Panel) drawLostFactors(c *web.Call, v *visit, status int, member *token.Person, wrong map[string]pages.FieldError) error {
	view := pages.LostFactors{Shell: v.shell, Member: person(member), Post: pages.Members.Path(v.workspace.ID, member.ID, "factors"), Errors: wrong}
	return p.showWith(c, v, status, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.LostFactors(w, lang, view) })
}

// removeFactors lets a member sign in by password alone.
func (p *Panel) removeFactors(c *web.Call, v *visit) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	member, err := p.lost(c, v)
	if err != nil {
		return err
	}
	if form.Get("reason") == "" {
		return p.drawLostFactors(c, v, http.StatusUnprocessableEntity, member, map[string]pages.FieldError{"reason": pages.FieldMissing})
	}
	err = p.cfg.Identity.RemoveFactors(c.Context(), c.Actor(), member.ID, form.Get("reason"))
	if r := token.AsRefusal(err); r != nil && len(r.Fields) > 0 {
		return p.drawLostFactors(c, v, http.StatusUnprocessableEntity, member, fieldErrors(r))
	}
	if err != nil {
		return err
	}
	return p.lead(c, pages.Members.Path(v.workspace.ID, member.ID, "factors"), pages.FactorsRemoved)
}
