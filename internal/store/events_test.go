package store

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// record writes an audit row.
func record(t *testing.T, s *Store, n uint32, change func(*token.Event)) *token.Event {
	t.Helper()
	at := spring.Add(time.Duration(n) * time.Second)
	e := &token.Event{
		ID: token.MakeID(at, token.Long, n), At: at.UnixMilli(), Workspace: "ws1", Actor: token.Actor{Kind: token.User, ID: "u1"},
		Action: "token.issued", Target: "token:t1", Outcome: token.Done, Detail: map[string]any{"n": n},
	}
	change(e)
	if err := s.Commit(t.Context(), &token.Deed{Events: []*token.Event{e}}); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestTrailFilters(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		one := record(t, s, 1, func(*token.Event) {})
		two := record(t, s, 2, func(e *token.Event) {
			e.Actor = token.Actor{Kind: token.App, ID: "c1", For: "u1", Token: 77, Agent: "curl/8 \"<x>\""}
			e.Action, e.Target, e.Outcome = "token.revoked", "token:t2", token.Refused
		})
		three := record(t, s, 3, func(e *token.Event) {
			e.Actor.ID, e.Actor.Request, e.Action, e.Target = "u2", "r3", "member.removed", "user:u9"
		})
		record(t, s, 4, func(e *token.Event) { e.Workspace = "ws2" })
		server := record(t, s, 5, func(e *token.Event) { e.Workspace = "" })

		for name, q := range map[string]struct {
			ask  token.Trail
			want []*token.Event
		}{
			"all":             {token.Trail{}, []*token.Event{three, two, one}},
			"actor":           {token.Trail{Actor: "u2"}, []*token.Event{three}},
			"for whom":        {token.Trail{Actor: "u1"}, []*token.Event{two, one}},
			"by token":        {token.Trail{Token: 77}, []*token.Event{two}},
			"target":          {token.Trail{Target: "token:t1"}, []*token.Event{one}},
			"target and time": {token.Trail{Target: "token:t1", From: one.At + 1}, nil},
			"action":          {token.Trail{Action: "token.revoked"}, []*token.Event{two}},
			"actions":         {token.Trail{Action: "token."}, []*token.Event{two, one}},
			"group":           {token.Trail{Action: "token.*"}, []*token.Event{two, one}},
			"beginning":       {token.Trail{Action: "token.revo"}, nil},
			"request":         {token.Trail{Request: "r3"}, []*token.Event{three}},
			"actor, target":   {token.Trail{Actor: "u1", Target: "token:t2"}, []*token.Event{two}},
			"actor, action":   {token.Trail{Actor: "u1", Action: "token.issued"}, []*token.Event{one}},
			"not a wild card": {token.Trail{Action: "%"}, nil},
			"inner part":      {token.Trail{Action: "issued"}, nil},
			"outcome":         {token.Trail{Outcome: token.Refused}, []*token.Event{two}},
			"from":            {token.Trail{From: two.At}, []*token.Event{three, two}},
			"until":           {token.Trail{Until: two.At}, []*token.Event{one}},
			"page":            {token.Trail{Limit: 2}, []*token.Event{three, two}},
			"next page":       {token.Trail{Limit: 2, Before: two.ID}, []*token.Event{one}},
			"SQL":             {token.Trail{Actor: "' OR 1=1 --", Target: "' OR ''='"}, nil},
		} {
			q.ask.Workspace = "ws1"
			got, err := s.Events(t.Context(), q.ask)
			if err != nil || !slices.EqualFunc(got, q.want, func(a, b *token.Event) bool { return a.ID == b.ID }) {
				t.Errorf("%s: %d records, %v; want %d", name, len(got), err, len(q.want))
			}
		}
		got, err := s.Events(t.Context(), token.Trail{})
		if err != nil || len(got) != 1 || got[0].ID != server.ID {
			t.Errorf("the server's own: %v, %v", got, err)
		}
		before, _ := two.Hash()
		e, err := s.Event(t.Context(), "ws1", two.ID)
		if err != nil || e == nil {
			t.Fatal(e, err)
		}
		if after, _ := e.Hash(); after != before {
			t.Errorf("a record is read as another: %+v", e)
		}
		same[*token.Event](t, "another's", nil)(s.Event(t.Context(), "ws2", two.ID))
	})
}

