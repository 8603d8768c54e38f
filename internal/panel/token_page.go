package panel

import (
	"cmp"
	"crypto/rand"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// tokenRoutes are the page of one token and what is done from there. Who may see
// or change it, authority says.
func (p *Panel) tokenRoutes() []web.Route {
	at := func(more string) string { return parted(pages.Tokens, "/{id}"+more) }
	return []web.Route{
		p.shows(at(""), p.showToken),
		p.does(at("/revoke"), p.changes(pages.TokenRevoked, p.revokeToken)),
		p.does(at("/suspend"), p.changes(pages.TokenSuspended, p.suspendToken)),
		p.does(at("/resume"), p.changes(pages.TokenResumed, p.resumeToken)),
		p.does(at("/brownout"), p.changes(pages.TokenBrownedOut, p.brownOutToken)),
		p.does(at("/approve"), p.changes(pages.TokenApproved, p.approveToken)),
		p.does(at("/deny"), p.changes(pages.TokenDenied, p.denyToken)),
		p.shown(at("/rotate"), p.rotateToken),
		p.does(at("/rotations/{rotation}/{step}"), p.turnToken),
	}
}

// A subject is the token of a page, and what the visitor may do with it.
type subject struct {
	*token.Token
	record *token.Record // nil: the judge does not know it any more
	care   authority.Care
}

// subject returns the token that the path names by its row or its credential.
// One that the visitor may not see is not found.
func (p *Panel) subject(c *web.Call, v *visit) (*subject, error) {
	id, err := idOf(c, "id")
	if err != nil {
		return nil, err
	}
	r, err := p.cfg.Verifier.Record(c.Context(), id)
	if err != nil {
		return nil, err
	}
	if r == nil { // its first secret may be gone while the credential lives on
		all, err := p.cfg.Store.Secrets(c.Context(), id)
		if err != nil {
			return nil, err
		}
		if len(all) > 0 {
			if r, err = p.cfg.Verifier.Record(c.Context(), all[len(all)-1].ID); err != nil {
				return nil, err
			}
		}
	}
	if r == nil {
		return nil, noToken()
	}
	care := authority.CareOf(r, v.person(), v.workspace.ID)
	if !care.See {
		return nil, noToken()
	}
	return &subject{r.Token, r, care}, nil
}

func noToken() error { return token.Errorf(token.NotFound, "there is no such token") }

// A change is a deed on the token of a page.
type change func(c *web.Call, v *visit, t *token.Token, form web.Form) error

// changes does a deed for who may change the token, and leads back to its page.
func (p *Panel) changes(said pages.Said, do change) handler {
	return func(c *web.Call, v *visit) error {
		form, err := c.Form()
		if err != nil {
			return err
		}
		t, err := p.subject(c, v)
		if err != nil {
			return err
		}
		if !t.care.Change {
			return token.Errorf(token.Forbidden, "an administrator of its workspace changes this token")
		}
		back := pages.Tokens.Path(v.workspace.ID, t.ID.String())
		err = do(c, v, t.Token, form)
		if token.Is(err, token.Conflict) {
			return p.lead(c, back, pages.TokenTooLate)
		}
		return p.done(c, back, said, err)
	}
}

func (p *Panel) revokeToken(c *web.Call, _ *visit, t *token.Token, form web.Form) error {
	return p.cfg.Authority.Revoke(c.Context(), c.Actor(), t, form.Get("reason"))
}

func (p *Panel) suspendToken(c *web.Call, _ *visit, t *token.Token, form web.Form) error {
	return p.cfg.Authority.Suspend(c.Context(), c.Actor(), t, 0, form.Get("reason"))
}

func (p *Panel) resumeToken(c *web.Call, _ *visit, t *token.Token, _ web.Form) error {
	return p.cfg.Authority.Resume(c.Context(), c.Actor(), t)
}

func (p *Panel) brownOutToken(c *web.Call, _ *visit, t *token.Token, form web.Form) error {
	minutes, err := strconv.ParseInt(form.Get("minutes"), 10, 16)
	if err != nil {
		return token.AtField("minutes", "must be a number of minutes")
	}
	return p.cfg.Authority.Brownout(c.Context(), c.Actor(), t, time.Duration(minutes)*time.Minute)
}

func (p *Panel) approveToken(c *web.Call, _ *visit, t *token.Token, _ web.Form) error {
	return p.cfg.Authority.ApproveToken(c.Context(), c.Actor(), t)
}

func (p *Panel) denyToken(c *web.Call, _ *visit, t *token.Token, form web.Form) error {
	return p.cfg.Authority.DenyToken(c.Context(), c.Actor(), t, form.Get("reason"))
}

// rotateToken gives a token a new secret, with fewer scopes where the form names
// some, and shows it once.
func (p *Panel) rotateToken(c *web.Call, v *visit) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	t, err := p.subject(c, v)
	if err != nil {
		return err
	}
	again, err := retry(c, v, form.Get("once"))
	if err != nil {
		return err
	}
	out, err := p.turn(c, v, t, form, again)
	if token.AsRefusal(err) != nil {
		return p.done(c, pages.Tokens.Path(v.workspace.ID, t.ID.String()), "", err)
	}
	if err != nil {
		return err
	}
	return p.showMade(c, v, out, form.Get("grace") != "0")
}

