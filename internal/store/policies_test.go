package store

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/token"
)

func ownedBy(t *testing.T, most int64, change func(*token.Token)) *token.Deed {
	t.Helper()
	k := newToken(token.Long)
	k.Kind, k.Name, k.Owner, k.ExpiresAt = token.Service, "deploy", "platform", 0
	if change != nil {
		change(k)
	}
	return &token.Deed{Issue: []*token.Token{k}, Quotas: []token.Quota{{Workspace: "ws1", Owner: "platform", Kind: k.Kind, Most: most}}}
}

// TestRacersForTheLastPlaceHaveOneWinner: within one node's batches, and between
// two nodes on one database.
func TestRacersForTheLastPlaceHaveOneWinner(t *testing.T) {
	race := func(t *testing.T, nodes ...*Store) {
		var wg sync.WaitGroup
		errs := make([]error, 30)
		for i := range errs {
			deed := ownedBy(t, 5, nil)
			wg.Go(func() { errs[i] = nodes[i%len(nodes)].Commit(context.Background(), deed) })
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !token.Is(err, token.Invalid) {
				t.Errorf("got %v, want a refusal", err)
			}
		}
		if won != 5 {
			t.Errorf("%d tokens found a place, want 5", won)
		}
	}
	eachEngine(t, func(t *testing.T, s *Store) { race(t, s) })
	if pgtest.Available() {
		t.Run("two nodes", func(t *testing.T) {
			database := pgtest.Start(t).Database(t)
			race(t, open(t, database), open(t, database))
		})
	}
}

func TestPlacesAreGivenUpAndSharedByTheSecretsOfOneCredential(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		full := func(want bool) {
			t.Helper()
			err := s.Commit(ctx, ownedBy(t, 2, nil))
			if token.Is(err, token.Invalid) != want || !want && err != nil {
				t.Fatalf("got %v, want full: %v", err, want)
			}
		}
		first := ownedBy(t, 2, nil)
		must(t, s.Commit(ctx, first))
		second := ownedBy(t, 0, func(k *token.Token) { k.Credential = first.Issue[0].ID })
		second.Quotas = nil // another secret of the first
		must(t, s.Commit(ctx, second))
		must(t, s.Commit(ctx, ownedBy(t, 2, func(k *token.Token) { k.ExpiresAt = time.Now().Add(-time.Second).UnixMilli() }))) // over at once
		must(t, s.Commit(ctx, &token.Deed{Issue: ownedBy(t, 0, func(k *token.Token) { k.Workspace = "ws2" }).Issue}))
		must(t, s.Commit(ctx, &token.Deed{Issue: ownedBy(t, 0, func(k *token.Token) { k.Owner = "another" }).Issue}))
		full(false)
		full(true)
		for _, d := range []*token.Deed{first, second} {
			must(t, s.Commit(ctx, &token.Deed{End: []token.Ending{{ID: d.Issue[0].ID, At: 5, Reason: "revoked"}}}))
		}
		full(false)
		full(true)
	})
}

func TestPersonalTokenOfAllWorkspacesTakesAPlaceInEach(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		mine := func(workspace string) *token.Deed {
			d := ownedBy(t, 1, func(k *token.Token) { k.Kind, k.Workspace, k.Person = token.Personal, workspace, "platform" })
			return d
		}
		must(t, s.Commit(t.Context(), mine("")))
		if err := s.Commit(t.Context(), mine("ws1")); !token.Is(err, token.Invalid) {
			t.Errorf("got %v, want a refusal", err)
		}
	})
}

// TestOwnersAndWaitersAreLookedUp: no count and no job reads a table.
func TestOwnersAndWaitersAreLookedUp(t *testing.T) {
	s := open(t, "sqlite:"+filepath.Join(t.TempDir(), "ficha.db"))
	for class, text := range owned {
		plan := explain(t, s, text, []any{"ws1", "platform", "service", int64(1), int64(9), int64(5)})
		if want := tables[class] + "_owner (workspace=? AND owner=? AND kind=? AND expires_at>? AND expires_at<?)"; !strings.Contains(plan, want) {
			t.Errorf("the plan is %q, want %s", plan, want)
		}
		plan = explain(t, s, surveyOf[class][1], []any{"ws1", int64(0), 50})
		if want := tables[class] + "_workspace (workspace=? AND id>?)"; !strings.Contains(plan, want) || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("the plan is %q, want %s", plan, want)
		}
		plan = explain(t, s, waitingTokens[class], []any{int64(9), 50})
		if want := tables[class] + "_waiting (id<?)"; !strings.Contains(plan, want) {
			t.Errorf("the plan is %q, want %s", plan, want)
		}
	}
}

func TestSurveyMeetsEachNamedTokenOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		var want []token.ID
		for n := range 7 {
			want = append(want, put(t, s, token.Class(n%2), func(*token.Token) {}).ID)
		}
		put(t, s, token.Long, func(k *token.Token) { k.Name = "" })
		put(t, s, token.Long, func(k *token.Token) { k.Workspace = "ws2" })
		for n, who := range []string{"usr_a", "usr_b", "usr_c"} {
			for range 2 {
				k := put(t, s, token.Long, func(k *token.Token) { k.Workspace, k.Person, k.Client = "", who, "" })
				if n < 2 { // the third has left
					want = append(want, k.ID)
				}
			}
			want = append(want, put(t, s, token.Long, func(k *token.Token) { k.Person = who }).ID) // bound: among the workspace's own
		}
		for n, who := range []string{"usr_a", "usr_b", "usr_c"} {
			do(t, s, func(tx *Tx) error {
				return tx.PutMembership(t.Context(), &token.Membership{ID: who + "m", Person: who, Workspace: "ws1", RemovedAt: int64(n / 2)})
			})
		}
		slices.Sort(want)
		var got []token.ID
		at, steps := &token.Place{}, 0
		for ; at != nil && steps < 50; steps++ {
			page, next, err := s.Survey(t.Context(), "ws1", *at, true, 3)
			must(t, err)
			for _, k := range page {
				got = append(got, k.ID)
			}
			at = next
		}
		slices.Sort(got)
		if !slices.Equal(got, want) || at != nil {
			t.Errorf("in %d steps got %v\nwant %v", steps, got, want)
		}
	})
}

// TestWalkIsMovedByOneOfTwo: a step that died before its commit is taken again,
// and one that another node has taken is not.
func TestWalkIsMovedByOneOfTwo(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx, now := t.Context(), time.Now()
		w := token.Walk{Workspace: "ws1", What: token.WalkWarn, Due: now.UnixMilli(), Began: 5}
		do(t, s, func(tx *Tx) error { return tx.PutWalk(ctx, w) })
		due, err := s.DueWalks(ctx, now, 10)
		if err != nil || !slices.Equal(due, []token.Walk{w}) {
			t.Fatalf("got %v, %v, want %v", due, err, w)
		}
		for _, want := range []bool{true, false} {
			do(t, s, func(tx *Tx) error {
				won, err := tx.MoveWalk(ctx, w, w.Due+1, token.Place{After: 9})
				if won != want {
					t.Errorf("moved: %v, want %v", won, want)
				}
				return err
			})
		}
		if due, _ := s.DueWalks(ctx, now, 10); len(due) != 0 {
			t.Errorf("got %v, want none before its instant", due)
		}
		again := w
		again.Began = 6
		do(t, s, func(tx *Tx) error { return tx.PutWalk(ctx, again) })
		do(t, s, func(tx *Tx) error {
			won, err := tx.DropWalk(ctx, w)
			if won {
				t.Error("a walk that began anew was dropped for the one before it")
			}
			return err
		})
	})
}

func TestWaitingTokenIsApprovedOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		for _, class := range []token.Class{token.Short, token.Long} {
			k := put(t, s, class, func(k *token.Token) { k.Approval, k.SuspendedAt = token.ApprovalWaiting, 5 })
			list, err := s.WaitingTokens(t.Context(), k.ID.Time().Add(time.Millisecond), 10)
			if err != nil || len(list) != 1 || list[0].ID != k.ID {
				t.Fatalf("got %v, %v, want it", list, err)
			}
			if list, _ := s.WaitingTokens(t.Context(), k.ID.Time(), 10); len(list) != 0 {
				t.Errorf("got %v, want none so young", list)
			}
			for _, want := range []bool{true, false} {
				do(t, s, func(tx *Tx) error {
					won, err := tx.Approve(t.Context(), k.ID, "user:u1")
					if won != want {
						t.Errorf("approved: %v, want %v", won, want)
					}
					return err
				})
			}
			if row, err := s.Token(t.Context(), k.ID); err != nil || row.Approval != "user:u1" || row.SuspendedAt != 0 {
				t.Errorf("got %+v, %v", row, err)
			}
		}
	})
}
