package api

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// listTokens serves GET /v1/tokens: to an administrator those of the workspace,
// to a program those that it issued.
func (f *Face) listTokens(c *web.Call, who *caller) error {
	q := filterOf(c, "type", "kind", "status", "client", "user", "owner", "created_from", "created_before", "expires_from", "expires_before", "q", "limit", "cursor")
	i := token.Inventory{
		Workspace: who.workspace, Person: q.text("user"), Client: q.text("client"), Owner: q.text("owner"), Search: q.text("q"),
		Status:      q.oneOf("status", "active", "suspended", "expired", "revoked"),
		CreatedFrom: q.instant("created_from"), CreatedBefore: q.instant("created_before"),
		ExpiresFrom: q.instant("expires_from"), ExpiresBefore: q.instant("expires_before"), Before: q.id("cursor"),
	}
	kind, limit := q.kind(), q.limit()
	if kind != "" {
		i.Kinds = []token.Kind{kind}
	}
	if q.err != nil {
		return q.err
	}
	if who.client == nil {
		if err := who.mayAdministrate(token.AdminRead); err != nil {
			return err
		}
	} else if i.Client = cmp.Or(i.Client, who.client.ID); i.Client != who.client.ID {
		return c.WriteJSON(http.StatusOK, page[tokenView]{Items: []tokenView{}})
	}
	return f.writeTokens(c, i, limit)
}

// kind reads a kind of token under either of its two names.
func (f *filter) kind() token.Kind {
	var known []string
	for _, k := range token.Kinds {
		known = append(known, string(k))
	}
	return token.Kind(cmp.Or(f.oneOf("type", known...), f.oneOf("kind", known...)))
}

func (f *Face) writeTokens(c *web.Call, i token.Inventory, limit int) (err error) {
	if i.Owner != "" {
		if i.Owner, err = f.owner(c, i.Workspace, i.Owner); err != nil {
			return err
		}
	}
	if i.Person != "" {
		if i.Person, err = f.personID(c, i.Person); err != nil {
			return err
		}
	}
	more := 0
	if limit < token.MostListed { // one more tells whether there is another page
		more = 1
	}
	i.Limit = limit + more
	tokens, err := f.cfg.Store.Tokens(c.Context(), i)
	if err != nil {
		return err
	}
	views, err := f.views(c, tokens)
	if err != nil {
		return err
	}
	answer := pageOf(views, limit, func(v tokenView) string { return v.SecretID })
	if more == 0 && len(views) == limit {
		answer.Next = &views[limit-1].SecretID
	}
	return c.WriteJSON(http.StatusOK, answer)
}

// found returns the token that the path names if the caller may know of it:
// their own, one that the program issued, or, to an administrator with that
// scope, any of the workspace. All else is not found.
func (f *Face) found(c *web.Call, who *caller, scope string) (*token.Token, error) {
	text, err := c.PathValue("id")
	if err != nil {
		return nil, err
	}
	id, ok := token.ParseID(text)
	if !ok {
		return nil, notFound("token")
	}
	r, err := f.cfg.Verifier.Record(c.Context(), id)
	if err != nil {
		return nil, err
	}
	if r != nil && who.is(r.Token) {
		return r.Token, nil
	}
	if who.client == nil {
		if err := who.mayAdministrate(scope); err != nil {
			return nil, err
		}
	}
	if r == nil || !who.sees(r.Token) {
		return nil, notFound("token")
	}
	return r.Token, nil
}

// sees reports whether a token is one that the caller looks after.
func (k *caller) sees(t *token.Token) bool {
	if !slices.Contains(token.Kinds, t.Kind) || t.Workspace != k.workspace {
		return false
	}
	return k.client == nil || t.Client == k.client.ID
}

// getToken serves GET /v1/tokens/{id}.
func (f *Face) getToken(c *web.Call, who *caller) error {
	t, err := f.found(c, who, token.AdminRead)
	if err != nil {
		return err
	}
	return f.writeToken(c, t)
}

func (f *Face) writeToken(c *web.Call, t *token.Token) error {
	view, err := f.view(c, t)
	if err != nil {
		return err
	}
	return c.WriteJSON(http.StatusOK, view)
}

// writeAgain shows a token as it is after a deed.
func (f *Face) writeAgain(c *web.Call, t *token.Token) error {
	r, err := f.cfg.Verifier.Record(c.Context(), t.ID)
	if err != nil {
		return err
	}
	if r == nil {
		return notFound("token")
	}
	return f.writeToken(c, r.Token)
}

// because is the body of the deeds that end or stop something; it may be left
// out.
type because struct {
	Reason string  `json:"reason"`
	Until  *string `json:"until"`
}

func reasonOf(c *web.Call) (because, error) {
	var why because
	body, err := c.Body()
	if err != nil || len(body) == 0 {
		return why, err
	}
	return why, c.JSON(&why)
}

// revokeToken serves POST /v1/tokens/{id}/revoke. Ending what has ended keeps
// the first instant and reason, and is no refusal.
func (f *Face) revokeToken(c *web.Call, who *caller) error {
	t, err := f.found(c, who, token.AdminWrite)
	if err != nil {
		return err
	}
	why, err := reasonOf(c)
	if err != nil {
		return err
	}
	if why.Until != nil {
		return token.AtField("until", "a token is revoked for ever; suspend it instead")
	}
	err = f.cfg.Authority.Revoke(c.Context(), who.actor, t, why.Reason)
	if err != nil && !token.Is(err, token.Conflict) {
		return err
	}
	return f.writeAgain(c, t)
}

// suspendToken serves POST /v1/tokens/{id}/suspend.
func (f *Face) suspendToken(c *web.Call, who *caller) error {
	t, err := f.found(c, who, token.AdminWrite)
	if err != nil {
		return err
	}
	why, err := reasonOf(c)
	if err != nil {
		return err
	}
	var until int64
	if why.Until != nil {
		at, err := time.Parse(time.RFC3339, *why.Until)
		if err != nil || !at.After(c.Now()) {
			return token.AtField("until", "must be an instant to come, such as 2027-01-31T12:00:00Z")
		}
		until = at.UnixMilli()
	}
	if err := f.cfg.Authority.Suspend(c.Context(), who.actor, t, until, why.Reason); err != nil {
		return err
	}
	return f.writeAgain(c, t)
}

// resumeToken serves POST /v1/tokens/{id}/resume. A token that is not suspended
// is as it was asked to be.
func (f *Face) resumeToken(c *web.Call, who *caller) error {
	t, err := f.found(c, who, token.AdminWrite)
	if err != nil {
		return err
	}
	if t.SuspendedAt == 0 && t.EndedAt == 0 {
		return f.writeToken(c, t)
	}
	if err := f.cfg.Authority.Resume(c.Context(), who.actor, t); err != nil {
		return err
	}
	return f.writeAgain(c, t)
}
