package store

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/token"
)

// open returns a fresh store on an engine.
func open(t testing.TB, database string) *Store {
	t.Helper()
	if database == "sqlite" {
		database = "sqlite:" + filepath.Join(t.TempDir(), "ficha.db")
	}
	s, err := Open(context.Background(), Config{Database: database, Now: time.Now, Log: slog.New(slog.DiscardHandler)}, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

var sequence struct {
	sync.Mutex
	n uint32
}

func newID(class token.Class) token.ID {
	sequence.Lock()
	defer sequence.Unlock()
	sequence.n++
	return token.MakeID(time.Now(), class, sequence.n)
}

func newToken(class token.Class) *token.Token {
	id := newID(class)
	return &token.Token{
		ID: id, Credential: id, Kind: token.Access, Contract: "test", Hash: token.HashOf(id.String()), LastFour: "abcd",
		Workspace: "ws1", Client: "c1", Scopes: token.Scopes{"a:b", "c:d"}, ExpiresAt: id.Time().Add(time.Hour).UnixMilli(), Born: 1,
	}
}

func TestRacersForOneTokenHaveOneWinner(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		old := newToken(token.Long)
		if err := s.Commit(ctx, &token.Deed{Issue: []*token.Token{old}}); err != nil {
			t.Fatal(err)
		}
		const racers = 20
		successors := make([]*token.Token, racers)
		errs := make([]error, racers)
		var wg sync.WaitGroup
		for i := range racers {
			successors[i] = newToken(token.Long)
			wg.Go(func() {
				errs[i] = s.Commit(ctx, &token.Deed{
					End:   []token.Ending{{ID: old.ID, At: 5, Reason: "rotated", By: "c1", Successor: successors[i].ID}},
					Issue: []*token.Token{successors[i]},
				})
			})
		}
		wg.Wait()
		won := 0
		for i, err := range errs {
			got, readErr := s.Token(ctx, successors[i].ID)
			if readErr != nil {
				t.Fatal(readErr)
			}
			switch r := token.AsRefusal(err); {
			case err == nil:
				won++
				if got == nil {
					t.Errorf("racer %d won, but its token is not there", i)
				}
			case r == nil || r.Reason != token.Lost:
				t.Errorf("racer %d: got %v, want a refusal with reason lost", i, err)
			case got != nil:
				t.Errorf("racer %d lost, but its token is there", i)
			}
		}
		if won != 1 {
			t.Errorf("got %d winners, want 1", won)
		}
	})
}

func TestDeedsOfOneBatchAreAnsweredAlone(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				one, two := newToken(token.Short), newToken(token.Long)
				one.Name, one.Data = "named", "{}"
				if err := s.Commit(ctx, &token.Deed{Issue: []*token.Token{one, two}, Grant: &token.Grant{ID: newID(token.Long), Client: "c1"}}); err != nil {
					t.Error(err)
				}
				got, err := s.Token(ctx, one.ID)
				if err != nil || got == nil || got.Name != "named" || got.Scopes.String() != "a:b c:d" || got.Hash != one.Hash {
					t.Errorf("got %+v, %v", got, err)
				}
				if err := s.Commit(ctx, &token.Deed{End: []token.Ending{{ID: two.ID, At: 7, Reason: "revoked", By: "x"}}}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		p, err := s.Position(ctx)
		if err != nil || p.Position < 2 {
			t.Fatalf("got position %+v, %v", p, err)
		}
		changes, err := s.Changes(ctx, 1, 1000)
		if err != nil || len(changes) != 201 || changes[0].What != token.Genesis {
			t.Fatalf("got %d changes, %v", len(changes), err)
		}
	})
}

// eachEngine runs a test on SQLite, and on PostgreSQL.
func eachEngine(t *testing.T, test func(*testing.T, *Store)) {
	t.Run("sqlite", func(t *testing.T) { test(t, open(t, "sqlite")) })
	if pgtest.Available() {
		t.Run("postgres", func(t *testing.T) { test(t, open(t, pgtest.Start(t).Database(t))) })
	}
}

// Ids are random within a millisecond, so two may be the same: the deed is
// made again, and neither is lost.
func TestTakenIDIsFoundByTheInsert(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		first, second := newToken(token.Long), newToken(token.Long)
		event := &token.Event{ID: newID(token.Long), Action: "test"}
		must(t, s.Commit(ctx, &token.Deed{Issue: []*token.Token{first}, Events: []*token.Event{event}, Grant: &token.Grant{ID: first.ID}}))
		for name, deed := range map[string]*token.Deed{
			"token": {Issue: []*token.Token{second, first}},
			"event": {Issue: []*token.Token{second}, Events: []*token.Event{event}},
			"grant": {Issue: []*token.Token{second}, Grant: &token.Grant{ID: first.ID}},
		} {
			err := s.Commit(ctx, deed)
			if r := token.AsRefusal(err); r == nil || r.Reason != token.Clash {
				t.Errorf("%s: got %v, want a refusal with reason clash", name, err)
			}
			if got, err := s.Token(ctx, second.ID); got != nil || err != nil {
				t.Errorf("%s: got %v, %v, want nothing of the deed", name, got, err)
			}
		}
		tries := 0
		must(t, s.Do(ctx, func(tx *Tx) error {
			e := *event
			if tries++; tries > 1 {
				e.ID = newID(token.Long)
			}
			return tx.Record(ctx, &e, nil)
		}))
		if tries != 2 {
			t.Errorf("a rare deed ran %d times, want 2", tries)
		}
	})
}
