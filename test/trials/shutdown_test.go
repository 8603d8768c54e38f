package trials

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A held request has begun: the server asked for its body and waits.
type held struct {
	conn net.Conn
	in   *bufio.Reader
	body string
}

// hold begins a request and returns when the server has asked for its body
// (RFC 9110, 10.1.1).
func hold(t *testing.T, p *program) *held {
	t.Helper()
	address := strings.TrimPrefix(p.base, "http://")
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // it may have been closed by the server
	h := &held{conn, bufio.NewReader(conn), fields{"grant_type": "client_credentials"}.form().Encode()}
	head := fmt.Sprintf("POST /oauth2/token HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
		"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n", address, basic("backend", secret("BACKEND_SECRET"))[1], len(h.body))
	if _, err := conn.Write([]byte(head)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"HTTP/1.1 100 Continue\r\n", "\r\n"} {
		if line, err := h.in.ReadString('\n'); err != nil || line != want {
			t.Fatalf("%q, %v, want %q", line, err, want)
		}
	}
	return h
}

// finish sends the body and returns the status.
func (h *held) finish() (int, error) {
	if _, err := h.conn.Write([]byte(h.body)); err != nil {
		return 0, err
	}
	res, err := http.ReadResponse(h.in, nil)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

// TestAskedToEndItFinishesWhatIsUnderWay: at SIGTERM under load the program
// takes no more connections, answers what had begun, ends with 0 in its
// deadline, and knows at its next start what it acknowledged.
func TestAskedToEndItFinishesWhatIsUnderWay(t *testing.T) {
	c := &crash{t: t, dice: dice(t), place: start{dir: t.TempDir(), apply: houseFile()}}
	for i := range 4 {
		own := rand.New(rand.NewPCG(*seed, uint64(i))) //nolint:gosec // choices, not secrets
		c.customers = append(c.customers, &customer{name: fmt.Sprintf("c%d", i), dice: own})
	}
	p := run(t, c.place)
	var waiting []*held
	for range 8 {
		waiting = append(waiting, hold(t, p))
	}
	code := make(chan int, 1)
	asked := time.AfterFunc(200*time.Millisecond, func() { code <- p.end(syscall.SIGTERM) })
	defer asked.Stop()
	c.each(p, func(one *customer) error {
		if err, bad := one.work().(outrage); bad { //nolint:errorlint // ours, unwrapped
			return err
		}
		return nil
	})
	refusesConnections(t, strings.TrimPrefix(p.base, "http://"))
	for i, h := range waiting {
		if status, err := h.finish(); err != nil || status != http.StatusOK {
			t.Errorf("request %d was under way and got %d, %v", i, status, err)
		}
	}
	select {
	case got := <-code:
		if got != 0 {
			t.Errorf("exit code %d", got)
		}
	case <-time.After(patience + 5*time.Second):
		t.Fatal("it has not ended")
	}
	c.place.apply = ""
	c.round(true)
}

// refusesConnections waits until nobody listens any more.
func refusesConnections(t *testing.T, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for ctx.Err() == nil {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return
		}
		_ = conn.Close() // only to knock
	}
	t.Error("it still takes connections")
}
