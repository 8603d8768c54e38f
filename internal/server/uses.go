package server

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/fichadev/ficha/internal/token"
)

// losses returns what counts the rows that found no room in memory, by what they
// were to say.
func (s *Server) losses() func(of string) func(rows int) {
	lost := s.Metrics.Counters("rows_lost_total", "Counts of traffic and records of uses that found no room in memory before they were written.", "of")
	return func(of string) func(int) {
		counter := lost.WithLabelValues(of)
		return func(rows int) { counter.Add(float64(rows)) }
	}
}

// recordsTo returns what takes the recorded uses out of the judge.
func (s *Server) recordsTo(losses func(string) func(int)) func() []token.UseRecord {
	lost := losses("use_records")
	return func() []token.UseRecord {
		list, dropped := s.Verifier.TakeRecords()
		lost(int(dropped))
		return list
	}
}

// keepUses writes down what this process has seen used and has not written yet.
// The jobs do so as long as they run. Counts and records that are lost are told
// and are no fault.
func (s *Server) keepUses(ctx context.Context) error {
	if err := s.Store.FlushTraffic(ctx, s.Metrics.Traffic.Take()); err != nil {
		s.Config.Log.WarnContext(ctx, "the last counts of traffic are lost", slog.Any("error", err))
	}
	records, _ := s.Verifier.TakeRecords()
	if err := s.Store.WriteUseRecords(ctx, records); err != nil {
		s.Config.Log.WarnContext(ctx, "the last records of uses are lost", slog.Any("error", err))
	}
	if err := (tellingUses{s}).FlushUses(ctx, s.Verifier.TakeUses()); err != nil {
		return fmt.Errorf("write the last uses: %w", err)
	}
	return nil
}
