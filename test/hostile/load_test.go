package hostile_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// p95 sends a request again and again and returns how long it took, but for the
// slowest twentieth.
func p95(t *testing.T, n int, send func() answer, code int) time.Duration {
	t.Helper()
	took := make([]time.Duration, n)
	for i := range took {
		begun := time.Now()
		if a := send(); a.code != code {
			t.Errorf("the honest caller: %s", a)
		}
		took[i] = time.Since(begun)
	}
	slices.Sort(took)
	return took[(n*95+99)/100-1]
}

// honest are callers who know their secrets.
func honest(t *testing.T, p *program) map[string]func() answer {
	return map[string]func() answer{
		"/verify": func() answer { return p.call(t, "GET", "/verify", nil, bearer("canary-pat-ana-admin-000")) },
		"issue": func() answer {
			return p.call(t, "POST", "/oauth2/token", form("grant_type", "client_credentials", "client_id", "form", "client_secret", "form-canary-client-secret"), nil)
		},
		"sign in": func() answer {
			return p.call(t, "POST", "/token/generate", `{"email":"max@acme.example","password":"canary-password-max:acme-canary-client-token"}`, nil)
		},
		"the page": func() answer { return p.call(t, "GET", "/panel/login", nil, nil) },
	}
}

// Those who guess at secrets and passwords, for many accounts from one place,
// do not make the others wait.
func TestGuessersDoNotSlowTheOthers(t *testing.T) {
	p := start(t)
	honest := honest(t, p)
	calm := map[string]time.Duration{} // on this machine, busy as it may be
	for name, send := range honest {
		calm[name] = p95(t, 8, send, 200)
	}
	ctx, stop := context.WithCancel(t.Context())
	var n atomic.Int64
	var all sync.WaitGroup
	guess := func(method, path, kind, body string) {
		req, err := http.NewRequestWithContext(ctx, method, p.base+path, strings.NewReader(body))
		if err != nil {
			return
		}
		req.Header.Set("Content-Type", kind)
		if res, err := client.Do(req); err == nil {
			io.Copy(io.Discard, res.Body) //nolint:errcheck // nobody reads it
			res.Body.Close()
		}
	}
	for i := range 32 {
		all.Go(func() {
			for ctx.Err() == nil {
				k := n.Add(1)
				if i%2 == 0 {
					guess("POST", "/token/generate", "application/json", fmt.Sprintf(`{"email":"nobody%d@acme.example","password":"wrong-password:acme-canary-client-token"}`, k))
				} else {
					guess("POST", "/oauth2/token", "application/x-www-form-urlencoded", fmt.Sprintf("grant_type=client_credentials&client_id=form&client_secret=%d", k))
				}
			}
		})
	}
	defer all.Wait()
	defer stop()
	for name, send := range honest {
		most := time.Second + 10*calm[name]
		if got := p95(t, 8, send, 200); got > most {
			t.Errorf("%s: p95 is %v under 32 guessers, want %v at most: it was %v without", name, got, most, calm[name])
		} else {
			t.Logf("%s: p95 %v", name, got)
		}
	}
}

