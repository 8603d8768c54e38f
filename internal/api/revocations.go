package api

import (
	"cmp"
	"maps"
	"net/http"
	"slices"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// A revocationBody asks for one deed on many tokens.
type revocationBody struct {
	Act          token.Act       `json:"act"` // revoke (default), suspend, resume
	By           token.Predicate `json:"by"`
	IssuedBefore *string         `json:"issued_before"`
	Reason       string          `json:"reason"`
	Until        *string         `json:"until"`
	DryRun       bool            `json:"dry_run"`
}

// A revocationView is a deed on many tokens, and how far it is.
type revocationView struct {
	ID           string          `json:"id"`
	Act          token.Act       `json:"act"`
	By           token.Predicate `json:"by"`
	IssuedBefore *string         `json:"issued_before"`
	Reason       string          `json:"reason"`
	Until        *string         `json:"until"`
	State        string          `json:"state"` // running, failed, or done
	Failures     int64           `json:"failures,omitempty"`
	NextTryAt    *string         `json:"next_try_at,omitempty"`
	Fault        string          `json:"fault,omitempty"` // why the last step failed
	Count        int64           `json:"count"`
	AtLeast      bool            `json:"at_least"`
	Position     int64           `json:"position"`
	Event        string          `json:"event"`
	Actor        audit.ActorView `json:"actor"`
	CreatedAt    *string         `json:"created_at"`
	FinishedAt   *string         `json:"finished_at"`
	Receipt      string          `json:"receipt,omitempty"` // not in lists
}

func viewOfRevocation(r *token.Revocation) revocationView {
	v := revocationView{
		ID: r.ID.String(), Act: r.Act, By: r.Predicate, IssuedBefore: instant(r.Predicate.IssuedBefore), Reason: r.Reason, Until: instant(r.Until),
		State: r.State(), Failures: r.Failures, NextTryAt: instant(r.NextAt), Fault: r.Fault, Count: r.Count, AtLeast: r.AtLeast, Position: r.Position, Event: r.Event.String(),
		Actor:     audit.ViewOfActor(r.Actor),
		CreatedAt: instant(r.At()), FinishedAt: instant(r.FinishedAt),
	}
	v.By.IssuedBefore = 0
	return v
}

// revoke serves POST /v1/revocations. To look at what a deed would hit takes no
// more than reading.
func (f *Face) revoke(c *web.Call, who *caller) error {
	var body revocationBody
	wrong := c.JSON(&body)
	scope := token.AdminWrite
	if wrong == nil && body.DryRun {
		scope = token.AdminRead
	}
	if err := who.mayAdministrate(scope); err != nil {
		return err
	}
	if wrong != nil {
		return wrong
	}
	s, err := f.sweep(c, who, &body)
	if err != nil {
		return err
	}
	if body.DryRun {
		return f.dryRun(c, who, s)
	}
	r, err := f.cfg.Authority.Sweep(c.Context(), who.asPerson(), s)
	if err != nil {
		return err
	}
	return f.writeRevocation(c, statusOf(r, http.StatusCreated), r)
}

// statusOf returns the status of an answer about a deed: done, or 202 while it
// goes on.
func statusOf(r *token.Revocation, done int) int {
	if r.Running {
		return http.StatusAccepted
	}
	return done
}

// sweep reads what is asked for; people and owners may be named by address.
func (f *Face) sweep(c *web.Call, who *caller, body *revocationBody) (s authority.Sweep, err error) {
	s = authority.Sweep{Workspace: who.workspace, Act: cmp.Or(body.Act, token.Revoke), By: body.By, Reason: body.Reason}
	if s.By.IssuedBefore != 0 {
		return s, token.AtField("by", "issued_before stands beside by, as an instant")
	}
	if s.By.IssuedBefore, err = instantAt("issued_before", body.IssuedBefore); err != nil {
		return s, err
	}
	if s.Until, err = instantAt("until", body.Until); err != nil {
		return s, err
	}
	if s.By.Owner, err = f.owner(c, who.workspace, s.By.Owner); err != nil {
		return s, err
	}
	s.By.User, err = f.personID(c, s.By.User)
	return s, err
}

// A blastView is what a deed would hit. Uses are as far as they were written
// down, which is every ten seconds.
type blastView struct {
	DryRun   bool                 `json:"dry_run"`
	Cutoff   bool                 `json:"cutoff"` // one row would end them all at once
	Count    int64                `json:"count"`
	AtLeast  bool                 `json:"at_least"` // there may be more: the count is bounded
	Beyond   bool                 `json:"beyond_workspace"`
	UsedDay  int64                `json:"used_last_24_hours"`
	UsedWeek int64                `json:"used_last_7_days"`
	LastUsed *string              `json:"last_used_at"`
	Kinds    map[token.Kind]int64 `json:"kinds"`
	Owners   []ownerView          `json:"owners"` // those with the most, ten at most
	First    []tokenView          `json:"first"`  // the newest, twenty at most
}

type ownerView struct {
	Owner string `json:"owner"` // empty: nobody
	Email string `json:"owner_email,omitempty"`
	Count int64  `json:"count"`
}

// mostOwners is how many owners a dry run names.
const mostOwners = 10

func (f *Face) dryRun(c *web.Call, who *caller, s authority.Sweep) error {
	b, err := f.cfg.Authority.Blast(c.Context(), who.asPerson(), s)
	if err != nil {
		return err
	}
	first, err := f.listed(c, b.First)
	if err != nil {
		return err
	}
	v := blastView{
		DryRun: true, Cutoff: b.Cutoff, Count: b.Count, AtLeast: b.AtLeast, Beyond: b.Beyond, UsedDay: b.Day, UsedWeek: b.Week,
		LastUsed: instant(b.Used), Kinds: b.Kinds, Owners: []ownerView{}, First: first,
	}
	most := slices.SortedFunc(maps.Keys(b.Owners), func(x, y string) int { return cmp.Or(cmp.Compare(b.Owners[y], b.Owners[x]), cmp.Compare(x, y)) })
	for _, owner := range most[:min(mostOwners, len(most))] {
		email, err := f.email(c.Context(), owner, who.workspace)
		if err != nil {
			return err
		}
		v.Owners = append(v.Owners, ownerView{owner, email, b.Owners[owner]})
	}
	return c.WriteJSON(http.StatusOK, v)
}

func (f *Face) writeRevocation(c *web.Call, status int, r *token.Revocation) error {
	v := viewOfRevocation(r)
	var err error
	if v.Receipt, err = f.cfg.Authority.Receipt(r); err != nil {
		return err
	}
	return c.WriteJSON(status, v)
}

// listRevocations serves GET /v1/revocations, newest first.
func (f *Face) listRevocations(c *web.Call, who *caller) error {
	q := filterOf(c, "limit", "cursor")
	limit, before := q.limit(), q.id("cursor")
	if q.err != nil {
		return q.err
	}
	all, err := f.cfg.Store.Revocations(c.Context(), who.workspace, before, limit+1)
	if err != nil {
		return err
	}
	views := make([]revocationView, len(all))
	for i, r := range all {
		views[i] = viewOfRevocation(r)
	}
	return c.WriteJSON(http.StatusOK, pageOf(views, limit, func(v revocationView) string { return v.ID }))
}

// revocationID reads the id in the path.
func revocationID(c *web.Call) (token.ID, error) {
	text, err := c.PathValue("id")
	if err != nil {
		return 0, err
	}
	id, ok := token.ParseID(text)
	if !ok {
		return 0, notFound("revocation")
	}
	return id, nil
}

// retryRevocation serves POST /v1/revocations/{id}/retry: a run that was given up
// goes on. Asked again it does nothing.
func (f *Face) retryRevocation(c *web.Call, who *caller) error {
	id, err := revocationID(c)
	if err != nil {
		return err
	}
	r, err := f.cfg.Authority.RetryRevocation(c.Context(), who.asPerson(), who.workspace, id)
	if err != nil {
		return err
	}
	return f.writeRevocation(c, statusOf(r, http.StatusOK), r)
}

// getRevocation serves GET /v1/revocations/{id}, with its receipt as of now.
func (f *Face) getRevocation(c *web.Call, who *caller) error {
	id, err := revocationID(c)
	if err != nil {
		return err
	}
	r, err := f.cfg.Store.Revocation(c.Context(), who.workspace, id)
	if err != nil {
		return err
	}
	if r == nil {
		return notFound("revocation")
	}
	return f.writeRevocation(c, http.StatusOK, r)
}
