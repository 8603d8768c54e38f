package audit_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// subscribed is a workspace with one subscription for each list of events,
// whose id is its place in it, from 1.
func subscribed(events ...[]string) *token.Workspace {
	w := &token.Workspace{ID: "ws1"}
	for i, names := range events {
		w.Webhooks = append(w.Webhooks, token.Webhook{ID: token.ID(i + 1), Workspace: w.ID, Events: names})
	}
	return w
}

func TestSubscribersHearWhatTheyAskedFor(t *testing.T) {
	w := subscribed([]string{"token.issued"}, []string{"token.*"}, []string{"*"}, []string{"member.*"}, []string{"token"}, []string{"member.added", "token.*"}, nil)
	for action, want := range map[string][]token.ID{
		"token.issued":  {1, 2, 3, 6},
		"token.revoked": {2, 3, 6},
		"member.added":  {3, 4, 6},
		"tokens.issued": {3},
		"token":         {3, 5},
	} {
		e := audit.Note(start, token.Actor{}, "ws1", action, audit.Target{}, nil)
		out, err := audit.Deliveries(w, e)
		if err != nil {
			t.Fatal(err)
		}
		var got []token.ID
		for _, d := range out {
			got = append(got, d.Webhook)
			if d.Event != e.ID || d.Type != action || d.At != start.UnixMilli() {
				t.Errorf("%s: the delivery is of %v, %s at %d", action, d.Event, d.Type, d.At)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s is delivered to %v, want %v", action, got, want)
		}
	}
	if out, err := audit.Deliveries(nil, audit.Note(start, token.Actor{}, "", "token.issued", audit.Target{}, nil)); out != nil || err != nil {
		t.Errorf("a deed on the server as a whole: %v, %v; want nobody to hear", out, err)
	}
}

func TestDeliveryTellsTheDeed(t *testing.T) {
	who := token.Actor{Kind: token.User, ID: "u1", Name: "ana@acme.example", Address: "192.0.2.1", Agent: "curl"}
	at := start.Add(250 * time.Millisecond)
	e := audit.Note(at, who, "ws1", "member.removed", audit.Target{Kind: "user", ID: "u2", Name: "lim@acme.example"},
		map[string]any{"reason": "left", "target": "user:somebody-else"})
	out, err := audit.Deliveries(subscribed([]string{"*"}), e)
	if err != nil || len(out) != 1 {
		t.Fatalf("%v, %v; want one delivery", out, err)
	}
	var got, want any
	if err := json.Unmarshal(out[0].Body, &got); err != nil {
		t.Fatal(err)
	}
	// A detail takes no name that the deed itself has, and where somebody sat
	// is for the audit alone.
	text := fmt.Sprintf(`{"type": "member.removed", "timestamp": "2026-05-01T12:00:00.25Z", "data": {
		"id": %q, "workspace": "ws1", "target": "user:u2", "target_name": "lim@acme.example",
		"actor": {"type": "user", "id": "u1", "name": "ana@acme.example"}, "reason": "left"}}`, e.ID)
	if err := json.Unmarshal([]byte(text), &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %s, want %s", out[0].Body, text)
	}
}

func TestDeliveryThatHasNoJSONIsAFault(t *testing.T) {
	e := audit.Note(start, token.Actor{}, "ws1", "token.issued", audit.Target{}, map[string]any{"x": make(chan int)})
	if out, err := audit.Deliveries(subscribed([]string{"*"}), e); err == nil || token.AsRefusal(err) != nil {
		t.Errorf("%v, %v; want a fault", out, err)
	}
}
