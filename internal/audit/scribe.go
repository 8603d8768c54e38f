package audit

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// A Target names what an event is about: "token:…", "client:…", "user:…".
type Target struct {
	Kind, ID string
	Name     string // for people
}

// Note makes the record of a deed that was done at an instant.
func Note(at time.Time, who token.Actor, workspace, action string, on Target, detail map[string]any) *token.Event {
	return &token.Event{
		ID: token.OrderedID(at), At: at.UnixMilli(), Workspace: workspace, Actor: who, Action: action,
		Target: on.Kind + ":" + on.ID, TargetName: on.Name, Outcome: token.Done, Detail: detail,
	}
}

// Deliveries returns one outbox row for each subscription of the workspace
// that matches the event, none where nobody listens. The body is the payload
// of Standard Webhooks 1.0: type, timestamp, data.
func Deliveries(w *token.Workspace, e *token.Event) ([]token.Delivery, error) {
	if w == nil {
		return nil, nil
	}
	var out []token.Delivery
	var body []byte
	for _, h := range w.Webhooks {
		if !listens(h, e.Action) {
			continue
		}
		if body == nil {
			var err error
			if body, err = payload(e); err != nil {
				return nil, err
			}
		}
		out = append(out, token.Delivery{
			ID: token.OrderedID(time.UnixMilli(e.At)), Webhook: h.ID, Event: e.ID, Type: e.Action, Subject: e.Target,
			Body: body, At: e.At,
		})
	}
	return out, nil
}

func listens(h token.Webhook, action string) bool {
	if h.DisabledAt != 0 {
		return false
	}
	for _, pattern := range h.Events {
		if pattern == action || pattern == "*" {
			return true
		}
		if group, ok := strings.CutSuffix(pattern, ".*"); ok && strings.HasPrefix(action, group+".") {
			return true
		}
	}
	return false
}

func payload(e *token.Event) ([]byte, error) {
	data := map[string]any{
		"id": e.ID.String(), "workspace": e.Workspace, "target": e.Target, "target_name": e.TargetName,
		"actor": map[string]any{"type": e.Actor.Kind, "id": e.Actor.ID, "name": e.Actor.Name},
	}
	for k, v := range e.Detail {
		if _, taken := data[k]; !taken {
			data[k] = v
		}
	}
	b, err := json.Marshal(map[string]any{
		"type": e.Action, "timestamp": time.UnixMilli(e.At).UTC().Format(time.RFC3339Nano), "data": data,
	})
	if err != nil {
		return nil, fmt.Errorf("write a delivery: %w", err)
	}
	return b, nil
}
