package api

import (
	"net/http"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// listEvents serves GET /v1/audit: the records of the workspace, newest first,
// as a page, or streamed as JSON Lines or CSV.
func (f *Face) listEvents(c *web.Call, who *caller) error {
	q := filterOf(c, "actor", "token", "target", "action", "outcome", "request", "from", "until", "limit", "cursor", "format")
	format := formatOf(c, q)
	limit := q.limit()
	trail := token.Trail{
		Workspace: who.workspace, Token: q.id("token"), Target: q.text("target"), Action: q.text("action"), Request: q.text("request"),
		Outcome: q.oneOf("outcome", token.Done, token.Refused), From: q.instant("from"), Until: q.instant("until"),
		Before: q.id("cursor"), Limit: limit,
	}
	if q.err != nil {
		return q.err
	}
	actor, err := f.whoActed(c, q.text("actor"), trail.Token)
	if err != nil {
		return err
	}
	trail.Actor = actor
	if format != "json" {
		return f.exportEvents(c, trail, format)
	}
	events, next, err := f.cfg.Store.Trail(c.Context(), trail)
	if err != nil {
		return err
	}
	answer := page[audit.View]{Items: make([]audit.View, len(events)), Next: cursor(next)}
	for i, e := range events {
		answer.Items[i] = audit.ViewOf(e)
	}
	return c.WriteJSON(http.StatusOK, answer)
}

// whoActed returns the id behind what a caller names as the actor: an id, or an
// e-mail. Where only a credential is named it is whoever acts with that, since
// records are found by their actor.
func (f *Face) whoActed(c *web.Call, named string, credential token.ID) (string, error) {
	if named != "" || credential == 0 {
		return f.personID(c, named)
	}
	r, err := f.cfg.Verifier.Record(c.Context(), credential)
	if err != nil || r == nil {
		return "", err // purged: the records are walked
	}
	return token.ActorOf(r, token.Verdict{}).ID, nil
}
