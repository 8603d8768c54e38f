package main

import "context"

// jobCommand is what can be seen of what happens by itself.
type jobCommand struct {
	List jobList `cmd:"" help:"List what happens by itself, when it last did, and what is overdue."`
}

// jobList lists jobs.
type jobList struct {
	asker `embed:""`
}

// Run prints them.
func (c *jobList) Run(ctx context.Context) error {
	return c.whole(ctx, get("/v1/jobs", nil), []string{"name", "every_seconds", "each_node", "last_run_at", "took_ms", "running", "overdue", "fault"})
}
