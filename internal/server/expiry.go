package server

import (
	"context"
	"strconv"
	"time"

	"github.com/fichadev/ficha/internal/jobs"
	"github.com/fichadev/ficha/internal/token"
)

// tellExpiries is the job that gives the notices of what expires.
func (s *Server) tellExpiries() jobs.Job {
	given := s.Metrics.Counters("notices_total", "Notices given of an expiry, by the days before it; 0: that it was.", "threshold")
	for _, n := range append(token.Ahead(), token.NoticeExpired) {
		given.WithLabelValues(strconv.FormatInt(int64(n), 10))
	}
	return jobs.TellExpiries(func(ctx context.Context) error {
		return s.Authority.TellExpiries(ctx, func(n token.Notice, secrets int) {
			given.WithLabelValues(strconv.FormatInt(int64(n), 10)).Add(float64(secrets))
		})
	})
}

// tellLateUses is the job that tells of expired tokens that were shown.
func (s *Server) tellLateUses() jobs.Job {
	late := s.Metrics.Counters("used_after_expiry_total", "Requests that showed an expired token or client secret and were refused.").WithLabelValues()
	return jobs.TellLateUses(func() map[token.ID]token.Seen {
		uses := s.Verifier.TakeLate()
		for _, seen := range uses {
			late.Add(float64(seen.Count))
		}
		return uses
	}, s.Authority.TellLateUses)
}

// countExpiring is the job behind the gauge of what expires soon.
func (s *Server) countExpiring() jobs.Job {
	within := s.Metrics.Gauges("tokens_expiring", "Live tokens of which notice is given and that expire within a time.", "within")
	names, spans := []string{"1d", "7d", "30d"}, []int64{}
	for _, days := range []int64{1, 7, 30} {
		spans = append(spans, days*(24*time.Hour).Milliseconds())
	}
	return jobs.CountExpiring(func(ctx context.Context, now time.Time) error {
		counts, err := s.Store.CountExpiring(ctx, now.UnixMilli(), spans)
		if err != nil {
			return err
		}
		for i, n := range counts {
			within.WithLabelValues(names[i]).Set(float64(n))
		}
		return nil
	})
}

// tellingUses writes uses down, after it has told of those that were the first.
type tellingUses struct{ *Server }

// FlushUses is the store's.
func (u tellingUses) FlushUses(ctx context.Context, uses token.Uses, wrote func(more int)) error {
	if err := u.Authority.TellFirstUses(ctx, uses); err != nil {
		return err
	}
	return u.Store.FlushUses(ctx, uses, wrote)
}