// mayTurn refuses who may not rotate a token.
func mayTurn(care authority.Care) error {
	if !care.Rotate {
		return token.Errorf(token.Forbidden, "administrators rotate service tokens; other tokens are rotated by who holds them, or got anew")
	}
	return nil
}

func graceOf(form web.Form) (time.Duration, error) {
	seconds, err := strconv.ParseInt(form.Get("grace"), 10, 32)
	if err != nil {
		return 0, token.AtField("grace_seconds", "must be a number of seconds")
	}
	return time.Duration(seconds) * time.Second, nil
}

// turn rotates one token as a form asks.
func (p *Panel) turn(c *web.Call, v *visit, t *subject, form web.Form, again *authority.Retry) (*authority.Issued, error) {
	if err := mayTurn(t.care); err != nil {
		return nil, err
	}
	grace, err := graceOf(form)
	if err != nil {
		return nil, err
	}
	turn := authority.Turn{
		Token: t.Token, Asker: v.record.Token, Grace: grace, Reason: form.Get("reason"), RollBack: true, Retry: again,
	}
	if names := wordsOf(form.Get("scopes")); len(names) > 0 {
		if turn.Scopes, err = token.MakeScopes(names); err != nil {
			return nil, err
		}
	}
	out, _, err := p.cfg.Authority.Rotate(c.Context(), c.Actor(), turn)
	return out, err
}

// turnToken takes a step of a token's rotation.
func (p *Panel) turnToken(c *web.Call, v *visit) error {
	t, err := p.subject(c, v)
	if err != nil {
		return err
	}
	if err := mayTurn(t.care); err != nil {
		return err
	}
	return p.moveRotation(c, v, t.Credential.String(), pages.Tokens.Path(v.workspace.ID, t.ID.String()))
}

// mostLines is how many lines the lists of a token's page have.
const mostLines = 20

// showToken shows everything about one token.
func (p *Panel) showToken(c *web.Call, v *visit) error {
	t, err := p.subject(c, v)
	if err != nil {
		return err
	}
	seen, err := p.cfg.Authority.LastUses(c.Context(), []token.ID{t.ID})
	if err != nil {
		return err
	}
	view, err := p.tokenFacts(c, v, t, seen[t.ID])
	if err != nil {
		return err
	}
	whole := t.Workspace == v.workspace.ID || t.Person == v.person().ID // of what opens other workspaces too, this one learns little
	for _, read := range []func(*web.Call, *visit, *subject, *pages.TokenPage) error{p.readRotation, p.readUses, p.readHistory, p.readLeaks} {
		if !whole {
			break
		}
		if err := read(c, v, t, view); err != nil {
			return err
		}
	}
	return p.show(c, v, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.TokenPage(w, lang, *view) })
}

func (p *Panel) tokenFacts(c *web.Call, v *visit, t *subject, seen token.Seen) (*pages.TokenPage, error) {
	shown, err := p.viewOf(c, v, t.Token, seen)
	if err != nil {
		return nil, err
	}
	view := &pages.TokenPage{
		Shell: v.shell, Now: c.Now(), Token: shown, Change: t.care.Change, Rotate: t.care.Rotate, Once: rand.Text(), Format: "opaque",
		Decide:   t.care.Decide,
		Like:     p.mayBeLike(v, t.Token),
		Give:     v.membership.IsAdmin() && t.Workspace == v.workspace.ID,
		Contract: t.Contract, Audience: t.Audience, Acting: t.Actor, Reason: t.Reason, Addresses: networks(t.Addresses), MaxUses: t.MaxUses, Uses: t.Uses,
		EndedAt: instantOf(t.EndedAt), EndReason: t.EndReason, Final: t.Final(), Family: t.Grant.String(), Recorded: p.cfg.Verifier.Recorded() != "off",
	}
	if t.Key != "" {
		view.Format = "JWT"
	}
	if shown.Status == "suspended" {
		view.Until = instantOf(t.SuspendedUntil)
		needs, err := p.cfg.Authority.Needs(c.Context(), t.Token)
		if err != nil {
			return nil, err
		}
		for _, s := range needs {
			view.Refused = append(view.Refused, use(s))
		}
	}
	if v.membership.IsAdmin() {
		view.Shell.Crumbs = []pages.Crumb{}
	}
	if shown.Status == "active" || shown.Status == "pending" || shown.Status == "retiring" {
		all, err := p.cfg.Authority.Warnings(c.Context(), t.Token, seen)
		if err != nil {
			return nil, err
		}
		for _, w := range all {
			view.Warnings = append(view.Warnings, pages.Warning{Rule: w.Rule, From: instantOf(w.From)})
		}
	}
	return view, nil
}

