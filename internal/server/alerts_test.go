package server_test

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/alert"
	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

// alerted has two workspaces, one of which has a subscription.
const alerted = `
workspaces: [{id: w, name: Acme}, {id: v, name: Other}]
users: [{email: ana@example.test, memberships: [{workspace: w, role: super_admin}]}]
webhooks: [{workspace: w, url: "https://hooks.example.test/ficha", events: ["alert.*"], secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}]
`

// A stretch is a house in which minutes pass, each with traffic, and each looked
// at when it is over.
type stretch struct {
	*servertest.House
	t    *testing.T
	look func(ctx context.Context, now time.Time) error
}

func stretched(t *testing.T, h *servertest.House) *stretch {
	t.Helper()
	h.Clock.Move(20 * time.Second) // when a minute's counts have settled
	return &stretch{h, t, alert.New(h.Store, h.Authority.TurnAlert).Run}
}

// eachStretch runs a test in a house on SQLite, and on PostgreSQL.
func eachStretch(t *testing.T, test func(*stretch)) {
	t.Run("sqlite", func(t *testing.T) { test(stretched(t, servertest.Start(t, alerted, nil))) })
	if pgtest.Available() {
		t.Run("postgres", func(t *testing.T) {
			database := pgtest.Start(t).Database(t)
			test(stretched(t, servertest.Start(t, alerted, func(c *server.Config) { c.Database = database })))
		})
	}
}

// pass lets minutes pass, each with the same traffic.
func (s *stretch) pass(minutes int, traffic ...token.Traffic) {
	s.t.Helper()
	for range minutes {
		for i := range traffic {
			traffic[i].Minute = s.Clock.Now().Truncate(time.Minute).UnixMilli()
		}
		if err := s.Store.FlushTraffic(s.t.Context(), traffic); err != nil {
			s.t.Fatal(err)
		}
		s.Clock.Move(time.Minute)
		if err := s.look(s.t.Context(), s.Clock.Now()); err != nil {
			s.t.Fatal(err)
		}
	}
}

// told counts the records of an action about a rule in a workspace.
func (s *stretch) told(workspace, action, rule string) (n int) {
	s.t.Helper()
	events, _, err := s.Store.Trail(s.t.Context(), token.Trail{Workspace: workspace, Action: action, Limit: 200})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range events {
		if strings.HasPrefix(e.TargetName, rule) {
			n++
			if e.Actor.Kind != token.System || e.Actor.ID != "alerts" || e.Detail["threshold"] == nil {
				s.t.Errorf("%s by %+v of %v", e.Action, e.Actor, e.Detail)
			}
		}
	}
	return n
}

