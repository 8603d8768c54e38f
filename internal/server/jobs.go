package server

import (
	"cmp"
	"context"
	"slices"

	"github.com/fichadev/ficha/internal/jobs"
	"github.com/fichadev/ficha/internal/token"
)

// JobStates tells of everything that happens by itself when it was done last: by
// whichever node where one does it for all, else by this one.
func (s *Server) JobStates(ctx context.Context) ([]token.JobState, error) {
	runner := s.runner.Load()
	if runner == nil {
		return nil, nil
	}
	rows, err := s.Store.Jobs(ctx)
	if err != nil {
		return nil, err
	}
	shared := map[string]token.JobRun{}
	for _, row := range rows {
		shared[row.Name] = row
	}
	here, began, now := runner.Last(), runner.Began().UnixMilli(), s.Config.Now().UnixMilli()
	var all []token.JobState
	for _, j := range runner.Jobs() {
		state := stateOf(j, here[j.Name], shared[j.Name], now)
		state.Since = began
		all = append(all, state)
	}
	slices.SortFunc(all, func(a, b token.JobState) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// stateOf tells what became of a job by its last run on this node and by what
// all nodes know of it; either is zero where there is none.
func stateOf(j jobs.Job, here jobs.Run, row token.JobRun, now int64) token.JobState {
	state := token.JobState{Name: j.Name, Every: j.Every.Milliseconds(), EachNode: j.EachNode, Took: here.Took.Milliseconds()}
	switch {
	case !j.EachNode:
		state.Last, state.Running = row.Last, row.State == "running" && row.Until > now
		if row.Name != "" && row.State != "running" && row.State != "done" {
			state.Fault = "failed: the log of the node that ran it says why"
		}
		return state
	case here.Err != nil:
		state.Fault = "failed: the log of this node says why"
	}
	if !here.Done.IsZero() {
		state.Last = here.Done.UnixMilli()
	}
	return state
}
