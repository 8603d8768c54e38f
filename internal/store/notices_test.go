package store

import (
	"database/sql"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fichadev/ficha/internal/token"
)

func ids(page []*token.Token) []token.ID {
	var list []token.ID
	for _, t := range page {
		list = append(list, t.ID)
	}
	return list
}

// A watch passes everything that expires, at one instant or many, once and in
// order.
func TestWatchPassesEverySecretOnce(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		var want []token.ID
		deed := &token.Deed{}
		for i := range uint32(25) {
			k := life(c.now(), token.Service, 30*24*time.Hour+time.Duration(i/5)*time.Hour, i)
			deed.Issue = append(deed.Issue, k)
			want = append(want, k.ID)
		}
		deed.Issue = append(deed.Issue, life(c.now(), token.Personal, 0, 90), life(c.now(), token.Access, time.Hour, 91))
		must(t, s.Commit(t.Context(), deed))
		var got []token.ID
		w := token.Watch{Notice: 7, Expires: c.now().UnixMilli()}
		for {
			page, err := s.Expiring(t.Context(), w, c.now().Add(90*24*time.Hour).UnixMilli(), 7)
			must(t, err)
			if len(page) == 0 {
				break
			}
			got = append(got, ids(page)...)
			last := page[len(page)-1]
			w.Expires, w.Secret = last.ExpiresAt, last.ID
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		early, err := s.Expiring(t.Context(), token.Watch{}, c.now().Add(30*24*time.Hour).UnixMilli(), 500)
		must(t, err)
		if !slices.Equal(ids(early), want[:5]) {
			t.Errorf("until the first instant: got %v, want %v", ids(early), want[:5])
		}
	})
}

func TestSecretsOfClientsAreWatchedLikeTokens(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		ctx, at := t.Context(), c.now().UnixMilli()
		must(t, s.Do(ctx, func(tx *Tx) error {
			if _, err := tx.AddClient(ctx, &token.Client{ID: "c1", Name: "robot", Workspace: "ws1", CreatedAt: at}); err != nil {
				return err
			}
			for i, expires := range []int64{at + 5000, 0, at + 9000} {
				secret := token.Secret{ID: token.MakeID(c.now(), token.Long, uint32(i)), LastFour: "abcd", CreatedAt: at, ExpiresAt: expires}
				if err := tx.PutSecret(ctx, "c1", secret); err != nil {
					return err
				}
			}
			return nil
		}))
		page, err := s.Expiring(ctx, token.Watch{Clients: true}, at+5000, 500)
		must(t, err)
		if len(page) != 1 {
			t.Fatalf("got %d, want 1", len(page))
		}
		if k := page[0]; k.Kind != token.ClientSecret || k.Workspace != "ws1" || k.Client != "c1" || k.Name != "robot" || k.IssuedAt != at ||
			k.ExpiresAt != at+5000 || k.EndedAt != 0 || k.Credential != k.ID {
			t.Errorf("got %+v", k)
		}
		byID, err := s.ExpiringSecret(ctx, page[0].ID)
		must(t, err)
		if d := cmp.Diff(page[0], byID); d != "" {
			t.Errorf("by its id (-page +id):\n%s", d)
		}
		if none, err := s.ExpiringSecret(ctx, 1); err != nil || none != nil {
			t.Errorf("an id of none: %v, %v", none, err)
		}
	})
}

func TestOneOfTwoNodesMovesAWatch(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		at := token.Watch{Notice: 7, Expires: 10}
		for _, want := range []int64{20, 30} {
			to := at
			to.Expires, to.Secret = want, 5
			var won [4]bool
			var wg sync.WaitGroup
			for i := range won {
				wg.Go(func() {
					must(t, s.Do(ctx, func(tx *Tx) (err error) {
						won[i], err = tx.MoveWatch(ctx, at, to)
						return err
					}))
				})
			}
			wg.Wait()
			if n := len(slices.DeleteFunc(won[:], func(w bool) bool { return !w })); n != 1 {
				t.Errorf("%d of 4 moved the watch to %d", n, want)
			}
			at = to
		}
		watches, err := s.Watches(ctx)
		must(t, err)
		if !slices.Equal(watches, []token.Watch{at}) {
			t.Errorf("got %v, want %v", watches, at)
		}
	})
}

func TestNoticeIsWrittenOnce(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		ctx := t.Context()
		notice := func(n token.Notice, secrets ...token.ID) (fresh map[token.ID]bool) {
			must(t, s.Do(ctx, func(tx *Tx) (err error) {
				fresh, err = tx.Notice(ctx, n, secrets)
				return err
			}))
			return fresh
		}
		if got := notice(7, 1, 2, 3); len(got) != 3 {
			t.Errorf("the first time: %v", got)
		}
		if got := notice(7, 2, 3, 4); len(got) != 1 || !got[4] {
			t.Errorf("the second time: %v", got)
		}
		if got := notice(3, 1); !got[1] {
			t.Errorf("another notice of the same: %v", got)
		}
		c.pass(keepNotices)
		if _, err := s.Purge(ctx); err != nil {
			t.Fatal(err)
		}
		if told, err := s.Noticed(ctx, 1, 7); told || err != nil {
			t.Errorf("it is kept for ever: %v", err)
		}
	})
}

