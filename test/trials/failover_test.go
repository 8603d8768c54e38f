package trials

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/fichadev/ficha/internal/pgtest"
)

// An outage is what customers hear while a standby takes over.
type outage struct {
	mu            sync.Mutex
	last          time.Time // the end of the last question without an answer
	yes           time.Time // the last yes
	away, unknown int       // answers 503, and those of them that say that nobody knows
}

// hear takes one outcome; only 503 may come instead of a yes.
func (o *outage) hear(err error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil {
		o.yes = time.Now()
		return nil
	}
	bad, ok := err.(outrage) //nolint:errorlint // ours, unwrapped
	if !ok || bad.got.status != 503 {
		return err
	}
	o.last = time.Now()
	o.away++
	if strings.Contains(bad.got.body, "did not say whether this was done") {
		o.unknown++
	}
	return nil
}

// overSince reports whether answers, and nothing else, have come for two
// seconds, past an instant.
func (o *outage) overSince(then time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.yes.After(then.Add(2*time.Second)) && o.yes.After(o.last.Add(2*time.Second))
}

// wishUntil asks for things until it is over, whatever the answers.
func (c *customer) wishUntil(over <-chan struct{}, o *outage) error {
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	for {
		select {
		case <-over:
			return nil
		case <-pace.C:
		}
		if err := o.hear(c.wish()); err != nil {
			return err
		}
	}
}

// A pair is two servers of one database, of which the second followed the first.
type pair struct {
	primary, standby *pgtest.Server
	here, there      string
	links            [2]*pgtest.Link
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{primary: pgtest.New(t)}
	p.here = p.primary.Database(t)
	p.standby = p.primary.Standby(t)
	p.there = p.standby.Address(t, p.here)
	p.links = [2]*pgtest.Link{pgtest.Proxy(t, p.here), pgtest.Proxy(t, p.there)}
	return p
}

// address names both, as an operator would.
func (p *pair) address(t *testing.T) string {
	t.Helper()
	one, err := url.Parse(p.links[0].DSN)
	if err != nil {
		t.Fatal(err)
	}
	two, err := url.Parse(p.links[1].DSN)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("postgres://%s@%s,%s%s?sslmode=disable&target_session_attrs=read-write", one.User, one.Host, two.Host, one.Path)
}

// tell carries out statements on one server.
func tell(t *testing.T, address string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// contents tells what a server holds: who writes to it changes that.
func contents(t *testing.T, address string) (got string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	const rows = `SELECT concat_ws(' ', (SELECT COUNT(*) FROM tokens_short), (SELECT COUNT(*) FROM tokens_long),
		(SELECT COUNT(*) FROM events), (SELECT n FROM position), (SELECT MAX(last_run) FROM jobs))`
	if err := conn.QueryRow(t.Context(), rows).Scan(&got); err != nil {
		t.Fatal(err)
	}
	return got
}

// TestFailoverLosesNothingAcknowledged: the primary dies, or is cut off without
// a word, under load; the standby is promoted. What was acknowledged is so, what
// was not is told as such, and answers come again within ten seconds.
func TestFailoverLosesNothingAcknowledged(t *testing.T) {
	if !pgtest.Available() {
		t.Skip("PostgreSQL is not installed")
	}
	t.Run("killed", func(t *testing.T) {
		p := newPair(t)
		c := newFailover(t, p)
		c.failover(func() { p.primary.Kill(t) })
		c.oldPrimaryComesBack()
	})
	t.Run("silent", func(t *testing.T) {
		p := newPair(t)
		newFailover(t, p).failover(func() {
			p.links[0].Stall()
			p.primary.Kill(t)
		})
	})
}

// A failover is a program on two servers, and those who use it.
type failover struct {
	crash
	*pair
	program *program
}

func newFailover(t *testing.T, p *pair) *failover {
	t.Helper()
	f := &failover{crash: crash{t: t, dice: dice(t)}, pair: p}
	for i := range 8 {
		own := rand.New(rand.NewPCG(*seed, uint64(i))) //nolint:gosec // choices, not secrets
		f.customers = append(f.customers, &customer{name: fmt.Sprintf("c%d", i), dice: own})
	}
	f.program = run(t, start{database: p.address(t), apply: houseFile()})
	return f
}

// load lets the customers ask while something happens, and until answers have
// come again for two seconds.
func (f *failover) load(happens func()) (o *outage, since time.Time) {
	f.t.Helper()
	o = &outage{}
	over := make(chan struct{})
	var all sync.WaitGroup
	for _, one := range f.customers {
		one.web = f.program.web
		all.Go(func() {
			if err := one.wishUntil(over, o); err != nil {
				f.t.Errorf("%s: %v", one.name, err)
			}
		})
	}
	<-time.After(time.Second)
	since = time.Now()
	happens()
	for then := time.Now(); !o.overSince(then) && time.Since(then) < time.Minute; {
		<-time.After(100 * time.Millisecond)
	}
	close(over)
	all.Wait()
	return o, since
}

func (f *failover) failover(end func()) {
	f.t.Helper()
	o, since := f.load(func() {
		end()
		f.standby.Promote(f.t)
	})
	away := max(0, o.last.Sub(since))
	f.t.Logf("%d answers 503, %d of them of an unknown outcome, the last %s after the end of the primary", o.away, o.unknown, away)
	if away > 10*time.Second || !o.yes.After(o.last) {
		f.t.Errorf("errors for %s, want less than 10 s and answers after them", away)
	}
	f.holds()
}

// holds: the program knows what it has acknowledged, and what it has not can be
// asked again.
func (f *failover) holds() {
	f.t.Helper()
	f.each(f.program, func(one *customer) error {
		if err := one.repeat(); err != nil {
			return err
		}
		return one.audit(0)
	})
	kept := 0
	for _, one := range f.customers {
		kept += len(one.journal)
	}
	f.t.Logf("%d tokens acknowledged, none lost and none revived", kept)
	f.program.keepsItsPromises(f.t, f.there)
}

// oldPrimaryComesBack: it would take writes, and stands first in the address. Not
// one reaches it, though every connection is made anew.
func (f *failover) oldPrimaryComesBack() {
	f.t.Helper()
	f.primary.Restart(f.t)
	tell(f.t, f.here, "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")
	before := contents(f.t, f.here)
	f.load(func() {
		tell(f.t, f.there, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	})
	if after := contents(f.t, f.here); after != before {
		f.t.Errorf("the old primary was written to: it had %s and has %s", before, after)
	}
	f.holds()
}
