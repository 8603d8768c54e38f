package store

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/token"
)

// both makes one address of two links to one database on two servers.
func both(t *testing.T, first, second *pgtest.Link) string {
	t.Helper()
	one, err := url.Parse(first.DSN)
	if err != nil {
		t.Fatal(err)
	}
	two, err := url.Parse(second.DSN)
	if err != nil {
		t.Fatal(err)
	}
	one.Host += "," + two.Host
	return one.String()
}

// on runs a statement on one server, past every store.
func on(t *testing.T, address, statement string) (got string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(t.Context(), statement).Scan(&got); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return got
}

// run carries out statements on one server, past every store.
func run(t *testing.T, address string, statements ...string) {
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

// waitFor says which standby a commit waits for.
func waitFor(t *testing.T, address, standby string) {
	t.Helper()
	run(t, address, "ALTER SYSTEM SET synchronous_standby_names = '"+standby+"'", "SELECT pg_reload_conf()")
}

const (
	countTokens = `SELECT CAST(COUNT(*) AS TEXT) FROM tokens_short`
	countOthers = `SELECT CAST(COUNT(*) AS TEXT) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`
	endOthers   = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`
)

// The address names both servers, in either order, and says nothing else: the
// standby is never asked, and once it was promoted the old primary never is,
// though it came back and takes writes.
func TestOnlyThePrimaryIsAsked(t *testing.T) {
	if !pgtest.Available() {
		return // there are no two servers
	}
	primary := pgtest.New(t, "fsync=off")
	database := primary.Database(t)
	standby := primary.Standby(t, "fsync=off")
	there := standby.Address(t, database)
	here, next := pgtest.Proxy(t, database), pgtest.Proxy(t, there)
	nodes := []*Store{open(t, both(t, here, next)), open(t, both(t, next, here))}
	issue := func(when string) {
		t.Helper()
		for i, node := range nodes {
			if err := node.Commit(context.Background(), &token.Deed{Issue: []*token.Token{newToken(token.Short)}}); err != nil {
				t.Errorf("%s, node %d: %v", when, i, err)
			}
		}
	}
	issue("at first")
	if got := on(t, there, countOthers); got != "0" {
		t.Errorf("%s connections to a standby", got)
	}
	primary.Kill(t)
	standby.Promote(t)
	issue("promoted")
	primary.Restart(t)
	waitFor(t, database, "") // so that it would take a write
	before := on(t, database, countTokens)
	run(t, there, endOthers)
	issue("with the old primary back")
	if after := on(t, database, countTokens); after != before {
		t.Errorf("the old primary had %s tokens and has %s", before, after)
	}
	if got := on(t, there, countTokens); got != "6" {
		t.Errorf("the new primary has %s tokens, want 6", got)
	}
}

// A commit whose answer is lost is unknown, never undone: the server may be
// about to make it, as here, where it waits for a standby.
func TestLostAnswerOfACommitIsUnknown(t *testing.T) {
	if !pgtest.Available() {
		return // a file answers
	}
	database := pgtest.New(t, "fsync=off").Database(t)
	link := pgtest.Proxy(t, database)
	s := open(t, link.DSN)
	fresh := func() *pending {
		return &pending{deed: &token.Deed{Issue: []*token.Token{newToken(token.Short)}}, done: make(chan error, 1)}
	}
	for name, deed := range map[string]func() error{
		"hot": func() error { return s.Commit(context.Background(), fresh().deed) },
		"rare": func() error {
			return s.Do(context.Background(), func(tx *Tx) error { return tx.SetMeta(t.Context(), "x", []byte{}) })
		},
		"a batch": func() error {
			one, two := fresh(), fresh()
			s.commit(context.Background(), []*pending{one, two})
			if err := <-one.done; !isUnknown(err) {
				return err
			}
			return <-two.done
		},
	} {
		waitFor(t, database, "nobody")
		heard := make(chan error, 1)
		go func() {
			err := deed()
			for err == nil { // until the server heard that it is to wait
				err = deed()
			}
			heard <- err
		}()
		for on(t, database, `SELECT CAST(COUNT(*) AS TEXT) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`) == "0" {
			<-time.After(10 * time.Millisecond)
		}
		link.Cut()
		if err := <-heard; !isUnknown(err) {
			t.Errorf("%s: told %v, want that nobody knows", name, err)
		}
		waitFor(t, database, "")
		link.Heal()
		if err := s.Commit(context.Background(), fresh().deed); err != nil {
			t.Errorf("%s: the next commit: %v", name, err)
		}
	}
}

// Of a commit whose answer was lost, and which was found done, all is told that
// is told of others: every secret that it ended is heard of, and in the log of
// endings with the cutoffs and the position.
func TestAllOfACommitWhoseAnswerWasLostIsTold(t *testing.T) {
	if !pgtest.Available() {
		return // a file answers
	}
	ctx := context.Background()
	s := open(t, pgtest.Start(t).Database(t))
	first, second := newToken(token.Long), newToken(token.Long)
	second.Credential = first.ID
	must(t, s.Commit(ctx, &token.Deed{Issue: []*token.Token{first, second}}))
	cut := token.Cutoff{Support: token.Support{Kind: token.OnClient, ID: "x"}, Reason: "revoked"}
	p := &pending{deed: &token.Deed{
		End:     []token.Ending{{ID: first.ID, Whole: first.ID, At: 9, Reason: "revoked", By: "x"}},
		Cutoffs: []token.Cutoff{cut},
	}}
	tx := &Tx{session: s.writer, now: s.now()}
	_, begun := tx.exec(ctx, s.engine.begin())
	applied := tx.apply(ctx, []*pending{p})
	_, committed := tx.exec(ctx, "COMMIT")
	must(t, errors.Join(begun, applied, committed))

	j, err := OpenJournal(t.TempDir())
	must(t, err)
	s.cfg.Journal = j
	heard := map[token.Change]bool{}
	s.OnChange(func(changes []token.Change) {
		for _, c := range changes {
			heard[token.Change{What: c.What, ID: c.ID}] = true
		}
	})
	must(t, s.settle(ctx, []*pending{p}, &unknownError{errors.New("the connection was lost"), tx}))
	for _, c := range []token.Change{tokenChange(first.ID), tokenChange(second.ID), cut.Support.Change()} {
		if !heard[c] {
			t.Errorf("%v was not heard: %v", c, heard)
		}
	}
	var got []JournalLine
	must(t, j.Lines(func(l JournalLine) error {
		got = append(got, l)
		return nil
	}))
	at, err := s.Position(ctx)
	must(t, err)
	if len(got) != 1 || len(got[0].Ends) != 2 || len(got[0].Cuts) != 1 || got[0].Position != at.Position || got[0].Mark != at.Mark {
		t.Errorf("the log has %+v at %+v", got, at)
	}
	must(t, j.Close())
}

func isUnknown(err error) bool {
	r := token.AsRefusal(err)
	return r != nil && r.Code == token.OutcomeUnknown
}

// The primary is gone without a word while a node only reads, over more
// connections than it would try one by one in that time.
func TestReadersLeaveASilentPrimary(t *testing.T) {
	if !pgtest.Available() {
		return // there are no two servers
	}
	primary := pgtest.New(t, "fsync=off")
	database := primary.Database(t)
	standby := primary.Standby(t, "fsync=off")
	here, next := pgtest.Proxy(t, database), pgtest.Proxy(t, standby.Address(t, database))
	s := open(t, both(t, here, next))
	var all sync.WaitGroup
	for range pooled {
		all.Go(func() {
			if _, err := one(t.Context(), s.reads, `SELECT pg_sleep(0.2)`, func(*sql.Rows) (any, error) { return nil, nil }); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	here.Stall()
	primary.Kill(t)
	standby.Promote(t)
	began := time.Now()
	for told := false; !told && time.Since(began) < 10*time.Second; {
		ask, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := s.Changes(ask, 0, 1)
		cancel()
		told = err == nil
	}
	t.Logf("answers again after %s", time.Since(began))
	for range pooled {
		ask, cancel := context.WithTimeout(t.Context(), time.Second)
		if _, err := s.Position(ask); err != nil {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		cancel()
	}
}

// A server that said nothing is passed by for a while, whatever becomes of the
// connections that it once answered on; one that speaks is not.
func TestSilentServerIsPassedBy(t *testing.T) {
	if !pgtest.Available() {
		return // there are no servers
	}
	s := pgtest.Start(t)
	database := s.Database(t)
	here, next := pgtest.Proxy(t, database), pgtest.Proxy(t, database)
	p := &primary{now: time.Now}
	cfg, err := p.config(both(t, here, next))
	must(t, err)
	connect := func() *pgx.Conn {
		conn, err := pgx.ConnectConfig(t.Context(), cfg)
		must(t, err)
		return conn
	}
	old := connect()
	first, _, err := net.SplitHostPort(old.PgConn().Conn().RemoteAddr().String())
	must(t, err)
	address := net.JoinHostPort(first, strconv.Itoa(int(cfg.Port)))
	here.Stall()
	other := connect()
	if !p.passes(address) {
		t.Error("a silent server is asked by the next one too")
	}
	must(t, old.PgConn().Conn().Close())
	if !p.passes(address) {
		t.Error("an old connection that ends speaks for a silent server")
	}
	must(t, other.Close(t.Context()))
	here.Heal()
	p.now = func() time.Time { return time.Now().Add(silence) }
	must(t, connect().Close(t.Context()))
	if _, silent := p.silent[address]; silent {
		t.Error("a server that speaks is still called silent")
	}
}