// deliveries counts what waits for subscribers.
func (s *stretch) deliveries(action string) (n int) {
	s.t.Helper()
	kind, address := "sqlite", "file:"+filepath.Join(s.Config.DataDir, "ficha.db")+"?mode=ro"
	if strings.HasPrefix(s.Config.Database, "postgres") {
		kind, address = "pgx", s.Config.Database
	}
	db, err := sql.Open(kind, address)
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(s.t.Context(), `SELECT COUNT(*) FROM outbox WHERE type = $1`, action).Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

func failing(workspace, class string, of, errors int64) token.Traffic {
	return token.Traffic{Workspace: workspace, Class: class, Route: "/orders", Client: "shop", Count: of, Errors: errors}
}

func slow(workspace, class string, ms int64) token.Traffic {
	t := token.Traffic{Workspace: workspace, Class: class, Route: "/orders"}
	for range 100 {
		t.Observe(200, time.Duration(ms)*time.Millisecond)
	}
	return t
}

func TestIncidentIsToldOnceAndItsEndOnce(t *testing.T) {
	eachStretch(t, func(s *stretch) {
		calm := []token.Traffic{failing("w", token.External, 1000, 0), failing("v", token.External, 1000, 0)}
		bad := []token.Traffic{failing("w", token.External, 1000, 50), failing("v", token.External, 1000, 0)}
		s.pass(10, calm...)
		if n := s.told("w", "alert.firing", ""); n != 0 {
			s.t.Fatalf("%d told of a calm time", n)
		}
		s.pass(10, bad...)
		if n := s.told("w", "alert.firing", "external-errors"); n != 1 {
			s.t.Errorf("told %d times", n)
		}
		s.pass(45, calm...)
		for _, rule := range []string{"external-errors", "external-burn-1h"} {
			if fired, over := s.told("w", "alert.firing", rule), s.told("w", "alert.resolved", rule); fired != 1 || over != 1 {
				s.t.Errorf("%s fired %d times and was resolved %d times", rule, fired, over)
			}
		}
		if n := s.told("w", "alert.firing", "internal-"); n != 0 {
			s.t.Error("internal traffic was told of")
		}
		if n := s.told("v", "alert.", ""); n != 0 {
			s.t.Error("another workspace was told")
		}
		if records, sent := s.told("w", "alert.firing", ""), s.deliveries("alert.firing"); records != sent {
			s.t.Errorf("%d records and %d deliveries", records, sent)
		}
	})
}

func TestInternalTrafficHasItsOwnThresholds(t *testing.T) {
	eachStretch(t, func(s *stretch) {
		s.pass(12, failing("w", token.Internal, 10_000, 50), failing("w", token.External, 10_000, 50), // 0.5 %
			slow("v", token.Internal, 300), slow("v", token.External, 300))
		for _, c := range []struct {
			workspace, rule string
			want            int
		}{{"w", "internal-errors", 1}, {"w", "external-errors", 0}, {"v", "internal-p95", 1}, {"v", "external-p95", 0}} {
			if n := s.told(c.workspace, "alert.firing", c.rule); n != c.want {
				s.t.Errorf("%s: told %d times of %s, want %d", c.workspace, n, c.rule, c.want)
			}
		}
	})
}

// dancing is a rule without patience, which a share around it must not turn
// again and again.
func (s *stretch) dancing() {
	s.t.Helper()
	rules := []alert.Rule{{
		Name: "dance", Kind: alert.ErrorRate, Class: token.External, Severity: alert.Page, Over: 0.01, Window: 1, MinRequests: 1, MinBad: 1,
	}}
	if err := s.Authority.PutAlertRules(s.t.Context(), token.Actor{Kind: token.System, ID: "apply"}, "w", rules, ""); err != nil {
		s.t.Fatal(err)
	}
}

func TestShareAroundItsLimitTellsNobodyTwice(t *testing.T) {
	eachStretch(t, func(s *stretch) {
		s.dancing()
		for range 20 {
			s.pass(1, failing("w", token.External, 1000, 12))
			s.pass(2, failing("w", token.External, 1000, 0))
		}
		if fired, over := s.told("w", "alert.firing", "dance"), s.told("w", "alert.resolved", "dance"); fired != 1 || over != 0 {
			s.t.Errorf("fired %d times, was resolved %d times", fired, over)
		}
		s.pass(8) // and without any traffic it is over
		if over := s.told("w", "alert.resolved", "dance"); over != 1 {
			s.t.Errorf("resolved %d times", over)
		}
	})
}

func TestRuleThatIsTakenAwayResolvesItsIncident(t *testing.T) {
	eachStretch(t, func(s *stretch) {
		s.dancing()
		s.pass(2, failing("w", token.External, 1000, 900))
		if err := s.Authority.PutAlertRules(s.t.Context(), token.Actor{Kind: token.System, ID: "apply"}, "w", []alert.Rule{}, ""); err != nil {
			s.t.Fatal(err)
		}
		s.pass(3, failing("w", token.External, 1000, 900))
		if fired, over := s.told("w", "alert.firing", ""), s.told("w", "alert.resolved", ""); fired != 1 || over != 1 {
			s.t.Errorf("fired %d times, was resolved %d times", fired, over)
		}
	})
}

// Whoever dies before or after the commit of a turn is followed by a node that
// knows nothing but what is in the store.
func TestDeathAtATurnNeitherRepeatsNorForgets(t *testing.T) {
	eachStretch(t, func(s *stretch) {
		s.dancing()
		died, turns := errors.New("died"), 0
		s.look = func(ctx context.Context, now time.Time) error {
			w := alert.New(s.Store, func(ctx context.Context, was, next token.Alert) error {
				switch turns++; turns % 3 {
				case 1:
					return died
				case 2:
					return errors.Join(s.Authority.TurnAlert(ctx, was, next), died)
				}
				return s.Authority.TurnAlert(ctx, was, next)
			})
			if err := w.Run(ctx, now); err != nil && !errors.Is(err, died) {
				return err
			}
			return nil
		}
		s.pass(5, failing("w", token.External, 1000, 100))
		s.pass(12, failing("w", token.External, 1000, 0))
		if fired, over := s.told("w", "alert.firing", "dance"), s.told("w", "alert.resolved", "dance"); fired != 1 || over != 1 {
			s.t.Errorf("fired %d times, was resolved %d times", fired, over)
		}
		if fired, over := s.deliveries("alert.firing"), s.deliveries("alert.resolved"); fired != 1 || over != 1 {
			s.t.Errorf("%d and %d deliveries", fired, over)
		}
	})
}

func TestTwoNodesTellOnce(t *testing.T) {
	if !pgtest.Available() {
		t.Log("one process owns an SQLite database; nothing to race with")
		return
	}
	key := token.HashOf("their master key")
	database := pgtest.Start(t).Database(t)
	node := func() *servertest.House {
		return servertest.Start(t, alerted, func(c *server.Config) { c.Database, c.MasterKey = database, hex.EncodeToString(key[:]) })
	}
	s := stretched(t, node())
	s.dancing()
	other := node()
	watches := []*alert.Watch{alert.New(s.Store, s.Authority.TurnAlert), alert.New(other.Store, other.Authority.TurnAlert)}
	s.look = func(ctx context.Context, now time.Time) error {
		errs := make([]error, len(watches))
		var all sync.WaitGroup
		for i, w := range watches {
			all.Go(func() { errs[i] = w.Run(ctx, now) })
		}
		all.Wait()
		return errors.Join(errs...)
	}
	s.pass(5, failing("w", token.External, 1000, 100))
	s.pass(12, failing("w", token.External, 1000, 0))
	if fired, over := s.told("w", "alert.firing", ""), s.told("w", "alert.resolved", ""); fired != 1 || over != 1 {
		t.Errorf("fired %d times, was resolved %d times", fired, over)
	}
}

// What a run has no time for is looked at by the next one.
func TestWatchGoesOnWhereItWasBrokenOff(t *testing.T) {
	s := stretched(t, servertest.Start(t, alerted, nil))
	ctx, cancel := context.WithCancel(t.Context())
	var seen []string
	w := alert.New(s.Store, func(_ context.Context, _, next token.Alert) error {
		seen = append(seen, next.Workspace)
		cancel() // the time is over in the midst of the first workspace
		return nil
	})
	s.look = func(context.Context, time.Time) error { return nil }
	s.pass(2, failing("v", token.External, 1000, 900), failing("w", token.External, 1000, 900))
	for _, want := range []string{"v", "w"} {
		seen = nil
		if err := w.Run(ctx, s.Clock.Now()); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		for _, workspace := range seen {
			if workspace != want {
				t.Errorf("the run turned %v, want those of %s", seen, want)
			}
		}
		if len(seen) == 0 {
			t.Errorf("nothing of %s was turned", want)
		}
		ctx, cancel = t.Context(), func() {}
	}
}