func networks(list []netip.Prefix) []string {
	texts := make([]string, len(list))
	for i, n := range list {
		texts[i] = n.String()
	}
	return texts
}

// readRotation reads the secrets of the credential, how far its rotation is, and
// who uses which.
func (p *Panel) readRotation(c *web.Call, v *visit, t *subject, view *pages.TokenPage) error {
	if t.Kind != token.Service && t.Kind != token.Personal {
		return nil
	}
	list, err := p.cfg.Store.Rotations(c.Context(), token.RotationQuery{Workspace: t.Workspace, What: token.RotatesToken, Credential: t.Credential.String(), OpenOnly: true, Limit: 1})
	if err != nil {
		return err
	}
	if len(list) > 0 {
		r := list[0]
		view.Turning = &pages.Turning{
			ID: r.ID.String(), Base: pages.Tokens.Path(v.workspace.ID, t.ID.String(), "rotations"), State: string(r.State),
			Since: instantOf(r.CreatedAt), RetiresAt: instantOf(r.RetiresAt),
		}
	}
	all, err := p.cfg.Store.Secrets(c.Context(), t.Credential)
	if err != nil || len(all) < 2 {
		return err
	}
	slices.Reverse(all)
	view.Secrets, err = p.viewsOf(c, v, all[:min(len(all), mostLines)])
	return err
}

// readUses reads which scopes were used, and the newest single uses.
func (p *Panel) readUses(c *web.Call, _ *visit, t *subject, view *pages.TokenPage) error {
	used, err := p.cfg.Authority.ScopeUse(c.Context(), t.ID)
	if err != nil {
		return err
	}
	if len(t.Scopes) > 0 {
		fit := t.Fit(used, c.Now().UnixMilli())
		view.Fit = &pages.Fit{Unused: fit.Unused, Proposal: fit.Proposal, Since: instantOf(fit.Since), Days: fit.Days, Confident: fit.Confident}
		for _, s := range used.Scopes {
			view.Fit.Used = append(view.Fit.Used, pages.ScopeUse{Scope: s.Name, At: instantOf(s.Last)})
		}
	}
	records, err := p.cfg.Store.UseRecords(c.Context(), token.UseQuery{Credential: t.Credential, Workspace: t.Workspace, Limit: mostLines})
	for _, r := range records {
		view.Records = append(view.Records, pages.Record{At: r.ID.Time(), Route: r.Route, Address: r.Address, Agent: r.Agent, Outcome: r.Outcome, Scopes: strings.Fields(r.Scope)})
	}
	return err
}

// readHistory reads the newest records of the audit about the token.
func (p *Panel) readHistory(c *web.Call, v *visit, t *subject, view *pages.TokenPage) error {
	events, _, err := p.cfg.Store.Trail(c.Context(), token.Trail{Workspace: t.Workspace, Target: "token:" + t.Credential.String(), Limit: mostLines})
	if err != nil {
		return err
	}
	if view.History, err = p.events(c, v, events); err != nil {
		return err
	}
	view.Audit = v.membership.IsAdmin() && t.Workspace == v.workspace.ID
	issued, err := p.cfg.Store.Issued(c.Context(), []token.ID{t.Credential})
	if e := issued[t.Credential]; e != nil {
		view.Token.By = pages.Somebody{Name: cmp.Or(e.Actor.Name, e.Actor.ID)}
	}
	return err
}

// readLeaks reads where the token's secrets were found.
func (p *Panel) readLeaks(c *web.Call, _ *visit, t *subject, view *pages.TokenPage) error {
	list, err := p.cfg.Store.Leaks(c.Context(), token.RotatesToken, t.Credential.String())
	for _, l := range list {
		view.Leaks = append(view.Leaks, pages.Leak{At: instantOf(l.ReportedAt), Source: l.Source, URL: l.URL, Ended: l.Ended})
	}
	return err
}
