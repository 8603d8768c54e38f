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

// listEvents serves GET /v1/audit: the records of the workspace, newest first.
func (f *Face) listEvents(c *web.Call, who *caller) error {
	q := filterOf(c, "actor", "token", "target", "action", "outcome", "from", "until", "limit", "cursor")
	limit := q.limit()
	trail := token.Trail{
		Workspace: who.workspace, Actor: q.text("actor"), Token: q.id("token"), Target: q.text("target"), Action: q.text("action"),
		Outcome: q.oneOf("outcome", token.Done, token.Refused), From: q.instant("from"), Until: q.instant("until"),
		Before: q.id("cursor"), Limit: min(limit+1, token.MostListed),
	}
	if q.err != nil {
		return q.err
	}
	events, err := f.cfg.Store.Events(c.Context(), trail)
	if err != nil {
		return err
	}
	views := make([]eventView, len(events))
	for i, e := range events {
		views[i] = viewOfEvent(e)
	}
	return c.WriteJSON(http.StatusOK, pageOf(views, limit, func(v eventView) string { return v.ID }))
}
