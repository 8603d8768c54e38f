package store

import (
	"database/sql"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/token"
)

// A clock is moved by its test.
type clock struct{ ms atomic.Int64 }

func newClock(at time.Time) *clock {
	c := &clock{}
	c.ms.Store(at.UnixMilli())
	return c
}

func (c *clock) now() time.Time        { return time.UnixMilli(c.ms.Load()).UTC() }
func (c *clock) pass(d time.Duration)  { c.ms.Add(d.Milliseconds()) }
func (c *clock) at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

var spring = time.Date(2026, 3, 20, 10, 0, 0, 0, time.UTC)

// eachEngineAt runs a test on both engines with a clock of its own.
func eachEngineAt(t *testing.T, test func(*testing.T, *Store, *clock)) {
	run := func(t *testing.T, database string) {
		c := newClock(spring)
		s, err := Open(t.Context(), Config{Database: database, Now: c.now, Log: slog.New(slog.DiscardHandler)}, true)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}()
		test(t, s, c)
	}
	t.Run("sqlite", func(t *testing.T) { run(t, "sqlite:"+filepath.Join(t.TempDir(), "ficha.db")) })
	if pgtest.Available() {
		t.Run("postgres", func(t *testing.T) { run(t, pgtest.Start(t).Database(t)) })
	}
}

// life makes a token that is issued at an instant.
func life(at time.Time, kind token.Kind, d time.Duration, n uint32) *token.Token {
	k := &token.Token{
		ID: token.MakeID(at, token.ClassFor(d), n), Kind: kind, Contract: "test", LastFour: "abcd", Workspace: "ws1", Client: "c1", Born: 1 << 40, Name: "n",
	}
	k.Credential, k.Hash = k.ID, token.HashOf(k.ID.String())
	if d > 0 {
		k.ExpiresAt = at.Add(d).UnixMilli()
	}
	return k
}

// purgeAll purges until nothing is left to look at, as the job does.
func purgeAll(t *testing.T, s *Store) {
	t.Helper()
	if err := s.DropPartitions(t.Context(), s.cfg.Now()); err != nil {
		t.Fatal(err)
	}
	for range 10_000 {
		n, err := s.Purge(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
	t.Fatal("the purge does not end")
}

func there(t *testing.T, s *Store, id token.ID) bool {
	t.Helper()
	k, err := s.Token(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return k != nil
}

func issue(t *testing.T, s *Store, tokens ...*token.Token) {
	t.Helper()
	if err := s.Commit(t.Context(), &token.Deed{Issue: tokens}); err != nil {
		t.Fatal(err)
	}
}

func TestEndedTokensAreKeptForTheirTime(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		const hour, day = time.Hour, 24 * time.Hour
		if err := s.EnsurePartitions(t.Context(), c.now(), 3); err != nil {
			t.Fatal(err)
		}
		access := life(c.now(), token.Access, hour, 1)
		brief := life(c.now(), token.Ephemeral, hour, 2)
		month := life(c.now(), token.Service, 30*day, 3)
		ever := life(c.now(), token.Personal, 0, 4)
		revoked := life(c.now(), token.Service, 0, 5)
		issue(t, s, access, brief, month, ever, revoked)
		if err := s.Commit(t.Context(), &token.Deed{End: []token.Ending{{ID: revoked.ID, At: c.ms.Load(), Reason: "revoked", By: "x"}}}); err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			after time.Duration // since the issue
			gone  []*token.Token
			stay  []*token.Token
		}{
			{7 * day, nil, []*token.Token{access, brief, month, ever, revoked}},
			{10 * day, []*token.Token{access}, []*token.Token{brief, month, ever, revoked}},
			{89 * day, []*token.Token{access}, []*token.Token{brief, month, ever, revoked}},
			{92 * day, []*token.Token{access, brief, revoked}, []*token.Token{month, ever}},
			{121 * day, []*token.Token{access, brief, revoked, month}, []*token.Token{ever}},
			{3000 * day, []*token.Token{access, brief, revoked, month}, []*token.Token{ever}},
		} {
			c.ms.Store(spring.Add(step.after).UnixMilli())
			purgeAll(t, s)
			for _, k := range step.gone {
				if there(t, s, k.ID) {
					t.Errorf("after %v the %s token of %v is still there", step.after, k.Kind, c.at(k.ExpiresAt))
				}
			}
			for _, k := range step.stay {
				if !there(t, s, k.ID) {
					t.Errorf("after %v the %s token of %v is gone", step.after, k.Kind, c.at(k.ExpiresAt))
				}
			}
		}
		same(t, "totals", map[token.Kind]int64{token.Access: 1, token.Ephemeral: 1, token.Service: 2})(s.Purged(t.Context(), "2026-03", "ws1"))
	})
}

