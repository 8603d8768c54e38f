package web_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fichadev/ficha/internal/web"
)

// pipes is a listener in memory, whose time a test can hold.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial() net.Conn {
	near, far := net.Pipe()
	p.conns <- far
	return near
}

// serve runs the server of a floor in the bubble until the test ends.
func serve(t *testing.T, routes ...web.Route) *pipes {
	s := newStage(t, nil, routes...)
	server := s.Server("unused")
	p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	stopped := make(chan struct{})
	go func() {
		_ = server.Serve(p) // ErrServerClosed, at the end
		close(stopped)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-stopped
	})
	return p
}

func TestSlowHeadersAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := serve(t, route("GET /a", ok)).dial()
		defer conn.Close()
		start := time.Now()
		closed := make(chan struct{})
		go func() {
			_, _ = io.Copy(io.Discard, conn)
			close(closed)
		}()
		for _, b := range []byte("GET /a HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 100)) {
			if _, err := conn.Write([]byte{b}); err != nil {
				break
			}
			time.Sleep(time.Second) // of the bubble's clock
		}
		<-closed
		if took := time.Since(start); took > 7*time.Second {
			t.Errorf("one byte a second was read for %v, want 5 s", took)
		}
	})
}

func TestSlowBodyIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := serve(t, route("POST /a", func(c *web.Call) error {
			if _, err := c.Body(); err != nil {
				return err
			}
			return ok(c)
		})).dial()
		defer conn.Close()
		start := time.Now()
		go send(conn, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345")
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if took := time.Since(start); res.StatusCode != 400 || took > 16*time.Second {
			t.Errorf("half a body gets %d after %v, want 400 within 15 s", res.StatusCode, took)
		}
	})
}

// What takes minutes is answered, and the connection goes on; a caller who is
// gone ends it all the same.
func TestHandlerThatIsAllowedMinutesAnswersAfterThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 2)
		conn := serve(t, route("POST /a", func(c *web.Call) error {
			c.Context().Done() // somebody waits by the first deadline
			if _, err := c.Body(); err != nil {
				return err
			}
			c.Allow(10 * time.Minute)
			select {
			case <-time.After(5 * time.Minute):
			case <-c.Context().Done():
			}
			ended <- c.Context().Err()
			return ok(c)
		})).dial()
		answers := bufio.NewReader(conn)
		for range 2 {
			go send(conn, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345")
			start := time.Now()
			res, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatalf("after %v: %v", time.Since(start), err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			if err := <-ended; err != nil || res.StatusCode != 200 || time.Since(start) != 5*time.Minute {
				t.Errorf("got %d after %v, the context says %v; want 200 after five minutes", res.StatusCode, time.Since(start), err)
			}
		}
		send(conn, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345")
		time.Sleep(time.Minute) // longer than the body might have taken
		start := time.Now()
		_ = conn.Close()
		if err := <-ended; !errors.Is(err, context.Canceled) || time.Since(start) > time.Second {
			t.Errorf("a caller who left: got %v after %v, want canceled at once", err, time.Since(start))
		}
	})
}

// Whoever is allowed minutes has no more than them.
func TestHandlerThatIsAllowedMinutesEndsAfterThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := serve(t, route("POST /a", func(c *web.Call) error {
			c.Allow(10 * time.Minute)
			<-c.Context().Done()
			return c.Context().Err()
		})).dial()
		defer conn.Close()
		start := time.Now()
		go send(conn, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if took := time.Since(start); res.StatusCode != 503 || took != 10*time.Minute {
			t.Errorf("got %d after %v, want 503 after ten minutes", res.StatusCode, took)
		}
	})
}

func TestIdleConnectionIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := serve(t, route("GET /a", ok)).dial()
		defer conn.Close()
		go send(conn, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
		start := time.Now()
		_, _ = io.Copy(io.Discard, conn)
		if took := time.Since(start); took < 80*time.Second || took > 100*time.Second {
			t.Errorf("an idle connection lived %v, want 90 s", took)
		}
	})
}

// send writes a request, of which the server may not wait for the end.
func send(conn net.Conn, request string) { _, _ = io.WriteString(conn, request) }

// raw sends bytes to a real server and returns everything it answers.
func raw(t *testing.T, s *stage, request string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := s.Server("")
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	go send(conn, request)
	var answer bytes.Buffer
	_, _ = io.Copy(&answer, conn)
	return answer.String()
}

func status(answer string) string {
	line, _, _ := strings.Cut(answer, "\r\n")
	return strings.TrimPrefix(line, "HTTP/1.1 ")
}

func TestTwoMegabytesOfHeaderGet431(t *testing.T) {
	s := newStage(t, nil, route("GET /a", ok))
	got := raw(t, s, "GET /a HTTP/1.1\r\nHost: a\r\nX: "+strings.Repeat("x", 2<<20)+"\r\n\r\n")
	if !strings.HasPrefix(status(got), "431") {
		t.Errorf("got %q, want 431", status(got))
	}
}

