package token

import "cmp"

// A JobRun is what all nodes know of a job that one of them runs at a time.
// Instants are ms.
type JobRun struct {
	Name  string
	Owner string // the node that ran it last, or runs it
	Until int64  // nobody else begins before; 0: nobody runs it
	Last  int64  // when the last run that succeeded began; 0: never
	State string // done, running, or the fault of the last run
}

// A JobState says when a job was done last and what became of it. Instants are
// ms; 0: not since this node started, or not at all.
type JobState struct {
	Name     string
	Every    int64 // ms
	EachNode bool  // each node does it for itself: the rest is about this one
	Last     int64 // when the last run that succeeded began
	Since    int64 // when this node began to do jobs
	Took     int64 // ms, of the last run on this node
	Fault    string
	Running  bool
}

// Overdue reports whether the job should have been done again by now (ms): two
// periods and a lease have passed since it was or, if it never was, since this
// node began.
func (j *JobState) Overdue(now int64) bool {
	const lease = 2 * 60 * 1000
	since := cmp.Or(j.Last, j.Since)
	return since != 0 && now-since > 2*j.Every+lease
}
