package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

const claimJob = `INSERT INTO jobs (name, owner, until, last_run, state) VALUES ($1, $2, $3, 0, 'running')
	ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until, state = excluded.state
	WHERE jobs.until <= $4 AND jobs.last_run <= $5`

// ClaimJob gives a job to a node for the length of a lease, if nobody has it and
// its last run began at least a period ago; it reports whether it did. A node
// that dies holds the job no longer than its lease.
func (s *Store) ClaimJob(ctx context.Context, name, owner string, now time.Time, every, lease time.Duration) (claimed bool, err error) {
	if free, err := s.jobIsFree(ctx, name, now, every); err != nil || !free {
		return false, err
	}
	err = s.Do(ctx, func(tx *Tx) error {
		claimed, err = tx.affects(ctx, claimJob, name, owner, now.Add(lease).UnixMilli(), now.UnixMilli(), now.Add(-every).UnixMilli())
		return err
	})
	if err != nil {
		return false, fmt.Errorf("claim job %s: %w", name, err)
	}
	return claimed, nil
}

// jobIsFree looks before anything is written: most often the answer is no.
func (s *Store) jobIsFree(ctx context.Context, name string, now time.Time, every time.Duration) (bool, error) {
	taken, err := one(ctx, s.reads, `SELECT COUNT(*) FROM jobs WHERE name = $1 AND (until > $2 OR last_run > $3)`, scanInt,
		name, now.UnixMilli(), now.Add(-every).UnixMilli())
	if err != nil {
		return false, fmt.Errorf("look at job %s: %w", name, err)
	}
	return taken == 0, nil
}

// FinishJob gives a job back after a run that began at an instant, unless its
// lease was over and another node has it. A run that succeeded counts; after
// one that did not, state is its fault and nobody tries again before again.
func (s *Store) FinishJob(ctx context.Context, name, owner string, began time.Time, fault string, again time.Time) error {
	err := s.Do(ctx, func(tx *Tx) error {
		if fault != "" {
			_, err := tx.exec(ctx, `UPDATE jobs SET until = $3, state = $4 WHERE name = $1 AND owner = $2`, name, owner, again.UnixMilli(), fault)
			return err
		}
		_, err := tx.exec(ctx, `UPDATE jobs SET until = 0, last_run = $3, state = 'done' WHERE name = $1 AND owner = $2`, name, owner, began.UnixMilli())
		return err
	})
	if err != nil {
		return fmt.Errorf("give job %s back: %w", name, err)
	}
	return nil
}

// Jobs returns what is known of every job that was ever claimed.
func (s *Store) Jobs(ctx context.Context) ([]token.JobRun, error) {
	return all(ctx, s.reads, `SELECT name, owner, until, last_run, state FROM jobs ORDER BY name`, func(r *sql.Rows) (j token.JobRun, err error) {
		err = r.Scan(&j.Name, &j.Owner, &j.Until, &j.Last, &j.State)
		return j, err
	})
}
