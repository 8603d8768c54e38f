package pgtest_test

import (
	"testing"

	"github.com/fichadev/ficha/internal/pgtest"
)

// What the primary acknowledged is on the standby when the primary is gone, and
// who comes back after a promotion has another history.
func TestStandbyTakesOver(t *testing.T) {
	need(t)
	primary := pgtest.New(t)
	dsn := primary.Database(t)
	run(t, connect(t, dsn), "CREATE TABLE mark (n bigint)")
	standby := primary.Standby(t)
	there := standby.Address(t, dsn)
	if got := ask(t, connect(t, there), "SHOW transaction_read_only"); got != "on" {
		t.Errorf("the standby's transaction_read_only is %s, want on", got)
	}
	run(t, connect(t, dsn), "INSERT INTO mark VALUES (1)")
	primary.Kill(t)
	standby.Promote(t)
	next := connect(t, there)
	if got := ask(t, next, "SELECT count(*)::text FROM mark"); got != "1" {
		t.Errorf("%s acknowledged rows are there, want 1", got)
	}
	run(t, next, "INSERT INTO mark VALUES (2)")
	primary.Restart(t)
	const history = "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"
	if before, after := ask(t, connect(t, dsn), history), ask(t, next, history); before >= after {
		t.Errorf("the old primary's timeline is %s, the new one's %s", before, after)
	}
}
