package panel

import (
	"crypto/rand"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// tokens is the area of somebody's own tokens, of making tokens, and of each
// token's page, which administrators come to from the inventory.
func (p *Panel) tokens() area {
	at := func(more string) string { return parted(pages.Tokens, more) }
	create := p.shown(at("/new"), p.createToken)
	create.Rule.Parameters = mostPicks
	return area{name: pages.Tokens, routes: append(p.tokenRoutes(),
		p.shows(at(""), p.listTokens),
		p.shows(at("/new"), p.newToken),
		create,
	)}
}

// mostPicks is how many fields an order may have: one for each resource.
const mostPicks = 512

// listTokens shows who visits their own tokens, newest first, in every
// workspace.
func (p *Panel) listTokens(c *web.Call, v *visit) error {
	query, err := c.Query()
	if err != nil {
		return err
	}
	page, err := p.cfg.Store.OwnTokens(c.Context(), v.person().ID, cursorOf(query), pageLength)
	if err != nil {
		return err
	}
	view := pages.TokenList{Shell: v.shell, Now: c.Now(), Pager: pager(c, page.Next.String())}
	if view.Items, err = p.viewsOf(c, v, page.Tokens); err != nil {
		return err
	}
	return p.show(c, v, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.TokenList(w, lang, view) })
}

// newToken shows the form for a token. The query fills it in, so that documents
// and programs can lead here: name, scopes, expires, purpose, owner and type, or
// from, the id of a token that is like it.
func (p *Panel) newToken(c *web.Call, v *visit) error {
	query, err := c.Query()
	if err != nil {
		return err
	}
	if query.Has("from") {
		return p.copyToken(c, v, query.Get("from"))
	}
	kinds := authority.InPerson(v.person(), v.workspace.ID)
	typed := pages.TokenOrder{
		Kind: query.Get("type"), Name: query.Get("name"), Purpose: query.Get("purpose"), Owner: query.Get("owner"), Scopes: wordsOf(query.Get("scopes")),
		Expires: query.Get("expires"),
	}
	if !slices.Contains(kinds, token.Kind(typed.Kind)) {
		typed.Kind = string(token.Personal)
		if v.membership.IsAdmin() {
			typed.Kind = string(token.Service)
		}
	}
	if typed.Owner == "" {
		typed.Owner = v.person().Email
	}
	return p.drawOrder(c, v, http.StatusOK, pages.TokenForm{Typed: typed, Once: rand.Text()})
}

// drawOrder writes the form with what the workspace offers.
func (p *Panel) drawOrder(c *web.Call, v *visit, status int, view pages.TokenForm) error {
	home := v.workspace.ID
	if view.Typed.Everywhere {
		home = ""
	}
	offer, err := p.cfg.Authority.Offer(c.Context(), v.person(), home, token.Kind(view.Typed.Kind))
	if err != nil {
		return err
	}
	described, err := p.described(c)
	if err != nil {
		return err
	}
	if view.Copies, err = p.copies(c, v, view.Typed.Kind); err != nil {
		return err
	}
	view.Shell, view.Now, view.Issuer = v.shell, c.Now(), p.cfg.Issuer
	view.Shell.Crumbs = []pages.Crumb{}
	for _, kind := range authority.InPerson(v.person(), v.workspace.ID) {
		view.Kinds = append(view.Kinds, string(kind))
	}
	view.Scopes = described.list(offer.Scopes, func(scope string) bool { return slices.Contains(view.Typed.Scopes, scope) })
	view.Usual, view.Most, view.MustExpire = offer.Usual, offer.Most, offer.MustExpire
	view.NeedsPurpose, view.Waits, view.Several = offer.NeedsPurpose, offer.Waits, len(v.workspaces) > 1
	view.Typed.Expires, view.Typed.Date = expires(view.Typed, offer, c.Now())
	return p.showWith(c, v, status, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.TokenForm(w, lang, view) })
}