// TestPurgeSparesWhatMayLive throws tokens of every sort at the purge and moves
// the clock about.
func TestPurgeSparesWhatMayLive(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		rnd := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test's
		lives := []time.Duration{0, time.Minute, 24 * time.Hour, 25 * time.Hour, 40 * oneDay}
		kinds := append([]token.Kind{token.AuthCode, token.Session}, token.Kinds...)
		dead := &token.Grant{ID: token.MakeID(spring, token.Long, 77), Client: "c1", CreatedAt: 1}
		if err := s.Commit(t.Context(), &token.Deed{Grant: dead}); err != nil {
			t.Fatal(err)
		}
		all := map[token.ID]*token.Token{}
		n := uint32(1000)
		grantEnd := int64(0)
		for round := range 12 {
			if rnd.IntN(3) > 0 {
				if err := s.EnsurePartitions(t.Context(), c.now(), 2); err != nil {
					t.Fatal(err)
				}
			}
			var born []*token.Token
			for range 150 {
				n++
				k := life(c.now().Add(time.Duration(rnd.Int64N(int64(oneDay)))), kinds[rnd.IntN(len(kinds))], lives[rnd.IntN(len(lives))], n)
				if rnd.IntN(2) == 0 {
					k.Name = ""
				}
				if grantEnd == 0 && rnd.IntN(8) == 0 {
					k.Grant = dead.ID
				}
				all[k.ID] = k
				born = append(born, k)
			}
			issue(t, s, born...)
			for _, k := range all {
				if k.EndedAt == 0 && rnd.IntN(10) == 0 {
					if err := s.Commit(t.Context(), &token.Deed{End: []token.Ending{{ID: k.ID, At: c.ms.Load(), Reason: "x", By: "x"}}}); err == nil {
						k.EndedAt = c.ms.Load()
					}
				}
			}
			if round == 4 {
				do(t, s, func(tx *Tx) error { _, err := tx.EndGrant(t.Context(), dead.ID, "revoked"); return err })
				grantEnd = c.ms.Load()
			}
			c.pass(oneDay + time.Duration(rnd.Int64N(int64(25*oneDay))))
			purgeAll(t, s)
			now := c.ms.Load()
			for id, k := range all {
				switch got := there(t, s, id); {
				case !got && !mayGo(k, now, grantEnd):
					t.Fatalf("%s token issued %v, expires %v, ended %d, grant %d is gone at %v", k.Kind, id.Time(), c.at(k.ExpiresAt), k.EndedAt, k.Grant, c.now())
				case got && mustGo(k, now, grantEnd):
					t.Fatalf("%s token issued %v, expires %v, ended %d, grant %d is still there at %v", k.Kind, id.Time(), c.at(k.ExpiresAt), k.EndedAt, k.Grant, c.now())
				case !got:
					delete(all, id)
				}
			}
		}
	})
}

