package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

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
	t, err := f.current(c.Context(), id)
	if err != nil {
		return nil, err
	}
	if t != nil && who.is(t) {
		return t, nil
	}
	if who.client == nil {
		if err := who.mayAdministrate(scope); err != nil {
			return nil, err
		}
	}
	if t == nil || !who.sees(t) {
		return f.roaming(c, who, t, scope)
	}
	return t, nil
}

// roaming returns a token that opens the workspace among others, since it is
// bound to none: the lists of each show it, and its person alone may change it.
func (f *Face) roaming(c *web.Call, who *caller, t *token.Token, scope string) (*token.Token, error) {
	if t == nil || who.client != nil || t.Kind != token.Personal || t.Workspace != "" {
		return nil, notFound("token")
	}
	p, err := f.cfg.Verifier.Person(c.Context(), t.Person)
	if err != nil {
		return nil, err
	}
	if p == nil || !p.In(who.workspace).Live() {
		return nil, notFound("token")
	}
	if scope != token.AdminRead {
		return nil, token.Errorf(token.Forbidden, "the token opens other workspaces too: revoke by its user, which ends it in this one")
	}
	return t, nil
}

// current returns the secret that an id means: that of a credential is its
// newest that was seen, also where the first has been replaced and is gone; nil
// if there is none.
func (f *Face) current(ctx context.Context, id token.ID) (*token.Token, error) {
	r, err := f.cfg.Verifier.Record(ctx, id)
	if err != nil {
		return nil, err
	}
	if r != nil && (r.Token.Credential != id || r.Token.Successor == 0 && r.Token.EndedAt == 0) {
		return r.Token, nil
	}
	all, err := f.cfg.Store.Secrets(ctx, id)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	now := f.cfg.Now().UnixMilli()
	for _, t := range slices.Backward(all) {
		if t.Live(now) && !t.Pending() && t.RetiresAt == 0 {
			return t, nil
		}
	}
	return all[len(all)-1], nil
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
	view, err := f.view(c, t)
	if err != nil {
		return err
	}
	if t.Workspace == "" && !who.is(t) && who.actor.ID != t.Person {
		view.LastUse = nil // as in the lists: it opens other workspaces too
	}
	return c.WriteJSON(http.StatusOK, view)
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

// instantAt reads an RFC 3339 instant of a body as milliseconds, 0 where there is
// none.
func instantAt(name string, text *string) (int64, error) {
	if text == nil {
		return 0, nil
	}
	at, err := time.Parse(time.RFC3339, *text)
	if err != nil || at.UnixMilli() <= 0 {
		return 0, token.AtField(name, "must be an instant such as 2027-01-31T12:00:00Z")
	}
	return at.UnixMilli(), nil
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
	until, err := instantAt("until", why.Until)
	if err != nil {
		return err
	}
	if why.Until != nil && until <= c.Now().UnixMilli() {
		return token.AtField("until", "must be an instant to come, such as 2027-01-31T12:00:00Z")
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
