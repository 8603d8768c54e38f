package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/fichadev/ficha/internal/token"
)

// Backup writes a copy of a SQLite database to a new file while servers run.
// The master key is not in it. A copy that cannot be finished is taken away.
func Backup(ctx context.Context, from, to string) error {
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // nobody else reads it meanwhile
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists: choose another name for the backup", to)
	}
	if err != nil {
		return fmt.Errorf("write the backup: %w", err)
	}
	if err := errors.Join(f.Close(), vacuum(ctx, from, to)); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return nil
}

func vacuum(ctx context.Context, from, to string) error {
	db, err := sql.Open("sqlite", (&sqlite{path: from}).address())
	if err != nil {
		return fmt.Errorf("open %s: %w", from, err)
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, `VACUUM INTO $1`, to); err != nil {
		return fmt.Errorf("copy %s to %s: %w: look whether there is room for it, and at the database with \"ficha check\"", from, to, err)
	}
	return nil
}

// Replace puts a backup in the place of a SQLite database that nobody serves.
// The database that was there stays beside it, under a name that nothing had:
// NAME.before, NAME.before-2 and so on. That name is returned, empty if there
// was none.
func Replace(ctx context.Context, backup, database string) (before string, err error) {
	if err := sound(ctx, backup); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(database), 0o700); err != nil {
		return "", err
	}
	fresh := database + ".restoring"
	if err := os.RemoveAll(fresh); err != nil {
		return "", err
	}
	if err := Backup(ctx, backup, fresh); err != nil {
		return "", err
	}
	// Dying between the renames leaves no database under its name: the next
	// start refuses, since the journal is ahead of none.
	before, err = setAside(database)
	if err != nil {
		return before, err
	}
	return before, os.Rename(fresh, database)
}

// parts are the endings of a database's files: what is not yet in the first is
// in the second, so each goes where its own file goes.
var parts = []string{"", "-wal", "-shm"}

// setAside gives a database's files a name that none of them overwrites, and
// returns it; empty if there was nothing.
func setAside(database string) (string, error) {
	if !anyPart(database) {
		return "", nil
	}
	aside := database + ".before"
	for n := 2; anyPart(aside); n++ {
		aside = fmt.Sprintf("%s.before-%d", database, n)
	}
	for _, part := range parts {
		if err := os.Rename(database+part, aside+part); err != nil && !errors.Is(err, os.ErrNotExist) {
			return aside, err
		}
	}
	return aside, nil
}

// anyPart reports whether a name, or one that belongs to it, is taken. What
// cannot be looked at is.
func anyPart(name string) bool {
	for _, part := range parts {
		if _, err := os.Lstat(name + part); !errors.Is(err, os.ErrNotExist) {
			return true
		}
	}
	return false
}

// sound refuses a file that is damaged, or no database of ours.
func sound(ctx context.Context, backup string) error {
	if _, err := os.Stat(backup); err != nil {
		return fmt.Errorf("read the backup: %w", err)
	}
	db, err := sql.Open("sqlite", (&sqlite{path: backup}).address())
	if err != nil {
		return fmt.Errorf("open %s: %w", backup, err)
	}
	defer db.Close()
	var state string
	if err := db.QueryRowContext(ctx, `PRAGMA integrity_check`).Scan(&state); err != nil || state != "ok" {
		return fmt.Errorf("%s is damaged or no backup: %s: %w", backup, state, cmp.Or(err, errors.New("choose another")))
	}
	var position int64
	if err := db.QueryRowContext(ctx, `SELECT n FROM position`).Scan(&position); err != nil {
		return fmt.Errorf("%s is no backup of Ficha: %w", backup, err)
	}
	return nil
}

// Replayed says what a replay did.
type Replayed struct {
	Tokens  int  // ended again, and secrets of clients
	Cutoffs int  // placed again, with the support's own end
	All     bool // the journal does not tell all since: everything born before was cut off
}

// replayed is what a database keeps of its last replay: from which position, and
// to which it was brought.
type replayed struct {
	From token.Change `json:"from"`
	To   token.Change `json:"to"`
}

const replayedMeta = "replayed"

// Replay ends and suspends again what the journal says, and leaves the database
// ahead of the journal. Where the journal does not tell all that happened since
// the database's position, is of another history or is not there, every token
// born before is cut off. A node whose journal is replayed over a database that
// another one's was replayed over adds to that what it knows.
func (s *Store) Replay(ctx context.Context, j *Journal) (Replayed, error) {
	var done Replayed
	at, err := s.Position(ctx)
	if err != nil {
		return done, err
	}
	known, err := j.cover(at)
	if err != nil {
		return done, err
	}
	from, second, err := s.secondReplay(ctx, at, known.last)
	if err != nil {
		return done, err
	}
	if !second {
		from = at
	}
	done.All = !second && !known.whole()
	err = s.Do(ctx, func(tx *Tx) error {
		done.Tokens, done.Cutoffs = 0, 0
		if err := tx.replay(ctx, j, from.Position, &done); err != nil {
			return err
		}
		if done.All {
			if err := tx.cutEverything(ctx); err != nil {
				return err
			}
		}
		tx.Changed(token.Change{What: token.Genesis})
		ahead := max(known.last, at.Position)
		if _, err := tx.exec(ctx, `UPDATE position SET n = $1 WHERE one = 1`, ahead); err != nil {
			return err
		}
		text, err := json.Marshal(replayed{From: from, To: token.Change{Position: ahead + 1}})
		if err != nil {
			return err
		}
		return tx.SetMeta(ctx, replayedMeta, text)
	})
	return done, err
}

