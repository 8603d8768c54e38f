package trials

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/fichadev/ficha/internal/pgtest"
)

// feedDeeds is how many tokens are revoked on one node and asked about on
// another.
var feedDeeds = flag.Int("feed.revocations", 1500, "how many revocations the feed trial measures")

// bound is how long after a revocation was answered another node may still
// say yes.
const bound = time.Second

// needCluster returns a database that several nodes can share.
func needCluster(t *testing.T) string {
	t.Helper()
	if !pgtest.Available() {
		t.Skip("PostgreSQL is not installed")
	}
	return pgtest.Start(t).Database(t)
}

// nodes runs the program several times on databases that are one.
func nodes(t *testing.T, databases ...string) (all []*program) {
	t.Helper()
	apply := houseFile()
	for _, database := range databases {
		all = append(all, run(t, start{
			database: database, apply: apply, env: []string{"FICHA_MASTER_KEY=6f2c1d0e9b8a79685746352413029f8e7d6c5b4a392817060f1e2d3c4b5a6978"},
		}))
		apply = ""
	}
	return all
}

// A hearing is what other nodes said of one token around its end.
type hearing struct {
	stale time.Duration // from the revocation's answer to the start of the last question that heard a yes
	asked int           // questions until the first no
}

// revokeAndAsk revokes a token on one node and asks the others until they all
// say no, or three times the bound has passed.
func revokeAndAsk(on *program, others []*program) (hearing, error) {
	a, err := on.own("backend", secret("BACKEND_SECRET"))
	if err = want(200, a, err); err != nil {
		return hearing{}, err
	}
	tok := a.text("access_token")
	for _, other := range others { // it is now in their memory
		a, err := other.verify(tok)
		if err = want(200, a, err); err != nil {
			return hearing{}, err
		}
	}
	a, err = on.revoke("backend", secret("BACKEND_SECRET"), tok)
	if err = want(200, a, err); err != nil {
		return hearing{}, err
	}
	return askUntilNo(tok, others, time.Now())
}

// askUntilNo is the linear check of one token's history: a yes counts as stale
// by the moment at which its question began.
func askUntilNo(tok string, others []*program, revoked time.Time) (h hearing, err error) {
	pace := time.NewTicker(3 * time.Millisecond)
	defer pace.Stop()
	for _, other := range others {
		for said := 200; said != 401; <-pace.C {
			began := time.Since(revoked)
			a, err := other.verify(tok)
			if err != nil {
				return h, err
			}
			h.asked++
			if said = a.status; said == 200 {
				h.stale = max(h.stale, began)
			}
			if said != 200 && said != 401 || began > 3*bound {
				return h, fmt.Errorf("after %s the answer is %d %s", began, a.status, a.body)
			}
		}
	}
	return h, nil
}

