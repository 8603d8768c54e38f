package trials

import (
	"database/sql"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/pgtest"
)

// crashRounds is how often the program is killed on SQLite.
var crashRounds = flag.Int("crash.rounds", 50, "how often the crash trial kills the program")

// A fate is what is known of a token.
type fate int

const (
	lives   fate = iota // its issue was acknowledged
	unknown             // somebody asked to end it and heard no answer
	over                // its end was acknowledged
)

// A kept token is a line of a client's journal.
type kept struct {
	secret, id string
	service    bool
	fate       fate
}

// A customer is one client of the program with a journal of what it was told.
type customer struct {
	web
	name    string
	dice    *rand.Rand
	journal []*kept
	keys    []string // of issues without an answer
	issued  int
}

// work asks for things until the program answers no more.
func (c *customer) work() error {
	for {
		if err := c.wish(); err != nil {
			return err
		}
	}
}

// wish asks for one thing.
func (c *customer) wish() error {
	switch c.dice.IntN(3) {
	case 0:
		return c.issueOwn()
	case 1:
		return c.issueService()
	}
	return c.end()
}

// An outrage is an answer that ends the trial; other errors are the crash.
type outrage struct {
	error
	got answer
}

func want(status int, a answer, err error) error {
	if err == nil && a.status != status {
		return outrage{fmt.Errorf("%d %s, want %d", a.status, a.body, status), a}
	}
	return err
}

func (c *customer) issueOwn() error {
	a, err := c.own("backend", secret("BACKEND_SECRET"))
	if err = want(200, a, err); err == nil {
		c.journal = append(c.journal, &kept{secret: a.text("access_token")})
	}
	return err
}

func (c *customer) issueService() error {
	c.issued++
	key := fmt.Sprintf("%s-%d", c.name, c.issued)
	a, err := c.issue(map[string]any{"name": key}, "Idempotency-Key", key)
	if err = want(201, a, err); err != nil {
		c.keys = append(c.keys, key)
		return err
	}
	c.journal = append(c.journal, &kept{secret: a.text("token"), id: a.text("id"), service: true})
	return nil
}

// end revokes one of the last tokens that live.
func (c *customer) end() error {
	for i := len(c.journal) - 1; i >= max(0, len(c.journal)-20); i-- {
		if k := c.journal[i]; k.fate == lives {
			k.fate = unknown
			return c.endOne(k)
		}
	}
	return c.issueOwn()
}

func (c *customer) endOne(k *kept) (err error) {
	var a answer
	if k.service {
		a, err = c.ask("POST", "/v1/tokens/"+k.id+"/revoke", map[string]any{"reason": "trial"}, as(secret("BACKEND_SECRET"), "north")...)
	} else {
		a, err = c.revoke("backend", secret("BACKEND_SECRET"), k.secret)
	}
	if err = want(200, a, err); err == nil {
		k.fate = over
	}
	return err
}

// audit holds the program to the customer's journal from a line on.
func (c *customer) audit(from int) error {
	for _, k := range c.journal[from:] {
		a, err := c.verify(k.secret)
		switch {
		case err != nil:
			return err
		case k.fate == lives && a.status != 200:
			return fmt.Errorf("the acknowledged token %s is judged %d %s", k.id, a.status, a.body)
		case k.fate == over && a.status != 401:
			return fmt.Errorf("the token %s, whose end was acknowledged, is judged %d", k.id, a.status)
		case k.fate == unknown && a.status == 401:
			k.fate = over
		case k.fate == unknown && a.status == 200:
			k.fate = lives
		case k.fate == unknown:
			return fmt.Errorf("a token is judged %d %s", a.status, a.body)
		}
	}
	return nil
}

