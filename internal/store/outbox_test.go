package store

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

const testLease = 30 * time.Second

// subscribe makes a subscription and returns its id.
func subscribe(t *testing.T, s *Store, n uint32) token.ID {
	t.Helper()
	h := token.Webhook{ID: token.MakeID(spring, token.Long, n), Workspace: "ws1", URL: "https://hooks.example.test/", Events: []string{"*"}}
	do(t, s, func(tx *Tx) error { return tx.PutWebhook(t.Context(), h, token.SealedSecret{Sealed: []byte("sealed")}) })
	return h.ID
}

// leave leaves deliveries about subjects in the outbox, a millisecond apart.
func leave(t *testing.T, s *Store, c *clock, webhook token.ID, subjects ...string) (ids []token.ID) {
	t.Helper()
	deed := &token.Deed{}
	for _, subject := range subjects {
		c.pass(time.Millisecond)
		id := token.NewID(c.now(), token.Long)
		deed.Outbox = append(deed.Outbox, token.Delivery{
			ID: id, Webhook: webhook, Event: id, Type: "token.issued", Subject: subject, Body: []byte(`{}`), At: c.now().UnixMilli(),
		})
		ids = append(ids, id)
	}
	must(t, s.Commit(t.Context(), deed))
	return ids
}

// claimed takes up to some deliveries for one subscription.
func claimed(t *testing.T, s *Store, webhook token.ID, most int) []token.Shipment {
	t.Helper()
	loads, err := s.ClaimDeliveries(t.Context(), map[token.ID]int{webhook: most}, testLease)
	must(t, err)
	var all []token.Shipment
	for _, l := range loads {
		if string(l.To.Secret) != "sealed" || l.To.URL == "" {
			t.Errorf("the load goes to %+v", l.To)
		}
		all = append(all, l.Shipments...)
	}
	return all
}

func idsOf(shipments []token.Shipment) (ids []token.ID) {
	for _, v := range shipments {
		ids = append(ids, v.ID)
	}
	return ids
}

// settle writes what became of a shipment and reports whether the claim stood.
func settle(t *testing.T, s *Store, v token.Shipment, state token.DeliveryState, nextAt int64) (won bool) {
	t.Helper()
	claimed := v.NextAt
	v.State, v.NextAt, v.Tries = state, nextAt, v.Tries+1
	v.Attempts = append(v.Attempts, token.Attempt{At: v.At, Status: 200})
	do(t, s, func(tx *Tx) (err error) {
		won, err = tx.SettleDelivery(t.Context(), &v, claimed)
		return err
	})
	return won
}

func wantIDs(t *testing.T, what string, got []token.ID, want ...token.ID) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

// A node that is killed between a claim and its settling loses nothing: the
// row is taken again when the lease is over, and its late word changes nothing.
func TestClaimOfADeadNodePassesOn(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		hook := subscribe(t, s, 1)
		ids := leave(t, s, c, hook, "token:a")
		first := claimed(t, s, hook, 4)
		wantIDs(t, "first claim", idsOf(first), ids...)
		wantIDs(t, "within the lease", idsOf(claimed(t, s, hook, 4)))
		c.pass(testLease)
		again := claimed(t, s, hook, 4)
		wantIDs(t, "after the lease", idsOf(again), ids...)
		if again[0].Event != first[0].Event || string(again[0].Body) != string(first[0].Body) {
			t.Errorf("the second claim has %+v, want the same event as %+v", again[0], first[0])
		}
		if settle(t, s, first[0], token.DeliveryDue, c.now().Add(time.Hour).UnixMilli()) {
			t.Error("the late word of the first node put the second's row off")
		}
		if !settle(t, s, first[0], token.DeliveryDone, 0) {
			t.Error("that it arrived counts, whoever says so")
		}
		if settle(t, s, again[0], token.DeliveryDead, 0) {
			t.Error("what arrived is not dead")
		}
	})
}

