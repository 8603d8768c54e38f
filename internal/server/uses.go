package server

import (
	"context"
	"log/slog"
	"time"

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

// lastUses is how long the writing of the last uses may take: who waits for us
// to end may not wait for long.
const lastUses = 5 * time.Second

// keepUses writes down what this process has seen used and has not written yet.
// The jobs do so as long as they run. What the database does not take any more
// is lost, and told.
func (s *Server) keepUses(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lastUses)
	defer cancel()
	records, _ := s.Verifier.TakeRecords()
	for what, err := range map[string]error{
		"traffic": s.Store.FlushTraffic(ctx, s.Metrics.Traffic.Take()),
		"needs":   s.Store.WriteNeeds(ctx, s.Verifier.TakeRefused()),
		"records": s.Store.WriteUseRecords(ctx, records),
		"uses":    s.Verifier.WriteUses(ctx, tellingUses{s}.FlushUses),
	} {
		if err != nil {
			s.Config.Log.WarnContext(ctx, "what was seen last is lost", slog.String("of", what), slog.Any("error", err))
		}
	}
}
