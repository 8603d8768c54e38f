// Package jobs knows what happens later: which work is done every so often, by
// one node or by each, and when it was done last. What the work is, it is
// given.
package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// A Job is work that is done every so often. Run is called with the instant at
// which the run began and must be safe to break off at any line: ctx ends when
// the runner stops or the run's time is over.
type Job struct {
	Name  string
	Every time.Duration
	Run   func(ctx context.Context, now time.Time) error

	// EachNode is set where every node does the work for itself. Otherwise one
	// node does it in a period, whichever comes first; a period that nobody was
	// there for is made up for by one run.
	EachNode bool
	// AtStop is set where a last run is due when the runner stops.
	AtStop bool
}

// Claims tells nodes whose turn it is.
type Claims interface {
	// ClaimJob gives a job to one owner for a lease, if it is due and free.
	ClaimJob(ctx context.Context, name, owner string, now time.Time, every, lease time.Duration) (bool, error)
	// FinishJob gives it back; after a fault nobody tries before again.
	FinishJob(ctx context.Context, name, owner string, began time.Time, fault string, again time.Time) error
}

// Config says what a Runner works with. All fields but Ran are required.
type Config struct {
	Claims Claims
	Owner  string // this node among the others
	Now    func() time.Time
	Log    *slog.Logger
	// Ran is told of every run; nil: nobody is. It may be called by many at once.
	Ran func(job string, r Run)
}

// A Run is one time that a job was done on this node.
type Run struct {
	Every time.Duration // of the job
	Began time.Time
	Took  time.Duration
	Err   error
	Done  time.Time // when the last run that succeeded began, this one or one before; zero: none did
}

const (
	// lease is the longest run: a job that has more to do goes on in its next.
	lease = 2 * time.Minute
	// looks is how seldom a node sees whether a job that others may do is due. It
	// looks at least four times a period: a tick that comes a moment before the
	// period is over must not cost a whole one.
	looks = 15 * time.Second
	// retry is how long nobody tries again what failed, a period at most.
	retry = time.Minute
	// farewell is the longest last run.
	farewell = 5 * time.Second
)

// A Runner does jobs. Its methods may be called by many at once.
type Runner struct {
	cfg  Config
	jobs []Job

	mu     sync.Mutex
	stop   context.CancelFunc // nil until started
	over   bool
	began  time.Time // zero until started
	last   map[string]Run
	active sync.WaitGroup
}

// New returns a runner of jobs, which does nothing until it is started.
func New(cfg Config, jobs ...Job) *Runner {
	return &Runner{cfg: cfg, jobs: jobs, last: map[string]Run{}}
}

// Start begins to do the jobs, those that are due at once. Starting twice, or
// after stopping, does nothing.
func (r *Runner) Start() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stop != nil || r.over {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.stop, r.began = cancel, r.cfg.Now()
	for _, j := range r.jobs {
		r.active.Go(func() { r.loop(ctx, j) })
	}
}

// Stop breaks off what runs, does the last runs, and returns when all is quiet.
// Stopping twice, or before starting, is fine.
func (r *Runner) Stop() {
	r.mu.Lock()
	r.over = true
	stop := r.stop
	r.mu.Unlock()
	if stop != nil {
		stop()
		r.active.Wait()
	}
}

// Jobs returns what the runner does.
func (r *Runner) Jobs() []Job { return slices.Clone(r.jobs) }

// Began returns when the runner was started, zero before that.
func (r *Runner) Began() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.began
}

// Last returns the last run of each job on this node; a job that has not run
// here is not in it.
func (r *Runner) Last() map[string]Run {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make(map[string]Run, len(r.last))
	for name, run := range r.last {
		all[name] = run
	}
	return all
}

func (r *Runner) loop(ctx context.Context, j Job) {
	pause := j.Every
	if !j.EachNode {
		pause = min(pause/4, looks)
	}
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for ctx.Err() == nil {
		if j.EachNode {
			r.do(ctx, j)
		} else {
			r.claim(ctx, j)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	if j.AtStop {
		last, cancel := context.WithTimeout(context.WithValue(context.WithoutCancel(ctx), lastRun{}, true), farewell)
		defer cancel()
		r.do(last, j)
	}
}

// lastRun marks the context of the run that is due when the runner stops.
type lastRun struct{}

func isLast(ctx context.Context) bool { return ctx.Value(lastRun{}) != nil }

// claim does a job if it is this node's turn. If we die before it is given
// back, another node does it when the lease is over.
func (r *Runner) claim(ctx context.Context, j Job) {
	began := r.cfg.Now()
	mine, err := r.cfg.Claims.ClaimJob(ctx, j.Name, r.cfg.Owner, began, j.Every, lease)
	if err != nil {
		r.warn(ctx, j, err)
		return
	}
	if !mine {
		return
	}
	fault := ""
	if run := r.do(ctx, j); run.Err != nil {
		fault = run.Err.Error()
	}
	again := r.cfg.Now().Add(min(j.Every, retry))
	back, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if err := r.cfg.Claims.FinishJob(back, j.Name, r.cfg.Owner, began, fault, again); err != nil {
		r.warn(ctx, j, err)
	}
}

// do runs a job once, and keeps and returns how it went.
func (r *Runner) do(ctx context.Context, j Job) Run {
	ctx, cancel := context.WithTimeout(ctx, lease)
	defer cancel()
	run := Run{Every: j.Every, Began: r.cfg.Now()}
	run.Err = r.guarded(ctx, j, run.Began)
	run.Took = r.cfg.Now().Sub(run.Began)
	if run.Err != nil {
		r.warn(ctx, j, run.Err)
	}
	r.mu.Lock()
	if run.Done = r.last[j.Name].Done; run.Err == nil {
		run.Done = run.Began
	}
	r.last[j.Name] = run
	r.mu.Unlock()
	if r.cfg.Ran != nil {
		r.cfg.Ran(j.Name, run)
	}
	return run
}

// guarded runs a job and returns its panic as a fault: what is done later must
// not take down what answers now.
func (r *Runner) guarded(ctx context.Context, j Job, now time.Time) (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.cfg.Log.Error("a job panicked", slog.String("job", j.Name), slog.String("stack", string(debug.Stack())))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return j.Run(ctx, now)
}

// warn logs a fault, but not that a run was broken off by the runner's end.
func (r *Runner) warn(ctx context.Context, j Job, err error) {
	if ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		r.cfg.Log.Warn("a job was not done", slog.String("job", j.Name), slog.Any("error", err))
	}
}
