package jobs

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// desk is Claims in memory, shared by nodes.
type desk struct {
	mu    sync.Mutex
	jobs  map[string]*slip
	fault error
}

type slip struct {
	owner       string
	until, last time.Time
	state       string
}

func (d *desk) ClaimJob(_ context.Context, name, owner string, now time.Time, every, lease time.Duration) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fault != nil {
		return false, d.fault
	}
	if d.jobs == nil {
		d.jobs = map[string]*slip{}
	}
	s := d.jobs[name]
	if s == nil {
		s = &slip{}
		d.jobs[name] = s
	}
	if s.until.After(now) || s.last.Add(every).After(now) {
		return false, nil
	}
	s.owner, s.until = owner, now.Add(lease)
	return true, nil
}

func (d *desk) FinishJob(_ context.Context, name, owner string, began time.Time, fault string, again time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.jobs[name]
	switch {
	case s.owner != owner:
	case fault != "":
		s.until, s.state = again, fault
	default:
		s.until, s.last, s.state = time.Time{}, began, "done"
	}
	return nil
}

func (d *desk) state(name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.jobs[name].state
}

func runner(d *desk, owner string, jobs ...Job) *Runner {
	return New(Config{Claims: d, Owner: owner, Now: time.Now, Log: slog.New(slog.DiscardHandler)}, jobs...)
}

// count returns a job that counts its runs.
func count(n *atomic.Int64, j Job) Job {
	j.Run = func(context.Context, time.Time) error { n.Add(1); return nil }
	return j
}

func TestRunThatFailsKeepsWhenTheJobWasDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errDisk := errors.New("disk full")
		var fails atomic.Bool
		r := runner(&desk{}, "a", Job{Name: "seal", Every: time.Minute, EachNode: true, Run: func(context.Context, time.Time) error {
			if fails.Load() {
				return errDisk
			}
			return nil
		}})
		began := time.Now()
		r.Start()
		defer r.Stop()
		synctest.Wait()
		fails.Store(true)
		time.Sleep(3*time.Minute + time.Second)
		synctest.Wait()
		if run := r.Last()["seal"]; !errors.Is(run.Err, errDisk) || !run.Done.Equal(began) || !r.Began().Equal(began) {
			t.Errorf("got %+v, want it done at %v", run, began)
		}
	})
}

func TestJobRunsOncePerPeriodOverAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		d := &desk{}
		for _, owner := range []string{"a", "b", "c"} {
			r := runner(d, owner, count(&n, Job{Name: "purge", Every: time.Hour}))
			r.Start()
			defer r.Stop()
		}
		for hour := range int64(5) {
			time.Sleep(30 * time.Minute) // in the bubble
			synctest.Wait()
			if n.Load() != hour+1 {
				t.Errorf("in hour %d the job has run %d times, want %d", hour, n.Load(), hour+1)
			}
			time.Sleep(30 * time.Minute)
		}
	})
}

// Ticks do not come to the millisecond. One that comes a little early must not
// put the job off to the next period.
func TestJobOfAMinuteRunsEachMinuteWhateverItsTicksDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var began []time.Time
		first := time.Now()
		jitter := func() time.Time { // every second minute begins late
			return time.Now().Add(time.Duration(1+int64(time.Since(first)/time.Minute)%2) * -2 * time.Millisecond)
		}
		r := New(Config{Claims: &desk{}, Owner: "a", Now: jitter, Log: slog.New(slog.DiscardHandler)}, Job{Name: "purge", Every: time.Minute, Run: func(_ context.Context, now time.Time) error {
			began = append(began, now)
			return nil
		}})
		r.Start()
		defer r.Stop()
		time.Sleep(12*time.Minute + time.Second)
		synctest.Wait()
		if len(began) < 10 {
			t.Errorf("%d runs in twelve minutes", len(began))
		}
		for i := range began[1:] {
			if pause := began[i+1].Sub(began[i]); pause < time.Minute || pause > 75*time.Second+5*time.Millisecond {
				t.Errorf("run %d began %v after the one before", i+1, pause)
			}
		}
	})
}

func TestJobOfEachNodeRunsOnEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		d := &desk{}
		for _, owner := range []string{"a", "b"} {
			r := runner(d, owner, count(&n, Job{Name: "seal", Every: time.Second, EachNode: true}))
			r.Start()
			defer r.Stop()
		}
		time.Sleep(9*time.Second + 500*time.Millisecond)
		synctest.Wait()
		if n.Load() != 20 || len(d.jobs) != 0 {
			t.Errorf("%d runs, %d claims; want 20 and none", n.Load(), len(d.jobs))
		}
	})
}

func TestMissedPeriodsAreMadeUpForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		d := &desk{jobs: map[string]*slip{"purge": {last: time.Now()}}}
		time.Sleep(72 * time.Hour) // everybody was away
		r := runner(d, "a", count(&n, Job{Name: "purge", Every: time.Hour}))
		r.Start()
		defer r.Stop()
		time.Sleep(59 * time.Minute)
		synctest.Wait()
		if n.Load() != 1 {
			t.Errorf("%d runs, want 1", n.Load())
		}
	})
}

func TestJobOfADeadNodeIsTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		d := &desk{}
		if ok, err := d.ClaimJob(t.Context(), "purge", "dead", time.Now(), time.Hour, lease); !ok || err != nil {
			t.Fatal(ok, err)
		}
		r := runner(d, "a", count(&n, Job{Name: "purge", Every: time.Hour}))
		r.Start()
		defer r.Stop()
		time.Sleep(lease - time.Second)
		synctest.Wait()
		if n.Load() != 0 {
			t.Error("it was taken within its lease")
		}
		time.Sleep(looks + time.Second)
		synctest.Wait()
		if n.Load() != 1 {
			t.Errorf("%d runs, want 1", n.Load())
		}
	})
}

func TestFaultIsKeptAndTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		errDisk := errors.New("disk full")
		var n atomic.Int64
		told := map[string]int{}
		r := New(Config{
			Claims: d, Owner: "a", Now: time.Now, Log: slog.New(slog.DiscardHandler), Ran: func(job string, _ Run) { told[job]++ },
		}, Job{Name: "purge", Every: time.Hour, Run: func(context.Context, time.Time) error {
			switch n.Add(1) {
			case 1:
				return errDisk
			case 2:
				panic("nil map")
			}
			return nil
		}})
		r.Start()
		defer r.Stop()
		synctest.Wait()
		if run := r.Last()["purge"]; !errors.Is(run.Err, errDisk) || !run.Began.Equal(time.Now()) || d.state("purge") != "disk full" {
			t.Errorf("the first run: %+v, state %q", run, d.state("purge"))
		}
		time.Sleep(retry + looks)
		synctest.Wait()
		if run := r.Last()["purge"]; run.Err == nil || !strings.Contains(run.Err.Error(), "nil map") {
			t.Errorf("after the panic: %v", run.Err)
		}
		time.Sleep(retry + looks)
		synctest.Wait()
		if run := r.Last()["purge"]; run.Err != nil || d.state("purge") != "done" || n.Load() != 3 || told["purge"] != 3 {
			t.Errorf("the third run: %+v, state %q, %d runs, told of %d", run, d.state("purge"), n.Load(), told["purge"])
		}
	})
}

func TestJobIsNotRunWhenNobodyKnowsWhoseTurnItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		r := runner(&desk{fault: errors.New("no database")}, "a", count(&n, Job{Name: "purge", Every: time.Hour}))
		r.Start()
		defer r.Stop()
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		if n.Load() != 0 {
			t.Errorf("%d runs, want none", n.Load())
		}
	})
}

func TestStoppingBreaksOffAndDoesTheLastRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken, last, every atomic.Int64
		r := runner(&desk{}, "a",
			Job{Name: "long", Every: time.Hour, Run: func(ctx context.Context, _ time.Time) error {
				<-ctx.Done()
				broken.Add(1)
				return ctx.Err()
			}},
			Job{Name: "uses", Every: time.Hour, EachNode: true, AtStop: true, Run: func(ctx context.Context, _ time.Time) error {
				last.Add(1)
				return ctx.Err()
			}},
			count(&every, Job{Name: "seal", Every: time.Hour, EachNode: true}))
		r.Start()
		r.Start()
		synctest.Wait()
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(r.Stop)
		}
		wg.Wait()
		if broken.Load() != 1 || last.Load() != 2 || every.Load() != 1 {
			t.Errorf("%d broken off, %d and %d runs; want 1, 2 and 1", broken.Load(), last.Load(), every.Load())
		}
		if run := r.Last()["uses"]; run.Err != nil {
			t.Errorf("the last run was broken off too: %v", run.Err)
		}
		r.Start()
		time.Sleep(2 * time.Hour)
		if synctest.Wait(); last.Load() != 2 {
			t.Error("it runs after the end")
		}
	})
}

func TestStoppingBeforeStartingIsFine(t *testing.T) {
	r := runner(&desk{}, "a", Job{Name: "x", Every: time.Hour, Run: func(context.Context, time.Time) error { return errors.New("it ran") }})
	r.Stop()
	r.Start()
	r.Stop()
	if len(r.Last()) != 0 {
		t.Error("it ran after it was stopped")
	}
}

func TestRunThatTakesTooLongIsBrokenOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := runner(&desk{}, "a", Job{Name: "long", Every: time.Hour, Run: func(ctx context.Context, _ time.Time) error {
			<-ctx.Done()
			return ctx.Err()
		}})
		r.Start()
		defer r.Stop()
		time.Sleep(lease)
		synctest.Wait()
		if run := r.Last()["long"]; run.Took != lease || !errors.Is(run.Err, context.DeadlineExceeded) {
			t.Errorf("it took %v: %v", run.Took, run.Err)
		}
	})
}
