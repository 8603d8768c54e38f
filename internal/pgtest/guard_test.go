package pgtest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

// guarded starts a quick cluster and returns its guard, closed with the test.
func guarded(t *testing.T, settings ...string) *guard {
	t.Helper()
	if !Available() {
		t.Skip("PostgreSQL is not installed")
	}
	g, err := newGuard("init", append(settings, "fsync=off"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.close() }) // the test may have closed or killed it
	return g
}

func TestRunningClusterHoldsNoGoroutine(t *testing.T) {
	before := goleak.IgnoreCurrent()
	guarded(t)
	goleak.VerifyNone(t, before)
}

func TestClosingTwiceIsFine(t *testing.T) {
	g := guarded(t)
	for range 2 {
		if err := g.close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if _, err := os.Stat(g.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there: %v", g.dir, err)
	}
}

func TestUnknownDeedIsAnError(t *testing.T) {
	g := guarded(t)
	if err := g.tell("dance"); err == nil {
		t.Error("the guard did a deed that it does not know")
	}
	if err := g.tell("stop"); err != nil {
		t.Errorf("the guard did not get over it: %v", err)
	}
}

func TestKilledGuardIsAnErrorNotAHang(t *testing.T) {
	g := guarded(t)
	if err := g.tell("stop"); err != nil { // or the server would be left to nobody
		t.Fatal(err)
	}
	if err := g.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := g.tell("start"); err == nil || !strings.Contains(err.Error(), "guard is gone") {
		t.Errorf("tell = %v, want that the guard is gone", err)
	}
	if err := os.RemoveAll(g.dir); err != nil {
		t.Error(err)
	}
}

func TestFailedStartShowsTheServersLog(t *testing.T) {
	g := guarded(t)
	if err := g.tell("stop"); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(g.dir, "data", "postgresql.conf")
	if err := os.WriteFile(conf, []byte("shared_buffers = plenty\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := g.tell("start"); err == nil || !strings.Contains(err.Error(), "shared_buffers") {
		t.Errorf("tell = %v, want the server's complaint about shared_buffers", err)
	}
}

func TestFailedStartLeavesNoFolder(t *testing.T) {
	if !Available() {
		t.Skip("PostgreSQL is not installed")
	}
	t.Setenv("TMPDIR", openFolder(t))
	if _, err := newGuard("init", []string{"shared_buffers=plenty"}); err == nil {
		t.Error("a cluster started with a setting that cannot be")
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(left) != 0 {
		t.Errorf("a failed start left %v, %v", left, err)
	}
}

// openFolder makes a folder where the database's own user may work too, with a short path.
func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ficha-tmp-") //nolint:usetesting // t.TempDir is closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })  // in the temporary folder anyway
	if err := os.Chmod(dir, 0o777); err != nil { //nolint:gosec // the database's user writes here
		t.Fatal(err)
	}
	return dir
}

func TestLinkKeepsNameAndPassword(t *testing.T) {
	config, err := pgx.ParseConfig("postgres://a%40b:p%2Fw%3Fd@db.example:6543/some%20base?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.ParseConfig(through(config, "127.0.0.1:1"))
	if err != nil {
		t.Fatal(err)
	}
	if got.User != "a@b" || got.Password != "p/w?d" || got.Database != "some base" || got.Host != "127.0.0.1" || got.Port != 1 {
		t.Errorf("through the link: %s:%s@%s:%d/%s", got.User, got.Password, got.Host, got.Port, got.Database)
	}
}