// expires returns which end is chosen: the one that was typed or, in a query,
// named in seconds, in days (30d) or as a date; else what is usual, as far as it
// is offered.
func expires(typed pages.TokenOrder, offer *authority.Offer, now time.Time) (choice, date string) {
	if typed.Date == "" {
		typed.Date = now.AddDate(0, 0, 30).Format(time.DateOnly)
	}
	const day = 24 * 60 * 60
	number, days := strings.CutSuffix(typed.Expires, "d")
	switch n, err := strconv.ParseUint(number, 10, 31); {
	case typed.Expires == "date" || typed.Expires == "never":
		return typed.Expires, typed.Date
	case err == nil && days:
		return strconv.FormatUint(n*day, 10), typed.Date
	case err == nil:
		return typed.Expires, typed.Date
	}
	if at, err := time.Parse(time.DateOnly, typed.Expires); err == nil {
		return "date", at.Format(time.DateOnly)
	}
	usual := offer.Usual
	if usual == 0 {
		usual = 30 * day * time.Second
	}
	if offer.Most > 0 {
		usual = min(usual, offer.Most)
	}
	return strconv.Itoa(int(usual / time.Second)), typed.Date
}

// createToken shows what an order comes to, or fills it. The answer to the post
// is the page with the secret: it stands in no address, and the same post again
// gives the same secret.
func (p *Panel) createToken(c *web.Call, v *visit) error {
	form, err := c.Form("scopes")
	if err != nil {
		return err
	}
	typed := typedOrder(form)
	view := pages.TokenForm{Typed: typed, Once: form.Get("once")}
	if form.Get("action") == "preview" {
		view.Preview = true
		return p.drawOrder(c, v, http.StatusOK, view)
	}
	out, err := p.order(c, v, typed, form.Get("once"))
	if w, ok := wrong(err); ok && offered(v, typed.Kind) {
		view.Wrong = w
		return p.drawOrder(c, v, web.Status(token.AsRefusal(err).Code), view)
	}
	if err != nil {
		return err
	}
	return p.showMade(c, v, out, false)
}

func offered(v *visit, kind string) bool {
	return slices.Contains(authority.InPerson(v.person(), v.workspace.ID), token.Kind(kind))
}

// showMade shows a new secret, once.
func (p *Panel) showMade(c *web.Call, v *visit, out *authority.Issued, turned bool) error {
	shown, err := p.viewOf(c, v, out.Token, token.Seen{})
	if err != nil {
		return err
	}
	view := pages.TokenMade{
		Shell: v.shell, Now: c.Now(), Token: shown, Secret: out.Secret, Waits: out.Token.Approval == token.ApprovalWaiting, Turned: turned,
		Warnings: out.Warnings, Issuer: p.cfg.Issuer,
	}
	return p.show(c, v, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.TokenMade(w, lang, view) })
}

// typedOrder reads a form as it was filled in.
func typedOrder(form web.Form) pages.TokenOrder {
	typed := pages.TokenOrder{
		Kind: form.Get("type"), Name: form.Get("name"), Purpose: form.Get("purpose"), Owner: form.Get("owner"), Expires: form.Get("expires"),
		Date: form.Get("date"), Everywhere: form.Get("where") == "everywhere", Addresses: form.Get("addresses"), Format: form.Get("format"),
		MaxUses: form.Get("max_uses"),
	}
	for _, name := range form.Names() {
		if strings.HasPrefix(name, "scopes") {
			typed.Scopes = append(typed.Scopes, wordsOf(form.Get(name))...)
		}
	}
	return typed
}

// order fills an order.
func (p *Panel) order(c *web.Call, v *visit, typed pages.TokenOrder, once string) (*authority.Issued, error) {
	o, err := p.read(c, v, typed)
	if err != nil {
		return nil, err
	}
	if o.Retry, err = retry(c, v, once); err != nil {
		return nil, err
	}
	return p.cfg.Authority.IssueInPerson(c.Context(), c.Actor(), v.record.Token, o)
}

