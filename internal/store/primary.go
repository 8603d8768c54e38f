package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
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
//
// A machine may also be gone without a word. Its connections are ended
// together, and while it says nothing the next one of the address is asked.
type primary struct {
	now     func() time.Time
	newest  atomic.Int64
	base    *pgconn.Config // as it was read
	several bool           // servers in the address
	mu      sync.Mutex
	lines   map[*line]struct{}
	silent  map[string]time.Time // since when a server has not said a word to who connects
}

// A line is an open connection to a server.
type line struct {
	net.Conn
	of      *primary
	address string
	opened  time.Time
	heard   atomic.Int64 // when the last byte came, since opened; zero before any
}

// Read notes that the server is there.
func (l *line) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if n > 0 && l.heard.Swap(int64(max(1, l.of.now().Sub(l.opened)))) == 0 {
		l.of.speaks(l.address)
	}
	return n, err //nolint:wrapcheck // it stands for the connection
}

// silence is how long nothing has come.
func (l *line) silence() time.Duration {
	return l.of.now().Sub(l.opened) - time.Duration(l.heard.Load())
}

// Close ends the connection. Closing twice is harmless.
func (l *line) Close() error {
	p := l.of
	p.mu.Lock()
	delete(p.lines, l)
	if l.heard.Load() == 0 && l.silence() >= dialPatience {
		p.silent[l.address] = p.now()
	}
	p.mu.Unlock()
	if err := l.Conn.Close(); !errors.Is(err, net.ErrClosed) {
		return err //nolint:wrapcheck // it stands for the connection
	}
	return nil
}

// leave asks every server on whose connections nothing has come for a while
// whether it is there, and ends those connections where it is not: a machine
// that is gone without a word would otherwise be waited for on each in turn,
// while others already answer.
func (p *primary) leave(ctx context.Context) {
	for _, lines := range p.quiet() {
		if p.there(ctx, lines[0]) {
			continue
		}
		for _, l := range lines {
			_ = l.Close() // nobody is there to miss it
		}
	}
}

// quiet returns the connections on which nothing has come for a while, by server.
func (p *primary) quiet() map[string][]*line {
	p.mu.Lock()
	defer p.mu.Unlock()
	by := map[string][]*line{}
	for l := range p.lines {
		if l.silence() >= quiet {
			by[l.address] = append(by[l.address], l)
		}
	}
	return by
}

// there reports whether the server of a connection says anything to another.
func (p *primary) there(ctx context.Context, known *line) bool {
	ctx, cancel := context.WithTimeout(ctx, connectPatience)
	defer cancel()
	to := known.RemoteAddr()
	c, err := (&net.Dialer{}).DialContext(ctx, to.Network(), to.String())
	if err != nil {
		return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) // it is we who cannot
	}
	l := &line{Conn: c, of: p, address: known.address, opened: p.now()}
	cfg := p.base.Copy()
	cfg.Fallbacks = nil
	cfg.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	cfg.DialFunc = func(context.Context, string, string) (net.Conn, error) { return l, nil }
	if conn, err := pgconn.ConnectConfig(ctx, cfg); err == nil {
		_ = conn.Close(ctx) // it has served its purpose
	}
	_ = l.Close() // closed already, unless the driver left it open
	return l.heard.Load() != 0
}

func (p *primary) dialing(dial pgconn.DialFunc) pgconn.DialFunc {
	p.lines, p.silent = map[*line]struct{}{}, map[string]time.Time{}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if p.passes(address) {
			return nil, fmt.Errorf("%s said nothing a moment ago", address)
		}
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		l := &line{Conn: c, of: p, address: address, opened: p.now()}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.lines[l] = struct{}{}
		return l, nil
	}
}

// speaks notes that a server answers who connects.
func (p *primary) speaks(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.silent, address)
}

// passes reports whether a server is passed by for now, in favour of others.
func (p *primary) passes(address string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	since, silent := p.silent[address]
	return p.several && silent && p.now().Sub(since) < silence
}

const (
	// dialPatience and connectPatience are for each of several servers: one that
	// does not answer must leave time for the others.
	dialPatience    = 400 * time.Millisecond
	connectPatience = time.Second
	// quiet is after how long without a byte a server is asked whether it is there.
	quiet = 900 * time.Millisecond
	// silence is for how long one that did not say a word is not asked again.
	silence = 2 * time.Second
)

// config reads an address. Whatever it says of target_session_attrs, a standby
// is not connected to.
func (p *primary) config(address string) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, fmt.Errorf("read the database's address: %w", err)
	}
	cfg.ValidateConnect = p.check
	p.base, p.several = cfg.Config.Copy(), several(cfg)
	if cfg.ConnectTimeout == 0 && p.several {
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