func TestOneNodeClaimsARow(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		hook := subscribe(t, s, 1)
		var subjects []string
		for i := range 40 {
			subjects = append(subjects, fmt.Sprint("token:", i))
		}
		ids := leave(t, s, c, hook, subjects...)
		c.pass(time.Second)
		var mu sync.Mutex
		var got []token.ID
		var nodes sync.WaitGroup
		for range 4 {
			nodes.Go(func() {
				for range 10 {
					loads, err := s.ClaimDeliveries(t.Context(), map[token.ID]int{hook: 7}, testLease)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					for _, l := range loads {
						got = append(got, idsOf(l.Shipments)...)
					}
					mu.Unlock()
				}
			})
		}
		nodes.Wait()
		slices.Sort(got)
		wantIDs(t, "claimed by all", got, ids...)
	})
}

// What happens to one token is told in order: a later event waits while an
// earlier one is due, also through the retries of the earlier one.
func TestLaterEventOfATokenWaitsForTheEarlier(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		hook := subscribe(t, s, 1)
		ids := leave(t, s, c, hook, "token:a", "token:b", "token:a", "token:a")
		c.pass(time.Second)
		got := claimed(t, s, hook, 9)
		wantIDs(t, "at first", idsOf(got), ids[0], ids[1])
		settle(t, s, got[0], token.DeliveryDue, c.now().Add(time.Hour).UnixMilli())
		settle(t, s, got[1], token.DeliveryDone, 0)
		c.pass(30 * time.Minute)
		wantIDs(t, "while the first waits", idsOf(claimed(t, s, hook, 9)))
		c.pass(31 * time.Minute)
		got = claimed(t, s, hook, 9)
		wantIDs(t, "the first again", idsOf(got), ids[0])
		settle(t, s, got[0], token.DeliveryDone, 0)
		got = claimed(t, s, hook, 9)
		wantIDs(t, "the second, at once", idsOf(got), ids[2])
		settle(t, s, got[0], token.DeliveryDead, 0)
		wantIDs(t, "the third, behind a dead one", idsOf(claimed(t, s, hook, 9)), ids[3])
	})
}

func TestOtherSubscriptionsAreNotBehindAQueue(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		stuck, other, idle := subscribe(t, s, 1), subscribe(t, s, 2), subscribe(t, s, 3)
		leave(t, s, c, stuck, slices.Repeat([]string{"token:a"}, 200)...)
		leave(t, s, c, other, "token:b")
		c.pass(time.Second)
		due, err := s.DueWebhooks(t.Context(), 0, 10)
		must(t, err)
		wantIDs(t, "due", due, stuck, other)
		if after, err := s.DueWebhooks(t.Context(), stuck, 10); err != nil || !slices.Equal(after, []token.ID{other}) {
			t.Errorf("after the first: %v, %v, want the other", after, err)
		}
		loads, err := s.ClaimDeliveries(t.Context(), map[token.ID]int{stuck: 4, other: 4, idle: 4}, testLease)
		must(t, err)
		if len(loads) != 2 || len(loads[0].Shipments) != 1 || len(loads[1].Shipments) != 1 {
			t.Errorf("the loads are %+v, want one shipment for each of two", loads)
		}
		for range 5 { // those behind the first are put off in bounded steps
			claimed(t, s, stuck, 4)
		}
		if due, err := s.DueWebhooks(t.Context(), 0, 10); err != nil || len(due) != 0 {
			t.Errorf("due after that: %v, %v, want none", due, err)
		}
	})
}

