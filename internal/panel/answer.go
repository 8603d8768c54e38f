package panel

import (
	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// answerConsent takes the person's yes or no. A request is bound to the session
// that asked for it and answered once; whoever else posts it hears that it is
// over.
func (p *Panel) answerConsent(c *web.Call) error {
	form, err := c.Form("scope")
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
	a, err := p.asked(c, r, form.Get("request"))
	if err != nil {
		return err
	}
	switch form.Get("action") {
	case "allow":
		return p.allow(c, a, form)
	case "deny":
		return p.deny(c, a)
	}
	return token.Errorf(token.InvalidRequest, "action is allow or deny")
}

func (p *Panel) allow(c *web.Call, a asked, form web.Form) error {
	if led, err := p.leadOwing(c, a.record.Person); led || err != nil {
		return err
	}
	ticked, err := token.MakeScopes(form.All("scope"))
	if err != nil {
		return err
	}
	workspace := form.Get("workspace")
	to, err := p.cfg.Authority.Approve(c.Context(), c.Actor(), a.record.Token, a.id, workspace, ticked)
	if err != nil {
		return p.refuse(c, a, err, workspace)
	}
	return c.Redirect(to)
}

func (p *Panel) deny(c *web.Call, a asked) error {
	to, err := p.cfg.Authority.Deny(c.Context(), c.Actor(), a.record.Token, a.id)
	if err != nil {
		return err
	}
	if to == "" { // HubSpot's contract sends no answer
		return p.drawProblem(c, pages.Problem{Code: pages.Refused})
	}
	return c.Redirect(to)
}
