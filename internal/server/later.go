package server

import (
	"context"
	"crypto/rand"
	"log/slog"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/jobs"
	"github.com/fichadev/ficha/internal/keys"
)

// later returns what happens by itself.
func (s *Server) later() *jobs.Runner {
	lost := s.losses()
	sealer := &audit.Sealer{Seals: s.Store, Signer: func() (audit.Signer, error) { return s.Ring.Signer(keys.ES256) }}
	return jobs.New(jobs.Config{
		Claims: s.Store, Owner: rand.Text(), Now: s.Config.Now, Log: s.Config.Log, Ran: s.countRuns(),
	}, append(s.feeders(),
		jobs.FlushUses(s.Verifier, tellingUses{s}),
		s.tellExpiries(),
		s.tellLateUses(),
		s.countExpiring(),
		jobs.FlushTraffic(s.Metrics.Traffic.Take, s.Store.FlushTraffic, lost("traffic")),
		jobs.FlushRecords(s.recordsTo(lost), s.Store.WriteUseRecords, lost("use_records")),
		jobs.FlushNeeds(s.Verifier.TakeRefused, s.Store.WriteNeeds, lost("needs")),
		jobs.Seal(sealer.Run),
		jobs.Partitions(s.Store),
		jobs.Purge(s.Store),
		jobs.Job{Name: "revocations", Every: 2 * time.Second, EachNode: true, Run: s.Authority.WorkOff},
		jobs.Job{Name: "grants", Every: time.Hour, Run: s.Authority.LapseGrants},
		jobs.Retire(s.Authority.RetireDue),
		jobs.Remind(s.Authority.RemindRotations),
		jobs.Job{Name: "webhook_marks", Every: time.Hour, Run: func(ctx context.Context, _ time.Time) error { return s.Authority.MarkWebhooks(ctx) }},
		jobs.Job{Name: "policies", Every: time.Minute, Run: s.Authority.KeepPolicies},
		jobs.TurnKeys(s.Keeper.Turn, keys.TurnEvery),
		jobs.Job{Name: "catalogue", Every: 10 * time.Second, EachNode: true, Run: s.Authority.CatchUp},
		s.watchAlerts(), s.countAlerts(),
		jobs.Job{Name: "letters", Every: 5 * time.Second, EachNode: true, Run: s.sendLetters},
		jobs.Job{Name: "endings", Every: 10 * time.Second, EachNode: true, Run: func(ctx context.Context, _ time.Time) error { return s.Store.KeepJournal(ctx) }},
		jobs.Job{Name: "skew", Every: 10 * time.Second, EachNode: true, Run: s.measureSkew},
		s.rest(),
	)...)
}

// countRuns publishes the runs of jobs. The label is not job, which is
// Prometheus's own.
func (s *Server) countRuns() func(string, jobs.Run) {
	last := s.Metrics.Gauges("job_last_run_timestamp_seconds", "When a job last ran on this node.", "name")
	period := s.Metrics.Gauges("job_period_seconds", "How often a job is done.", "name")
	failures := s.Metrics.Counters("job_failures_total", "Runs of a job that failed on this node.", "name")
	return func(name string, r jobs.Run) {
		last.WithLabelValues(name).Set(float64(r.Began.Unix()))
		period.WithLabelValues(name).Set(r.Every.Seconds())
		failed := failures.WithLabelValues(name) // there from the first run on: an increase begins at 0
		if r.Err != nil {
			failed.Inc()
		}
	}
}

// mostSkew is how far this node's clock may be from the database's while it
// answers: expiries are judged by the one and shared through the other.
const mostSkew = 5 * time.Second

// measureSkew asks the database for its clock.
func (s *Server) measureSkew(ctx context.Context, _ time.Time) error {
	skew, err := s.Store.Skew(ctx)
	if err != nil {
		return err
	}
	s.skew.Store(int64(skew))
	if skew.Abs() > time.Second/2 {
		s.Config.Log.WarnContext(ctx, "this node's clock is not the database's: look after its time service", slog.Float64("behind_seconds", skew.Seconds()))
	}
	return nil
}

// watch publishes what this process knows of itself.
func (s *Server) watch() {
	s.Metrics.Watch("cached_tokens", "Tokens held in memory.", func() float64 { return float64(s.Verifier.Cached()) })
	s.Metrics.Watch("position", "The position up to which this node knows every change.", func() float64 { return float64(s.Verifier.Applied()) })
	s.Metrics.Watch("clock_skew_seconds", "How far the database's clock is ahead of this node's.", func() float64 {
		return time.Duration(s.skew.Load()).Seconds()
	})
	if s.Store.Shared() {
		s.Metrics.Watch("feed_lag_seconds", "How long ago this node had last heard of every change.", func() float64 {
			return s.Config.Now().Sub(s.Verifier.Heard()).Seconds()
		})
	}
}

// Start starts what happens by itself: the feed and the jobs.
func (s *Server) Start(ctx context.Context) {
	listen, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.Verifier.Start(s.Store.Listen(listen))
	runner := s.later()
	s.runner.Store(runner)
	runner.Start()
	s.Webhooks.Start()
	s.stop = append(s.stop, runner.Stop, s.Webhooks.Stop, s.Verifier.Stop, stop)
}
