package server

import (
	"context"
	"time"

	"github.com/fichadev/ficha/internal/alert"
	"github.com/fichadev/ficha/internal/jobs"
	"github.com/fichadev/ficha/internal/token"
)

// watchAlerts looks each minute, on one node, at what the tokens of each busy
// workspace open.
func (s *Server) watchAlerts() jobs.Job {
	return jobs.Job{Name: "alerts", Every: time.Minute, Run: alert.New(s.Store, s.Authority.TurnAlert).Run}
}

// countAlerts publishes how many incidents are firing. Every node counts for
// itself, so that none shows what was so when it last watched.
func (s *Server) countAlerts() jobs.Job {
	firing := s.Metrics.Gauges("alerts_firing", "Incidents of all workspaces that are firing, by class of traffic; every node shows the same.", "class")
	return jobs.Job{Name: "alerts_firing", Every: time.Minute, EachNode: true, Run: func(ctx context.Context, _ time.Time) error {
		counts, err := s.Store.FiringAlerts(ctx)
		if err != nil {
			return err
		}
		for _, class := range []string{token.Internal, token.External} {
			firing.WithLabelValues(class).Set(float64(counts[class]))
		}
		return nil
	}}
}
