package server

import (
	"errors"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/jobs"
	"github.com/fichadev/ficha/internal/token"
)

func TestJobThatFailsIsStillSaidToHaveBeenDone(t *testing.T) {
	done := time.UnixMilli(1_800_000_000_000)
	failed := done.Add(time.Minute)
	errDisk := errors.New("no disk")
	for name, c := range map[string]struct {
		job   jobs.Job
		here  jobs.Run
		row   token.JobRun
		last  int64
		fault bool
	}{
		"each node, done":                {jobs.Job{EachNode: true}, jobs.Run{Began: done, Done: done}, token.JobRun{}, done.UnixMilli(), false},
		"each node, failed since":        {jobs.Job{EachNode: true}, jobs.Run{Began: failed, Done: done, Err: errDisk}, token.JobRun{}, done.UnixMilli(), true},
		"each node, never done":          {jobs.Job{EachNode: true}, jobs.Run{Began: failed, Err: errDisk}, token.JobRun{}, 0, true},
		"one for all, done elsewhere":    {jobs.Job{}, jobs.Run{Began: failed, Err: errDisk}, token.JobRun{Name: "x", Last: done.UnixMilli(), State: "done"}, done.UnixMilli(), false},
		"one for all, failed since":      {jobs.Job{}, jobs.Run{Began: failed, Err: errDisk}, token.JobRun{Name: "x", Last: done.UnixMilli(), State: "no disk"}, done.UnixMilli(), true},
		"one for all, nobody ran it yet": {jobs.Job{}, jobs.Run{}, token.JobRun{}, 0, false},
	} {
		c.job.Every = time.Minute
		got := stateOf(c.job, c.here, c.row, failed.UnixMilli())
		if got.Last != c.last || (got.Fault != "") != c.fault {
			t.Errorf("%s: got %+v, want it done at %d, a fault: %v", name, got, c.last, c.fault)
		}
		got.Since = done.UnixMilli()
		if now := done.Add(4 * time.Minute).UnixMilli(); got.Overdue(now) || !got.Overdue(now+1) {
			t.Errorf("%s: not overdue from two periods and two minutes on", name)
		}
	}
}
