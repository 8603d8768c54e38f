package server

import (
	"context"
	"fmt"
	"log/slog"
)

// keepUses writes down what this process has seen used and has not written yet.
// The jobs do so as long as they run. Counts of traffic that are lost are told
// and are no fault.
func (s *Server) keepUses(ctx context.Context) error {
	if err := s.Store.FlushTraffic(ctx, s.Metrics.Traffic.Take()); err != nil {
		s.Config.Log.WarnContext(ctx, "the last counts of traffic are lost", slog.Any("error", err))
	}
	if err := (tellingUses{s}).FlushUses(ctx, s.Verifier.TakeUses()); err != nil {
		return fmt.Errorf("write the last uses: %w", err)
	}
	return nil
}
