package store

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

// A past is a database as it once was, to which it is rolled back.
type past struct {
	at   token.Change
	rows []*token.Token
}

func (s *Store) past(t *testing.T, rows ...*token.Token) past {
	t.Helper()
	at, err := s.Position(t.Context())
	must(t, err)
	return past{at, rows}
}

// rollBack makes a database what it was, as putting back a backup does.
func (s *Store) rollBack(t *testing.T, to past) {
	t.Helper()
	j := s.cfg.Journal
	s.cfg.Journal = nil
	defer func() { s.cfg.Journal = j }()
	must(t, s.Do(t.Context(), func(tx *Tx) error {
		for _, k := range to.rows {
			if _, err := tx.exec(t.Context(), `UPDATE `+tables[k.ID.Class()]+` SET ended_at = 0, suspended_at = 0 WHERE id = $1`, int64(k.ID)); err != nil {
				return err
			}
		}
		if _, err := tx.exec(t.Context(), `DELETE FROM changes WHERE n > $1`, to.at.Position); err != nil {
			return err
		}
		_, err := tx.exec(t.Context(), `UPDATE position SET n = $1, mark = $2`, to.at.Position, to.at.Mark)
		return err
	}))
}

func (s *Store) revoke(t *testing.T, tokens ...*token.Token) {
	t.Helper()
	for _, k := range tokens {
		must(t, s.Commit(t.Context(), &token.Deed{End: []token.Ending{{ID: k.ID, At: 9, Reason: "revoked", By: "x"}}}))
	}
}

// journaled gives a store a journal in a folder, as a start does.
func (s *Store) journaled(t *testing.T, dir string) *Journal {
	t.Helper()
	j, err := OpenJournal(dir)
	must(t, err)
	t.Cleanup(func() { j.Close() }) //nolint:errcheck // it may be closed
	s.cfg.Journal = j
	must(t, s.KeepJournal(t.Context()))
	return j
}

func (s *Store) ended(t *testing.T, k *token.Token) bool {
	t.Helper()
	row, err := s.Token(t.Context(), k.ID)
	must(t, err)
	return row.EndedAt != 0
}

// Where the log does not tell all that ended since a backup, everything born
// before is cut off: who restores is not told that all is well.
func TestRestoreWithoutAWholeLogCutsOffEverything(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(t *testing.T, s *Store, dir string)
		all   bool
	}{
		"whole": {func(*testing.T, *Store, string) {}, false},
		"gone": {func(t *testing.T, _ *Store, dir string) {
			must(t, os.Remove(filepath.Join(dir, "endings.log")))
		}, true},
		"another database's": {func(t *testing.T, _ *Store, dir string) {
			must(t, os.WriteFile(filepath.Join(dir, "endings.log"), []byte(`{"n":1,"mark":"other"}`+"\n"+`{"n":2,"mark":"another"}`+"\n"), 0o600))
		}, true},
		"begun later": {func(t *testing.T, s *Store, dir string) {
			at, err := s.Position(t.Context())
			must(t, err)
			j, err := OpenJournal(t.TempDir())
			must(t, err)
			must(t, j.Append(JournalLine{Position: at.Position, Mark: at.Mark, Anchor: true}))
			must(t, j.Close())
			must(t, os.Rename(j.name, filepath.Join(dir, "endings.log")))
		}, true},
		"with a line that could not be written": {func(t *testing.T, s *Store, _ string) {
			s.cfg.Journal.lost = true
			s.revoke(t, s.made(t))
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, s *Store) {
				must(t, s.Do(t.Context(), func(tx *Tx) error { return tx.PutWorkspace(t.Context(), &token.Workspace{ID: "ws1", Number: 1}) }))
				dir := t.TempDir()
				j := s.journaled(t, dir)
				revoked := s.made(t)
				s.revoke(t, s.made(t))
				backup := s.past(t, revoked)
				s.revoke(t, revoked, s.made(t))
				test.spoil(t, s, dir)
				must(t, j.Close())
				s.rollBack(t, backup)
				j, err := OpenJournal(dir)
				must(t, err)
				s.cfg.Journal = j
				done, err := s.Replay(t.Context(), j)
				must(t, err)
				w, err := s.Workspace(t.Context(), "ws1")
				must(t, err)
				cut := w.Cutoffs.Hit(backup.at.Position, 0)
				if done.All != test.all || cut != test.all || !test.all && !s.ended(t, revoked) {
					t.Errorf("everything cut off: %v (%v), want %v; revoked again: %v", done.All, cut, test.all, s.ended(t, revoked))
				}
				if behind, err := s.Behind(t.Context(), j); err != nil || behind {
					t.Errorf("behind %v, %v", behind, err)
				}
				must(t, j.Close())
			})
		})
	}
}

