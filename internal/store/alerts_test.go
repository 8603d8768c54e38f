package store

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fichadev/ficha/internal/token"
)

// turn writes a turn of an incident and reports whether it won.
func turn(t *testing.T, s *Store, was, next token.Alert) (won bool) {
	t.Helper()
	must(t, s.Do(t.Context(), func(tx *Tx) (err error) {
		won, err = tx.TurnAlert(t.Context(), was, next)
		return err
	}))
	return won
}

func TestIncidentIsTurnedOnceFromTheStateItLeaves(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		pending := token.Alert{ID: newID(token.Long), Workspace: "w", Rule: "r", Class: token.External, Severity: "page", State: token.AlertPending, Since: 1}
		again := pending
		again.ID = newID(token.Long)
		if !turn(t, s, token.Alert{}, pending) || turn(t, s, token.Alert{}, again) {
			t.Fatal("a rule has two incidents, or none")
		}
		firing := pending
		firing.State, firing.FiredAt, firing.Detail = token.AlertFiring, 2, map[string]any{"value": "much"}
		var won atomic.Int64
		var racers sync.WaitGroup
		for range 4 {
			racers.Go(func() {
				if turn(t, s, pending, firing) {
					won.Add(1)
				}
			})
		}
		racers.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d of 4 racers fired it", won.Load())
		}
		open, err := s.OpenAlerts(t.Context(), "w")
		if d := cmp.Diff([]token.Alert{firing}, open); err != nil || d != "" {
			t.Errorf("%v; want -, got +:\n%s", err, d)
		}
		resolved := firing
		resolved.State, resolved.ResolvedAt = token.AlertResolved, 3
		if turn(t, s, pending, token.Alert{}) || !turn(t, s, firing, resolved) || turn(t, s, firing, resolved) {
			t.Error("it was not resolved once")
		}
		if !turn(t, s, token.Alert{}, again) || !turn(t, s, again, token.Alert{}) {
			t.Error("the next incident of the rule did not begin and pass")
		}
	})
}

func TestIncidentsAreListedByWorkspaceNewestFirst(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		var ids []token.ID
		for _, of := range []struct {
			workspace, rule string
			state           token.AlertState
		}{{"w", "a", token.AlertResolved}, {"v", "a", token.AlertFiring}, {"w", "b", token.AlertFiring}, {"w", "a", token.AlertFiring}, {"w", "c", token.AlertPending}} {
			a := token.Alert{ID: newID(token.Long), Workspace: of.workspace, Rule: of.rule, State: of.state, Class: token.Internal}
			if of.state == token.AlertResolved {
				a.ResolvedAt = 1
			}
			ids = append(ids, a.ID)
			turn(t, s, token.Alert{}, a)
		}
		for _, c := range []struct {
			q    token.AlertQuery
			want []token.ID
		}{
			{token.AlertQuery{}, []token.ID{ids[4], ids[3], ids[2], ids[0]}},
			{token.AlertQuery{Limit: 2}, []token.ID{ids[4], ids[3]}},
			{token.AlertQuery{Before: ids[3]}, []token.ID{ids[2], ids[0]}},
			{token.AlertQuery{State: token.AlertFiring}, []token.ID{ids[3], ids[2]}},
			{token.AlertQuery{Rule: "a"}, []token.ID{ids[3], ids[0]}},
		} {
			c.q.Workspace = "w"
			page, err := s.Alerts(t.Context(), c.q)
			must(t, err)
			var got []token.ID
			for _, a := range page {
				got = append(got, a.ID)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("%+v; want -, got +:\n%s", c.q, d)
			}
		}
		firing, err := s.FiringAlerts(t.Context())
		if err != nil || firing[token.Internal] != 3 || len(firing) != 1 {
			t.Errorf("firing: %v, %v", firing, err)
		}
	})
}

func TestOnlyBusyAndAlertedWorkspacesAreWatched(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		must(t, s.FlushTraffic(t.Context(), []token.Traffic{
			{Minute: 60_000, Workspace: "idle", Class: token.External, Count: 1},
			{Minute: 120_000, Workspace: "busy", Class: token.External, Count: 1},
			{Minute: 120_000, Workspace: "busy", Class: token.Internal, Count: 1},
			{Minute: 180_000, Workspace: "", Class: token.Internal, Count: 1},
		}))
		turn(t, s, token.Alert{}, token.Alert{ID: newID(token.Long), Workspace: "alerted", Rule: "a", State: token.AlertFiring})
		turn(t, s, token.Alert{}, token.Alert{ID: newID(token.Long), Workspace: "over", Rule: "a", State: token.AlertResolved, ResolvedAt: 1})
		got, err := s.WatchedWorkspaces(t.Context(), 120_000)
		if d := cmp.Diff([]string{"alerted", "busy"}, got); err != nil || d != "" {
			t.Errorf("%v; want -, got +:\n%s", err, d)
		}
		plan := explain(t, s, watchedWorkspaces, []any{int64(120_000)})
		if strings.Contains(plan, "SCAN traffic\n") || strings.Contains(plan, "SCAN alerts\n") {
			t.Errorf("a table is read as a whole:\n%s", plan)
		}
	})
}

func TestRulesOfAWorkspaceAreKeptAsTheyWerePut(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		for _, want := range []string{"", "[]", `[{"name":"a"}]`, ""} {
			var text []byte
			if want != "" {
				text = []byte(want)
			}
			do(t, s, func(tx *Tx) error { return tx.PutAlertRules(t.Context(), "w", text) })
			got, err := s.AlertRules(t.Context(), "w")
			if err != nil || string(got) != want || (got == nil) != (want == "") {
				t.Errorf("got %q, %v; want %q", got, err, want)
			}
		}
	})
}

func TestIncidentsAreForgottenLongAfterTheyAreOver(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		old := time.Now().Add(-alertsKept - time.Hour).UnixMilli()
		for rule, a := range map[string]token.Alert{
			"old": {State: token.AlertResolved, ResolvedAt: old}, "young": {State: token.AlertResolved, ResolvedAt: old + 2*time.Hour.Milliseconds()},
			"firing": {State: token.AlertFiring, Since: old},
		} {
			a.ID, a.Workspace, a.Rule = newID(token.Long), "w", rule
			turn(t, s, token.Alert{}, a)
		}
		if _, err := s.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		page, err := s.Alerts(t.Context(), token.AlertQuery{Workspace: "w"})
		if err != nil || len(page) != 2 {
			t.Errorf("%d are left, %v; want 2", len(page), err)
		}
	})
}