// retry tells a post that is repeated, as by loading its answer again, from
// another one.
func retry(c *web.Call, v *visit, once string) (*authority.Retry, error) {
	if once == "" {
		return nil, token.Errorf(token.InvalidRequest, "the form lacks its number; open it again")
	}
	body, err := c.Body()
	if err != nil {
		return nil, err
	}
	return &authority.Retry{Caller: "session:" + v.record.Token.Credential.String(), Route: c.Pattern() + " " + c.Request.URL.Path, Key: once, Body: body}, nil
}

// read makes an order of what was typed.
func (p *Panel) read(c *web.Call, v *visit, typed pages.TokenOrder) (o authority.Order, err error) {
	o = authority.Order{
		Kind: token.Kind(typed.Kind), Contract: "panel", Workspace: v.workspace.ID, Name: strings.TrimSpace(typed.Name), Purpose: strings.TrimSpace(typed.Purpose),
	}
	if typed.Everywhere && o.Kind == token.Personal {
		o.Workspace = ""
	}
	if o.Name == "" {
		return o, token.AtField("name", "is required: it is how people find the token")
	}
	if o.Kind != token.Personal && typed.Format != "opaque" {
		o.Form = authority.Signed
	}
	if o.Scopes, err = token.MakeScopes(typed.Scopes); err != nil || len(o.Scopes) == 0 {
		return o, token.AtField("scopes", "name at least one scope")
	}
	if o.TTL, err = typedLife(typed, c.Now()); err != nil {
		return o, err
	}
	if o.Addresses, err = token.ParseNetworks("addresses", wordsOf(typed.Addresses)); err != nil {
		return o, err
	}
	if o.MaxUses, err = typedUses(typed); err != nil {
		return o, err
	}
	o.Owner, err = p.ownerOf(c, v, strings.TrimSpace(typed.Owner))
	return o, err
}

// typedLife returns how long a token shall live, 0 for ever. A date is its last
// day, in UTC.
func typedLife(typed pages.TokenOrder, now time.Time) (time.Duration, error) {
	switch typed.Expires {
	case "never":
		return 0, nil
	case "date":
		day, err := time.Parse(time.DateOnly, typed.Date)
		if err != nil || !day.AddDate(0, 0, 1).After(now) {
			return 0, token.AtField("ttl", "use a date to come, such as 2027-01-31")
		}
		return day.AddDate(0, 0, 1).Sub(now).Truncate(time.Second), nil
	}
	n, err := strconv.ParseInt(typed.Expires, 10, 64)
	if err != nil || n < 1 || n > 100*365*24*60*60 {
		return 0, token.AtField("ttl", "choose when it expires")
	}
	return time.Duration(n) * time.Second, nil
}

func typedUses(typed pages.TokenOrder) (int64, error) {
	if typed.MaxUses == "" || token.Kind(typed.Kind) != token.Ephemeral {
		return 0, nil
	}
	n, err := strconv.ParseInt(typed.MaxUses, 10, 64)
	if err != nil || n < 1 || n > 1_000_000 {
		return 0, token.AtField("max_uses", "must be a whole number from 1 to 1000000")
	}
	return n, nil
}

// ownerOf returns the id of the member whom an address names, or the text as it
// is: a team may answer for a token as well.
func (p *Panel) ownerOf(c *web.Call, v *visit, named string) (string, error) {
	if !strings.Contains(named, "@") || len(named) > 254 {
		return named, nil
	}
	id, err := p.cfg.Store.PersonByEmail(c.Context(), identity.CanonicalEmail(named))
	if err != nil || id == "" {
		return named, err
	}
	who, err := p.cfg.Verifier.Person(c.Context(), id)
	if err != nil || who == nil || !who.In(v.workspace.ID).Live() {
		return named, err
	}
	return id, nil
}