func TestWhatExpiresIsFoundByItsIndex(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		deed := &token.Deed{}
		for i := range uint32(2000) {
			deed.Issue = append(deed.Issue, life(c.now(), token.Service, 30*24*time.Hour+time.Duration(i)*time.Hour, i))
		}
		must(t, s.Commit(t.Context(), deed))
		if s.engine.shared() {
			_, err := s.db.ExecContext(t.Context(), "ANALYZE")
			must(t, err)
		}
		from := c.now().Add(40 * 24 * time.Hour).UnixMilli()
		for _, text := range []string{expiringTokens, expiringSecrets, countExpiring} {
			args := []any{from, int64(5), from + 1<<40, 100}
			plan := explain(t, s, text, args)
			if strings.Contains(plan, "Seq Scan on tokens") || strings.Contains(plan, "SCAN tokens") || strings.Contains(plan, "USE TEMP B-TREE") {
				t.Errorf("read as a whole:\n%s\n%s", text, plan)
			}
			if !s.engine.shared() {
				beginsAtAParameter(t, s, text, args)
			}
		}
	})
}

func TestWhatExpiresSoonIsCounted(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		const day = 24 * time.Hour
		deed := &token.Deed{}
		for i := range uint32(1200) { // more than a page
			deed.Issue = append(deed.Issue, life(c.now(), token.Service, 20*day+time.Duration(i)*time.Second, i))
		}
		deed.Issue = append(deed.Issue, life(c.now(), token.Personal, 36*time.Hour, 5000), life(c.now(), token.Refresh, 36*time.Hour, 5001))
		ended := life(c.now(), token.Service, 5*day, 5002)
		deed.Issue = append(deed.Issue, ended, life(c.now(), token.Access, 6*day, 5003))
		must(t, s.Commit(t.Context(), deed))
		must(t, s.Commit(t.Context(), &token.Deed{End: []token.Ending{{ID: ended.ID, At: 5, Reason: "revoked"}}}))
		got, err := s.CountExpiring(t.Context(), c.now().Add(time.Hour).UnixMilli(), []int64{day.Milliseconds(), 7 * day.Milliseconds(), 30 * day.Milliseconds()})
		must(t, err)
		if !slices.Equal(got, []int64{0, 2, 1202}) {
			t.Errorf("got %v, want [0 2 1202]", got)
		}
	})
}

func TestDescriptionIsChangedOnEverySecretOfACredential(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		first := put(t, s, token.Long, func(k *token.Token) { k.Name, k.Purpose, k.Owner = "old", "why", "team" })
		second := put(t, s, token.Long, func(k *token.Token) { k.Credential, k.Name, k.Purpose = first.ID, "old", "why" })
		other := put(t, s, token.Long, func(k *token.Token) { k.Name = "other" })
		name, none := "new", ""
		describe := func(id token.ID) (done bool) {
			must(t, s.Do(t.Context(), func(tx *Tx) (err error) {
				done, err = tx.DescribeToken(t.Context(), id, token.Description{Name: &name, Owner: &none})
				return err
			}))
			return done
		}
		if !describe(first.ID) || describe(newID(token.Short)) {
			t.Error("want the one described and the other not")
		}
		for _, id := range []token.ID{first.ID, second.ID} {
			if k, err := s.Token(t.Context(), id); err != nil || k.Name != "new" || k.Purpose != "why" || k.Owner != "" {
				t.Errorf("%v: %+v, %v", id, k, err)
			}
		}
		if k, err := s.Token(t.Context(), other.ID); err != nil || k.Name != "other" {
			t.Errorf("another credential: %+v, %v", k, err)
		}
	})
}

// beginsAtAParameter fails the test where SQLite's program begins to walk an
// index at a constant, such as the one that names a partial index, and passes
// over what lies before the place that was asked for.
func beginsAtAParameter(t *testing.T, s *Store, text string, args []any) {
	t.Helper()
	type step struct {
		code       string
		p1, p2, p3 int64
	}
	program, err := all(t.Context(), s.reads, "EXPLAIN "+text, func(r *sql.Rows) (o step, err error) {
		var skip any
		err = r.Scan(&skip, &o.code, &o.p1, &o.p2, &o.p3, &skip, &skip, &skip)
		return o, err
	}, args...)
	must(t, err)
	seeks := 0
	for _, o := range program {
		if !strings.HasPrefix(o.code, "SeekG") {
			continue
		}
		seeks++
		for _, from := range program {
			if from.code == "Integer" && from.p2 == o.p3 {
				t.Errorf("it begins at the constant %d:\n%s", from.p1, text)
			}
		}
	}
	if seeks == 0 {
		t.Errorf("it looks nothing up:\n%s\n%v", text, program)
	}
}