func TestNothingIsSentToWhoHearsNothing(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		ended, disabled := subscribe(t, s, 1), subscribe(t, s, 2)
		leave(t, s, c, ended, "token:a")
		leave(t, s, c, disabled, "token:a", "token:b")
		wins(t, s, "end", true, func(tx *Tx) (bool, error) { return tx.EndWebhook(t.Context(), "ws1", ended) })
		disable := func(tx *Tx) (bool, error) { return tx.DisableWebhook(t.Context(), "ws1", disabled, "410") }
		wins(t, s, "disable", true, disable)
		wins(t, s, "disable twice", false, disable)
		c.pass(time.Second)
		for _, id := range []token.ID{ended, disabled} {
			wantIDs(t, "claimed", idsOf(claimed(t, s, id, 9)))
			dead, err := s.Shipments(t.Context(), id, token.DeliveryDead, 0, 10)
			if err != nil || len(dead) == 0 || dead[0].NextAt != c.now().Add(30*24*time.Hour).UnixMilli() {
				t.Errorf("dead letters are %+v, %v, want them kept 30 days", dead, err)
			}
		}
		h, err := s.Subscription(t.Context(), disabled)
		if err != nil || h.Live() || h.DisabledReason != "410" {
			t.Errorf("the subscription is %+v, %v", h, err)
		}
		wins(t, s, "enable", true, func(tx *Tx) (bool, error) { return tx.EnableWebhook(t.Context(), "ws1", disabled) })
		wins(t, s, "of another", false, func(tx *Tx) (bool, error) { return tx.EnableWebhook(t.Context(), "ws2", disabled) })
		if h, err := s.Subscription(t.Context(), disabled); err != nil || !h.Live() {
			t.Errorf("the subscription is %+v, %v, want it live", h, err)
		}
	})
}

func TestReplayGoesInBoundedSteps(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		hook := subscribe(t, s, 1)
		from := c.now()
		const all = purgeStep + 20
		for i := range all / 10 {
			subjects := make([]string, 10)
			for j := range subjects {
				subjects[j] = fmt.Sprint("token:", i, j)
			}
			leave(t, s, c, hook, subjects...)
		}
		until := c.now().Add(time.Millisecond)
		leave(t, s, c, hook, "token:late")
		c.pass(time.Second)
		for got := claimed(t, s, hook, all); len(got) > 0; got = claimed(t, s, hook, all) {
			for _, v := range got {
				settle(t, s, v, token.DeliveryDone, 0)
			}
		}
		sum, steps := 0, 0
		for next := token.FirstID(from); next != 0; steps++ {
			do(t, s, func(tx *Tx) error {
				n, after, err := tx.ReplayDeliveries(t.Context(), hook, next, token.FirstID(until))
				sum, next = sum+n, after
				return err
			})
		}
		if sum != all || steps != 2 {
			t.Errorf("%d were replayed in %d steps, want %d in 2", sum, steps, all)
		}
		if got := claimed(t, s, hook, 1); len(got) != 1 || got[0].Tries != 0 || len(got[0].Attempts) != 1 {
			t.Errorf("the first replayed is %+v, want it fresh, with what it went through", got)
		}
	})
}

func TestDeliveriesAreKeptForAWhile(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		hook := subscribe(t, s, 1)
		ids := leave(t, s, c, hook, "token:a", "token:b", "token:c")
		c.pass(time.Second)
		got := claimed(t, s, hook, 2)
		settle(t, s, got[0], token.DeliveryDone, 0)
		settle(t, s, got[1], token.DeliveryDead, 0)
		left := func() []token.ID {
			purgeAll(t, s)
			list, err := s.Shipments(t.Context(), hook, "", 0, 10)
			must(t, err)
			return idsOf(list)
		}
		c.pass(7*24*time.Hour - time.Second)
		wantIDs(t, "within 7 days", left(), ids[2], ids[1], ids[0])
		c.pass(time.Second)
		wantIDs(t, "after 7 days", left(), ids[2], ids[1])
		c.pass(23 * 24 * time.Hour)
		wantIDs(t, "after 30 days", left(), ids[2])
	})
}

func TestNextSecretOfASubscription(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		hook := subscribe(t, s, 1)
		turn := func(tx *Tx) (bool, error) { return tx.TurnWebhookSecret(t.Context(), "ws1", hook) }
		set := func(sealed string) func(tx *Tx) (bool, error) {
			return func(tx *Tx) (bool, error) {
				return tx.SetNextWebhookSecret(t.Context(), "ws1", hook, token.SealedSecret{Sealed: []byte(sealed)})
			}
		}
		wins(t, s, "turn without one", false, turn)
		wins(t, s, "set", true, set("second"))
		wins(t, s, "clear", true, func(tx *Tx) (bool, error) {
			return tx.SetNextWebhookSecret(t.Context(), "ws1", hook, token.SealedSecret{})
		})
		wins(t, s, "turn after clearing", false, turn)
		wins(t, s, "set again", true, set("sealed"))
		wins(t, s, "turn", true, turn)
		wins(t, s, "turn twice", false, turn)
		wins(t, s, "set a third", true, set("third"))
		leave(t, s, c, hook, "token:a")
		loads, err := s.ClaimDeliveries(t.Context(), map[token.ID]int{hook: 1}, testLease)
		if err != nil || len(loads) != 1 || string(loads[0].To.Secret) != "sealed" || string(loads[0].To.NextSecret) != "third" {
			t.Errorf("the load is %+v, %v, want both secrets", loads, err)
		}
	})
}

