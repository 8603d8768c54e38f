package panel

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"

	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

const (
	invitationsPath = "/panel/invitations"
	arrivedCookie   = "ficha_arrived"
	arrivedKept     = 10 * 60 // seconds
)

type invitationReads interface {
	Invitations(ctx context.Context, workspace, after string, limit int) ([]*token.Invitation, error)
}

// invitationRoutes are the page on which people say whether they become members.
func (p *Panel) invitationRoutes() []web.Route {
	return []web.Route{
		{Pattern: "GET " + invitationsPath, Rule: p.mine(), Handle: p.invited(p.showInvitations)},
		{Pattern: "POST " + invitationsPath, Rule: p.decided(), Handle: p.invited(p.answerInvitation)},
	}
}

// leadInvited sends on somebody who has signed in and belongs to no workspace: to what
// they are invited to, if to anything. A session would open nothing, so that they
// get none before they have accepted.
func (p *Panel) leadInvited(c *web.Call, person *token.Person) error {
	offers, err := p.cfg.Identity.Invited(c.Context(), person.ID)
	if err != nil {
		return err
	}
	if len(offers) == 0 {
		return p.drawProblem(c, pages.Problem{Code: pages.NoWorkspace, Status: http.StatusForbidden})
	}
	kept, err := p.cfg.Identity.Arrived(person)
	if err != nil {
		return err
	}
	http.SetCookie(c, p.cookie(arrivedCookie, kept, arrivedKept))
	return c.Redirect(invitationsPath)
}

// arrived returns who has signed in, has no session and is known by what leadInvited
// left with their browser; nil if nobody is.
func (p *Panel) arrived(c *web.Call) (*token.Person, error) {
	kept := p.cookieValue(c, arrivedCookie)
	if kept == "" {
		return nil, nil
	}
	if r, err := p.Session(c); err != nil || r != nil {
		return nil, err
	}
	who, err := p.cfg.Identity.ArrivedOf(c.Context(), kept)
	if token.Is(err, token.AccessDenied) {
		return nil, nil
	}
	if err == nil {
		c.SetActor(token.Actor{Kind: token.User, ID: who.ID, Name: who.Email})
	}
	return who, err
}

// invited has a handler answer who is signed in, or has arrived; it leads all
// others to the sign-in and back.
func (p *Panel) invited(answer handler) func(*web.Call) error {
	return func(c *web.Call) error {
		who, err := p.arrived(c)
		if err != nil {
			return err
		}
		if who == nil {
			return p.visited(c, loginFor(invitationsPath), answer)
		}
		shell := pages.Shell{Here: invitationsPath, Nonce: rand.Text(), Person: person(who), Said: p.said(c)}
		return answer(c, &visit{record: &token.Record{Person: who}, shell: shell})
	}
}

func (p *Panel) showInvitations(c *web.Call, v *visit) error {
	view := pages.Invitations{Shell: v.shell, Now: c.Now()}
	offers, err := p.cfg.Identity.Invited(c.Context(), v.person().ID)
	if err != nil {
		return err
	}
	for _, i := range offers {
		w, err := p.cfg.Verifier.Workspace(c.Context(), i.Workspace)
		if err != nil {
			return err
		}
		view.Items = append(view.Items, pages.Invitation{
			Workspace: pages.Workspace{ID: w.ID, Name: nameOf(w)}, Role: i.Role, Impersonates: i.MayImpersonate, By: i.ByName, Until: instantOf(i.ExpiresAt),
		})
	}
	return p.show(c, v, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.Invitations(w, lang, view) })
}

// answerInvitation accepts or declines. Who had no workspace before has a session
// once they have one.
func (p *Panel) answerInvitation(c *web.Call, v *visit) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	to, said := invitationsPath, pages.InvitationDeclined
	switch form.Get("action") {
	case "accept":
		to, said = homePath, pages.InvitationAccepted
		err = p.cfg.Identity.Accept(c.Context(), c.Actor(), form.Get("workspace"))
	case "decline":
		err = p.cfg.Identity.Decline(c.Context(), c.Actor(), form.Get("workspace"))
	default:
		return token.Errorf(token.InvalidRequest, "accept or decline")
	}
	switch {
	case token.Is(err, token.NotFound):
		return p.lead(c, invitationsPath, pages.InvitationOver)
	case token.Is(err, token.Conflict):
		return p.lead(c, invitationsPath, pages.InvitationStale)
	case err == nil && to == homePath && v.record.Token == nil:
		return p.settle(c, v.person().ID)
	}
	return p.done(c, to, said, err)
}

// settle begins the session of who has just become a member for the first time.
func (p *Panel) settle(c *web.Call, id string) error {
	who, err := p.cfg.Verifier.Person(c.Context(), id)
	if err != nil {
		return err
	}
	http.SetCookie(c, p.cookie(arrivedCookie, "", -1))
	http.SetCookie(c, p.cookie(saidCookie, string(pages.InvitationAccepted), saidKept))
	return p.enter(c, who, homePath)
}

// waitingMembers reads who was invited to the workspace of a visit and has not
// answered, for the page of its members.
func (p *Panel) waitingMembers(c *web.Call, v *visit, view *pages.MemberList, after string) error {
	list, err := p.cfg.Store.Invitations(c.Context(), v.workspace.ID, after, pageLength+1)
	if err != nil {
		return err
	}
	list, next := cut(list, func(i *token.Invitation) string { return i.Email })
	view.WaitingPager = pagerBy(c, waitingKey, next)
	for _, i := range list {
		view.Waiting = append(view.Waiting, pages.WaitingMember{
			Email: i.Email, Role: i.Role, Impersonates: i.MayImpersonate, Narrowed: i.Narrowed, Teams: groupNames(v.workspace.Teams, i.Teams), By: i.ByName,
			Until: instantOf(i.ExpiresAt),
		})
	}
	return nil
}

// waitingKey names, in an address, where a page of those who were invited begins.
const waitingKey = "waiting"

// withdrawInvitation ends an invitation that was not answered yet.
func (p *Panel) withdrawInvitation(c *web.Call, v *visit) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	err = p.cfg.Identity.Withdraw(c.Context(), c.Actor(), v.workspace.ID, form.Get("email"))
	if token.Is(err, token.NotFound) {
		return p.lead(c, pages.Members.Path(v.workspace.ID), pages.InvitationOver)
	}
	return p.done(c, pages.Members.Path(v.workspace.ID), pages.InvitationWithdrawn, err)
}
