package trials

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"time"
)

// secrets are the values of the variables in testdata/house.yaml: the same for
// all trials, so that a database outlives the process that made it.
func secrets() map[string]string {
	return map[string]string{
		"CLIENT_TOKEN":   "d1b03ea027d73cfdb458184541012b76c08d24353d6923c0b1dea4e2fc7d7796",
		"ANA_PASSWORD":   "ana's long way to the sea",
		"BEN_PASSWORD":   "ben keeps 7 grey pigeons",
		"CLEO_PASSWORD":  "cleo paints the 3rd door",
		"BACKEND_SECRET": "backend-qJ4v8sPz1WmX6tRk3NfY",
		"FANS_SECRET":    "fans-Zc5b9LdQ2HgV7wTe4RuKaEw",
		"SYNC_SECRET":    "sync-Mx8n3KpJ6YsD1fGh5BvCoTi",
		"HARBOUR_SECRET": "harbour-Ua2e7WqR9TzI4oPl6XsN",
		"ANA_TOKEN":      "CFPAT-anas-seed-3Vb7Nc1Xz9Qw5Er2Ty",
		"BEN_TOKEN":      "CFPAT-bens-seed-8Hj4Kl6Df2Gs1Aq7Wp",
		"CLEO_TOKEN":     "CFPAT-cleos-seed-5Rt9Yu3Io7Pm1Ln4Bk",
	}
}

func secret(name string) string { return secrets()[name] }

// A doer sends requests: over the network, or straight to a handler.
type doer interface {
	Do(req *http.Request) (*http.Response, error)
}

// patience is longer than any answer may take.
const patience = 20 * time.Second

// newClient returns a client with connections of its own that follows no
// redirect.
func newClient() *http.Client {
	return &http.Client{
		Timeout:       patience,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64, DialContext: (&net.Dialer{Timeout: patience}).DialContext},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// within asks a handler in this process.
type within struct{ http.Handler }

func (h within) Do(req *http.Request) (*http.Response, error) {
	if req.Body == nil {
		req.Body = http.NoBody
	}
	req.RemoteAddr, req.RequestURI, req.Host = "192.0.2.7:4711", req.URL.RequestURI(), req.URL.Host
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w.Result(), nil
}

// A web is a server as programs see it.
type web struct {
	base   string
	client doer
	watch  func(*http.Request, []byte, answer) // sees everything that passes; nil: nobody does
}

// An answer is what the server said.
type answer struct {
	status int
	header http.Header
	body   string
	json   map[string]any // nil where the body is no JSON object
}

func (a answer) text(name string) string {
	s, _ := a.json[name].(string)
	return s
}

// ask sends one request. body may be nil, text, a form, or what is sent as
// JSON; header are names and values in turn. An error means that no whole
// answer came.
func (w web) ask(method, path string, body any, header ...string) (answer, error) {
	text, kind := encode(body)
	target := path
	if !strings.HasPrefix(path, "http") {
		target = w.base + path
	}
	req, err := http.NewRequestWithContext(context.Background(), method, target, bytes.NewReader(text))
	if err != nil {
		return answer{}, err
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := w.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(io.LimitReader(res.Body, 16<<20))
	if err != nil {
		return answer{}, err
	}
	a := answer{status: res.StatusCode, header: res.Header, body: string(got)}
	if json.Unmarshal(got, &a.json) != nil {
		a.json = nil
	}
	if w.watch != nil {
		w.watch(req, text, a)
	}
	return a, nil
}

func encode(body any) (text []byte, kind string) {
	switch b := body.(type) {
	case nil:
		return nil, ""
	case string:
		return []byte(b), ""
	case url.Values:
		return []byte(b.Encode()), "application/x-www-form-urlencoded"
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // a test wrote what is no JSON
	}
	return text, "application/json"
}

// fields is a form, or a JSON object.
type fields map[string]string

func (f fields) form() url.Values {
	v := url.Values{}
	for name, value := range f {
		v.Set(name, value)
	}
	return v
}

func bearer(secret string) []string { return []string{"Authorization", "Bearer " + secret} }

// as are the headers of who asks inside a workspace.
func as(secret, workspace string, more ...string) []string {
	return append(append(bearer(secret), "X-Workspace-Id", workspace), more...)
}

// own asks for a client's own access token.
func (w web) own(client, secret string) (answer, error) {
	return w.ask("POST", "/oauth2/token", fields{"grant_type": "client_credentials"}.form(), basic(client, secret)...)
}

func basic(client, secret string) []string {
	req := http.Request{Header: http.Header{}}
	req.SetBasicAuth(url.QueryEscape(client), url.QueryEscape(secret))
	return []string{"Authorization", req.Header.Get("Authorization")}
}

// issue asks for a token by Be CMS's contract; more is added to its body.
func (w web) issue(more map[string]any, header ...string) (answer, error) {
	body := map[string]any{"name": "trial", "scopes": []string{"catalog:read"}, "ttl": 3600}
	maps.Copy(body, more)
	return w.ask("POST", "/v1/tokens", body, append(as(secret("BACKEND_SECRET"), "north"), header...)...)
}

// verify asks the judge.
func (w web) verify(token string) (answer, error) {
	return w.ask("GET", "/verify", nil, bearer(token)...)
}

// revoke ends a client's token at the standard endpoint.
func (w web) revoke(client, secret, token string) (answer, error) {
	return w.ask("POST", "/oauth2/revoke", fields{"token": token}.form(), basic(client, secret)...)
}

// containsLine reports whether a text has a line.
func containsLine(text, line string) bool {
	return slices.Contains(strings.Split(text, "\n"), line)
}

// sortedNames are the keys of a map, in order.
func sortedNames[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
