package server

import (
	"cmp"
	"context"
	"slices"

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
	here, now := runner.Last(), s.Config.Now().UnixMilli()
	var all []token.JobState
	for _, j := range runner.Jobs() {
		state := token.JobState{Name: j.Name, Every: j.Every.Milliseconds(), EachNode: j.EachNode}
		if run, ok := here[j.Name]; ok {
			state.Took = run.Took.Milliseconds()
			if run.Err == nil {
				state.Last = run.Began.UnixMilli()
			} else {
				state.Fault = "failed: the log of this node says why"
			}
		}
		if row, ok := shared[j.Name]; ok && !j.EachNode {
			state.Last, state.Running = row.Last, row.State == "running" && row.Until > now
			if row.State != "running" && row.State != "done" {
				state.Fault = "failed: the log of the node that ran it says why"
			}
		}
		all = append(all, state)
	}
	slices.SortFunc(all, func(a, b token.JobState) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}
