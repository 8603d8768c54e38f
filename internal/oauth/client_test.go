package oauth_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

var system = token.Actor{Kind: token.System, ID: "test"}

// disable disables a client of ws1.
func (w world) disable(client string) {
	w.t.Helper()
	if err := w.Authority.DisableClient(w.t.Context(), system, "ws1", client, "test"); err != nil {
		w.t.Fatal(err)
	}
}

func (w world) raw(path, body string, header ...string) servertest.Answer {
	w.t.Helper()
	return w.Request("POST", path, body, append([]string{"Content-Type", "application/x-www-form-urlencoded"}, header...)...)
}

func TestClientIsKnownByItsRegisteredMethodAlone(t *testing.T) {
	w := start(t)
	const grant = "grant_type=client_credentials"
	for name, tc := range map[string]struct {
		body   string
		header []string
		status int
		want   string
	}{
		"basic":                     {grant, []string{"Authorization", basic("machine", "machine-secret")}, 200, ""},
		"basic, scheme in any case": {grant, []string{"Authorization", strings.Replace(basic("machine", "machine-secret"), "Basic", "bAsIc", 1)}, 200, ""},
		"basic and the same id":     {grant + "&client_id=machine", []string{"Authorization", basic("machine", "machine-secret")}, 200, ""},
		"basic, empty body secret":  {grant + "&client_secret=", []string{"Authorization", basic("machine", "machine-secret")}, 200, ""},
		"odd characters, escaped":   {grant, []string{"Authorization", basic("odd+name/1%", "p%40ss+w:rd & more")}, 200, ""},
		"post":                      {grant + "&client_id=poster&client_secret=poster-secret", nil, 200, ""},

		"wrong secret":            {grant, []string{"Authorization", basic("machine", "wrong")}, 401, "invalid_client"},
		"unknown client":          {grant, []string{"Authorization", basic("nobody", "machine-secret")}, 401, "invalid_client"},
		"empty secret by basic":   {grant, []string{"Authorization", basic("machine", "")}, 401, "invalid_client"},
		"empty secret by post":    {grant + "&client_id=poster&client_secret=", nil, 401, "invalid_client"},
		"no secret":               {grant + "&client_id=machine", nil, 401, "invalid_client"},
		"nobody":                  {grant, nil, 401, "invalid_client"},
		"secret without a name":   {grant + "&client_secret=machine-secret", nil, 401, "invalid_client"},
		"post, registered basic":  {grant + "&client_id=machine&client_secret=machine-secret", nil, 401, "invalid_client"},
		"basic, registered post":  {grant, []string{"Authorization", basic("poster", "poster-secret")}, 401, "invalid_client"},
		"public client with one":  {"grant_type=refresh_token&refresh_token=x", []string{"Authorization", basic("spa", "spa-secret")}, 401, "invalid_client"},
		"secret of another":       {grant, []string{"Authorization", basic("machine", "poster-secret")}, 401, "invalid_client"},
		"assertion with alg none": {grant + "&client_id=machine&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer&client_assertion=eyJhbGciOiJub25lIn0.e30.", nil, 401, "invalid_client"},
		"two at once":             {grant + "&client_id=machine&client_secret=machine-secret", []string{"Authorization", basic("machine", "machine-secret")}, 400, "invalid_request"},
		"basic and assertion":     {grant + "&client_assertion=x", []string{"Authorization", basic("machine", "machine-secret")}, 400, "invalid_request"},
		"post and assertion":      {grant + "&client_id=poster&client_secret=poster-secret&client_assertion=x", nil, 400, "invalid_request"},
		"basic and another id":    {grant + "&client_id=poster", []string{"Authorization", basic("machine", "machine-secret")}, 400, "invalid_request"},
		"basic, no base64":        {grant, []string{"Authorization", "Basic !!!"}, 400, "invalid_request"},
		"basic without a colon":   {grant, []string{"Authorization", "Basic bWFjaGluZQ=="}, 400, "invalid_request"},
		"secret twice":            {grant + "&client_id=poster&client_secret=poster-secret&client_secret=poster-secret", nil, 400, "invalid_request"},
	} {
		a := w.raw("/oauth2/token", tc.body, tc.header...)
		if tc.status == 200 {
			if a.Status != 200 {
				t.Errorf("%s: %d %s, want 200", name, a.Status, a.Body)
			}
			continue
		}
		if a.Status != tc.status || a.JSON["error"] != tc.want {
			t.Errorf("%s: %d %v, want %d %s", name, a.Status, a.JSON["error"], tc.status, tc.want)
		}
		if challenge := a.Header.Get("WWW-Authenticate"); (a.Status == 401) != strings.HasPrefix(challenge, "Basic ") {
			t.Errorf("%s: %d with WWW-Authenticate %q", name, a.Status, challenge)
		}
	}
}

