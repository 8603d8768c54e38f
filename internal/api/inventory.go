package api

import (
	"context"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// inventory is what the inventory's routes read.
type inventory interface {
	Inventory(ctx context.Context, i token.Inventory) (*token.Page, error)
	Attention(ctx context.Context, workspace string) (*token.Attention, error)
	Issued(ctx context.Context, credentials []token.ID) (map[token.ID]*token.Event, error)
	Revocation(ctx context.Context, workspace string, id token.ID) (*token.Revocation, error)
	Revocations(ctx context.Context, workspace string, before token.ID, limit int) ([]*token.Revocation, error)
}

func (f *Face) inventoryRoutes() []web.Route {
	reads := f.admin("POST /v1/tokens/lookup", token.AdminRead, f.lookUp)
	reads.Rule.Mutates = false
	return []web.Route{
		f.open("GET /v1/tokens", f.listTokens),
		f.open("GET /v1/tokens/export", f.exportTokens),
		f.admin("GET /v1/tokens/attention", token.AdminRead, f.attention),
		f.admin("GET /v1/reports/tokens", token.AdminRead, f.reportTokens),
		reads,
		f.admin("POST /v1/tokens/{id}/brownout", token.AdminWrite, f.brownOut),
		f.admin("GET /v1/tokens/{id}/brownout", token.AdminRead, f.brownedOut),
		f.open("POST /v1/revocations", f.revoke),
		f.admin("GET /v1/revocations", token.AdminRead, f.listRevocations),
		f.admin("GET /v1/revocations/{id}", token.AdminRead, f.getRevocation),
		f.admin("POST /v1/revocations/{id}/retry", token.AdminWrite, f.retryRevocation),
	}
}

// filters are the names by which an inventory is narrowed.
var filters = []string{
	"type", "kind", "status", "client", "user", "owner", "scope", "contract", "last_four", "created_from", "created_before",
	"expires_from", "expires_before", "used_from", "used_before", "never_used", "idle_days", "q", "limit", "cursor",
}

// asked reads what an inventory is asked for. An administrator sees the
// workspace's, a program what it issued itself; none is a program that names
// another's.
func (f *Face) asked(c *web.Call, who *caller, more ...string) (i token.Inventory, q *filter, none bool, err error) {
	q = filterOf(c, append(slices.Clone(filters), more...)...)
	i = token.Inventory{
		Workspace: who.workspace, Client: q.text("client"), Scope: q.text("scope"), Contract: q.text("contract"), Search: q.text("q"),
		LastFour: q.text("last_four"), Status: q.oneOf("status", token.Statuses...), Kinds: q.kinds(),
		CreatedFrom: q.instant("created_from"), CreatedBefore: q.instant("created_before"),
		ExpiresFrom: q.instant("expires_from"), ExpiresBefore: q.instant("expires_before"),
		UsedFrom: q.instant("used_from"), UsedBefore: q.instant("used_before"), Unused: q.oneOf("never_used", "true", "false") == "true",
		Limit: q.limit(),
	}
	if i.Soonest = q.oneOf("sort", "created", "expires") == "expires"; i.Soonest {
		i.After = q.expiryPlace("cursor")
	} else {
		i.Before = q.id("cursor")
	}
	if i.Soonest && !i.Expires() {
		q.fail(token.AtField("sort", "by expires there is what is live and no routine token: ask for another status or type, or leave the sort out"))
	}
	if days := q.number("idle_days", 36500); days > 0 {
		i.IdleSince = c.Now().AddDate(0, 0, -days).UnixMilli()
	}
	if q.err != nil {
		return i, q, false, q.err
	}
	if i.Owner, err = f.owner(c, i.Workspace, q.text("owner")); err != nil {
		return i, q, false, err
	}
	if i.Person, err = f.personID(c, q.text("user")); err != nil {
		return i, q, false, err
	}
	if who.client == nil {
		return i, q, false, who.mayAdministrate(token.AdminRead)
	}
	none = i.Client != "" && i.Client != who.client.ID
	i.Client, i.Bound = who.client.ID, true
	if i.Kinds == nil {
		i.Kinds = token.Kinds
	}
	return i, q, none, nil
}

// kinds reads the kinds that are asked for under either of their two names.
func (f *filter) kinds() (all []token.Kind) {
	for _, name := range []string{"type", "kind"} {
		for _, word := range strings.FieldsFunc(f.text(name), func(r rune) bool { return r == ',' }) {
			if !slices.Contains(token.Listed, token.Kind(word)) {
				f.fail(token.AtField(name, "must be one or more of %s", joined(token.Listed)))
			}
			all = append(all, token.Kind(word))
		}
	}
	return all
}

func joined(kinds []token.Kind) string {
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = string(k)
	}
	return strings.Join(words, ", ")
}

// A tokenPage is a page of the inventory. It may be short and have a next one:
// the filters then passed over as many rows as one page looks at.
type tokenPage struct {
	Items []tokenView `json:"items"`
	Next  *string     `json:"next"`
	// Looked is where the look at unnamed access and refresh tokens stopped;
	// there are none of them below it in this answer. A list of these kinds alone
	// goes on there.
	Looked *string `json:"routine_before,omitempty"`
}