// repeat asks again, under the same keys, for what was not answered: each key
// is one token, whether the crash came before or after its commit.
func (c *customer) repeat() error {
	for _, key := range c.keys {
		var ids []string
		for range 2 {
			a, err := c.issue(map[string]any{"name": key}, "Idempotency-Key", key)
			if err = want(201, a, err); err != nil {
				return fmt.Errorf("repeat %s: %w", key, err)
			}
			ids = append(ids, a.text("id"))
		}
		a, err := c.ask("GET", "/v1/tokens?q="+key, nil, as(secret("BACKEND_SECRET"), "north")...)
		if err = want(200, a, err); err != nil {
			return err
		}
		found := strings.Count(a.body, `"name":"`+key+`"`)
		if found != 1 || ids[0] != ids[1] {
			return fmt.Errorf("the key %s gave %d tokens: %q", key, found, ids)
		}
	}
	c.keys = nil
	return nil
}

// A crash is a program that is killed again and again, and those who use it.
type crash struct {
	t         *testing.T
	dice      *rand.Rand
	place     start
	customers []*customer
	rounds    int
}

// round runs the program, looks whether it still knows what it acknowledged,
// puts it under load and kills it.
func (c *crash) round(deep bool) {
	c.t.Helper()
	p, err := launch(c.place, c.t.TempDir())
	if err != nil {
		c.t.Fatal(err)
	}
	defer p.end(syscall.SIGKILL)
	c.each(p, func(one *customer) error {
		if err := one.repeat(); err != nil {
			return err
		}
		from := max(0, len(one.journal)-40)
		if deep {
			from = 0
		}
		return one.audit(from)
	})
	if c.rounds++; c.place.database == "" && (deep || c.rounds%5 == 0) {
		isWhole(c.t, filepath.Join(c.place.dir, "ficha.db"))
	}
	if deep {
		p.keepsItsPromises(c.t, c.place.database)
		return
	}
	load := time.AfterFunc(time.Duration(50+c.dice.IntN(100))*time.Millisecond, func() { p.end(syscall.SIGKILL) })
	defer load.Stop()
	c.each(p, func(one *customer) error {
		if err, bad := one.work().(outrage); bad { //nolint:errorlint // ours, unwrapped
			return err
		}
		return nil
	})
}

// each lets all customers do something at once, and fails if one of them is
// outraged.
func (c *crash) each(p *program, do func(*customer) error) {
	c.t.Helper()
	var all sync.WaitGroup
	for _, one := range c.customers {
		one.web = p.web
		all.Go(func() {
			if err := do(one); err != nil {
				c.t.Errorf("%s: %v", one.name, err)
			}
		})
	}
	all.Wait()
	if c.t.Failed() {
		said, _ := readTail(p.said)
		c.t.Fatalf("the program said:\n%s", said)
	}
}

func isWhole(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=query_only(1)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var said string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&said); err != nil || said != "ok" {
		t.Errorf("integrity_check: %q, %v", said, err)
	}
}

func crashOften(t *testing.T, database string, rounds int) {
	c := &crash{t: t, dice: dice(t), place: start{dir: t.TempDir(), database: database, apply: houseFile()}}
	for i := range 8 {
		own := rand.New(rand.NewPCG(*seed, uint64(i))) //nolint:gosec // choices, not secrets
		c.customers = append(c.customers, &customer{name: fmt.Sprintf("c%d", i), dice: own})
	}
	for i := range rounds {
		c.round(false)
		c.place.apply = ""
		if t.Failed() {
			t.Fatalf("in round %d", i)
		}
	}
	c.round(true)
	issued, ended := 0, 0
	for _, one := range c.customers {
		issued += len(one.journal)
		for _, k := range one.journal {
			if k.fate == over {
				ended++
			}
		}
	}
	t.Logf("%d crashes, %d tokens acknowledged, %d of them ended, none lost and none revived", rounds, issued, ended)
	if issued < rounds || ended == 0 {
		t.Errorf("%d tokens and %d ends in %d rounds show nothing", issued, ended, rounds)
	}
}

// TestKilledProgramLosesNothingAcknowledged kills the program under load and
// starts it again: what it had answered is so, and what it had not answered
// can be asked again.
func TestKilledProgramLosesNothingAcknowledged(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { crashOften(t, "", *crashRounds) })
	if pgtest.Available() {
		t.Run("postgres", func(t *testing.T) { crashOften(t, pgtest.Start(t).Database(t), max(1, *crashRounds/10)) })
	}
}