func TestUnknownClientAndWrongSecretAreOneAnswer(t *testing.T) {
	w := start(t)
	w.disable("poster")
	wrong := w.raw("/oauth2/token", "grant_type=client_credentials", "Authorization", basic("machine", "wrong"))
	for name, a := range map[string]servertest.Answer{
		"unknown":  w.raw("/oauth2/token", "grant_type=client_credentials", "Authorization", basic("nobody", "wrong")),
		"disabled": w.raw("/oauth2/token", "grant_type=client_credentials&client_id=poster&client_secret=poster-secret"),
		"no code":  w.raw("/oauth2/token", "grant_type=authorization_code&code=x&redirect_uri=y&code_verifier=z", "Authorization", basic("web", "wrong")),
	} {
		if a.Status != wrong.Status || !bytes.Equal(a.Body, wrong.Body) || a.Header.Get("WWW-Authenticate") != wrong.Header.Get("WWW-Authenticate") {
			t.Errorf("%s: %d %s, wrong secret: %d %s", name, a.Status, a.Body, wrong.Status, wrong.Body)
		}
	}
}

func TestSecretsInTheQueryAreRefusedAndNeverLogged(t *testing.T) {
	w := start(t)
	for _, query := range []string{"client_secret=machine-secret", "code=canary", "refresh_token=canary", "token=canary", "client_assertion=canary", "password=canary", "access_token=canary"} {
		for _, path := range []string{"/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"} {
			a := w.raw(path+"?"+query, "grant_type=client_credentials&token=x", "Authorization", basic("machine", "machine-secret"))
			w.refused(a, 400, "invalid_request")
		}
	}
	if log := w.Log.String(); strings.Contains(log, "machine-secret") || strings.Contains(log, "canary") {
		t.Error("the log holds what stood in the query")
	}
	if a := w.raw("/oauth2/token?tenant=1", "grant_type=client_credentials", "Authorization", basic("machine", "machine-secret")); a.Status != 200 {
		t.Errorf("a query without secrets: %d %s", a.Status, a.Body)
	}
}

func TestDisabledClientIsRefusedEverywhereAtOnce(t *testing.T) {
	w := start(t)
	code := w.code("web", "ana@example.test")
	first := w.exchange("web", w.code("web", "ana@example.test"))
	access, refresh := w.must(first, "access_token"), w.must(first, "refresh_token")
	w.disable("web")
	w.refused(w.exchange("web", code), 401, "invalid_client")
	w.refused(w.refresh("web", refresh), 401, "invalid_client")
	w.refused(w.own("web"), 401, "invalid_client")
	w.refused(w.post("/oauth2/introspect", "web", values("token", access)), 401, "invalid_client")
	w.refused(w.post("/oauth2/revoke", "web", values("token", access)), 401, "invalid_client")
	if w.active(access) {
		t.Error("an access token of the disabled client is active")
	}
	if err := w.Authority.EnableClient(t.Context(), system, "ws1", "web"); err != nil {
		t.Fatal(err)
	}
	if w.active(access) {
		t.Error("enabling the client revived its token")
	}
	w.refused(w.refresh("web", refresh), 400, "invalid_grant")
	w.refused(w.exchange("web", code), 400, "invalid_grant")
}

