package server

import (
	"cmp"
	"context"
	"os"
	"time"

	"github.com/fichadev/ficha/internal/jobs"
	"github.com/fichadev/ficha/internal/sink"
)

// openSinks reads where else the audit goes, and says so before the first purge:
// what a sink has not had is kept for it.
func (s *Server) openSinks(ctx context.Context) (err error) {
	host, _ := os.Hostname() // without one syslog has a dash
	if s.sinks, err = sink.Parse(s.Config.Sinks, host); err != nil {
		return err
	}
	for _, to := range s.sinks {
		if err := s.Store.SeeSink(ctx, to.Name); err != nil {
			return err
		}
	}
	return nil
}

// feeders returns the jobs that feed the sinks, one node at a time each, and one
// that measures on every node how far they are.
func (s *Server) feeders() []jobs.Job {
	if len(s.sinks) == 0 {
		return nil
	}
	failures := s.Metrics.Counters("audit_sink_failures_total", "Batches that a sink of the audit did not take from this node.", "sink")
	all := []jobs.Job{s.measureSinks()}
	for _, to := range s.sinks {
		failures.WithLabelValues(to.Name)
		f := &sink.Feeder{Sink: to, Ledger: s.Store, Log: s.Config.Log, Failed: func(name string) { failures.WithLabelValues(name).Inc() }}
		all = append(all, jobs.Job{Name: "sink " + to.Name, Every: 5 * time.Second, Run: f.Run})
	}
	return all
}

// measureSinks returns the job that publishes how far behind the sinks are.
func (s *Server) measureSinks() jobs.Job {
	lag := s.Metrics.Gauges("audit_sink_lag_seconds", "For how long the oldest sealed record has waited for a sink of the audit; 0: none waits.", "sink")
	lost := s.Metrics.Gauges("audit_sink_lost_records", "Records that were purged, 430 days old, before a sink of the audit had taken them.", "sink")
	for _, to := range s.sinks { // they are there from the start
		lag.WithLabelValues(to.Name)
		lost.WithLabelValues(to.Name)
	}
	return jobs.Job{Name: "sinks", Every: 15 * time.Second, EachNode: true, Run: func(ctx context.Context, now time.Time) error {
		var failed error
		for _, to := range s.sinks {
			behind, gone, err := sink.Lag(ctx, s.Store, to.Name, now)
			if err != nil {
				failed = cmp.Or(failed, err)
				continue
			}
			lag.WithLabelValues(to.Name).Set(behind.Seconds())
			lost.WithLabelValues(to.Name).Set(float64(gone))
		}
		return failed
	}}
}
