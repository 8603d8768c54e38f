package store

import (
	"database/sql"
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
		three := record(t, s, 3, func(e *token.Event) { e.Actor.ID, e.Action, e.Target = "u2", "member.removed", "user:u9" })
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
	for text, index := range map[string]string{
		eventsOfWorkspace: "events_workspace (workspace=? AND id>? AND id<?)",
		eventsOfTarget:    "events_target (target=? AND id>? AND id<?)",
	} {
		plan, err := all(t.Context(), s.reads, "EXPLAIN QUERY PLAN "+text, func(r *sql.Rows) (detail string, err error) {
			var n [3]int
			err = r.Scan(&n[0], &n[1], &n[2], &detail)
			return detail, err
		}, "ws1", "token:t1", 9, 1, "", 0, "", "", 50)
		if got := strings.Join(plan, "; "); err != nil || !strings.Contains(got, index) || strings.Contains(got, "B-TREE") {
			t.Errorf("the plan is %q, %v; want a search of %s", got, err, index)
		}
	}
}
