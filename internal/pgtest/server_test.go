package pgtest_test

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/fichadev/ficha/internal/pgtest"
)

// need keeps "go test ./..." whole on a machine without PostgreSQL; "make
// test" requires it and runs everything here.
func need(t *testing.T) {
	t.Helper()
	if !pgtest.Available() {
		t.Skip("PostgreSQL is not installed")
	}
}

// patience bounds what a broken harness would wait for ever.
const patience = 30 * time.Second

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatalf("connect to %s: %v", dsn, err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) }) // it may have been broken on purpose
	return conn
}

func run(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func ask(t *testing.T, conn *pgx.Conn, query string) string {
	t.Helper()
	var got string
	if err := conn.QueryRow(t.Context(), query).Scan(&got); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return got
}

func TestEachDatabaseIsEmptyAndItsOwn(t *testing.T) {
	need(t)
	s := pgtest.Start(t)
	if again := pgtest.Start(t); again != s {
		t.Errorf("two calls of Start gave two servers")
	}
	one, two := s.Database(t), s.Database(t)
	run(t, connect(t, one), "CREATE TABLE mark (n bigint)")
	const tables = `SELECT count(*)::text FROM pg_tables WHERE schemaname = 'public'`
	if got := ask(t, connect(t, two), tables); got != "0" {
		t.Errorf("a fresh database has %s tables, want 0", got)
	}
}

func TestSharedDatabaseIsDroppedWithItsTest(t *testing.T) {
	need(t)
	s := pgtest.Start(t)
	var dsn string
	t.Run("inner", func(t *testing.T) { dsn = s.Database(t) })
	if conn, err := pgx.Connect(t.Context(), dsn); err == nil {
		_ = conn.Close(t.Context())
		t.Errorf("the database %s outlived its test", dsn)
	}
}

func TestOnlyPrivateClustersAreDurable(t *testing.T) {
	need(t)
	shared, private := pgtest.Start(t), pgtest.New(t)
	chosen := pgtest.New(t, "fsync=off", "synchronous_commit=off")
	for _, c := range []struct {
		who           string
		s             *pgtest.Server
		setting, want string
	}{
		{"shared", shared, "fsync", "off"},
		{"private", private, "fsync", "on"},
		{"private", private, "synchronous_commit", "on"},
		{"private", private, "full_page_writes", "on"},
		{"chosen", chosen, "fsync", "off"},
		{"chosen", chosen, "synchronous_commit", "off"},
	} {
		if got := ask(t, connect(t, c.s.Database(t)), "SHOW "+c.setting); got != c.want {
			t.Errorf("%s cluster: %s is %s, want %s", c.who, c.setting, got, c.want)
		}
	}
}

func TestCommittedRowsSurviveEveryEnd(t *testing.T) {
	need(t)
	s := pgtest.New(t)
	dsn := s.Database(t)
	run(t, connect(t, dsn), "CREATE TABLE mark (n bigint)")
	for want, end := range []func(testing.TB){s.Stop, s.Kill, s.Kill, s.Restart} {
		conn := connect(t, dsn)
		run(t, conn, "INSERT INTO mark VALUES (1)")
		end(t)
		if err := conn.Ping(t.Context()); err == nil {
			t.Errorf("end %d: the old connection still answers", want)
		}
		s.Restart(t)
		if got := ask(t, connect(t, dsn), "SELECT count(*)::text FROM mark"); got != strconv.Itoa(want+1) {
			t.Errorf("end %d: %s rows, want %d", want, got, want+1)
		}
	}
}

func TestStoppedServerRefusesConnections(t *testing.T) {
	need(t)
	s := pgtest.New(t)
	dsn := s.Database(t)
	s.Stop(t)
	s.Stop(t)
	s.Kill(t)
	if conn, err := pgx.Connect(t.Context(), dsn); err == nil {
		_ = conn.Close(t.Context())
		t.Error("a stopped server accepted a connection")
	}
}

// A failing TB records what a test would have failed with.
type failing struct {
	testing.TB
	said string
}

func (f *failing) Helper() {}

func (f *failing) Fatalf(format string, _ ...any) {
	f.said = format
	panic(f) // Fatalf does not return
}

func TestSharedClusterCannotBeEnded(t *testing.T) {
	need(t)
	s := pgtest.Start(t)
	for _, end := range []func(testing.TB){s.Stop, s.Kill, s.Restart} {
		f := &failing{TB: t}
		func() {
			defer func() { _ = recover() }() // Fatalf's
			end(f)
		}()
		if !strings.Contains(f.said, "pgtest.New") {
			t.Errorf("ending the shared cluster said %q, want a hint at pgtest.New", f.said)
		}
	}
	connect(t, s.Database(t))
}

func TestWrongSettingFailsWithTheServersWords(t *testing.T) {
	need(t)
	f := &failing{TB: t}
	func() {
		defer func() { _ = recover() }() // Fatalf's
		pgtest.New(f, "no_such_setting=1")
	}()
	if f.said == "" {
		t.Error("a cluster with an unknown setting started")
	}
}

// TestVictim is no test of its own: TestKilledTestBinaryLeavesNoServer runs it
// in a process that it kills.
func TestVictim(t *testing.T) {
	if os.Getenv("FICHA_PGTEST_VICTIM") == "" {
		return
	}
	private := pgtest.New(t)
	for _, s := range []*pgtest.Server{private, pgtest.Start(t)} {
		if _, err := os.Stdout.WriteString(s.Database(t) + "\n"); err != nil {
			t.Fatal(err)
		}
	}
	<-t.Context().Done()
}

func TestKilledTestBinaryLeavesNoServer(t *testing.T) {
	need(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	victim := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestVictim$") //nolint:gosec // this very program
	victim.Env = append(os.Environ(), "FICHA_PGTEST_VICTIM=1")
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	var conns []*pgx.Conn
	var dirs []string
	for lines := bufio.NewScanner(out); len(conns) < 2 && lines.Scan(); {
		u, err := url.Parse(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, connect(t, lines.Text()))
		dirs = append(dirs, u.Query().Get("host"))
	}
	if err := victim.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = victim.Wait() // it was killed
	for i, conn := range conns {
		if _, err := conn.WaitForNotification(ctx); err == nil || ctx.Err() != nil {
			t.Errorf("the server in %s outlived its test binary: %v", dirs[i], err)
		}
		awaitGone(ctx, t, dirs[i])
	}
}

// awaitGone looks until the folder is gone; another process removes it, and
// nothing tells us when.
func awaitGone(ctx context.Context, t *testing.T, dir string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			left, _ := filepath.Glob(dir + "/*") // only for the message
			t.Fatalf("%s is still there: %q", dir, left)
		}
	}
}

func TestPrivateClusterEndsWithItsTest(t *testing.T) {
	need(t)
	var dir string
	t.Run("inner", func(t *testing.T) {
		u, err := url.Parse(pgtest.New(t).Database(t))
		if err != nil {
			t.Fatal(err)
		}
		dir = u.Query().Get("host")
	})
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder %s outlived its test: %v", dir, err)
	}
}

func TestManyAskForDatabasesAtOnce(t *testing.T) {
	need(t)
	dsns := make(chan string, 8)
	var work sync.WaitGroup
	for range cap(dsns) {
		work.Go(func() { dsns <- pgtest.Start(t).Database(t) })
	}
	work.Wait()
	close(dsns)
	seen := map[string]bool{}
	for dsn := range dsns {
		if seen[dsn] {
			t.Errorf("%s was given twice", dsn)
		}
		seen[dsn] = true
	}
}