// mayGo: what was promised about how long a token is kept, said once more.
func mayGo(k *token.Token, now, grantEnd int64) bool {
	const week, quarter = 7 * 24 * 3600_000, 90 * 24 * 3600_000
	expired := func(keep int64) bool { return k.ExpiresAt != 0 && k.ExpiresAt+keep <= now }
	if k.ID.Class() == token.Short {
		switch k.Kind {
		case token.Service, token.Ephemeral, token.Impersonated, token.Personal:
			return expired(quarter)
		}
		return expired(week)
	}
	return expired(quarter) || k.EndedAt != 0 && k.EndedAt+quarter <= now ||
		k.ExpiresAt == 0 && k.Grant != 0 && grantEnd != 0 && grantEnd+quarter <= now
}

// mustGo: two days later at most, since days are dropped whole.
func mustGo(k *token.Token, now, grantEnd int64) bool {
	return mayGo(k, now-2*24*3600_000, grantEnd)
}

func TestPurgeForgetsTheRest(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		ctx := t.Context()
		a := newAuthorization(1)
		a.ExpiresAt = c.now().Add(time.Minute).UnixMilli()
		answer := &token.Answer{Key: token.HashOf("k"), Sealed: []byte("sealed"), ExpiresAt: a.ExpiresAt}
		old, gone := life(c.now(), token.Access, 48*time.Hour, 1), &token.Grant{ID: token.MakeID(c.now(), token.Long, 2), EndedAt: c.ms.Load()}
		live := &token.Grant{ID: token.MakeID(c.now(), token.Long, 3)}
		kept := life(c.now(), token.Personal, 0, 4)
		old.Contract = "import"
		do(t, s, func(tx *Tx) error { return tx.InsertAuthorization(ctx, a) })
		do(t, s, func(tx *Tx) error { _, err := tx.Import(ctx, old); return err })
		for _, d := range []*token.Deed{{Answer: answer, Grant: gone}, {Grant: live, Issue: []*token.Token{kept}}} {
			if err := s.Commit(ctx, d); err != nil {
				t.Fatal(err)
			}
		}
		do(t, s, func(tx *Tx) error {
			tx.Cut(token.Cutoff{Support: token.Support{Kind: token.OnPerson, ID: "u1"}, Reason: "left"})
			return nil
		})
		used := token.Seen{First: 1, Last: c.ms.Load(), Count: 1}
		if err := s.FlushUses(ctx, usedOf(map[token.ID]token.Seen{old.ID: used, kept.ID: used}), unheard); err != nil {
			t.Fatal(err)
		}

		purgeAll(t, s)
		if got, err := s.Authorization(ctx, a.ID); got == nil || err != nil {
			t.Errorf("a request that waits is gone: %v", err)
		}
		c.pass(100 * oneDay)
		purgeAll(t, s)
		same[*token.Authorization](t, "request", nil)(s.Authorization(ctx, a.ID))
		same[*token.Answer](t, "answer", nil)(s.Answer(ctx, answer.Key))
		same[*token.Grant](t, "ended grant", nil)(s.Grant(ctx, gone.ID))
		same(t, "import", token.ID(0))(s.Imported(ctx, old.Hash))
		if g, err := s.Grant(ctx, live.ID); g == nil || err != nil {
			t.Errorf("a live grant is gone: %v", err)
		}
		seen, err := s.LastUses(ctx, []token.ID{old.ID, kept.ID})
		if err != nil || len(seen) != 1 || seen[kept.ID] != used {
			t.Errorf("uses: %v, %v; want those of the live one", seen, err)
		}
		cuts, err := cutoffsOf(ctx, s.reads, token.OnPerson, "u1")
		if err != nil || len(cuts) != 1 {
			t.Errorf("cutoffs: %v, %v; want the one", cuts, err)
		}
		p, err := s.Position(ctx)
		if err != nil {
			t.Fatal(err)
		}
		changes, err := s.Changes(ctx, 1, 100_000)
		if err != nil || len(changes) != 1 || changes[0].Position != p.Position || changes[0].Mark != p.Mark {
			t.Errorf("changes: %v, %v; want those of position %d alone", changes, err, p.Position)
		}
	})
}

