package api

import (
	"net/http"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// An eventView is a record of the audit as every answer shows it.
type eventView struct {
	ID         string         `json:"id"`
	At         *string        `json:"at"`
	Workspace  string         `json:"workspace"`
	Action     string         `json:"action"`
	Outcome    string         `json:"outcome"`
	Actor      actorView      `json:"actor"`
	Target     string         `json:"target"`
	TargetName string         `json:"target_name,omitempty"`
	Detail     map[string]any `json:"detail,omitempty"`
	Seal       int64          `json:"seal,omitempty"` // the number of the seal that holds it; none yet where it is missing
}

// An actorView is who acted, for whom, and from where.
type actorView struct {
	Type    token.ActorKind `json:"type"`
	ID      string          `json:"id"`
	Name    string          `json:"name,omitempty"`
	Token   string          `json:"token,omitempty"`
	For     string          `json:"on_behalf_of,omitempty"`
	Address string          `json:"address,omitempty"`
	Agent   string          `json:"user_agent,omitempty"`
	Request string          `json:"request_id,omitempty"`
}

func viewOfEvent(e *token.Event) eventView {
	return eventView{
		ID: e.ID.String(), At: instant(e.At), Workspace: e.Workspace, Action: e.Action, Outcome: e.Outcome, Target: e.Target, TargetName: e.TargetName,
		Detail: e.Detail, Seal: e.Seal,
		Actor: actorView{
			Type: e.Actor.Kind, ID: e.Actor.ID, Name: e.Actor.Name, Token: e.Actor.Token.String(), For: e.Actor.For,
			Address: e.Actor.Address, Agent: e.Actor.Agent, Request: e.Actor.Request,
		},
	}
}

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
	answer := page[eventView]{Items: make([]eventView, len(events))}
	for i, e := range events {
		answer.Items[i] = viewOfEvent(e)
	}
	if next != 0 {
		cursor := next.String()
		answer.Next = &cursor
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
