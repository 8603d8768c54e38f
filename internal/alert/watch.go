package alert

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// Store is what the watch reads.
type Store interface {
	// WatchedWorkspaces returns those with traffic since an instant (ms) or an
	// incident that is not over.
	WatchedWorkspaces(ctx context.Context, since int64) ([]string, error)
	// AlertRules returns the rules of a workspace as they are kept, nil if it made none.
	AlertRules(ctx context.Context, workspace string) ([]byte, error)
	// OpenAlerts returns the incidents of a workspace that are not over.
	OpenAlerts(ctx context.Context, workspace string) ([]token.Alert, error)
	// Traffic returns what was seen, summed over its minutes.
	Traffic(ctx context.Context, q token.TrafficQuery) ([]token.Traffic, error)
}

const (
	// settles is how long after its end a minute is counted: nodes write down
	// what they saw every 10 s.
	settles = 15 * time.Second
	// slowEvery is how often a rule is looked at whose shortest window is slow:
	// to read so much each minute would tell nothing sooner.
	slowEvery, slow = 12 * time.Minute, 180 // minutes
	// busySince is how far back traffic makes a workspace worth a look. It is
	// longer than slowEvery, so that a burst is seen by every rule.
	busySince = 15 * time.Minute
)

// A Watch looks at the workspaces that are busy and turns their incidents. It
// holds nothing that another node needs: incidents are in the store, and their
// turns are conditional on the state they leave. Run is called by one at a time.
type Watch struct {
	store Store
	turn  func(ctx context.Context, was, next token.Alert) error

	rest   []string // workspaces that this pass has not looked at
	slow   bool     // whether the pass looks at slow rules
	slowAt time.Time
}

// New returns a watch that reads a store. turn commits what becomes of an
// incident, if it is still as it was.
func New(store Store, turn func(ctx context.Context, was, next token.Alert) error) *Watch {
	return &Watch{store: store, turn: turn}
}

// Run looks at every workspace with traffic in the last quarter of an hour or an
// incident that is not over. What it has no time for, the next run begins with.
// A fault in one workspace keeps no other from being looked at; Run returns the
// first.
func (w *Watch) Run(ctx context.Context, now time.Time) (fault error) {
	if len(w.rest) == 0 {
		if err := w.begin(ctx, now); err != nil {
			return err
		}
	}
	for len(w.rest) > 0 && ctx.Err() == nil {
		err := w.look(ctx, w.rest[0], now)
		if token.Is(err, token.Unavailable) {
			return err
		}
		if err != nil {
			fault = cmp.Or(fault, fmt.Errorf("alerts of %s: %w", w.rest[0], err))
		}
		w.rest = w.rest[1:]
	}
	return fault
}

func (w *Watch) begin(ctx context.Context, now time.Time) (err error) {
	if w.rest, err = w.store.WatchedWorkspaces(ctx, now.Add(-busySince).UnixMilli()); err != nil {
		return err
	}
	if w.slow = now.Sub(w.slowAt) >= slowEvery; w.slow {
		w.slowAt = now
	}
	return nil
}

// look measures the rules of a workspace and turns its incidents. If we die
// between two, the next run finds the rest as it was.
func (w *Watch) look(ctx context.Context, workspace string, now time.Time) error {
	rules, err := w.rules(ctx, workspace)
	if err != nil {
		return err
	}
	list, err := w.store.OpenAlerts(ctx, workspace)
	if err != nil {
		return err
	}
	open := map[string]token.Alert{}
	for _, a := range list {
		open[a.Rule] = a
	}
	v := view{store: w.store, workspace: workspace, until: now.Add(-settles).Truncate(time.Minute).UnixMilli(), seen: map[int64][]token.Traffic{}}
	for i := range rules {
		r := &rules[i]
		was := open[r.Name]
		delete(open, r.Name)
		if r.Windows()[0] >= slow && !w.slow {
			continue
		}
		if err := w.judge(ctx, &v, r, was, now.UnixMilli()); err != nil {
			return err
		}
	}
	for _, was := range open {
		if err := w.turn(ctx, was, Removed(was, now.UnixMilli())); err != nil {
			return err
		}
	}
	return nil
}

func (w *Watch) rules(ctx context.Context, workspace string) ([]Rule, error) {
	text, err := w.store.AlertRules(ctx, workspace)
	if err != nil || text == nil {
		return Defaults(), err
	}
	return Parse(text)
}

func (w *Watch) judge(ctx context.Context, v *view, r *Rule, was token.Alert, now int64) error {
	windows, err := v.measure(ctx, r)
	if err != nil {
		return err
	}
	next := r.Next(was, r.Level(windows), now)
	if next.State == was.State && next.CalmSince == was.CalmSince {
		return nil
	}
	next.Workspace = v.workspace
	if next.State == token.AlertFiring && was.State != token.AlertFiring {
		next.Detail = r.Detail(windows)
	}
	return w.turn(ctx, was, next)
}

// A view is the traffic of a workspace up to an instant, each window of it read
// once and only when a rule asks.
type view struct {
	store     Store
	workspace string
	until     int64
	seen      map[int64][]token.Traffic // by minutes
}

// measure counts the windows of a rule, the longer ones only while the shorter
// are not calm.
func (v *view) measure(ctx context.Context, r *Rule) ([]Count, error) {
	var windows []Count
	for _, minutes := range r.Windows() {
		traffic, ok := v.seen[minutes]
		if !ok {
			var err error
			q := token.TrafficQuery{Workspace: v.workspace, From: v.until - minutes*minute, Until: v.until}
			if traffic, err = v.store.Traffic(ctx, q); err != nil {
				return nil, err
			}
			v.seen[minutes] = traffic
		}
		c := r.Count(minutes, traffic)
		windows = append(windows, c)
		if r.level(c) == Calm {
			break
		}
	}
	return windows, nil
}