// What is known of the use of a secret goes with its row, and no other's does:
// neither that of the credential's first secret with one that was withdrawn,
// nor that of the second with the first.
func TestUsesGoWithTheirSecret(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		first, withdrawn := life(c.now(), token.Personal, 0, 1), life(c.now(), token.Personal, 48*time.Hour, 2)
		withdrawn.Credential = first.ID
		old, second := life(c.now(), token.Personal, 48*time.Hour, 3), life(c.now(), token.Personal, 0, 4)
		second.Credential = old.ID
		replaced, successor := life(c.now(), token.Refresh, 48*time.Hour, 5), life(c.now(), token.Refresh, 0, 6)
		short, today := life(c.now(), token.Access, time.Hour, 7), life(c.now().Add(99*24*time.Hour), token.Access, 20*time.Hour, 8)
		issue(t, s, first, withdrawn, old, second, replaced, successor, short)
		if err := s.Commit(t.Context(), &token.Deed{End: []token.Ending{
			{ID: replaced.ID, At: c.ms.Load(), Reason: "rotated", By: "x", Successor: successor.ID, Quiet: true},
		}}); err != nil {
			t.Fatal(err)
		}
		use := func(tokens ...*token.Token) {
			var uses []token.Used
			for _, u := range tokens {
				uses = append(uses, token.Used{Secret: u.ID, Seen: token.Seen{First: 1, Last: c.ms.Load(), Count: 1, Scopes: "a:read b:read"}})
			}
			if err := s.FlushUses(t.Context(), token.Uses{Len: len(uses), Portions: func(yield func([]token.Used) bool) { yield(uses) }}, unheard); err != nil {
				t.Fatal(err)
			}
		}
		use(first, withdrawn, old, second, replaced, successor, short)
		c.pass(99 * oneDay)
		issue(t, s, today)
		use(today)
		purgeAll(t, s)
		for text, want := range map[string][]int64{
			`SELECT credential FROM uses ORDER BY credential`:         {int64(first.ID), int64(second.ID), int64(successor.ID), int64(today.ID)},
			`SELECT DISTINCT secret FROM used_scopes ORDER BY secret`: {int64(first.ID), int64(second.ID), int64(successor.ID), int64(today.ID)},
		} {
			slices.Sort(want)
			if got, err := all(t.Context(), s.reads, text, scanInt); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: %v, %v, want %v", text, got, err, want)
			}
		}
	})
}

func TestFreshDatabaseHasNothingToPurge(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		issue(t, s, life(c.now(), token.Access, time.Hour, 1), life(c.now(), token.Service, 0, 2))
		if n, err := s.Purge(t.Context()); n != 0 || err != nil {
			t.Errorf("Purge = %d, %v", n, err)
		}
	})
}

// TestBigFamilyGoesInSteps: a token of an ended family never outlives it, and
// no commit grows with the family.
func TestBigFamilyGoesInSteps(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		g := &token.Grant{ID: token.MakeID(c.now(), token.Long, 1)}
		var tokens []*token.Token
		for n := range uint32(2*purgeStep + 7) {
			k := life(c.now(), token.Refresh, 0, 100+n)
			k.Grant = g.ID
			tokens = append(tokens, k)
		}
		if err := s.Commit(t.Context(), &token.Deed{Grant: g, Issue: tokens}); err != nil {
			t.Fatal(err)
		}
		do(t, s, func(tx *Tx) error { _, err := tx.EndGrant(t.Context(), g.ID, "revoked"); return err })
		c.pass(89 * oneDay)
		purgeAll(t, s)
		if !there(t, s, tokens[0].ID) {
			t.Error("it went too early")
		}
		c.pass(oneDay)
		for step, want := range []int64{purgeStep, 2 * purgeStep, 2*purgeStep + 7} {
			if _, err := s.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
			same(t, "step "+string(rune('1'+step)), map[token.Kind]int64{token.Refresh: want})(s.Purged(t.Context(), "2026-03", "ws1"))
		}
		same[*token.Grant](t, "the family", nil)(s.Grant(t.Context(), g.ID))
	})
}