func TestLongRequestLineGets414(t *testing.T) {
	s := newStage(t, nil, route("GET /a", ok))
	got := raw(t, s, "GET /a?x="+strings.Repeat("x", 17<<10)+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	if !strings.HasPrefix(status(got), "414") {
		t.Errorf("got %q, want 414", status(got))
	}
}

// eater reads its body in every way there is.
func eater(c *web.Call) error {
	body, err := c.Body()
	if err != nil {
		return err
	}
	return c.WriteRaw(200, "text/plain", []byte(fmt.Sprint(len(body))))
}

func TestLargeBodyGets413WhetherItsLengthIsToldOrNot(t *testing.T) {
	large := strings.Repeat("x", 10<<20)
	for name, request := range map[string]string{
		"told":   fmt.Sprintf("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(large), large),
		"chunks": fmt.Sprintf("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(large), large),
	} {
		s := newStage(t, nil, route("POST /a", eater))
		got := raw(t, s, request)
		if !strings.HasPrefix(status(got), "413") || !strings.Contains(got, "request_too_large") {
			t.Errorf("%s: got %.200q, want 413", name, got)
		}
	}
}

func TestBodyLimitIsExactAndOfTheRoute(t *testing.T) {
	small, none := route("POST /small", eater), route("POST /none", eater)
	small.Rule.Body, none.Rule.Body = 4, web.NoBody
	s := newStage(t, nil, small, none, route("POST /a", eater))
	for _, c := range []struct {
		path, body, want string
	}{
		{"/small", "1234", "200"}, {"/small", "12345", "413"},
		{"/a", strings.Repeat("x", 64<<10), "200"}, {"/a", strings.Repeat("x", 64<<10+1), "413"},
		{"/none", "12345", "200"},
	} {
		if w := s.do("POST", c.path, c.body); fmt.Sprint(w.Code) != c.want {
			t.Errorf("%s with %d bytes gets %d, want %s", c.path, len(c.body), w.Code, c.want)
		}
	}
	if w := s.do("POST", "/none", "12345"); w.Body.String() != "0" {
		t.Errorf("a route without a body read %s bytes", w.Body)
	}
}

func TestLengthBesideChunksGetsOneAnswerAndTheConnectionCloses(t *testing.T) {
	smuggled := "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
	for name, head := range map[string]string{
		"length first": "Content-Length: %d\r\nTransfer-Encoding: chunked\r\n",
		"chunks first": "Transfer-Encoding: chunked\r\nContent-Length: %d\r\n",
	} {
		s := newStage(t, nil, route("POST /a", eater), route("GET /smuggled", ok))
		body := "0\r\n\r\n" + smuggled
		got := raw(t, s, "POST /a HTTP/1.1\r\nHost: a\r\n"+fmt.Sprintf(head, len(body))+"\r\n"+body)
		if n := strings.Count(got, "HTTP/1.1 "); n != 1 || !strings.Contains(got, "Connection: close") {
			t.Errorf("%s: %d answers, want one that closes:\n%s", name, n, got)
		}
		if strings.Contains(s.log.String(), "smuggled") {
			t.Errorf("%s: the smuggled request was served", name)
		}
	}
}

func TestNetHTTPsOwnComplaintsKeepNothing(t *testing.T) {
	s := newStage(t, nil)
	s.Server("").ErrorLog.Print("http: CANARY from 192.0.2.1")
	if text := s.log.String(); strings.Contains(text, "CANARY") || !strings.Contains(text, "net/http complained") {
		t.Errorf("the log says %s", text)
	}
}

// Callers hang where nothing is accepted: one line says why, and not one for
// each try.
func TestThatNothingIsAcceptedIsSaidOnceInAWhile(t *testing.T) {
	s := newStage(t, nil)
	complain := s.Server("").ErrorLog.Print
	for range 3 {
		complain("http: Accept error: accept tcp 127.0.0.1:8080: accept4: too many open files; retrying in 1s")
		complain("http: CANARY Accept error: too many open files")
		s.now = s.now.Add(3 * time.Second)
	}
	text := s.log.String()
	if n := strings.Count(text, `"level":"WARN"`); n != 1 || !strings.Contains(text, "too many open files: raise the limit") || strings.Contains(text, "CANARY") {
		t.Errorf("the log has %d warnings, want one that says what to raise: %s", n, text)
	}
	s.now = s.now.Add(time.Second)
	complain("http: Accept error: accept tcp 127.0.0.1:8080: accept4: too many open files; retrying in 1s")
	if n := strings.Count(s.log.String(), `"level":"WARN"`); n != 2 {
		t.Errorf("after ten seconds the log has %d warnings, want another", n)
	}
}