// measure does many revocations, some at once, and fails where a yes came too
// late.
func measure(t *testing.T, deeds, at int, on *program, others []*program) {
	t.Helper()
	left := make(chan struct{}, deeds)
	for range deeds {
		left <- struct{}{}
	}
	close(left)
	var mu sync.Mutex
	var heard []time.Duration
	questions := 0
	var all sync.WaitGroup
	for range at {
		all.Go(func() {
			for range left {
				h, err := revokeAndAsk(on, others)
				mu.Lock()
				heard, questions = append(heard, h.stale), questions+h.asked
				mu.Unlock()
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	slices.Sort(heard)
	worst := heard[len(heard)-1]
	t.Logf("%d revocations, %d questions: the last yes began p50 %s, p99 %s, max %s after the answer",
		len(heard), questions, heard[len(heard)/2], heard[len(heard)*99/100], worst)
	if worst > bound {
		t.Errorf("a node said yes %s after the revocation was answered, want at most %s", worst, bound)
	}
}

// TestRevocationIsHeardOnEveryNode: the bound holds when wake-ups arrive, when
// every one of them is lost, and when they come all the time.
func TestRevocationIsHeardOnEveryNode(t *testing.T) {
	database := needCluster(t)
	all := nodes(t, database, database, database)
	kept := must(t, 200)(all[0].own("backend", secret("BACKEND_SECRET"))).text("access_token")
	t.Run("two nodes", func(t *testing.T) { measure(t, *feedDeeds, 4, all[0], all[1:2]) })
	t.Run("three nodes", func(t *testing.T) { measure(t, *feedDeeds/5, 4, all[1], []*program{all[0], all[2]}) })
	t.Run("wake-ups lost", func(t *testing.T) {
		meanwhile(t, database, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN ficha'`)
		measure(t, *feedDeeds/8, 8, all[0], all[1:2])
	})
	t.Run("wake-ups repeated", func(t *testing.T) {
		meanwhile(t, database, `SELECT pg_notify('ficha', '')`)
		measure(t, *feedDeeds/8, 4, all[0], all[1:2])
	})
	for _, node := range all {
		must(t, 200)(node.verify(kept))
	}
	all[0].keepsItsPromises(t, database)
}

// meanwhile repeats a statement until the test ends.
func meanwhile(t *testing.T, database, statement string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer conn.Close(context.Background())
		pace := time.NewTicker(2 * time.Millisecond)
		defer pace.Stop()
		for ctx.Err() == nil {
			<-pace.C
			if _, err := conn.Exec(ctx, statement); err != nil && ctx.Err() == nil {
				t.Errorf("%s: %v", statement, err)
				return
			}
		}
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
}

// TestNodeCutOffSaysNothing: a node that cannot ask the database says 503 once
// the bound has passed, never yes; it heals by itself, and has then heard.
func TestNodeCutOffSaysNothing(t *testing.T) {
	database := needCluster(t)
	link := pgtest.Proxy(t, database)
	all := nodes(t, database, link.DSN)
	for _, way := range []struct {
		name  string
		begin func()
	}{{"cut", link.Cut}, {"stalled", link.Stall}} {
		t.Run(way.name, func(t *testing.T) {
			kept := must(t, 200)(all[0].own("backend", secret("BACKEND_SECRET"))).text("access_token")
			gone := must(t, 200)(all[0].own("backend", secret("BACKEND_SECRET"))).text("access_token")
			must(t, 200)(all[1].verify(kept))
			must(t, 200)(all[1].verify(gone))
			way.begin()
			began := time.Now()
			must(t, 200)(all[0].revoke("backend", secret("BACKEND_SECRET"), gone))
			staysSilent(t, all[1], began, kept, gone)
			link.Heal()
			heals(t, all[1], kept, gone)
		})
	}
	all[0].keepsItsPromises(t, database)
}

// staysSilent asks for three bounds.
func staysSilent(t *testing.T, cut *program, began time.Time, tokens ...string) {
	t.Helper()
	silent := 0
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for since := time.Duration(0); since < 3*bound; since = time.Since(began) {
		for _, tok := range tokens {
			asked := time.Now()
			a, err := cut.verify(tok)
			switch took := time.Since(asked); {
			case err != nil:
				t.Fatal(err)
			case a.status == 200 && asked.Sub(began) > bound:
				t.Errorf("cut off for %s, and says yes", asked.Sub(began))
			case a.status == 503:
				silent++
			case a.status != 200:
				t.Errorf("cut off for %s, and says %d %s", asked.Sub(began), a.status, a.body)
			case took > 3*bound:
				t.Errorf("the answer took %s", took)
			}
		}
		<-pace.C
	}
	if silent == 0 {
		t.Error("it never said that it cannot tell")
	}
}

// heals waits until a node answers again, for at most ten bounds.
func heals(t *testing.T, healed *program, kept, gone string) {
	t.Helper()
	began := time.Now()
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for said := 503; said == 503; <-pace.C {
		a, err := healed.verify(kept)
		if err != nil {
			t.Fatal(err)
		}
		if said = a.status; time.Since(began) > 10*bound {
			t.Fatalf("healed for %s, and says %d %s", time.Since(began), a.status, a.body)
		}
	}
	t.Logf("healed within %s", time.Since(began))
	must(t, 200)(healed.verify(kept))
	must(t, 401)(healed.verify(gone))
}

// TestKilledNodeTakesNothingAlong: what a node acknowledged before it was
// killed is known to the others at once.
func TestKilledNodeTakesNothingAlong(t *testing.T) {
	database := needCluster(t)
	c := &crash{t: t, dice: dice(t)}
	for i := range 4 {
		own := rand.New(rand.NewPCG(*seed, uint64(i))) //nolint:gosec // choices, not secrets
		c.customers = append(c.customers, &customer{name: fmt.Sprintf("c%d", i), dice: own})
	}
	all := nodes(t, database, database)
	load := time.AfterFunc(500*time.Millisecond, func() { all[0].end(syscall.SIGKILL) })
	defer load.Stop()
	c.each(all[0], func(one *customer) error {
		if err, bad := one.work().(outrage); bad { //nolint:errorlint // ours, unwrapped
			return err
		}
		return nil
	})
	<-time.After(bound) // what is stale may be so for that long
	acknowledged := 0
	c.each(all[1], func(one *customer) error {
		if err := one.repeat(); err != nil {
			return err
		}
		return one.audit(0)
	})
	for _, one := range c.customers {
		acknowledged += len(one.journal)
	}
	t.Logf("%d tokens acknowledged by the node that was killed", acknowledged)
	all[1].keepsItsPromises(t, database)
}
