package sink_test

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// header is that of RFC 5424, 6: PRI, version, timestamp, host, application,
// process, message id, structured data.
var header = regexp.MustCompile(`^<(\d{1,3})>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ([!-~]{1,255}) ficha - ([!-~]{1,32}) - (\{.*\})$`)

// A syslogd is a server of syslog over streams. It closes a connection when it
// has read all of it, unless it is rude.
type syslogd struct {
	net.Listener
	mu   sync.Mutex
	ids  []string
	bad  []string
	rude int // so many connections are broken after one message
}

func newSyslogd(t *testing.T, l net.Listener) *syslogd {
	s := &syslogd{Listener: l}
	var served sync.WaitGroup
	served.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		served.Wait()
	})
	return s
}

// serve reads messages that are counted in octets (RFC 6587, 3.4.1).
func (s *syslogd) serve(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	for {
		count, err := r.ReadString(' ')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSuffix(count, " "))
		text := make([]byte, max(n, 0))
		if err == nil {
			_, err = io.ReadFull(r, text)
		}
		if err != nil {
			s.note("", "broken: "+err.Error())
			return
		}
		s.take(string(text))
		s.mu.Lock()
		rude := s.rude > 0
		s.rude--
		s.mu.Unlock()
		if tcp, ok := conn.(*net.TCPConn); rude && ok {
			_ = tcp.SetLinger(0) // as a process that was killed
			return
		}
	}
}

func (s *syslogd) take(text string) {
	found := header.FindStringSubmatch(text)
	var v struct{ ID string }
	if found == nil || found[2] != "host.example" || found[3] != "token.issued" || json.Unmarshal([]byte(found[4]), &v) != nil {
		s.note("", text)
		return
	}
	if priority, _ := strconv.Atoi(found[1]); priority != 110 {
		s.note("", text)
	}
	s.note(v.ID, "")
}

func (s *syslogd) note(id, bad string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id != "" {
		s.ids = append(s.ids, id)
	}
	if bad != "" {
		s.bad = append(s.bad, bad)
	}
}

// check fails the test unless every record came, in messages that are right.
func (s *syslogd) check(t *testing.T, want []string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := slices.Compact(sorted(s.ids)); len(s.bad) > 0 || !slices.Equal(got, sorted(want)) {
		t.Errorf("%d records, want %d; wrong: %.300q", len(got), len(want), s.bad)
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestSyslogByTCPMissesNothing(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		s := newSyslogd(t, listen(t))
		f := w.feeder(t, "syslog+tcp://"+s.Addr().String(), w.Store)
		want := w.sealed(t, 300)
		s.rude = 1
		if fed, err := f.Feed(t.Context()); err == nil || fed {
			t.Errorf("a server that dies in the middle: fed %v, %v", fed, err)
		}
		drain(t, f)
		s.check(t, want)
		s.Close()
		w.sealed(t, 1)
		if fed, err := f.Feed(t.Context()); err == nil || fed {
			t.Errorf("a server that is away: fed %v, %v", fed, err)
		}
	})
}

func TestSyslogByTLSChecksWhoListens(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		made := httptest.NewTLSServer(nil) // for its certificate
		made.Close()
		s := newSyslogd(t, tls.NewListener(listen(t), &tls.Config{Certificates: made.TLS.Certificates, MinVersion: tls.VersionTLS12}))
		ca := filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made.Certificate().Raw}), 0o600); err != nil {
			t.Fatal(err)
		}
		want := w.sealed(t, 30)
		address := "syslog+tls://" + s.Addr().String()
		if _, err := w.feeder(t, address, w.Store).Feed(t.Context()); err == nil {
			t.Error("a server that nobody vouches for is told")
		}
		drain(t, w.feeder(t, address+"?name=known&ca="+ca, w.Store))
		s.check(t, want)
	})
}

func TestSyslogByUDPSendsOneDatagramEach(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close() //nolint:errcheck // the test is over
		want := w.sealed(t, 20)
		long := audit.Note(w.now(), token.Actor{}, "ws1", "token.issued", audit.Target{}, map[string]any{"text": strings.Repeat("x", 70_000)})
		if err := w.Commit(t.Context(), &token.Deed{Events: []*token.Event{long}}); err != nil {
			t.Fatal(err)
		}
		want = append(want, long.ID.String())
		w.sealed(t, 0)
		drain(t, w.feeder(t, "syslog+udp://"+conn.LocalAddr().String(), w.Store))
		s, text := &syslogd{}, make([]byte, 1<<16)
		for range want {
			n, _, err := conn.ReadFrom(text)
			if err != nil {
				t.Fatal(err)
			}
			s.take(string(text[:n]))
		}
		s.check(t, want)
	})
}
