package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

const insertLetter = `INSERT INTO letters (id, recipient, address, kind, data, workspace, at, next_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
	ON CONFLICT DO NOTHING`

// Post writes letters that are sent once the transaction is committed, and only
// if it is. Where no mail is sent it writes none. It refuses with reason Clash
// if an id is taken.
func (tx *Tx) Post(ctx context.Context, letters ...token.Letter) error {
	for _, l := range letters {
		if err := l.Check(); err != nil {
			return err
		}
		if tx.mute {
			tx.unposted++
			continue
		}
		if l.ID == 0 {
			l.ID = token.NewID(time.UnixMilli(tx.now), token.Long)
		}
		at := cmp.Or(l.At, tx.now)
		won, err := tx.affects(ctx, insertLetter, int64(l.ID), l.To, l.Address, string(l.Kind), list(l.Data), l.Workspace, at, tx.now)
		if err != nil {
			return err
		}
		if !won {
			return token.Errorf(token.Conflict, "the id is taken").Because(token.Clash)
		}
	}
	return nil
}

// claimLetter takes the letter that is due for the longest time. Until its
// lease is over nobody else does; of two who try at once one finds it taken.
const claimLetter = `UPDATE letters SET next_at = $1, tries = tries + 1
	WHERE id = (SELECT id FROM letters WHERE state = 'due' AND next_at <= $2 ORDER BY next_at LIMIT 1) AND state = 'due' AND next_at <= $2
	RETURNING id, recipient, address, kind, data, workspace, at, tries`

// ClaimLetter gives a letter that is due to the caller for the length of a
// lease, nil if there is none. Whoever dies with it holds it no longer.
func (s *Store) ClaimLetter(ctx context.Context, lease time.Duration) (l *token.DueLetter, err error) {
	if due, err := one(ctx, s.reads, `SELECT id FROM letters WHERE state = 'due' AND next_at <= $1 ORDER BY next_at LIMIT 1`, scanInt, s.now()); err != nil || due == 0 {
		return nil, err // most often, and nothing is written
	}
	err = s.Do(ctx, func(tx *Tx) error {
		l, err = one(ctx, tx, claimLetter, scanLetter, tx.now+lease.Milliseconds(), tx.now)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claim a letter: %w", err)
	}
	return l, nil
}

func scanLetter(r *sql.Rows) (*token.DueLetter, error) {
	var l token.DueLetter
	var kind, data string
	if err := r.Scan(&l.ID, &l.To, &l.Address, &kind, &data, &l.Workspace, &l.At, &l.Tries); err != nil {
		return nil, fmt.Errorf("read a letter: %w", err)
	}
	l.Kind = token.LetterKind(kind)
	return &l, read(data, &l.Data)
}

// SentLetter forgets a letter that was sent.
func (s *Store) SentLetter(ctx context.Context, id token.ID) error {
	return s.letter(ctx, `DELETE FROM letters WHERE id = $1`, int64(id))
}

// DelayLetter lets a letter wait for its next try, unless the lease was over
// and somebody else has it.
func (s *Store) DelayLetter(ctx context.Context, l *token.DueLetter, wait time.Duration, fault string) error {
	return s.letter(ctx, `UPDATE letters SET next_at = $3, fault = $4 WHERE id = $1 AND tries = $2 AND state = 'due'`,
		int64(l.ID), l.Tries, s.now()+wait.Milliseconds(), fault)
}

// BuryLetter gives a letter up, unless somebody else has it. It is kept, with
// its fault, for 30 days.
func (s *Store) BuryLetter(ctx context.Context, l *token.DueLetter, fault string) error {
	return s.letter(ctx, `UPDATE letters SET state = 'dead', next_at = $3, fault = $4 WHERE id = $1 AND tries = $2 AND state = 'due'`,
		int64(l.ID), l.Tries, s.now()+keepLetters.Milliseconds(), fault)
}

func (s *Store) letter(ctx context.Context, text string, args ...any) error {
	err := s.Do(ctx, func(tx *Tx) error {
		_, err := tx.exec(ctx, text, args...)
		return err
	})
	if err != nil {
		return fmt.Errorf("settle a letter: %w", err)
	}
	return nil
}

const keepLetters = 30 * oneDay // those that were given up

func purgeLetters(ctx context.Context, tx *Tx) (int, error) {
	return tx.count(ctx, `DELETE FROM letters WHERE id IN (SELECT id FROM letters WHERE state = 'dead' AND next_at <= $1 ORDER BY next_at LIMIT $2)`,
		tx.now, purgeStep)
}
