package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// The pauses between two tries to listen again.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
)

// Listen returns where a word arrives when another node, or this one, may have
// changed something; several may come as one, and after a lost connection one
// comes in any case. It is a wake-up only: what changed is in the table, and a
// reader that hears nothing asks by itself. It ends with ctx. On SQLite, where
// nobody else writes, it returns nil.
func (s *Store) Listen(ctx context.Context) <-chan struct{} {
	if !s.engine.shared() {
		return nil
	}
	woken := make(chan struct{}, 1)
	go s.listen(ctx, woken)
	return woken
}

func (s *Store) listen(ctx context.Context, woken chan<- struct{}) {
	pause := firstPause
	for {
		began, err := s.wakeUps(ctx, woken)
		if ctx.Err() != nil {
			return
		}
		if began {
			pause = firstPause
		}
		s.cfg.Log.Warn("the wake-ups of other nodes do not arrive; changes are asked for until they do",
			slog.Any("error", err), slog.Duration("again_in", pause))
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, longestPause)
	}
}

// wakeUps listens on a connection of its own until that is lost, and reports
// whether it listened at all.
func (s *Store) wakeUps(ctx context.Context, woken chan<- struct{}) (began bool, err error) {
	ask, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := s.engine.listener(ask)
	if err != nil {
		return false, fmt.Errorf("connect: %w", err)
	}
	defer func() {
		bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		err = errors.Join(err, conn.Close(bye))
	}()
	if _, err := conn.Exec(ask, "LISTEN ficha"); err != nil {
		return false, fmt.Errorf("listen: %w", err)
	}
	for {
		select {
		case woken <- struct{}{}: // also at first: something may have been missed
		default: // one word waits already
		}
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return true, fmt.Errorf("wait: %w", err)
		}
	}
}
