package panel

import (
	"cmp"
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// inventory is the area of every credential of a workspace, for who administrates
// it.
func (p *Panel) inventory() area {
	at := func(more string) string { return parted(pages.Inventory, more) }
	run := p.shown(at("/bulk/run"), p.runBulk)
	ask := p.does(at("/bulk"), p.askBulk)
	run.Rule.Parameters, ask.Rule.Parameters = mostPicks, mostPicks
	return area{name: pages.Inventory, admins: true, routes: []web.Route{
		p.shows(at(""), p.listInventory),
		p.does(at("/find"), p.findToken),
		p.shows(at("/export"), p.exportInventory),
		ask, run,
		p.shows(at("/revocations/{id}"), p.showRevocation),
		p.does(at("/revocations/{id}/retry"), p.retryRevocation),
	}}
}

// filterOf reads what narrows the list.
func filterOf(form web.Form) pages.InventoryFilter {
	return pages.InventoryFilter{
		Search: form.Get("q"), LastFour: form.Get("last_four"), Kind: form.Get("kind"), Status: form.Get("status"), Client: form.Get("client"),
		Owner: form.Get("owner"), User: form.Get("user"), Scope: form.Get("scope"), Contract: form.Get("contract"), CreatedFrom: form.Get("created_from"),
		CreatedBefore: form.Get("created_before"), ExpiresFrom: form.Get("expires_from"), ExpiresBefore: form.Get("expires_before"), Used: form.Get("used"),
		Sort: form.Get("sort"),
	}
}

// listInventory shows the credentials that the address asks for.
func (p *Panel) listInventory(c *web.Call, v *visit) error {
	query, err := c.Query()
	if err != nil {
		return err
	}
	return p.drawInventory(c, v, filterOf(query), query.Get("after"), false)
}

// drawInventory writes the list; unknown says that something was looked for and
// is no credential here.
func (p *Panel) drawInventory(c *web.Call, v *visit, f pages.InventoryFilter, after string, unknown bool) error {
	view := pages.InventoryPage{Shell: v.shell, Now: c.Now(), Filter: f, Statuses: token.Statuses, Unknown: unknown, Predicate: f.Whole()}
	for _, k := range token.Listed {
		view.Kinds = append(view.Kinds, string(k))
	}
	status := http.StatusOK
	if unknown {
		status = http.StatusNotFound
	}
	i, err := p.wanted(c, v, f)
	if w, ok := wrong(err); ok {
		view.Wrong, status = w, http.StatusUnprocessableEntity
	} else if err != nil {
		return err
	}
	if err == nil {
		if err := p.readInventory(c, v, i, after, &view); err != nil {
			return err
		}
	}
	return p.showWith(c, v, status, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.InventoryPage(w, lang, view) })
}

func (p *Panel) readInventory(c *web.Call, v *visit, i token.Inventory, after string, view *pages.InventoryPage) error {
	i.Limit, i.Soonest = pageLength, view.Filter.Soonest() && i.Expires()
	i.Before, _ = token.ParseID(after) // what is no cursor of this order leads to its first page
	i.After, _ = token.ParseExpiryPlace(after)
	page, err := p.cfg.Store.Inventory(c.Context(), i)
	if err != nil {
		return err
	}
	if view.Items, err = p.viewsOf(c, v, page.Tokens); err != nil {
		return err
	}
	view.Soonest, view.Partial, view.Pager = i.Soonest, page.Looked != 0, pager(c, cmp.Or(page.Then.String(), page.Next.String()))
	credentials := make([]token.ID, len(page.Tokens))
	for n, t := range page.Tokens {
		credentials[n] = t.Credential
	}
	issued, err := p.cfg.Store.Issued(c.Context(), credentials)
	for n, t := range page.Tokens {
		if e := issued[t.Credential]; e != nil {
			view.Items[n].By = pages.Somebody{Name: e.Actor.Name}
		}
	}
	if err != nil || after != "" {
		return err
	}
	a, err := p.cfg.Store.Attention(c.Context(), v.workspace.ID)
	if err == nil {
		view.Attention = &pages.Attention{Expiring: a.Expiring, NeverUsed: a.NeverUsed, Idle: a.Idle, Unowned: a.NoOwner, AtLeast: a.AtLeast}
	}
	return err
}

