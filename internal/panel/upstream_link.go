package panel

import (
	"net/http"

	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// leaveToLink sends who is signed in to the other provider, to link the account
// there that they come back with.
func (p *Panel) leaveToLink(c *web.Call, _ *visit) error {
	address, kept, err := p.cfg.Identity.AskLink(c.Context(), c.Actor(), securityPath)
	if err != nil {
		return p.broughtToLink(c, "", err)
	}
	http.SetCookie(c, p.cookie(upstreamCookie, kept, upstreamKept))
	return c.Redirect(address)
}

// broughtToLink shows the account that somebody came back with, for them to say
// that it is theirs: whoever led them there may have signed in for them.
func (p *Panel) broughtToLink(c *web.Call, link string, err error) error {
	if err != nil {
		return p.notLinked(c, err)
	}
	http.SetCookie(c, p.cookie(handCookie, link, upstreamKept))
	return c.Redirect(securityPath)
}

// notLinked says on the page of how somebody signs in why nothing was linked. A
// fault is returned.
func (p *Panel) notLinked(c *web.Call, err error) error {
	switch r := token.AsRefusal(err); {
	case r == nil, r.Code == token.NotFound:
		return err
	case r.Reason == token.OtherAccount:
		return p.lead(c, securityPath, pages.LinkTaken)
	case r.Code == token.Unavailable:
		return p.lead(c, securityPath, pages.LinkUnreached)
	}
	return p.lead(c, securityPath, pages.NotLinked)
}

// linkByHand links the account that waits for the person's word, or forgets it.
func (p *Panel) linkByHand(c *web.Call, _ *visit) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	kept := p.cookieValue(c, handCookie)
	http.SetCookie(c, p.cookie(handCookie, "", -1))
	if form.Get("action") != "link" {
		return c.Redirect(securityPath)
	}
	if err := p.cfg.Identity.LinkByHand(c.Context(), c.Actor(), kept); err != nil {
		return p.notLinked(c, err)
	}
	return p.lead(c, securityPath, pages.Linked)
}
