package panel

import (
	"net/http"
	"time"

	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// UpstreamCallback is the path of ours that the other provider's answers come to.
const UpstreamCallback = upstreamPath + "/callback"

const (
	upstreamPath   = "/panel/login/upstream"
	upstreamCookie = "ficha_upstream"
	linkCookie     = "ficha_link"
	handCookie     = "ficha_link_by_hand"
	upstreamKept   = 10 * 60 // seconds

	// mostNext is how long the way on may be, for a cookie to hold it sealed.
	mostNext = 2000
)

// upstreamRoutes are the way to the other provider and back; none without one.
func (p *Panel) upstreamRoutes() []web.Route {
	if p.cfg.Identity.UpstreamName() == "" {
		return nil
	}
	return []web.Route{
		{Pattern: "GET " + upstreamPath, Rule: p.open(), Handle: p.leave},
		{Pattern: "GET " + UpstreamCallback, Rule: p.open(), Handle: p.arrive},
		p.shows("/panel/security/upstream", p.fresh(p.leaveToLink)),
		p.does("/panel/security/upstream/link", p.fresh(p.linkByHand)),
		p.does("/panel/security/upstream/remove", p.fresh(p.unlink)),
	}
}

// offerUpstream shows the way to the other provider on the sign-in, and which
// account there waits to be linked.
func (p *Panel) offerUpstream(c *web.Call, v *pages.Login) {
	if v.Upstream = p.cfg.Identity.UpstreamName(); v.Upstream == "" {
		return
	}
	if v.Waiting = p.cfg.Identity.LinkWaits(p.cookieValue(c, linkCookie)); v.Waiting != "" && v.Email == "" {
		v.Email = v.Waiting
	}
	if len(v.Next) > mostNext && v.Waiting == "" {
		v.Upstream = "" // there would be no way back
	}
}

// leave sends somebody to the other provider. What the answer is checked
// against stays sealed in their browser, for ten minutes.
func (p *Panel) leave(c *web.Call) error {
	query, err := c.Query()
	if err != nil {
		return err
	}
	next := local(query.Get("next"))
	if len(next) > mostNext {
		return c.Redirect(loginFor(next))
	}
	address, kept, err := p.cfg.Identity.AskUpstream(c.Context(), next, query.Get("prompt") == "login")
	if err != nil {
		return p.turnAway(c, identity.Arrival{Next: next}, err)
	}
	http.SetCookie(c, p.cookie(upstreamCookie, kept, upstreamKept))
	return c.Redirect(address)
}

// arrive takes what the provider sends somebody back with: they are signed in,
// or asked for a code first, or for their own sign-in before the account there
// is linked.
func (p *Panel) arrive(c *web.Call) error {
	query, err := c.Query("scope")
	if err != nil {
		return err
	}
	kept := p.cookieValue(c, upstreamCookie)
	http.SetCookie(c, p.cookie(upstreamCookie, "", -1))
	a, err := p.cfg.Identity.Arrive(c.Context(), c.Actor(), kept, identity.UpstreamAnswer{
		State: query.Get("state"), Code: query.Get("code"), Issuer: query.Get("iss"), Error: query.Get("error"),
	})
	if a.ByHand {
		return p.broughtToLink(c, a.Link, err)
	}
	if err != nil {
		return p.turnAway(c, a, err)
	}
	next := local(a.Next)
	if a.Link != "" {
		http.SetCookie(c, p.cookie(linkCookie, a.Link, upstreamKept))
		return c.Redirect(loginAnew(next))
	}
	return p.proven(c, a.Person, next)
}

// turnAway shows the sign-in with what went wrong at the other provider.
func (p *Panel) turnAway(c *web.Call, a identity.Arrival, err error) error {
	r := token.AsRefusal(err)
	if r == nil || r.Code != token.AccessDenied && r.Code != token.Unavailable && r.Code != token.TooMany {
		return err
	}
	next := local(a.Next)
	return p.drawLogin(c, web.Status(r.Code), pages.Login{Here: loginFor(next), Next: next, Error: upstreamError(r), Address: a.Email})
}

// upstreamError says what a refusal means to who came from the other provider.
func upstreamError(r *token.Refusal) pages.LoginError {
	switch r.Reason {
	case token.Expired:
		return pages.UpstreamLate
	case token.NotAnew:
		return pages.UpstreamNotAnew
	case token.Unverified:
		return pages.UpstreamUnverified
	case token.NotAdded:
		return pages.UpstreamUnknown
	case token.Disabled:
		return pages.UpstreamDisabled
	case token.OtherAccount:
		return pages.UpstreamOther
	}
	switch r.Code {
	case token.Unavailable:
		return pages.UpstreamDown
	case token.TooMany:
		return pages.LoginTooMany
	}
	return pages.UpstreamNo
}

// linkWaiting links the account at the provider that waits for this person to
// sign in. Where somebody else signed in, or too late, nothing is linked, and
// that is no reason to keep them out.
func (p *Panel) linkWaiting(c *web.Call) error {
	kept := p.cookieValue(c, linkCookie)
	if kept == "" {
		return nil
	}
	http.SetCookie(c, p.cookie(linkCookie, "", -1))
	switch err := p.cfg.Identity.LinkUpstream(c.Context(), c.Actor(), kept); {
	case err == nil:
		http.SetCookie(c, p.cookie(saidCookie, string(pages.Linked), saidKept))
	case token.AsRefusal(err) == nil:
		return err
	}
	return nil
}

// upstream shows the account at the other provider that signs a person in.
func (p *Panel) upstream(c *web.Call, of *token.Person, factors identity.Factors) (*pages.Upstream, error) {
	name := p.cfg.Identity.UpstreamName()
	if name == "" {
		return nil, nil
	}
	l, err := p.cfg.Identity.UpstreamLink(c.Context(), of.ID)
	if err != nil {
		return nil, err
	}
	u := &pages.Upstream{
		Name: name, Only: !factors.Password && len(factors.Passkeys) == 0, Waiting: p.cfg.Identity.LinkAsked(of.ID, p.cookieValue(c, handCookie)),
	}
	if l != nil {
		u.Email, u.Linked, u.Used = l.Email, time.UnixMilli(l.LinkedAt), time.UnixMilli(l.UsedAt)
	}
	return u, nil
}

// unlink has no account elsewhere sign the person in any more. All other
// sessions end: one of them may be whom they remove it for.
func (p *Panel) unlink(c *web.Call, v *visit) error {
	if err := p.cfg.Identity.UnlinkUpstream(c.Context(), c.Actor()); err != nil {
		return err
	}
	if err := p.cfg.Authority.EndSessions(c.Context(), c.Actor(), v.record.Token.ID); err != nil {
		return err
	}
	return p.lead(c, securityPath, pages.Unlinked)
}
