package hostile_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// An inbox is a mail server that keeps the first letter.
type inbox chan string

func (i inbox) NewSession(*smtp.Conn) (smtp.Session, error) { return i, nil }
func (i inbox) Reset()                                      {}
func (i inbox) Logout() error                               { return nil }
func (i inbox) Mail(string, *smtp.MailOptions) error        { return nil }
func (i inbox) Rcpt(string, *smtp.RcptOptions) error        { return nil }

func (i inbox) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	select {
	case i <- string(text):
	default:
	}
	return err
}

// mailed starts a mail server for the test and returns its address.
func mailed(t *testing.T) (string, inbox) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	taken := make(inbox, 1)
	s := smtp.NewServer(taken)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), <-done); err != nil {
			t.Error(err)
		}
	})
	return "smtp://" + l.Addr().String(), taken
}

// evil are the headers by which a caller says how the server is called, and
// where the caller is.
var evil = headers{
	"X-Forwarded-Host", "evil.example", "X-Forwarded-Server", "evil.example", "X-Original-Host", "evil.example", "X-Host", "evil.example",
	"Forwarded", "for=203.0.113.9;host=evil.example;proto=https", "X-Forwarded-Proto", "https", "X-Forwarded-Prefix", "/evil.example", "X-Original-Url", "/evil.example",
	"X-Rewrite-Url", "/evil.example", "Referer", "https://evil.example/",
}

// The server knows its name from its operator: what a caller calls it stands in
// no page, no answer and no letter.
func TestNameOfTheServerIsItsOperators(t *testing.T) {
	mail, taken := mailed(t)
	p := startWith(t, "FICHA_SMTP_URL="+mail)
	ana := p.signedIn(t, "ana@acme.example")
	as := func(who headers) headers { return append(append(headers{"Host", "evil.example"}, evil...), who...) }
	spa := standard("spa", "catalog:read", "https://spa.example/cb")
	for _, r := range []struct {
		method, path string
		body         any
		who          headers
	}{
		{"GET", "/.well-known/oauth-authorization-server", nil, nil}, {"GET", "/openapi.json", nil, nil}, {"GET", "/panel/login", nil, nil},
		{"GET", "/panel/", nil, nil}, {"GET", "/panel/", nil, ana}, {"GET", spa, nil, nil}, {"GET", spa, nil, ana}, {"GET", "/panel/w/acme/settings", nil, ana},
		{"GET", "/panel/nowhere", nil, ana}, {"GET", "/nowhere", nil, nil}, {"GET", "/verify", nil, nil}, {"GET", "/v1/tokens", nil, nil}, {"GET", "/users/me", nil, nil},
		{"POST", "/v1/expiry-feed", nil, bearer("canary-pat-ana-admin-000")}, {"GET", "/v1/leaks/rules", nil, nil},
		{"POST", "/oauth2/token", form("grant_type", "client_credentials"), basic("mint", "wrong")},
		{"POST", "/panel/forgot", form("email", "max@acme.example"), headers{"Sec-Fetch-Site", "same-origin"}},
	} {
		a := p.call(t, r.method, r.path, r.body, as(r.who))
		if a.code >= 500 || strings.Contains(a.body, "evil.example") {
			t.Errorf("%s %s: %s", r.method, r.path, a)
		}
		for name, lines := range a.header {
			if strings.Contains(strings.Join(lines, " "), "evil.example") {
				t.Errorf("%s %s: %s is %q", r.method, r.path, name, lines)
			}
		}
	}
	select {
	case letter := <-taken:
		letter = strings.ReplaceAll(letter, "=\r\n", "")
		if strings.Contains(letter, "evil.example") || !strings.Contains(letter, p.base+"/panel/reset/") {
			t.Errorf("the letter leads elsewhere:\n%s", letter)
		}
	case <-time.After(20 * time.Second):
		t.Error("no letter came")
	}
}

// Who guesses is known by the address that the server sees, whatever the caller
// says it is; so is what the records say.
func TestGuesserHasOneAddress(t *testing.T) {
	p := start(t)
	codes := map[int]int{}
	for i := range 14 {
		from := "203.0.113." + string(rune('0'+i%10))
		h := headers{
			"Sec-Fetch-Site", "same-origin", "X-Forwarded-For", from, "X-Real-Ip", from, "Forwarded", "for=" + from, "X-Client-Ip", from, "Cf-Connecting-Ip", from,
			"True-Client-Ip", from, "X-Forwarded-For", from + ", " + from,
		}
		email := []string{"max@acme.example", "MAX@acme.example", " max@Acme.Example "}[i%3]
		codes[p.call(t, "POST", "/panel/login", form("email", email, "password", "wrong"), h).code]++
	}
	if codes[http.StatusForbidden] != 10 || codes[http.StatusTooManyRequests] != 4 {
		t.Errorf("answers %v, want 10 times 403 and then 429", codes)
	}
	a := p.call(t, "GET", "/v1/audit?limit=50", nil, bearer("canary-pat-ana-admin-000", "X-Forwarded-For", "203.0.113.1"))
	if a.code != 200 || strings.Contains(a.body, "203.0.113.") {
		t.Errorf("the records believe the caller: %s", a)
	}
}
