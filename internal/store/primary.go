package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A primary is the one PostgreSQL server of those an address names that takes
// writes, as this process knows it. It is safe for use by many at once.
//
// Every promotion begins a new timeline. Whoever has once spoken to a promoted
// server speaks to no older one again: a primary that was thought dead and came
// back would take writes that nobody else ever sees.
type primary struct {
	newest atomic.Int64
	mu     sync.Mutex
	lines  map[*line]struct{}
}

// A line is an open connection to a server.
type line struct {
	net.Conn
	of *primary
}

// Close ends the connection. Closing twice is harmless.
func (l *line) Close() error {
	l.of.mu.Lock()
	delete(l.of.lines, l)
	l.of.mu.Unlock()
	return l.Conn.Close()
}

// hangUp ends every connection: a machine that is gone without a word would
// otherwise be waited for on each of them in turn.
func (p *primary) hangUp() {
	p.mu.Lock()
	lines := slices.Collect(maps.Keys(p.lines))
	p.mu.Unlock()
	for _, l := range lines {
		_ = l.Close() // nobody is there to miss it
	}
}

func (p *primary) dialing(dial pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		l := &line{Conn: c, of: p}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.lines == nil {
			p.lines = map[*line]struct{}{}
		}
		p.lines[l] = struct{}{}
		return l, nil
	}
}

// Where an address names several servers, one that does not answer must leave
// time for the others.
const (
	dialPatience    = 400 * time.Millisecond
	connectPatience = time.Second
)

// config reads an address. Whatever it says of target_session_attrs, a standby
// is not connected to.
func (p *primary) config(address string) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, fmt.Errorf("read the database's address: %w", err)
	}
	cfg.ValidateConnect = p.check
	if cfg.ConnectTimeout == 0 && several(cfg) {
		cfg.ConnectTimeout = connectPatience
		cfg.DialFunc = (&net.Dialer{Timeout: dialPatience}).DialContext
	}
	cfg.DialFunc = p.dialing(cfg.DialFunc)
	return cfg, nil
}

func several(cfg *pgx.ConnConfig) bool {
	for _, other := range cfg.Fallbacks {
		if other.Host != cfg.Host || other.Port != cfg.Port {
			return true
		}
	}
	return false
}

// check refuses a server that takes no writes, and one of a timeline that is
// over. A server that cannot tell its timeline, as some that only speak like
// PostgreSQL, is believed.
func (p *primary) check(ctx context.Context, conn *pgconn.PgConn) error {
	only, err := say(ctx, conn, "SHOW transaction_read_only")
	if err != nil {
		return err
	}
	if only != "off" {
		return errors.New("the server is a standby or takes no writes: name the primary in the address too")
	}
	// A log file's name begins with the timeline, in eight hexadecimal digits.
	text, err := say(ctx, conn, "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)")
	var untold *pgconn.PgError
	if errors.As(err, &untold) {
		return nil
	}
	if err != nil {
		return err
	}
	timeline, err := strconv.ParseInt(text, 16, 64)
	if err != nil {
		return fmt.Errorf("read the server's timeline: %w", err)
	}
	return p.see(timeline)
}

// see remembers the newest timeline.
func (p *primary) see(timeline int64) error {
	for {
		newest := p.newest.Load()
		if timeline < newest {
			return fmt.Errorf("the server is on timeline %d, and another was promoted to %d: it is an old primary that came back; "+
				"stop it, and let it follow the new one", timeline, newest)
		}
		if p.newest.CompareAndSwap(newest, timeline) {
			return nil
		}
	}
}

// say asks one thing of a server that is being connected to.
func say(ctx context.Context, conn *pgconn.PgConn, query string) (string, error) {
	got, err := conn.Exec(ctx, query).ReadAll()
	if err != nil {
		return "", fmt.Errorf("ask the server what it is: %w", err)
	}
	if len(got) != 1 || len(got[0].Rows) != 1 || len(got[0].Rows[0]) != 1 {
		return "", errors.New("ask the server what it is: no answer")
	}
	return string(got[0].Rows[0][0]), nil
}