// made issues a token.
func (s *Store) made(t *testing.T) *token.Token {
	t.Helper()
	k := newToken(token.Long)
	k.Born = 1 << 40 // it knows of every change
	must(t, s.Commit(t.Context(), &token.Deed{Issue: []*token.Token{k}}))
	return k
}

// What a crash kept out of the log, and what other nodes ended, is written to it
// from the database: any node's log is whole, and a node that ended nothing
// itself knows a database that was rolled back.
func TestLogOfEndingsIsFilledUpFromTheDatabase(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		mine, theirs := t.TempDir(), t.TempDir()
		j := s.journaled(t, mine)
		first, second, stopped := s.made(t), s.made(t), s.made(t)
		person := &token.Person{ID: "usr_1", Number: 1, Email: "a@example.test"}
		secret := token.Secret{ID: newID(token.Long), Hash: token.HashOf("leaked")}
		must(t, s.Do(ctx, func(tx *Tx) error {
			if err := tx.PutUser(ctx, person); err != nil {
				return err
			}
			if err := tx.PutMembership(ctx, &token.Membership{ID: "mem_1", Person: "usr_1", Workspace: "ws1", Role: token.Member}); err != nil {
				return err
			}
			if err := tx.PutClient(ctx, &token.Client{ID: "app", Number: 1, Workspace: "ws1"}); err != nil {
				return err
			}
			return tx.PutSecret(ctx, "app", secret)
		}))
		backup := s.past(t, first, second, stopped)
		s.journaled(t, theirs) // of another node, which was there before
		s.revoke(t, first)
		s.cfg.Journal = nil // whoever does this is another node, or dies before it writes
		s.revoke(t, second)
		must(t, s.Do(ctx, func(tx *Tx) error {
			_, err := tx.Suspend(ctx, stopped.ID, 7, 0)
			return err
		}))
		must(t, s.Do(ctx, func(tx *Tx) error {
			tx.Cut(token.Cutoff{Support: token.Support{Kind: token.OnMembership, ID: token.MembershipID("usr_1", "ws1")}, Reason: "left"})
			_, err := tx.EndSecret(ctx, "app", secret.ID)
			return err
		}))
		s.journaled(t, theirs)
		s.journaled(t, mine)
		s.rollBack(t, backup)
		must(t, s.Do(ctx, func(tx *Tx) error {
			_, err := tx.exec(ctx, `DELETE FROM cutoffs`)
			_, err2 := tx.exec(ctx, `UPDATE client_secrets SET ended_at = 0`)
			return firstOf(err, err2)
		}))
		s.rollBack(t, backup)

		for n, dir := range []string{mine, theirs} {
			must(t, j.Close())
			var err error
			if j, err = OpenJournal(dir); err != nil {
				t.Fatal(err)
			}
			s.cfg.Journal = j
			if behind, err := s.Behind(ctx, j); err != nil || behind != (n == 0) {
				t.Errorf("node %d: behind %v, %v", n, behind, err)
			}
			if done, err := s.Replay(ctx, j); err != nil || done.All {
				t.Errorf("node %d: %+v, %v", n, done, err)
			}
			row, err := s.Token(ctx, stopped.ID)
			must(t, err)
			c, err := s.Client(ctx, "app")
			must(t, err)
			p, err := s.Person(ctx, "usr_1")
			must(t, err)
			if !s.ended(t, first) || !s.ended(t, second) || row.SuspendedAt != 7 || c.Secrets[0].EndedAt == 0 || p.In("ws1").Live() {
				t.Errorf("node %d: something lives: %v %v %+v %+v %+v", n, s.ended(t, first), s.ended(t, second), row, c.Secrets, p)
			}
		}
	})
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