// TestTrailWalksItsIndex: a page costs the same among a million records.
func TestTrailWalksItsIndex(t *testing.T) {
	s := open(t, "sqlite")
	page := []any{"ws1", "token:t1", 9, 1, "u1", 0, "", "", "", 50}
	for text, q := range map[string]struct {
		args    []any
		indexes []string
	}{
		eventsOfWorkspace: {page, []string{"events_workspace (workspace=? AND id>? AND id<?)"}},
		eventsOfTarget:    {page, []string{"events_target (target=? AND id>? AND id<?)"}},
		eventsOfActor: {page, []string{
			"events_actor (workspace=? AND actor=? AND id>? AND id<?)", "events_acting_for (workspace=? AND acting_for=? AND id>? AND id<?)",
		}},
		walkOfWorkspace: {[]any{"ws1", "", 9, 1, 50}, []string{"COVERING INDEX events_workspace (workspace=? AND id>? AND id<?)"}},
		walkOfTarget:    {[]any{"ws1", "t", 9, 1, 50}, []string{"events_target (target=? AND id>? AND id<?)"}},
		walkOfActor:     {[]any{"ws1", "u", 9, 1, 50}, []string{"COVERING INDEX events_actor (workspace=? AND actor=? AND id>? AND id<?)"}},
		walkForWhom:     {[]any{"ws1", "u", 9, 1, 50}, []string{"COVERING INDEX events_acting_for (workspace=? AND acting_for=? AND id>? AND id<?)"}},
	} {
		plan := explain(t, s, text, q.args)
		for _, index := range q.indexes {
			if !strings.Contains(plan, index) || strings.Contains(plan, "B-TREE") || strings.Contains(plan, "SCAN events") {
				t.Errorf("the plan of %s is\n%s\nwant a search of %s", text, plan, index)
			}
		}
	}
}

// TestPageLooksAtABoundedNumberOfRecords: what no index leads to is found all
// the same, over several pages.
func TestPageLooksAtABoundedNumberOfRecords(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		oldest := record(t, s, 1, func(e *token.Event) { e.Action, e.Actor.Request = "member.removed", "r1" })
		for n := range mostWalked / 500 {
			deed := &token.Deed{}
			for i := range 500 {
				id := uint32(2 + n*500 + i)
				deed.Events = append(deed.Events, &token.Event{
					ID: token.MakeID(spring.Add(time.Duration(id)*time.Second), token.Long, id), At: 1, Workspace: "ws1", Actor: token.Actor{ID: "u2"}, Action: "token.issued",
				})
			}
			must(t, s.Commit(t.Context(), deed))
		}
		for name, q := range map[string]struct {
			ask   token.Trail
			pages int
		}{
			"request": {token.Trail{Request: "r1"}, 2}, "action": {token.Trail{Action: "member.*"}, 2},
			"actor": {token.Trail{Actor: "u1"}, 1}, "actor and action": {token.Trail{Actor: "u1", Action: "member.removed"}, 1},
			"target": {token.Trail{Target: "token:t1", Outcome: token.Done}, 1},
		} {
			q.ask.Workspace = "ws1"
			pages, found := 0, 0
			for more := true; more; pages++ {
				page, next, err := s.Trail(t.Context(), q.ask)
				must(t, err)
				for _, e := range page {
					if e.ID != oldest.ID {
						t.Errorf("%s: got %+v", name, e)
					}
					found++
				}
				q.ask.Before, more = next, next != 0
			}
			if pages != q.pages || found != 1 {
				t.Errorf("%s: found %d on %d pages, want 1 on %d", name, found, pages, q.pages)
			}
		}
	})
}

func TestNewestSealOfAWorkspaceIsFound(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		record(t, s, 1, func(*token.Event) {})
		if seal, err := s.LastSeal(t.Context(), "ws1"); err != nil || seal != nil {
			t.Fatalf("before the first: %v, %v", seal, err)
		}
		closeAll(t, s, "ws1")
		two := record(t, s, 2, func(*token.Event) {})
		closeAll(t, s, "ws1")
		if seal, err := s.LastSeal(t.Context(), "ws1"); err != nil || seal == nil || seal.Number != 2 || seal.Last != two.ID {
			t.Errorf("got %+v, %v", seal, err)
		}
		if seal, err := s.LastSeal(t.Context(), "ws2"); err != nil || seal != nil {
			t.Errorf("of another workspace: %v, %v", seal, err)
		}
	})
}
