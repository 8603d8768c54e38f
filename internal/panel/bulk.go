package panel

import (
	"crypto/rand"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// A bulk is a deed on several tokens: those that were picked, or all that a
// filter finds.
type bulk struct {
	act    string // revoke, rotate, give, export, or sweep: revoke all that match
	ids    []token.ID
	filter pages.InventoryFilter
	sweep  authority.Sweep
}

// bulkOf reads which deed on which tokens a form asks for.
func (p *Panel) bulkOf(c *web.Call, v *visit, form web.Form) (b bulk, err error) {
	b = bulk{act: form.Get("act"), filter: filterOf(form)}
	switch b.act {
	case "revoke", "rotate", "give", "export":
		for _, text := range form.All("id") {
			id, ok := token.ParseID(text)
			if !ok {
				return b, token.Errorf(token.InvalidRequest, "id must name a token")
			}
			b.ids = append(b.ids, id)
		}
	case "sweep":
		b.sweep, err = p.sweepOf(c, v, b.filter)
		b.sweep.Reason = form.Get("reason")
	default:
		return b, token.Errorf(token.InvalidRequest, "act is revoke, rotate, give, export or sweep")
	}
	return b, err
}

// sweepOf makes the deed on all that a filter finds.
func (p *Panel) sweepOf(c *web.Call, v *visit, f pages.InventoryFilter) (s authority.Sweep, err error) {
	if !f.Whole() {
		return s, token.Errorf(token.InvalidRequest, "no single deed ends what this filter finds: pick tokens")
	}
	i, err := p.wanted(c, v, f)
	if err != nil {
		return s, err
	}
	s = authority.Sweep{Workspace: v.workspace.ID, Act: token.Revoke, By: token.Predicate{
		Client: f.Client, User: i.Person, Scope: f.Scope, Kind: token.Kind(f.Kind), Owner: i.Owner, Contract: f.Contract, IssuedBefore: i.CreatedBefore,
	}}
	switch f.Used {
	case "idle_30":
		s.By.IdleDays = 30
	case "idle_90":
		s.By.IdleDays = 90
	}
	return s, nil
}

// hits tells what a deed will hit.
func (p *Panel) hits(c *web.Call, v *visit, b bulk) (*authority.Blast, error) {
	if b.act == "sweep" {
		return p.cfg.Authority.Blast(c.Context(), c.Actor(), b.sweep)
	}
	return p.cfg.Authority.Picked(c.Context(), v.workspace.ID, b.ids)
}

// askBulk says what a deed will hit, and asks. Nothing is done yet; to export is
// to do nothing.
func (p *Panel) askBulk(c *web.Call, v *visit) error {
	form, err := c.Form("id")
	if err != nil {
		return err
	}
	if form.Get("act") != "sweep" && !form.Has("id") {
		return p.lead(c, pages.Inventory.Path(v.workspace.ID), pages.NothingPicked)
	}
	b, err := p.bulkOf(c, v, form)
	if err != nil {
		return err
	}
	hit, err := p.hits(c, v, b)
	if err != nil {
		return p.done(c, pages.Inventory.Path(v.workspace.ID), "", err)
	}
	if b.act == "export" {
		return p.exportPicked(c, v, hit.First)
	}
	return p.drawBulk(c, v, http.StatusOK, b, hit, pages.BulkPage{})
}

func (p *Panel) drawBulk(c *web.Call, v *visit, status int, b bulk, hit *authority.Blast, view pages.BulkPage) error {
	view.Shell, view.Now, view.Rotate, view.Give = v.shell, c.Now(), b.act == "rotate", b.act == "give"
	view.Count, view.AtLeast, view.Beyond, view.Day, view.Used = hit.Count, hit.AtLeast, hit.Beyond, hit.Day, instantOf(hit.Used)
	view.Hidden = []pages.Hidden{{Name: "act", Value: b.act}, {Name: "once", Value: rand.Text()}}
	for _, id := range b.ids {
		view.Hidden = append(view.Hidden, pages.Hidden{Name: "id", Value: id.String()})
	}
	if b.act == "sweep" {
		for name, values := range b.filter.Query() {
			view.Hidden = append(view.Hidden, pages.Hidden{Name: name, Value: values[0]})
		}
	}
	var err error
	if view.Items, err = p.viewsOf(c, v, hit.First); err != nil {
		return err
	}
	if view.Rotate {
		for _, t := range hit.First {
			why, err := p.unturned(c, v, t)
			if err != nil {
				return err
			}
			view.Stays = append(view.Stays, why)
		}
	}
	for _, t := range view.Items {
		if !t.Used.At.IsZero() && c.Now().Sub(t.Used.At).Hours() < 1 {
			view.Hour++
		}
	}
	for owner, n := range hit.Owners {
		who, err := p.somebody(c, v, owner)
		if err != nil {
			return err
		}
		view.Owners = append(view.Owners, pages.OwnerShare{Owner: who, Count: n})
	}
	return p.showWith(c, v, status, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.BulkPage(w, lang, view) })
}

