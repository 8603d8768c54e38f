package hostile_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// An answer is what came back.
type answer struct {
	code   int
	header http.Header
	body   string
}

// json returns a member of the answer's object, as text.
func (a answer) json(name string) string {
	var all map[string]any
	if json.Unmarshal([]byte(a.body), &all) != nil || all[name] == nil {
		return ""
	}
	return fmt.Sprint(all[name])
}

// number reads a member that is a number.
func (a answer) number(name string, into *float64) bool {
	var all map[string]any
	if json.Unmarshal([]byte(a.body), &all) != nil {
		return false
	}
	n, ok := all[name].(float64)
	*into = n
	return ok
}

// String says what came back, for a failure's message.
func (a answer) String() string { return fmt.Sprintf("%d %.300s", a.code, a.body) }

// A header is one line of a request: name, value, name, value.
type headers []string

func bearer(secret string, more ...string) headers {
	return append(headers{"Authorization", "Bearer " + secret}, more...)
}

func basic(id, secret string) headers {
	return headers{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))}
}

// call sends one request. The body is a form (url.Values), JSON (a string), or
// none (nil).
func (p *program) call(t testing.TB, method, path string, body any, h headers) answer {
	t.Helper()
	var text string
	kind := ""
	switch b := body.(type) {
	case url.Values:
		text, kind = b.Encode(), "application/x-www-form-urlencoded"
	case string:
		text, kind = b, "application/json"
	}
	req, err := http.NewRequestWithContext(t.Context(), method, p.base+path, bytes.NewReader([]byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	for i := 0; i+1 < len(h); i += 2 {
		if h[i] == "Host" {
			req.Host = h[i+1]
			continue
		}
		req.Header[h[i]] = append(req.Header[h[i]], h[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		t.Error(err)
		return answer{header: http.Header{}}
	}
	defer res.Body.Close()
	said, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	return answer{res.StatusCode, res.Header, string(said)}
}

// form is a form of names and values.
func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

// signedIn returns the headers of a browser in which somebody signed in.
func (p *program) signedIn(t testing.TB, email string) headers {
	t.Helper()
	name, _, _ := strings.Cut(email, "@")
	a := p.call(t, "POST", "/panel/login", form("email", email, "password", "canary-password-"+name), headers{"Sec-Fetch-Site", "same-origin"})
	cookie, _, _ := strings.Cut(a.header.Get("Set-Cookie"), ";")
	if a.code != http.StatusSeeOther || cookie == "" {
		t.Fatalf("sign in %s: %s", email, a)
	}
	return headers{"Cookie", cookie, "Sec-Fetch-Site", "same-origin"}
}

// The verifier of every PKCE request of these tests, and its challenge.
const proof = "canary-verifier-canary-verifier-canary-verifier"

func challenge() string {
	sum := sha256.Sum256([]byte(proof))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// hubspot and standard are authorize requests of the two faces.
func hubspot(client, scope, redirect string, more ...string) string {
	return "/oauth/authorize?" + form(append([]string{"client_id", client, "scope", scope, "redirect_uri", redirect}, more...)...).Encode()
}

func standard(client, scope, redirect string, more ...string) string {
	return "/oauth2/authorize?" + form(append([]string{
		"response_type", "code", "client_id", client, "scope", scope, "redirect_uri", redirect,
		"code_challenge", challenge(), "code_challenge_method", "S256",
	}, more...)...).Encode()
}

var requestID = regexp.MustCompile(`request=([0-9A-Za-z]+)`)

// asked opens an authorize request and returns the id that the consent page
// asks about, empty where there is none.
func (p *program) asked(t testing.TB, who headers, path string) (string, answer) {
	t.Helper()
	a := p.call(t, "GET", path, nil, who)
	if m := requestID.FindStringSubmatch(a.header.Get("Location")); m != nil {
		return m[1], a
	}
	return "", a
}

// allowed goes through an authorize request to its code.
func (p *program) allowed(t testing.TB, who headers, path, workspace string, ticked ...string) string {
	t.Helper()
	id, a := p.asked(t, who, path)
	if id == "" {
		t.Fatalf("GET %s: %s, to %s", path, a, a.header.Get("Location"))
	}
	yes := form("request", id, "action", "allow", "workspace", workspace)
	yes["scope"] = ticked
	a = p.call(t, "POST", "/panel/consent", yes, who)
	to, err := url.Parse(a.header.Get("Location"))
	if err != nil || to.Query().Get("code") == "" {
		t.Fatalf("consent: %s, to %s", a, a.header.Get("Location"))
	}
	return to.Query().Get("code")
}

// verified asks the proxy's question about a token.
func (p *program) verified(t testing.TB, secret string, query ...string) int {
	t.Helper()
	path := "/verify"
	if len(query) > 0 {
		path += "?" + form(query...).Encode()
	}
	return p.call(t, "GET", path, nil, bearer(secret)).code
}
