package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// kept opens the store of a folder with its journal.
func kept(t *testing.T, dir string) (*Store, *Journal) {
	t.Helper()
	j, err := OpenJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(context.Background(), Config{
		Database: "sqlite:" + filepath.Join(dir, "ficha.db"), Now: time.Now, Log: slog.New(slog.DiscardHandler), Journal: j,
	}, true)
	if err != nil {
		t.Fatal(err)
	}
	return s, j
}

func shut(t *testing.T, s *Store, j *Journal) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// The name of a copy that came to nothing is free for the next try.
func TestBackupThatFailsLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	database, backup := filepath.Join(dir, "ficha.db"), filepath.Join(dir, "backup.db")
	s, j := kept(t, dir)
	shut(t, s, j)
	whole, err := os.ReadFile(database)
	must(t, err)
	broken := slices.Clone(whole)
	for i := 4096; i < 2*4096; i++ { // a page that is met when the copy has begun
		broken[i] = 0xff
	}
	must(t, os.WriteFile(database, broken, 0o600))
	if err := Backup(t.Context(), database, backup); err == nil {
		t.Fatal("a damaged database was copied without a word")
	}
	if _, err := os.Stat(backup); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file of the copy: got %v, want none", err)
	}
	must(t, os.WriteFile(database, whole, 0o600))
	must(t, Backup(t.Context(), database, backup))
}

// replace puts a backup in place and returns what the one before is called.
func replace(t *testing.T, backup, database string) string {
	t.Helper()
	before, err := Replace(t.Context(), backup, database)
	must(t, err)
	return before
}

// Whoever restores twice still has the database that lived, with what its last
// commits left in the -wal.
func TestRestoreOverwritesNoDatabaseThatWasThere(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	database, backup := filepath.Join(dir, "ficha.db"), filepath.Join(dir, "backup.db")
	s, j := kept(t, dir)
	must(t, Backup(ctx, database, backup))
	late := newToken(token.Long)
	must(t, s.Commit(ctx, &token.Deed{Issue: []*token.Token{late}}))
	killed := t.TempDir() // the files as a killed process leaves them
	for _, part := range parts {
		text, err := os.ReadFile(database + part)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(killed, "ficha.db"+part), text, 0o600))
	}
	shut(t, s, j)

	database = filepath.Join(killed, "ficha.db")
	lived := replace(t, backup, database)
	must(t, os.WriteFile(database+".before-2-wal", []byte("somebody's"), 0o600))
	for _, want := range []string{".before-3", ".before-4"} {
		if got := replace(t, backup, database); got != database+want {
			t.Errorf("got %s, want one ending in %s", got, want)
		}
	}
	replace(t, lived, database) // the way back
	s, j = kept(t, killed)
	defer shut(t, s, j)
	if got, err := s.Token(ctx, late.ID); err != nil || got == nil {
		t.Errorf("the token of the last commit: got %v, %v, want it", got, err)
	}
	if got := replace(t, backup, filepath.Join(t.TempDir(), "ficha.db")); got != "" {
		t.Errorf("where none was: got %s, want nothing kept", got)
	}
}

func TestRestoredBackupRevivesNothingThatEnded(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s, j := kept(t, dir)
	revoked, rotated, lives := newToken(token.Long), newToken(token.Long), newToken(token.Long)
	person := &token.Person{ID: "usr_1", Number: 1, Email: "a@example.test"}
	member := &token.Membership{ID: "mem_1", Person: "usr_1", Workspace: "ws1", Role: token.Member}
	must(t, s.Commit(ctx, &token.Deed{Issue: []*token.Token{revoked, rotated, lives}}))
	must(t, s.Do(ctx, func(tx *Tx) error {
		if err := tx.PutUser(ctx, person); err != nil {
			return err
		}
		return tx.PutMembership(ctx, member)
	}))
	backup := filepath.Join(dir, "backup.db")
	must(t, Backup(ctx, filepath.Join(dir, "ficha.db"), backup))
	must(t, s.Commit(ctx, &token.Deed{End: []token.Ending{{ID: revoked.ID, At: 9, Reason: "revoked", By: "x"}}}))
	must(t, s.Commit(ctx, &token.Deed{End: []token.Ending{{ID: rotated.ID, At: 9, Reason: "rotated", By: "x", Quiet: true}}}))
	must(t, s.Do(ctx, func(tx *Tx) error {
		_, err := tx.EndMembership(ctx, member, "left")
		return err
	}))
	ahead, err := s.Position(ctx)
	must(t, err)
	shut(t, s, j)

	replace(t, backup, filepath.Join(dir, "ficha.db"))
	s, j = kept(t, dir)
	defer shut(t, s, j)
	if behind, err := s.Behind(ctx, j); err != nil || !behind {
		t.Fatalf("a restored database: got behind %v, %v, want true", behind, err)
	}
	done, err := s.Replay(ctx, j)
	if err != nil || done.Tokens != 2 || done.Cutoffs != 1 || done.All {
		t.Fatalf("got %+v, %v, want 2 tokens and 1 cutoff", done, err)
	}
	if behind, err := s.Behind(ctx, j); err != nil || behind {
		t.Errorf("after the replay: got behind %v, %v, want false", behind, err)
	}
	for _, want := range []struct {
		id    token.ID
		ended bool
	}{{revoked.ID, true}, {rotated.ID, true}, {lives.ID, false}} {
		got, err := s.Token(ctx, want.id)
		if err != nil || (got.EndedAt != 0) != want.ended {
			t.Errorf("token %v: got ended at %d, %v, want ended %v", want.id, got.EndedAt, err, want.ended)
		}
	}
	p, err := s.Person(ctx, "usr_1")
	if err != nil || p.Memberships[0].Live() || !p.Memberships[0].Cutoffs.Hit(ahead.Position-1, 0) {
		t.Errorf("the membership: got %+v, %v, want removed and cut off", p.Memberships[0], err)
	}
	if at, err := s.Position(ctx); err != nil || at.Position <= ahead.Position {
		t.Errorf("got position %d, %v, want more than %d", at.Position, err, ahead.Position)
	}
}

