package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"
)

// connections is how many callers ask at once, each over one connection that
// stays open.
const connections = 32

// A caller is one connection's part of a work: what it asks next, and whether
// the answer is right. Both are called in turn by one goroutine.
type caller struct {
	ask   func(buf []byte) []byte // appends a whole request
	check func(a answer) error
}

// An answer is what came back. It is valid until the next request.
type answer struct {
	status     int
	head, body []byte
}

// text returns the string that follows a name in the JSON of an answer; a
// parser would cost the load more than the server's answer costs it.
func (a answer) text(name string) (string, bool) {
	_, rest, found := bytes.Cut(a.body, []byte(`"`+name+`":"`))
	if !found {
		return "", false
	}
	value, _, found := bytes.Cut(rest, []byte{'"'})
	return string(value), found
}

// A load is the open connections to one server.
type load struct {
	conns []*conn
	pace  time.Duration // what each request costs its caller beside sending it
}

type conn struct {
	net.Conn
	in, out []byte
}

func dial(address string) (*load, error) {
	l := &load{}
	if text := os.Getenv(pace); text != "" {
		var err error
		if l.pace, err = time.ParseDuration(text); err != nil {
			return l, fmt.Errorf("%s: %w", pace, err)
		}
	}
	for range connections {
		c, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", address)
		if err != nil {
			return l, err
		}
		l.conns = append(l.conns, &conn{Conn: c, in: make([]byte, 0, 16<<10)})
	}
	return l, nil
}

func (l *load) close() {
	for _, c := range l.conns {
		c.Close()
	}
}

// run lets every caller ask for a while and returns how long each answer took.
func (l *load) run(callers []caller, during time.Duration) ([]time.Duration, error) {
	took, errs := make([][]time.Duration, len(l.conns)), make([]error, len(l.conns))
	end := time.Now().Add(during)
	var all sync.WaitGroup
	for i, c := range l.conns {
		all.Go(func() { took[i], errs[i] = c.run(callers[i], end, l.pace) })
	}
	all.Wait()
	return slices.Concat(took...), errors.Join(errs...)
}

func (c *conn) run(who caller, end time.Time, pace time.Duration) ([]time.Duration, error) {
	took := make([]time.Duration, 0, 4096)
	for began := time.Now(); began.Before(end); {
		c.out = who.ask(c.out[:0])
		if _, err := c.Write(c.out); err != nil {
			return took, err
		}
		a, err := c.answer()
		if err != nil {
			return took, err
		}
		if err := who.check(a); err != nil {
			return took, fmt.Errorf("%w: status %d: %s", err, a.status, a.body)
		}
		now := time.Now()
		took = append(took, now.Sub(began))
		for began = now; began.Sub(now) < pace; began = time.Now() {
		}
	}
	return took, nil
}

var errMalformed = errors.New("the answer is malformed")

// answer reads one answer of known length.
func (c *conn) answer() (answer, error) {
	c.in = c.in[:0]
	for {
		if a, whole, err := parse(c.in); err != nil || whole {
			return a, err
		}
		if len(c.in) == cap(c.in) {
			return answer{}, errMalformed
		}
		n, err := c.Read(c.in[len(c.in):cap(c.in)])
		if err != nil {
			return answer{}, err
		}
		c.in = c.in[:len(c.in)+n]
	}
}

// parse reads an answer from the bytes that have come so far.
func parse(in []byte) (a answer, whole bool, err error) {
	at := bytes.Index(in, []byte("\r\n\r\n"))
	if at < 0 {
		return a, false, nil
	}
	a.head, a.body = in[:at], in[at+4:]
	if a.status, err = strconv.Atoi(string(a.head[9:12])); err != nil {
		return a, false, errMalformed
	}
	_, rest, found := bytes.Cut(a.head, []byte("\r\nContent-Length: "))
	if !found {
		return a, false, errMalformed
	}
	digits, _, _ := bytes.Cut(rest, []byte{'\r'})
	length, err := strconv.Atoi(string(digits))
	if err != nil || len(a.body) > length {
		return a, false, errMalformed
	}
	return a, len(a.body) == length, nil
}
