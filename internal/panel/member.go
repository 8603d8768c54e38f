package panel

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

type leaverReads interface {
	LeftBehind(ctx context.Context, workspace, person string, after token.ID, limit int) ([]*token.Token, error)
}

// memberRoutes are the page of one member and what is done from there.
func (p *Panel) memberRoutes() []web.Route {
	at := func(more string) string { return parted(pages.Members, "/{id}"+more) }
	return []web.Route{
		p.shows(at(""), p.showMember),
		p.does(at("/remove"), p.removeMember),
		p.shown(at("/impersonate"), p.impersonate),
	}
}

// showMember shows a member, also one who has left.
func (p *Panel) showMember(c *web.Call, v *visit) error {
	return p.drawMemberPage(c, v, http.StatusOK, pages.Removal{}, pages.Wrong{})
}

// belonged returns the person that the path names, if they are or were a member.
func (p *Panel) belonged(c *web.Call, v *visit) (*token.Person, *token.Membership, error) {
	id, err := c.PathValue("id")
	if err != nil {
		return nil, nil, err
	}
	who, err := p.cfg.Verifier.Person(c.Context(), id)
	if err != nil {
		return nil, nil, err
	}
	if who == nil || who.In(v.workspace.ID) == nil {
		return nil, nil, token.Errorf(token.NotFound, "there is and was no such member in this workspace")
	}
	return who, who.In(v.workspace.ID), nil
}

func (p *Panel) drawMemberPage(c *web.Call, v *visit, status int, typed pages.Removal, said pages.Wrong) error {
	who, m, err := p.belonged(c, v)
	if err != nil {
		return err
	}
	view := pages.MemberPage{
		Shell: v.shell, Now: c.Now(), Spaces: groupNames(v.workspace.Spaces, m.Spaces), Once: rand.Text(), Typed: typed, Wrong: said,
		Member: pages.Member{
			ID: who.ID, Name: who.Name, Email: who.Email, Role: m.Role, Impersonates: m.MayImpersonate, Narrowed: m.Narrowed,
			Teams: groupNames(v.workspace.Teams, m.Teams), Since: instantOf(m.CreatedAt), LeftAt: instantOf(m.RemovedAt), Disabled: who.DisabledAt != 0,
		},
		Removes: m.Live(), Impersonate: m.Live() && who.ID != v.person().ID && authority.MayImpersonate(p.parent(v)) == nil,
	}
	if err := p.readHoldings(c, v, who, &view); err != nil {
		return err
	}
	return p.showWith(c, v, status, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.MemberPage(w, lang, view) })
}

// readHoldings reads which tokens fall with a member, and what they leave behind.
func (p *Panel) readHoldings(c *web.Call, v *visit, who *token.Person, view *pages.MemberPage) error {
	held, err := p.cfg.Store.Inventory(c.Context(), token.Inventory{Workspace: v.workspace.ID, Kinds: token.Kinds, Status: token.StatusLive, Behind: who.ID, Limit: mostLines})
	if err != nil {
		return err
	}
	view.More = held.Next != 0
	if view.Tokens, err = p.viewsOf(c, v, held.Tokens); err != nil {
		return err
	}
	left, err := p.cfg.Store.LeftBehind(c.Context(), v.workspace.ID, who.ID, 0, mostLines)
	if err != nil {
		return err
	}
	view.Left, err = p.viewsOf(c, v, left)
	return err
}

// parent is what somebody shows who would act as a member: their session.
func (p *Panel) parent(v *visit) authority.Parent {
	return authority.Parent{Record: v.record, Opens: token.Verdict{Workspace: v.workspace.ID, Membership: v.membership}}
}

// removeMember ends a membership, with every token that stands on it.
func (p *Panel) removeMember(c *web.Call, v *visit) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	who, _, err := p.belonged(c, v)
	if err != nil {
		return err
	}
	typed := pages.Removal{Then: form.Get("then"), To: strings.TrimSpace(form.Get("move_to")), Until: form.Get("live_until"), Reason: form.Get("reason")}
	leaving, err := p.leaving(c, v, typed)
	if err == nil {
		_, err = p.cfg.Identity.Leave(c.Context(), c.Actor(), who.ID, v.workspace.ID, leaving)
	}
	if said, ok := wrong(err); ok {
		return p.drawMemberPage(c, v, http.StatusUnprocessableEntity, typed, said)
	}
	if err == nil && who.ID == v.person().ID {
		return p.lead(c, homePath, pages.MemberRemoved) // the workspace is theirs no more
	}
	return p.done(c, pages.Members.Path(v.workspace.ID, who.ID), pages.MemberRemoved, err)
}

// leaving reads what becomes of service tokens.
func (p *Panel) leaving(c *web.Call, v *visit, typed pages.Removal) (l identity.Leaving, err error) {
	l.Reason = typed.Reason
	switch typed.Then {
	case "":
	case "end":
		l.End = true
	case "move":
		if typed.To == "" {
			return l, token.AtField("move_to", "name a member")
		}
		l.To, err = p.ownerOf(c, v, typed.To)
	case "until":
		day, bad := time.Parse(time.DateOnly, typed.Until)
		if bad != nil {
			return l, token.AtField("live_until", "use a date to come, such as 2027-01-31")
		}
		l.Until = day.AddDate(0, 0, 1).UnixMilli()
	default:
		return l, token.AtField("then", "is none of these")
	}
	return l, err
}

// impersonate makes a token with which the visitor acts as a member, and shows it
// once.
func (p *Panel) impersonate(c *web.Call, v *visit) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	who, _, err := p.belonged(c, v)
	if err != nil {
		return err
	}
	minutes, err := strconv.ParseInt(form.Get("minutes"), 10, 16)
	if err != nil {
		return token.Errorf(token.InvalidRequest, "minutes must be a number")
	}
	o := authority.Order{
		Contract: "panel", Workspace: v.workspace.ID, Person: who.ID, Reason: strings.TrimSpace(form.Get("reason")), Purpose: strings.TrimSpace(form.Get("ticket")),
		TTL: time.Duration(minutes) * time.Minute,
	}
	if o.Retry, err = retry(c, v, form.Get("once")); err != nil {
		return err
	}
	out, err := p.cfg.Authority.ImpersonateAs(c.Context(), c.Actor(), p.parent(v), o)
	if said, ok := wrong(err); ok {
		return p.drawMemberPage(c, v, http.StatusUnprocessableEntity, pages.Removal{}, said)
	}
	if err != nil {
		return err
	}
	return p.showMade(c, v, out, false)
}
