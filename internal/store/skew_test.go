package store

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/pgtest"
)

// A process that is stopped between a question and its answer, by a debugger or
// a machine that sleeps, has the right clock when it goes on.
func TestStopInTheMiddleOfAQuestionIsNoSkew(t *testing.T) {
	if !pgtest.Available() {
		return // the clock is ours
	}
	var stopped atomic.Bool
	now := func() time.Time {
		if stopped.CompareAndSwap(true, false) {
			return time.Now().Add(-6 * time.Second) // and then it was stopped
		}
		return time.Now()
	}
	s, err := Open(t.Context(), Config{Database: pgtest.Start(t).Database(t), Now: now, Log: slog.New(slog.DiscardHandler)}, true)
	must(t, err)
	defer func() { must(t, s.Close()) }()
	for range 3 {
		stopped.Store(true)
		skew, err := s.Skew(t.Context())
		if err != nil || stopped.Load() || skew.Abs() > time.Second {
			t.Errorf("got a skew of %v, %v, want none", skew, err)
		}
	}
}