// A secret of a client that was ended, since it leaked perhaps, opens nothing
// again because of a restore.
func TestRestoredBackupRevivesNoSecretOfAClient(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s, j := kept(t, dir)
	leaked, stays := token.Secret{ID: 11, Hash: token.HashOf("leaked")}, token.Secret{ID: 12, Hash: token.HashOf("stays")}
	login := func(id token.ID) token.ClientToken {
		return token.ClientToken{Secret: token.Secret{ID: id, Hash: token.HashOf(id.String())}, Workspace: "ws1"}
	}
	named, known, untouched := login(21), login(22), login(23)
	must(t, s.Do(ctx, func(tx *Tx) error {
		err := errors.Join(tx.PutClient(ctx, &token.Client{ID: "app", Number: 1, Workspace: "ws1"}), tx.PutSecret(ctx, "app", leaked), tx.PutSecret(ctx, "app", stays))
		for _, c := range []token.ClientToken{named, known, untouched} {
			_, put := tx.PutClientToken(ctx, &c)
			err = errors.Join(err, put)
		}
		return err
	}))
	backup := filepath.Join(dir, "backup.db")
	must(t, Backup(ctx, filepath.Join(dir, "ficha.db"), backup))
	for _, end := range []func(*Tx) (bool, error){
		func(tx *Tx) (bool, error) { return tx.EndSecret(ctx, "app", leaked.ID) },
		func(tx *Tx) (bool, error) { return tx.EndClientToken(ctx, "ws1", named.Hash) },
		func(tx *Tx) (bool, error) { return tx.DropClientToken(ctx, "ws1", known.ID) },
	} {
		must(t, s.Do(ctx, func(tx *Tx) error {
			if won, err := end(tx); err != nil || !won {
				return errors.Join(err, errors.New("nothing was ended"))
			}
			return nil
		}))
	}
	shut(t, s, j)
	replace(t, backup, filepath.Join(dir, "ficha.db"))
	s, j = kept(t, dir)
	defer shut(t, s, j)
	if done, err := s.Replay(ctx, j); err != nil || done.Tokens != 3 {
		t.Fatalf("got %+v, %v, want 3 ended again", done, err)
	}
	c, err := s.Client(ctx, "app")
	if err != nil || c.Secrets[0].EndedAt == 0 || c.Secrets[1].EndedAt != 0 {
		t.Errorf("got %+v, %v, want the leaked secret ended and the other not", c.Secrets, err)
	}
	for _, one := range []struct {
		token.ClientToken
		ended bool
	}{{named, true}, {known, true}, {untouched, false}} {
		if got, err := s.ClientToken(ctx, one.Hash); err != nil || (got.EndedAt != 0) != one.ended {
			t.Errorf("client token %v: got ended at %d, %v, want ended %v", one.ID, got.EndedAt, err, one.ended)
		}
	}
}

