package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// A Server is one PostgreSQL cluster. It may be used by many tests at once,
// except that who stops, kills or restarts it should be alone.
type Server struct {
	guard  *guard
	shared bool
	last   atomic.Int64
}

// shared starts at most one cluster per process. Its files are not forced to
// the disk: it serves tests of behaviour, not of crashes.
var shared = sync.OnceValues(func() (*Server, error) {
	g, err := newGuard("init", []string{"fsync=off", "full_page_writes=off"})
	return &Server{guard: g, shared: true}, err
})

// Start returns the cluster that the whole test binary shares, starting it at
// the first call. It is quick and not durable, and nobody may stop it. The
// test fails where PostgreSQL is missing.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s, err := shared()
	if err != nil {
		tb.Fatalf("pgtest: %v", err)
	}
	return s
}

// New starts a cluster for this test alone, to be stopped, killed and
// restarted. It is as durable as in production unless a setting, each written
// name=value as in postgresql.conf, says otherwise. It ends with the test.
func New(tb testing.TB, settings ...string) *Server {
	tb.Helper()
	return own(tb, "init", settings)
}

func own(tb testing.TB, made string, settings []string) *Server {
	tb.Helper()
	g, err := newGuard(made, settings)
	if err != nil {
		tb.Fatalf("pgtest: %v", err)
	}
	tb.Cleanup(func() {
		if err := g.close(); err != nil {
			tb.Errorf("pgtest: %v", err)
		}
	})
	return &Server{guard: g}
}

// Database makes an empty database and returns its address, a postgres:// URL
// for the superuser. On the shared cluster it is dropped when the test ends.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	name := fmt.Sprintf("test%d", s.last.Add(1))
	if err := s.exec("CREATE DATABASE " + name); err != nil {
		tb.Fatalf("pgtest: %v", err)
	}
	if s.shared {
		tb.Cleanup(func() {
			if err := s.exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
				tb.Errorf("pgtest: %v", err)
			}
		})
	}
	return s.address(name)
}

// Stop shuts the server down in good order, ending every connection.
// Stopping a stopped server is fine.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	s.tell(tb, "stop")
}

// Kill ends the server as kill -9 does: no checkpoint, no farewell.
func (s *Server) Kill(tb testing.TB) {
	tb.Helper()
	s.tell(tb, "kill")
}

// Restart stops the server if it runs, starts it on the same data and address,
// and returns when it answers. After Kill it recovers from its log.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	s.tell(tb, "stop")
	s.tell(tb, "start")
}

func (s *Server) tell(tb testing.TB, deed string) {
	tb.Helper()
	if s.shared {
		tb.Fatalf("pgtest: other tests use the shared cluster: take one of your own with pgtest.New to %s it", deed)
	}
	if err := s.guard.tell(deed); err != nil {
		tb.Fatalf("pgtest: %v", err)
	}
}

// address names the socket's folder; there is no port that two could want.
func (s *Server) address(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/" + database}
	u.RawQuery = url.Values{"host": {s.guard.dir}, "sslmode": {"disable"}}.Encode()
	return u.String()
}

func (s *Server) exec(statement string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.address("postgres"))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}