// TestDeedsOnManyTokensAreKeptAsLongAsTheAudit, and one that still runs for ever.
func TestDeedsOnManyTokensAreKeptAsLongAsTheAudit(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		old := token.MakeID(c.now(), token.Long, 1)
		running := token.MakeID(c.now(), token.Long, 2)
		c.pass(time.Second)
		young := token.MakeID(c.now(), token.Long, 3)
		do(t, s, func(tx *Tx) error {
			for _, id := range []token.ID{old, running, young} {
				if err := tx.PutRevocation(t.Context(), &token.Revocation{ID: id, Workspace: "w", Act: token.Revoke, Running: id == running}); err != nil {
					return err
				}
			}
			return nil
		})
		c.pass(revocationsKept)
		purgeAll(t, s)
		left, err := s.Revocations(t.Context(), "w", 0, 10)
		if err != nil || len(left) != 2 || left[0].ID != young || left[1].ID != running {
			t.Errorf("%d are left: %v", len(left), err)
		}
	})
}

// TestPurgeWalksIndexes: a step costs the same among a million rows, and the
// first one after a start too.
func TestPurgeWalksIndexes(t *testing.T) {
	s := open(t, "sqlite")
	for text, index := range map[string]string{
		overNamed: "SEARCH tokens_short USING INTEGER PRIMARY KEY (rowid<?)", overExpired: "tokens_long_expired", overEnded: "tokens_long_ended",
		overGrants: "grants_ended", overForever: "tokens_long_forever", overAnswers: "answers_expired", overRenewals: "SEARCH renewals USING INTEGER PRIMARY KEY (rowid<?)", overRequests: "authorizations_expired",
		consentsFrom: "SEARCH grants USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)", codeOf: "SEARCH tokens_short USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
		overRevocations: "SEARCH revocations USING INTEGER PRIMARY KEY (rowid<?)",
	} {
		plan, err := all(t.Context(), s.reads, "EXPLAIN QUERY PLAN "+text, func(r *sql.Rows) (detail string, err error) {
			var n [3]int
			err = r.Scan(&n[0], &n[1], &n[2], &detail)
			return detail, err
		}, []any{1, 2, 3}[:strings.Count(text, "$")]...)
		if got := strings.Join(plan, "; "); err != nil || !strings.Contains(got, index) || strings.Contains(got, "SCAN") || strings.Contains(got, "B-TREE") {
			t.Errorf("the plan is %q, %v; want a search by %s", got, err, index)
		}
	}
}

// The secret of a token that nobody ever used does not lie there for as long
// as its request is remembered.
func TestOldAnswerIsWipedAndItsRequestRemembered(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		answer := &token.Answer{
			Key: token.HashOf("k"), Sealed: []byte("sealed"), MadeAt: c.ms.Load(),
			SealedUntil: c.now().Add(time.Minute).UnixMilli(), ExpiresAt: c.now().Add(time.Hour).UnixMilli(),
		}
		must(t, s.Commit(t.Context(), &token.Deed{Answer: answer}))
		for _, step := range []struct {
			after time.Duration
			want  string
		}{{time.Second, "sealed"}, {time.Minute, ""}} {
			c.ms.Add(step.after.Milliseconds())
			if _, err := s.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
			got, err := s.Answer(t.Context(), answer.Key)
			if err != nil || got == nil || string(got.Sealed) != step.want {
				t.Errorf("after %v: got %+v, %v, want %q sealed", step.after, got, err, step.want)
			}
		}
	})
}