// What no honest caller sends costs little and is refused, whatever it is; the
// server stays up.
func TestHeavyRequestsAreCheap(t *testing.T) {
	p := start(t)
	h := bearer("mint-canary-client-secret", "X-Workspace-Id", "acme")
	keys := func(n int) string {
		var b strings.Builder
		b.WriteByte('{')
		for i := range n {
			fmt.Fprintf(&b, `"k%d":1,`, i)
		}
		return b.String() + `"z":1}`
	}
	for name, send := range map[string]func() answer{
		"deep arrays":   func() answer { return p.call(t, "POST", "/token/generate", strings.Repeat("[", 30_000), nil) },
		"deep objects":  func() answer { return p.call(t, "POST", "/token/generate", strings.Repeat(`{"a":`, 10_000), nil) },
		"many keys":     func() answer { return p.call(t, "POST", "/token/generate", keys(6000), nil) },
		"a long number": func() answer { return p.call(t, "POST", "/v1/tokens", `{"ttl":`+strings.Repeat("9", 60_000)+`}`, h) },
		"a large body":  func() answer { return p.call(t, "POST", "/token/generate", strings.Repeat(" ", 70_000), nil) },
		"many tokens": func() answer {
			return p.call(t, "POST", "/v1/tokens/introspect", `{"tokens":["`+strings.Repeat(`x","`, 1000)+`"]}`, h)
		},
		"many scopes": func() answer {
			return p.call(t, "POST", "/v1/tokens", `{"name":"n","scopes":["`+strings.Repeat(`a","`, 5000)+`b"]}`, h)
		},
		"many parameters": func() answer { return p.call(t, "POST", "/oauth2/token?"+strings.Repeat("a=1&", 2000), nil, nil) },
		"a long line":     func() answer { return p.call(t, "GET", "/verify?scope="+strings.Repeat("a+", 9000), nil, bearer("x")) },
		"a long scope": func() answer {
			return p.call(t, "GET", "/verify?scope="+strings.Repeat("a+", 2040), nil, bearer("canary-pat-ana-admin-000"))
		},
		"dots": func() answer { return p.call(t, "GET", "/verify", nil, bearer(strings.Repeat(".", 8000))) },
		"aliases": func() answer {
			return p.call(t, "POST", "/v1/apply", "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\nworkspaces: [*f,*f,*f,*f,*f,*f,*f]\n", bearer("canary-pat-root-all-00000", "X-Workspace-Id", "acme"))
		},
		"languages": func() answer {
			return p.call(t, "GET", "/panel/nowhere", nil, headers{"Accept-Language", strings.Repeat("de-a-b-c-d-e,", 2000)})
		},
		"cookies": func() answer {
			return p.call(t, "GET", "/panel/nowhere", nil, headers{"Cookie", strings.Repeat("ficha_session=x; ", 3000)})
		},
	} {
		begun := time.Now()
		if a := send(); a.code < 400 || a.code >= 500 {
			t.Errorf("%s: %s", name, a)
		}
		if took := time.Since(begun); took > time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
	if got := p.verified(t, "canary-pat-ana-admin-000"); got != 200 {
		t.Errorf("afterwards: %d", got)
	}
}

// What a proxy before us could read otherwise than we do is one request, or none.
func TestRequestsAreNotSmuggled(t *testing.T) {
	p := start(t)
	for name, raw := range map[string]string{
		"length and chunks": "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\n\r\n",
		"two lengths":       "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 35\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\n\r\n",
		"a space":           "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\n\r\n",
		"two hosts":         "GET /readyz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
		"a folded line":     "GET /verify HTTP/1.1\r\nHost: x\r\nX-A: b\r\n Authorization: Bearer canary-pat-ana-admin-000\r\n\r\n",
		"a bare CR":         "GET /verify HTTP/1.1\r\nHost: x\r\nX-A: b\rAuthorization: Bearer canary-pat-ana-admin-000\r\n\r\n",
	} {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(p.base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, raw)                              //nolint:errcheck // the answer says
		c.SetDeadline(time.Now().Add(10 * time.Second)) //nolint:errcheck // a TCP connection has deadlines
		first, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || first.StatusCode == 200 {
			t.Errorf("%s: %v, %v; want one refusal", name, first, err)
			continue
		}
		rest, err := io.ReadAll(first.Body)
		first.Body.Close()
		if strings.Contains(string(rest), "HTTP/1.1") || strings.Contains(string(rest), "ready") {
			t.Errorf("%s: a second answer: %s (%v)", name, rest, err)
		}
		if !first.Close && name != "a folded line" { // which is one line, as long as HTTP/1.1 is
			t.Errorf("%s: the connection stays open", name)
		}
		c.Close()
	}
}