func TestSecretsOverlapUntilTheOldOneEnds(t *testing.T) {
	w := start(t)
	_, fresh, err := w.Authority.AddSecret(t.Context(), system, "ws1", "machine")
	if err != nil {
		t.Fatal(err)
	}
	try := func(secret string) int {
		return w.raw("/oauth2/token", "grant_type=client_credentials", "Authorization", basic("machine", secret)).Status
	}
	if old, now := try("machine-secret"), try(fresh); old != 200 || now != 200 {
		t.Fatalf("during the overlap: old %d, new %d", old, now)
	}
	c, err := w.Store.Client(t.Context(), "machine")
	if err != nil || len(c.Secrets) != 2 {
		t.Fatalf("%d secrets listed, %v", len(c.Secrets), err)
	}
	for _, s := range c.Secrets {
		if s.LastFour == token.LastFour("machine-secret") {
			if err := w.Authority.EndSecret(t.Context(), system, "ws1", "machine", s.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	if old, now := try("machine-secret"), try(fresh); old != 401 || now != 200 {
		t.Errorf("after the end: old %d, new %d, want 401 and 200", old, now)
	}
}

// Endpoints that take client secrets have nothing to say to scripts of other
// origins, and never reflect one.
func TestForeignOriginsAreKeptOut(t *testing.T) {
	w := start(t)
	for _, path := range []string{"/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"} {
		for _, origin := range []string{"https://evil.example", "null"} {
			a := w.raw(path, "grant_type=client_credentials&token=x", "Authorization", basic("machine", "machine-secret"), "Origin", origin)
			w.refused(a, 403, "invalid_request")
			for name := range a.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s answers %s with %s", path, origin, name)
				}
			}
		}
		if a := w.raw(path, "grant_type=client_credentials&token=x", "Authorization", basic("machine", "machine-secret"), "Origin", w.URL); a.Status != 200 {
			t.Errorf("%s refuses our own origin: %d %s", path, a.Status, a.Body)
		}
	}
}

func TestMalformedRequestsAreRefusedInTheShapeOfTheStandard(t *testing.T) {
	w := start(t)
	auth := []string{"Authorization", basic("machine", "machine-secret")}
	for name, a := range map[string]servertest.Answer{
		"JSON":            w.Request("POST", "/oauth2/token", map[string]string{"grant_type": "client_credentials"}, auth...),
		"repeated":        w.raw("/oauth2/token", "grant_type=client_credentials&grant_type=client_credentials", auth...),
		"bad escape":      w.raw("/oauth2/token", "grant_type=%zz", auth...),
		"NUL":             w.raw("/oauth2/token", "grant_type=client_credentials&scope=%00", auth...),
		"no UTF-8":        w.raw("/oauth2/token", "grant_type=client_credentials&scope=%ff", auth...),
		"empty":           w.raw("/oauth2/token", "", auth...),
		"long":            w.raw("/oauth2/token", "grant_type=client_credentials&scope="+strings.Repeat("x", 5000), auth...),
		"code missing":    w.post("/oauth2/token", "web", values("grant_type", "authorization_code")),
		"refresh missing": w.post("/oauth2/token", "web", values("grant_type", "refresh_token")),
		"quotes":          w.raw("/oauth2/token", "%22%5C%0a=1&%22%5C%0a=2", auth...),
	} {
		if a.Status != http.StatusBadRequest || a.JSON["error"] != "invalid_request" {
			t.Errorf("%s: %d %s, want invalid_request", name, a.Status, a.Body)
		}
		if text, _ := a.JSON["error_description"].(string); strings.ContainsAny(text, "\"\\\n") {
			t.Errorf("%s: the description holds what RFC 6749 forbids: %q", name, text)
		}
	}
	if a := w.raw("/oauth2/token", strings.Repeat("x", 10<<20), auth...); a.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("10 MB: %d, want 413", a.Status)
	}
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		if a := w.Request(method, "/oauth2/token?grant_type=client_credentials", url.Values(nil), auth...); a.Status != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d, want 405", method, a.Status)
		}
	}
}

// Guessing is slowed down; the client itself never pays for it.
func TestGuessingNeverStopsTheClientItself(t *testing.T) {
	w := start(t)
	last := servertest.Answer{}
	for range 201 {
		last = w.raw("/oauth2/token", "grant_type=client_credentials", "Authorization", basic("machine", "wrong"))
	}
	w.refused(last, 429, "temporarily_unavailable")
	if last.Header.Get("Retry-After") == "" {
		t.Error("429 does not say when to come back")
	}
	if a := w.own("machine"); a.Status != 200 {
		t.Errorf("the right secret: %d %s", a.Status, a.Body)
	}
}

// A network of IPv6 that one guesser holds has as many addresses as they like.
func TestGuesserHasOneSourceHoweverManyAddresses(t *testing.T) {
	w := start(t)
	var err error
	for i := range 201 {
		from := token.Actor{Address: fmt.Sprintf("2001:db8:0:7::%x", i+1)}
		_, err = w.Authority.AuthenticateClient(t.Context(), from, authority.ByBasic, "machine", "wrong")
	}
	if !token.Is(err, token.TooMany) {
		t.Errorf("got %v after 201 guesses from one network, want too many", err)
	}
	if _, err := w.Authority.AuthenticateClient(t.Context(), token.Actor{Address: "2001:db8:0:8::1"}, authority.ByBasic, "machine", "wrong"); !token.Is(err, token.InvalidClient) {
		t.Errorf("got %v from another network, want invalid_client", err)
	}
}

// Programs that send Basic credentials as they are get a token, as do those that
// encode them (RFC 6749, 2.3.1): the secret is as right. One try is one failure.
func TestSecretIsReadAsItWasSentToo(t *testing.T) {
	w := start(t)
	form := values("grant_type", "client_credentials")
	id, secret := "odd+name/1%", "p%40ss+w:rd & more"
	plain := "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
	for name, header := range map[string]string{"encoded": basic(id, secret), "as it is": plain} {
		if a := w.Request("POST", "/oauth2/token", form, "Authorization", header); a.Status != 200 {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	wrong := "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":100%+wrong"))
	w.refused(w.Request("POST", "/oauth2/token", form, "Authorization", wrong), 401, "invalid_client")
}

// Who has the secret hears what is wrong with the way in which it came; who has
// not hears what everybody hears.
func TestRightSecretInTheWrongWayIsToldSo(t *testing.T) {
	w := start(t)
	say := func(secret string) string {
		a := w.Request("POST", "/oauth2/token", values("grant_type", "client_credentials", "client_id", "machine", "client_secret", secret))
		w.refused(a, 401, "invalid_client")
		text, _ := a.JSON["error_description"].(string)
		return text
	}
	if got := say("machine-secret"); !strings.Contains(got, "registered for client_secret_basic") {
		t.Errorf("told %q", got)
	}
	if got := say("guess"); strings.Contains(got, "registered") {
		t.Errorf("told %q without the secret", got)
	}
}
