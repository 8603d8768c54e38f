package store

import (
	"cmp"
	"context"
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
