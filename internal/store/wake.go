package store

import (
	"context"
	"log/slog"
	"time"
)

// wakeUp asks that other nodes be told to look. Several asks are one telling,
// and nobody waits for it: a lost wake-up costs them 250 ms.
func (s *Store) wakeUp() {
	select {
	case s.woken <- struct{}{}:
	default: // one is due already, and will be sent after this commit
	}
}

// notify wakes the other nodes. It is a transaction, which need not be on disk.
const notify = `SELECT set_config('synchronous_commit', 'off', true), pg_notify('ficha', '')`

// wakeOthers sends the wake-ups, on a connection other than the commit's and
// after it: inside it a NOTIFY serialises commits. What changed is in the
// table.
func (s *Store) wakeOthers(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.woken:
		}
		send, cancel := context.WithTimeout(ctx, time.Second)
		_, err := s.db.ExecContext(send, notify)
		cancel()
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.DebugContext(ctx, "other nodes were not woken; they look by themselves", slog.Any("error", err))
		}
	}
}
