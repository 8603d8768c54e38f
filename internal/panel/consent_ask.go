package panel

import (
	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// requestInstall has a letter written to those who can let in what the person
// may not.
func (p *Panel) requestInstall(c *web.Call) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	r, err := p.Session(c)
	if err != nil {
		return err
	}
	if r == nil {
		return token.Errorf(token.NotFound, "nobody is signed in").Because(token.Expired)
	}
	if led, err := p.leadOwing(c, r.Person); led || err != nil {
		return err
	}
	a, err := p.asked(c, r, form.Get("request"))
	if err != nil {
		return err
	}
	if err := p.cfg.Authority.AskToInstall(c.Context(), c.Actor(), a.record.Token, a.id, form.Get("workspace")); err != nil {
		return err
	}
	return p.drawProblem(c, pages.Problem{Code: pages.InstallAsked})
}