// wanted reads a filter; it refuses with Invalid, at the name of the field.
func (p *Panel) wanted(c *web.Call, v *visit, f pages.InventoryFilter) (i token.Inventory, err error) {
	i = token.Inventory{
		Workspace: v.workspace.ID, Client: f.Client, Scope: f.Scope, Contract: f.Contract, Search: f.Search, LastFour: f.LastFour, Status: f.Status,
	}
	if f.Status != "" && !slices.Contains(token.Statuses, f.Status) {
		return i, token.AtField("status", "is none of these")
	}
	if f.Kind != "" {
		if i.Kinds = []token.Kind{token.Kind(f.Kind)}; !slices.Contains(token.Listed, i.Kinds[0]) {
			return i, token.AtField("kind", "is none of these")
		}
	}
	for _, d := range []struct {
		name, text string
		to         *int64
	}{
		{"created_from", f.CreatedFrom, &i.CreatedFrom}, {"created_before", f.CreatedBefore, &i.CreatedBefore},
		{"expires_from", f.ExpiresFrom, &i.ExpiresFrom}, {"expires_before", f.ExpiresBefore, &i.ExpiresBefore},
	} {
		at, err := typedTime(d.name, d.text)
		if err != nil {
			return i, err
		}
		if !at.IsZero() {
			*d.to = at.UnixMilli()
		}
	}
	if err := usedFilter(&i, f.Used, c.Now()); err != nil {
		return i, err
	}
	if i.Owner, err = p.ownerOf(c, v, f.Owner); err != nil {
		return i, err
	}
	i.Person, err = p.ownerOf(c, v, f.User)
	return i, err
}

func usedFilter(i *token.Inventory, used string, now time.Time) error {
	switch used {
	case "":
	case "day":
		i.UsedFrom = now.AddDate(0, 0, -1).UnixMilli()
	case "never":
		i.Unused = true
	case "idle_30":
		i.IdleSince = now.AddDate(0, 0, -30).UnixMilli()
	case "idle_90":
		i.IdleSince = now.AddDate(0, 0, -90).UnixMilli()
	default:
		return token.AtField("used", "is none of these")
	}
	return nil
}

// findToken looks a search up. What may be a secret is never put into an
// address: it leads to its token, or to the list with nothing found. A browser
// that can, sends its hash and last four characters in its place.
func (p *Panel) findToken(c *web.Call, v *visit) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	f := filterOf(form)
	f.Search = strings.TrimSpace(f.Search)
	if sum := form.Get("sha256"); sum != "" {
		hash, err := hex.DecodeString(sum)
		if err != nil || len(hash) != len(token.Hash{}) {
			return token.Errorf(token.InvalidRequest, "sha256 must be 64 hex digits")
		}
		found, err := p.cfg.Authority.LookUpHash(c.Context(), v.workspace.ID, token.Hash(hash), form.Get("last_four"))
		f.Search, f.LastFour = "", ""
		return p.leadTo(c, v, f, found, err)
	}
	if looksSecret(f.Search) {
		found, err := p.cfg.Authority.LookUp(c.Context(), v.workspace.ID, f.Search)
		f.Search = ""
		return p.leadTo(c, v, f, found, err)
	}
	return c.Redirect(f.Path(v.workspace.ID))
}

func (p *Panel) leadTo(c *web.Call, v *visit, f pages.InventoryFilter, found *token.Token, err error) error {
	switch {
	case err != nil:
		return err
	case found == nil:
		return p.drawInventory(c, v, f, "", true)
	case !slices.Contains(token.Kinds, found.Kind):
		return c.Redirect(pages.InventoryFilter{LastFour: found.LastFour, Kind: string(found.Kind)}.Path(v.workspace.ID))
	}
	return c.Redirect(pages.Tokens.Path(v.workspace.ID, found.ID.String()))
}

// looksSecret reports whether a search may be a secret: it begins as ours do, or
// is as long and without a space. An id is 13 characters.
func looksSecret(text string) bool {
	for _, prefix := range []string{token.SecretPrefix, token.ContentfulPrefix, "eyJ"} {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return len(text) >= 24 && !strings.ContainsAny(text, " @")
}