// runBulk does what was asked about. Where some of the tokens are in use, who
// does it has typed how many they are, as they are now.
func (p *Panel) runBulk(c *web.Call, v *visit) error {
	form, err := c.Form("id")
	if err != nil {
		return err
	}
	b, err := p.bulkOf(c, v, form)
	if err != nil {
		return err
	}
	switch b.act {
	case "rotate":
		return p.rotatePicked(c, v, b, form)
	case "give":
		return p.givePicked(c, v, b, form)
	case "export":
		return token.Errorf(token.InvalidRequest, "an export is asked for where tokens are picked")
	}
	hit, err := p.hits(c, v, b)
	if err != nil {
		return p.done(c, pages.Inventory.Path(v.workspace.ID), "", err)
	}
	if hit.Day > 0 && form.Get("count") != strconv.FormatInt(hit.Count, 10) {
		return p.drawBulk(c, v, http.StatusUnprocessableEntity, b, hit, pages.BulkPage{Mistyped: true})
	}
	if b.act == "sweep" {
		r, err := p.cfg.Authority.Sweep(c.Context(), c.Actor(), b.sweep)
		if err != nil {
			return p.done(c, pages.Inventory.Path(v.workspace.ID), "", err)
		}
		return c.Redirect(pages.Inventory.Path(v.workspace.ID, "revocations", r.ID.String()))
	}
	_, err = p.cfg.Authority.RevokePicked(c.Context(), c.Actor(), v.workspace.ID, b.ids, form.Get("reason"))
	return p.done(c, pages.Inventory.Path(v.workspace.ID), pages.TokensRevoked, err)
}

// givePicked makes somebody else answer for the tokens that were picked, and
// leads back to the list, or to the token where it was one.
func (p *Panel) givePicked(c *web.Call, v *visit, b bulk, form web.Form) error {
	typed := strings.TrimSpace(form.Get("owner"))
	owner, err := p.ownerOf(c, v, typed)
	if err == nil && typed == "" {
		err = token.AtField("owner", "name a member, or a team")
	}
	if err == nil {
		_, err = p.cfg.Authority.GivePicked(c.Context(), c.Actor(), v.workspace.ID, b.ids, owner)
	}
	if token.Is(err, token.Invalid) {
		return p.askAgain(c, v, b, pages.BulkPage{Owner: typed}, err)
	}
	to := pages.Inventory.Path(v.workspace.ID)
	if len(b.ids) == 1 {
		to = pages.Tokens.Path(v.workspace.ID, b.ids[0].String())
	}
	return p.done(c, to, pages.TokensGiven, err)
}

// askAgain asks before a deed on several once more, and says what was wrong.
func (p *Panel) askAgain(c *web.Call, v *visit, b bulk, view pages.BulkPage, said error) error {
	w, ok := wrong(said)
	if !ok {
		return said
	}
	view.Wrong = w
	hit, err := p.hits(c, v, b)
	if err != nil {
		return p.done(c, pages.Inventory.Path(v.workspace.ID), "", err)
	}
	return p.drawBulk(c, v, http.StatusUnprocessableEntity, b, hit, view)
}

// showRevocation says how far a deed on many tokens is.
func (p *Panel) showRevocation(c *web.Call, v *visit) error {
	id, err := idOf(c, "id")
	if err != nil {
		return err
	}
	r, err := p.cfg.Store.Revocation(c.Context(), v.workspace.ID, id)
	if err != nil {
		return err
	}
	if r == nil {
		return token.Errorf(token.NotFound, "there is no such revocation")
	}
	view := pages.RevocationPage{
		Shell: v.shell, Now: c.Now(), ID: r.ID.String(), Act: string(r.Act), JSON: r.Predicate.String(), Reason: r.Reason, Running: r.Running,
		Failed: r.Failed, Fault: r.Fault, Count: r.Count, AtLeast: r.AtLeast, Who: r.Actor.Name, At: instantOf(r.At()),
	}
	if view.Which, err = p.namedIn(c, v, r.Predicate); err != nil {
		return err
	}
	return p.show(c, v, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.RevocationPage(w, lang, view) })
}

// retryRevocation lets a deed on many tokens go on that was given up.
func (p *Panel) retryRevocation(c *web.Call, v *visit) error {
	id, err := idOf(c, "id")
	if err != nil {
		return err
	}
	_, err = p.cfg.Authority.RetryRevocation(c.Context(), c.Actor(), v.workspace.ID, id)
	return p.done(c, pages.Inventory.Path(v.workspace.ID, "revocations", id.String()), "", err)
}

// namedIn returns a predicate that names people, applications and the workspace
// as people know them.
func (p *Panel) namedIn(c *web.Call, v *visit, by token.Predicate) (token.Predicate, error) {
	for _, id := range []*string{&by.User, &by.Owner} {
		one, err := p.somebody(c, v, *id)
		if err != nil {
			return by, err
		}
		*id = one.Name
	}
	if by.Workspace != "" {
		by.Workspace = nameOf(v.workspace)
	}
	app, err := p.clientName(c, by.Client)
	by.Client = named(app, by.Client)
	return by, err
}