// listTokens serves GET /v1/tokens: every credential of the workspace.
func (f *Face) listTokens(c *web.Call, who *caller) error {
	i, _, none, err := f.asked(c, who, "sort")
	if err != nil {
		return err
	}
	if none {
		return c.WriteJSON(http.StatusOK, tokenPage{Items: []tokenView{}})
	}
	page, err := f.cfg.Store.Inventory(c.Context(), i)
	if err != nil {
		return err
	}
	views, err := f.listed(c, page.Tokens)
	if err != nil {
		return err
	}
	next := cursor(page.Next)
	if then := page.Then.String(); then != "" {
		next = &then
	}
	return c.WriteJSON(http.StatusOK, tokenPage{Items: views, Next: next, Looked: cursor(page.Looked)})
}

// listed shows credentials, also those that are no tokens and that no judge
// knows. Of what opens other workspaces too, this one learns when it was used
// and not where.
func (f *Face) listed(c *web.Call, tokens []*token.Token) ([]tokenView, error) {
	views, err := f.views(c, tokens)
	if err != nil {
		return nil, err
	}
	for n, t := range tokens {
		if !slices.Contains(token.Kinds, t.Kind) {
			views[n].Active = t.Live(f.cfg.Now().UnixMilli())
		}
		if t.Workspace == "" {
			views[n].LastUse = nil
		}
	}
	return views, nil
}

// attention serves GET /v1/tokens/attention.
func (f *Face) attention(c *web.Call, who *caller) error {
	a, err := f.cfg.Store.Attention(c.Context(), who.workspace)
	if err != nil {
		return err
	}
	return c.WriteJSON(http.StatusOK, map[string]any{
		"looked_at": a.Count, "at_least": a.AtLeast, "expiring_30_days": a.Expiring, "never_used_30_days": a.NeverUsed, "idle_90_days": a.Idle,
		"no_owner": a.NoOwner, "no_purpose": a.NoPurpose, "broad_scopes": a.Broad,
	})
}

// A lookUpBody names a credential by its secret, or by what a browser makes of
// it, so that the secret itself need not travel.
type lookUpBody struct {
	Token    string `json:"token"`
	SHA256   string `json:"sha256"`
	LastFour string `json:"last_four"`
}

// lookUp serves POST /v1/tokens/lookup: whose is this? It finds what ended too.
// What is unknown, another's, or merely resembles one is not found.
func (f *Face) lookUp(c *web.Call, who *caller) error {
	var body lookUpBody
	if err := c.JSON(&body); err != nil {
		return err
	}
	if (body.Token == "") == (body.SHA256 == "") {
		return token.AtField("token", "name the token, or its sha256 and last_four")
	}
	found, err := f.find(c, who, body)
	if err != nil {
		return err
	}
	if found == nil {
		return notFound("credential")
	}
	views, err := f.listed(c, []*token.Token{found})
	if err != nil {
		return err
	}
	return c.WriteJSON(http.StatusOK, views[0])
}

func (f *Face) find(c *web.Call, who *caller, body lookUpBody) (*token.Token, error) {
	if body.Token == "" {
		hash, err := hex.DecodeString(body.SHA256)
		if err != nil || len(hash) != len(token.Hash{}) {
			return nil, token.AtField("sha256", "must be 64 hex digits")
		}
		if len(body.LastFour) != 4 {
			return nil, token.AtField("last_four", "must be the last four characters of the secret: by them it is found")
		}
		return f.cfg.Authority.LookUpHash(c.Context(), who.workspace, token.Hash(hash), body.LastFour)
	}
	return f.cfg.Authority.LookUp(c.Context(), who.workspace, body.Token)
}

type brownoutBody struct {
	Minutes int64 `json:"minutes"`
}

// brownOut serves POST /v1/tokens/{id}/brownout.
func (f *Face) brownOut(c *web.Call, who *caller) error {
	t, err := f.found(c, who, token.AdminWrite)
	if err != nil {
		return err
	}
	var body brownoutBody
	if err := c.JSON(&body); err != nil {
		return err
	}
	if err := f.cfg.Authority.Brownout(c.Context(), who.actor, t, time.Duration(min(body.Minutes, 1<<20))*time.Minute); err != nil {
		return err
	}
	return f.writeAgain(c, t)
}

// A refusedView is somebody who needed the token while it was suspended.
type refusedView struct {
	Address string  `json:"address"`
	Agent   string  `json:"user_agent"`
	Route   string  `json:"route"`
	Count   int64   `json:"count"`
	LastAt  *string `json:"last_at"`
}

// brownedOut serves GET /v1/tokens/{id}/brownout: who was refused meanwhile.
func (f *Face) brownedOut(c *web.Call, who *caller) error {
	t, err := f.found(c, who, token.AdminRead)
	if err != nil {
		return err
	}
	needs, err := f.cfg.Authority.Needs(c.Context(), t)
	if err != nil {
		return err
	}
	all, count := []refusedView{}, int64(0)
	for _, s := range needs {
		all = append(all, refusedView{s.Address, s.Agent, s.Route, s.Count, instant(s.Last)})
		count += s.Count
	}
	return c.WriteJSON(http.StatusOK, map[string]any{
		"suspended_at": instant(t.SuspendedAt), "suspended_until": instant(t.SuspendedUntil), "refused": count, "by": all,
	})
}

// number reads a whole number above 0, 0 where it is not named.
func (f *filter) number(name string, most int) int {
	text := f.form.Get(name)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		f.fail(token.AtField(name, "must be a whole number from 1 to %d", most))
		return 0
	}
	return n
}