// A subscription is found by the mark of each secret that it signs with, and one
// that is older than marks gets its own.
func TestSubscriptionIsFoundByTheMarksOfItsSecrets(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, _ *clock) {
		ctx := t.Context()
		hook := subscribe(t, s, 1)
		found := func(mark string, want token.ID) {
			t.Helper()
			h, err := s.MarkedSubscription(ctx, mark)
			must(t, err)
			if (h == nil) != (want == 0) || h != nil && h.ID != want {
				t.Errorf("by %q: %+v, want %v", mark, h, want)
			}
		}
		found("", 0)
		old, err := s.UnmarkedWebhooks(ctx, 0, 10)
		if err != nil || len(old) != 1 || old[0].ID != hook || string(old[0].Secret) != "sealed" {
			t.Fatalf("without a mark %+v, %v", old, err)
		}
		mark := func(sealed, mark string) {
			do(t, s, func(tx *Tx) error {
				return tx.MarkWebhook(ctx, hook, token.SealedSecret{Sealed: []byte(sealed), Mark: mark}, token.SealedSecret{})
			})
		}
		mark("another by now", "m0")
		found("m0", 0)
		mark("sealed", "m1")
		found("m1", hook)
		wins(t, s, "set", true, func(tx *Tx) (bool, error) {
			return tx.SetNextWebhookSecret(ctx, "ws1", hook, token.SealedSecret{Sealed: []byte("second"), Mark: "m2"})
		})
		found("m1", hook)
		found("m2", hook)
		wins(t, s, "turn", true, func(tx *Tx) (bool, error) { return tx.TurnWebhookSecret(ctx, "ws1", hook) })
		found("m1", 0)
		found("m2", hook)
		if old, err = s.UnmarkedWebhooks(ctx, 0, 10); err != nil || len(old) != 0 {
			t.Errorf("still without a mark %+v, %v", old, err)
		}
	})
}

func TestCommitThatPostsWakesTheSender(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		woken := 0
		s.OnOutbox(func() { woken++ })
		hook := subscribe(t, s, 1)
		if woken != 0 {
			t.Error("woken for nothing")
		}
		leave(t, s, c, hook, "token:a")
		if woken != 1 {
			t.Errorf("woken %d times, want once", woken)
		}
	})
}

// Whoever looks into the outbox walks an index, however much waits there.
func TestOutboxIsNeverRead(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		for n := range uint32(20) {
			hook := subscribe(t, s, n)
			for range 20 {
				leave(t, s, c, hook, slices.Repeat([]string{"token:a", "token:b"}, 25)...)
			}
		}
		if s.engine.shared() {
			_, err := s.writer.exec(t.Context(), "ANALYZE outbox")
			must(t, err)
		}
		hook, now := int64(token.MakeID(spring, token.Long, 3)), c.now().UnixMilli()
		for name, q := range map[string]struct {
			text string
			args []any
		}{
			"due":     {dueWebhooks, []any{int64(0), now, 10}},
			"waiting": {waitingText, []any{hook, now, waitingStep}},
			"page":    {shipmentsText, []any{hook, hook << 1, "", 10}},
			"over":    {overDeliveries, []any{"dead", now, 10}},
		} {
			if plan := explain(t, s, q.text, q.args); strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "SCAN o") || strings.Contains(plan, "SCAN h") {
				t.Errorf("%s reads the outbox:\n%s", name, plan)
			}
		}
	})
}