// secondReplay reports whether nothing was committed since another node's journal
// was replayed, of a history that this one, which knows positions up to last, has
// a part of too; it returns from which position that was.
func (s *Store) secondReplay(ctx context.Context, at token.Change, last int64) (token.Change, bool, error) {
	text, err := one(ctx, s.reads, readMeta, scanBytes, replayedMeta)
	if err != nil || len(text) == 0 {
		return token.Change{}, false, err
	}
	var was replayed
	if err := json.Unmarshal(text, &was); err != nil {
		return token.Change{}, false, fmt.Errorf("read what was replayed: %w", err)
	}
	return was.From, was.To.Position == at.Position && was.From.Position < last && last < at.Position, nil
}

// replay ends tokens and supports of the lines after a position; quiet endings
// carry none, nor do those of client tokens, so every line's are looked at.
func (tx *Tx) replay(ctx context.Context, j *Journal, after int64, done *Replayed) error {
	return j.Lines(func(l JournalLine) error {
		if err := tx.endAgain(ctx, l, done); err != nil || l.Position <= after {
			return err
		}
		for _, one := range l.Suspended {
			if _, err := tx.Suspend(ctx, one.ID, one.At, one.Until); err != nil {
				return err
			}
		}
		for _, c := range l.Cuts {
			done.Cutoffs++
			if _, err := tx.exec(ctx, insertCutoff, string(c.Support.Kind), c.Support.ID, c.Position, c.IssuedBefore, c.Reason, c.At); err != nil {
				return err
			}
			if err := tx.endSupport(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
}

// endAgain ends the tokens and the secrets of a line that live.
func (tx *Tx) endAgain(ctx context.Context, l JournalLine, done *Replayed) error {
	for _, e := range l.Ends {
		won, err := tx.End(ctx, token.Ending{ID: e.ID, At: e.At, Reason: e.Reason, By: e.By})
		if err != nil {
			return err
		}
		done.Tokens += int(truth(won))
	}
	for _, secret := range l.Secrets {
		won, err := tx.endSecretAgain(ctx, secret)
		if err != nil {
			return err
		}
		done.Tokens += int(truth(won))
	}
	return nil
}

func (tx *Tx) endSecretAgain(ctx context.Context, s JournalSecret) (bool, error) {
	text := map[token.Rotating]string{
		token.RotatesClientSecret: `UPDATE client_secrets SET ended_at = $2 WHERE id = $1 AND ended_at = 0`,
		token.RotatesClientToken:  `UPDATE client_tokens SET ended_at = $2 WHERE id = $1 AND ended_at = 0`,
	}[s.What]
	if text == "" {
		return false, nil
	}
	return tx.affects(ctx, text, int64(s.ID), s.At)
}

// endSupport ends what was cut off: a person who was removed is not a member
// again because of a restore. Who should come back is brought back by hand.
func (tx *Tx) endSupport(ctx context.Context, c token.Cutoff) error {
	if c.IssuedBefore != 0 {
		return nil
	}
	text := map[token.SupportKind]string{
		token.OnWorkspace:  `UPDATE workspaces SET disabled_at = $2 WHERE id = $1 AND disabled_at = 0`,
		token.OnClient:     `UPDATE clients SET disabled_at = $2 WHERE id = $1 AND disabled_at = 0`,
		token.OnPerson:     `UPDATE users SET disabled_at = $2 WHERE id = $1 AND disabled_at = 0`,
		token.OnMembership: `UPDATE memberships SET removed_at = $2 WHERE person || ' ' || workspace = $1 AND removed_at = 0`,
		token.OnGrant:      `UPDATE grants SET ended_at = $2 WHERE CAST(id AS TEXT) = $1 AND ended_at = 0`,
	}[c.Support.Kind]
	if text == "" {
		return nil
	}
	_, err := tx.exec(ctx, text, c.Support.ID, c.At)
	return err
}

// cutEverything cuts off whatever a token can stand on.
func (tx *Tx) cutEverything(ctx context.Context) error {
	for kind, text := range map[token.SupportKind]string{
		token.OnWorkspace: `SELECT id FROM workspaces`,
		token.OnPerson:    `SELECT id FROM users`,
		token.OnClient:    `SELECT id FROM clients`,
	} {
		ids, err := all(ctx, tx, text, scanText)
		if err != nil {
			return err
		}
		for _, id := range ids {
			tx.Cut(token.Cutoff{Support: token.Support{Kind: kind, ID: id}, Reason: "restored from a backup older than the log of endings"})
		}
	}
	return nil
}
