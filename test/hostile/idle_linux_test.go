package hostile_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
)

// Connections that nobody uses and sign-ins that nobody finishes hold little:
// what is not known to be somebody's is not written down.
func TestIdleConnectionsAndUnfinishedSignInsHoldLittle(t *testing.T) {
	p := start(t)
	for range 2000 {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(p.base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := fmt.Fprint(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	before := p.memory(t)
	for i := range 1000 {
		q := url.Values{
			"response_type": {"code"}, "client_id": {"web"}, "redirect_uri": {"https://web.example/cb"}, "scope": {"catalog:read"},
			"state": {strconv.Itoa(i)}, "code_challenge": {strings.Repeat("a", 43)}, "code_challenge_method": {"S256"},
		}
		if a := p.call(t, "GET", "/oauth2/authorize?"+q.Encode(), nil, nil); !strings.HasPrefix(a.header.Get("Location"), "/panel/login?") {
			t.Fatalf("%s, want the sign-in", a)
		}
	}
	after := p.memory(t)
	t.Logf("2,000 idle connections: %d MB; then 1,000 unfinished sign-ins: %d MB", before>>20, after>>20)
	if before > 200<<20 || after-before > 50<<20 {
		t.Errorf("%d MB, then %d MB, want under 200 and little more", before>>20, after>>20)
	}
	if got := p.verified(t, "canary-pat-ana-admin-000"); got != http.StatusOK {
		t.Errorf("an honest caller among them: %d", got)
	}
}

// memory returns what the program holds, in bytes (Linux).
func (p *program) memory(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}