func TestBackupOlderThanTheJournalCutsOffEverything(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s, j := kept(t, dir)
	must(t, s.Do(ctx, func(tx *Tx) error {
		return tx.PutWorkspace(ctx, &token.Workspace{ID: "ws1", Number: 1})
	}))
	must(t, j.Append(JournalLine{Position: 1000, Mark: "later"}))
	shut(t, s, j)
	// The journal begins after the database's last position: what lies between is not known.
	only, err := OpenJournal(t.TempDir())
	must(t, err)
	must(t, only.Append(JournalLine{Position: 1000, Mark: "later"}))
	s, j = kept(t, dir)
	defer shut(t, s, j)
	done, err := s.Replay(ctx, only)
	if err != nil || !done.All {
		t.Fatalf("got %+v, %v, want everything cut off", done, err)
	}
	w, err := s.Workspace(ctx, "ws1")
	if err != nil || !w.Cutoffs.Hit(999, 0) {
		t.Errorf("got cutoffs %+v, %v, want one past 1000", w.Cutoffs, err)
	}
	must(t, only.Close())
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A line that a crash or a full disk tore takes nothing with it but itself.
func TestTornLineOfTheJournalTakesNoOtherAlong(t *testing.T) {
	dir := t.TempDir()
	j, err := OpenJournal(dir)
	must(t, err)
	must(t, j.Append(JournalLine{Position: 1}))
	must(t, j.Close())
	f, err := os.OpenFile(filepath.Join(dir, "endings.log"), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString(`{"n":2,"ends":[{"id`)
	must(t, errors.Join(err, f.Close()))
	j, err = OpenJournal(dir)
	must(t, err)
	must(t, j.Append(JournalLine{Position: 3}))
	must(t, j.Append(JournalLine{Position: 4}))
	var got []int64
	must(t, j.Lines(func(l JournalLine) error { got = append(got, l.Position); return nil }))
	if want := []int64{1, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("got the lines of positions %v, want %v", got, want)
	}
	must(t, j.Close())
}

// A journal that has grown long and cannot begin anew says so, and no ending is
// lost.
func TestJournalThatCannotBeTurnedGoesOn(t *testing.T) {
	dir := t.TempDir()
	j, err := OpenJournal(dir)
	must(t, err)
	must(t, j.Append(JournalLine{Position: 1}))
	inTheWay := filepath.Join(dir, "endings.log.1", "x")
	must(t, os.MkdirAll(inTheWay, 0o700))
	for n := range int64(2) {
		j.size = journalMost + 1
		if err := j.Append(JournalLine{Position: 2 + n}); err == nil {
			t.Error("nobody hears that it was not turned")
		}
	}
	must(t, os.RemoveAll(filepath.Dir(inTheWay)))
	j.size = journalMost + 1
	must(t, j.Append(JournalLine{Position: 4}))
	var got []int64
	must(t, j.Lines(func(l JournalLine) error { got = append(got, l.Position); return nil }))
	if want := []int64{1, 2, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("got the lines of positions %v, want %v", got, want)
	}
	must(t, j.Close())
}

// A server starts without reading years of endings.
func TestLongJournalIsReadFromItsEnd(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s, j := kept(t, dir)
	defer shut(t, s, j)
	for i := range int64(20_000) {
		must(t, j.Append(JournalLine{Ends: []JournalEnding{{ID: token.ID(i + 1), At: 1, Reason: "revoked", By: "somebody"}}}))
	}
	if behind, err := s.Behind(ctx, j); err != nil || behind {
		t.Fatalf("got behind %v, %v, want false", behind, err)
	}
	read := 0
	must(t, j.last(func(JournalLine) error { read++; return nil }))
	if read == 0 || read > 15_000 {
		t.Errorf("read %d of 20,000 lines, want those of the last megabyte", read)
	}
	must(t, j.Append(JournalLine{Position: 99}))
	if behind, err := s.Behind(ctx, j); err != nil || !behind {
		t.Errorf("got behind %v, %v, want true", behind, err)
	}
}

func TestOnlyABackupOfOursIsRestored(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	database := filepath.Join(dir, "ficha.db")
	s, j := kept(t, dir)
	shut(t, s, j)
	other := filepath.Join(dir, "other.db")
	db, err := sql.Open("sqlite", other)
	must(t, err)
	_, err = db.Exec(`CREATE TABLE notes (text TEXT)`)
	must(t, errors.Join(err, db.Close()))
	text := filepath.Join(dir, "text.db")
	must(t, os.WriteFile(text, []byte("no database at all, only words that are long enough for a header"), 0o600))
	for _, bad := range []string{other, text, filepath.Join(dir, "missing.db")} {
		if _, err := Replace(ctx, bad, database); err == nil {
			t.Errorf("%s: got no error, want a refusal", filepath.Base(bad))
		}
		if _, err := os.Stat(database); err != nil {
			t.Fatalf("%s: the database is gone: %v", filepath.Base(bad), err)
		}
	}
}
