package pgtest

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A Link is a network path to a database that a test can break. Its methods
// may be called at any time by many.
type Link struct {
	// DSN is the database's address by way of the link.
	DSN string

	network, address string // of the server
	listener         net.Listener
	work             sync.WaitGroup

	mu    sync.Mutex
	moved *sync.Cond // the state has changed
	state state
	conns map[net.Conn]struct{}
}

type state int

const (
	open state = iota
	stalled
	cut
	closed
)

// Proxy opens a link to the database at dsn, on a loopback port of its own. It
// closes with the test.
func Proxy(tb testing.TB, dsn string) *Link {
	tb.Helper()
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		tb.Fatalf("pgtest: read the database's address: %v", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("pgtest: listen for a link: %v", err)
	}
	l := &Link{listener: listener, conns: map[net.Conn]struct{}{}}
	l.network, l.address = pgconn.NetworkAddress(config.Host, config.Port)
	l.DSN = through(config, listener.Addr().String())
	l.moved = sync.NewCond(&l.mu)
	l.work.Go(l.accept)
	tb.Cleanup(l.close)
	return l
}

// through writes the address anew; a link carries no TLS.
func through(config *pgx.ConnConfig, host string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(config.User, config.Password), Host: host, Path: "/" + config.Database}
	u.RawQuery = "sslmode=disable"
	return u.String()
}

// Cut closes every connection and each that comes, as a network that answers
// with resets.
func (l *Link) Cut() { l.become(cut) }

// Stall keeps connections and accepts new ones, but carries no byte until Heal,
// as a network that loses every packet.
func (l *Link) Stall() { l.become(stalled) }

// Heal carries bytes again. What waited in a stall arrives; what Cut closed
// stays closed.
func (l *Link) Heal() { l.become(open) }

func (l *Link) close() {
	_ = l.listener.Close() // ends accept; nobody is left to hear of an error
	l.become(closed)
	l.work.Wait()
}

func (l *Link) become(s state) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state != closed {
		l.state = s
	}
	if l.state >= cut {
		for c := range l.conns {
			_ = c.Close() // an error means that it was closed before
		}
	}
	l.moved.Broadcast()
}

func (l *Link) accept() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.work.Go(func() { l.carry(near) })
	}
}

// carry moves bytes both ways until either side or the link closes.
func (l *Link) carry(near net.Conn) {
	defer l.forget(near)
	if !l.remember(near) {
		return
	}
	far, err := (&net.Dialer{}).DialContext(context.Background(), l.network, l.address)
	if err != nil {
		return
	}
	defer l.forget(far)
	if !l.remember(far) {
		return
	}
	var back sync.WaitGroup
	back.Go(func() { l.pour(near, far) })
	l.pour(far, near)
	back.Wait()
}

// pour moves bytes one way. When that way ends, both do.
func (l *Link) pour(to, from net.Conn) {
	_, _ = io.Copy(gate{l, to}, from) // an error and an end are the same to us
	_ = from.Close()                  // each is closed once more by forget, harmlessly
	_ = to.Close()
}

// remember reports whether the connection may live, and keeps it for Cut.
func (l *Link) remember(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state >= cut {
		return false
	}
	l.conns[c] = struct{}{}
	return true
}

func (l *Link) forget(c net.Conn) {
	_ = c.Close() // it may have been closed by Cut
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}

// A gate writes when the link is not stalled.
type gate struct {
	link *Link
	to   net.Conn
}

// Write waits out a stall.
func (g gate) Write(p []byte) (int, error) {
	g.link.mu.Lock()
	for g.link.state == stalled {
		g.link.moved.Wait()
	}
	g.link.mu.Unlock()
	return g.to.Write(p)
}
