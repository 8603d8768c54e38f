package pgtest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Standby starts a copy of a cluster of the test's own that follows it, and
// returns when no commit on the cluster is acknowledged any more before the
// copy has it too (synchronous_standby_names). It ends with the test. The
// databases are those of the cluster: [Server.Address] names them.
func (s *Server) Standby(tb testing.TB, settings ...string) *Server {
	tb.Helper()
	if s.shared {
		tb.Fatal("pgtest: other tests use the shared cluster: take one of your own with pgtest.New to follow it")
	}
	copied := own(tb, "follow "+s.guard.dir, settings)
	for _, statement := range []string{"ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"} {
		if err := s.exec(statement); err != nil {
			tb.Fatalf("pgtest: %v", err)
		}
	}
	if err := s.await(`SELECT count(*) > 0 FROM pg_stat_replication WHERE sync_state = 'sync'`); err != nil {
		tb.Fatalf("pgtest: wait for the standby: %v", err)
	}
	return copied
}

// Address returns the address of the database that dsn names, in this cluster.
func (s *Server) Address(tb testing.TB, dsn string) string {
	tb.Helper()
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		tb.Fatalf("pgtest: read the database's address: %v", err)
	}
	return s.address(config.Database)
}

// Promote makes a standby a primary and returns when it is one. The cluster
// that it followed should be stopped; started again, it knows nothing of it.
func (s *Server) Promote(tb testing.TB) {
	tb.Helper()
	s.tell(tb, "promote")
}

// await asks until the answer is yes, for half a minute.
func (s *Server) await(query string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.address("postgres"))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(context.Background())
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for yes := false; !yes; <-pace.C {
		if err := conn.QueryRow(ctx, query).Scan(&yes); err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
	}
	return nil
}
