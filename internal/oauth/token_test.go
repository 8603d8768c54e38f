package oauth_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/server/servertest"
)

func TestCodeGivesTokensOnce(t *testing.T) {
	w := start(t)
	code := w.code("web", "ana@example.test")
	a := w.exchange("web", code)
	access := w.must(a, "access_token")
	if a.JSON["token_type"] != "Bearer" || a.JSON["expires_in"] != 1800.0 || a.JSON["scope"] != "catalog:read content:write" {
		t.Errorf("got %s", a.Body)
	}
	if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Pragma") != "no-cache" {
		t.Errorf("may be stored: %v", a.Header)
	}
	if _, has := a.JSON["refresh_token_expires_in"]; has {
		t.Error("the refresh token of a confidential client has an end")
	}
	if !w.active(access) {
		t.Fatal("the access token is not active")
	}
	w.refused(w.exchange("web", code), 400, "invalid_grant")
	if w.active(access) {
		t.Error("the code was used twice, and the first token lives")
	}
	w.refused(w.refresh("web", w.must(a, "refresh_token")), 400, "invalid_grant")
}

func TestCodeIsBoundToItsClientAndItsVerifier(t *testing.T) {
	w := start(t)
	code := w.code("web", "ana@example.test")
	w.refused(w.exchange("rival", code), 400, "invalid_grant")
	w.refused(w.exchange("rival", code, "redirect_uri", redirects["web"]), 400, "invalid_grant")
	w.refused(w.exchange("web", code, "code_verifier", ""), 400, "invalid_grant")
	w.refused(w.exchange("web", code, "code_verifier", strings.Repeat("a", 43)), 400, "invalid_grant")
	w.refused(w.exchange("web", code, "code_verifier", challenge(verifier)), 400, "invalid_grant")
	w.refused(w.exchange("web", code[:len(code)-1]), 400, "invalid_grant")
	w.refused(w.exchange("web", "' OR 1=1 --"), 400, "invalid_grant")
	if a := w.exchange("web", code); a.Status != 200 {
		t.Errorf("others' attempts ended the code: %d %s", a.Status, a.Body)
	}
}

func TestCodeLastsAMinute(t *testing.T) {
	w := start(t)
	early, late := w.code("web", "ana@example.test"), w.code("web", "ana@example.test")
	w.Clock.Move(59 * time.Second)
	if a := w.exchange("web", early); a.Status != 200 {
		t.Errorf("after 59 s: %d %s", a.Status, a.Body)
	}
	w.Clock.Move(time.Second)
	w.refused(w.exchange("web", late), 400, "invalid_grant")
}

func TestOfManyExchangesOfACodeAtMostOneSucceeds(t *testing.T) {
	w := start(t)
	code := w.code("web", "ana@example.test")
	count := map[int]int{}
	for _, a := range together(20, func() servertest.Answer { return w.exchange("web", code) }) {
		count[a.Status]++
	}
	if count[200] > 1 || count[200]+count[400] != 20 {
		t.Errorf("statuses %v, want at most one 200 and else 400", count)
	}
}

// together does one thing many times at once.
func together(n int, do func() servertest.Answer) []servertest.Answer {
	answers := make([]servertest.Answer, n)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = do() })
	}
	all.Wait()
	return answers
}

func TestCodeOfSomebodyWhoLeftIsWorthNothing(t *testing.T) {
	w := start(t)
	code := w.code("web", "ben@example.test")
	if err := w.Identity.Remove(t.Context(), system, w.person("ben@example.test").ID, "ws1", "left"); err != nil {
		t.Fatal(err)
	}
	w.refused(w.exchange("web", code), 400, "invalid_grant")
}

func TestClientGetsATokenOfItsOwn(t *testing.T) {
	w := start(t)
	a := w.own("machine")
	if a.JSON["scope"] != "catalog:read content:write assets:read" {
		t.Errorf("by default got scope %v, want the ordinary ones", a.JSON["scope"])
	}
	for _, name := range []string{"refresh_token", "refresh_token_expires_in", "id_token"} {
		if _, has := a.JSON[name]; has {
			t.Errorf("client credentials gave %s", name)
		}
	}
	got := w.introspect(w.must(a, "access_token"))
	if got["sub"] != "machine" || got["client_id"] != "machine" || got["workspace"] != "ws1" || got["username"] != nil {
		t.Errorf("the token is %v", got)
	}
	if a := w.own("machine", "scope", "catalog:read"); a.JSON["scope"] != "catalog:read" {
		t.Errorf("asked for one scope: %s", a.Body)
	}
	for _, scope := range []string{"users:read", "no:such", "admin:read", `a"b`, "catalog:read users:read"} {
		w.refused(w.own("machine", "scope", scope), 400, "invalid_scope")
	}
}

func TestEveryRequestForAnOwnTokenGivesAnother(t *testing.T) {
	w := start(t)
	seen := map[string]bool{}
	for _, a := range together(20, func() servertest.Answer { return w.own("machine") }) {
		seen[w.must(a, "access_token")] = true
	}
	if len(seen) != 20 {
		t.Errorf("%d tokens, want 20", len(seen))
	}
}

func TestGrantsAreThoseOfTheStandardAndOfTheClient(t *testing.T) {
	w := start(t)
	for _, grant := range []string{"password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer", "Client_Credentials", "x"} {
		w.refused(w.post("/oauth2/token", "machine", values("grant_type", grant, "username", "a", "password", "b")), 400, "unsupported_grant_type")
	}
	w.refused(w.own("web"), 400, "unauthorized_client")
	w.refused(w.exchange("machine", "x"), 400, "unauthorized_client")
	w.refused(w.refresh("codeless", "x"), 400, "unauthorized_client")
	w.refused(w.public("spa", "client_credentials"), 400, "unauthorized_client")
	w.refused(w.post("/oauth2/token", "gateway", values("grant_type", "client_credentials")), 400, "unauthorized_client")
}

func TestResourceNarrowsATokenToItsScopes(t *testing.T) {
	w := start(t)
	const api, files = "https://api.example.test/", "https://files.example.test/"
	for name, tc := range map[string]struct {
		scope string
		to    []string
		want  string
	}{
		"one":                {"catalog:read content:write", []string{api}, "catalog:read"},
		"by default":         {"", []string{api}, "catalog:read"},
		"two":                {"", []string{api, files}, "catalog:read assets:read"},
		"one without scopes": {"content:write", []string{"https://anything.example.test/"}, "content:write"},
	} {
		form := values("grant_type", "client_credentials", "scope", tc.scope)
		form["resource"] = tc.to
		a := w.post("/oauth2/token", "machine", form)
		if a.JSON["scope"] != tc.want {
			t.Errorf("%s: scope %v, want %q: %s", name, a.JSON["scope"], tc.want, a.Body)
		}
		if got := audience(w.introspect(w.must(a, "access_token"))["aud"]); got != strings.Join(tc.to, " ") {
			t.Errorf("%s: aud %q, want %q", name, got, tc.to)
		}
	}
	for _, resource := range []string{"https://nowhere.example.test/", "https://foreign.example.test/", "x", "https://api.example.test", api + " " + files} {
		w.refused(w.own("machine", "resource", resource), 400, "invalid_target")
	}
	w.refused(w.own("machine", "resource", api, "scope", "content:write"), 400, "invalid_scope")
	twice := values("grant_type", "client_credentials")
	twice["resource"] = []string{api, api, ""}
	if got := w.introspect(w.must(w.post("/oauth2/token", "machine", twice), "access_token"))["aud"]; got != api {
		t.Errorf("a resource that is named twice gives aud %v", got)
	}
	if got := w.introspect(w.must(w.own("machine"), "access_token"))["aud"]; got != w.URL {
		t.Errorf("without a resource aud is %v, want the issuer", got)
	}
}

// audience writes the claim aud as its resources, separated by spaces.
func audience(aud any) string {
	if one, ok := aud.(string); ok {
		return one
	}
	return strings.Join(texts(aud), " ")
}

// OpenID Connect's scopes are about the person, not about the resource.
func TestResourceAndOpenIDScopesGoTogether(t *testing.T) {
	w := start(t)
	code := w.code("web", "ana@example.test", "scope", "openid profile offline_access", "resource", "https://api.example.test/")
	if a := w.exchange("web", code); a.JSON["scope"] != "openid profile offline_access" || a.JSON["refresh_token"] == nil {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
	code = w.code("web", "ana@example.test", "scope", "openid catalog:read content:write", "resource", "https://api.example.test/")
	a := w.exchange("web", code)
	if a.JSON["scope"] != "openid catalog:read" {
		t.Errorf("got %s", a.Body)
	}
	if a.JSON["refresh_token"] != nil {
		t.Error("an OpenID request without offline_access got a refresh token")
	}
}

func TestTokenEndpointAimsACodeAtFewerResources(t *testing.T) {
	w := start(t)
	cookie, session := w.signIn("ana@example.test")
	q := request("web", "scope", "catalog:read assets:read")
	q["resource"] = []string{"https://api.example.test/", "https://files.example.test/"}
	ask := func() string {
		return w.consent(w.authorize(cookie, q), session, "ws1").Query().Get("code")
	}
	code := ask()
	w.refused(w.exchange("web", code, "resource", "https://anything.example.test/"), 400, "invalid_target")
	a := w.exchange("web", code, "resource", "https://files.example.test/")
	if a.JSON["scope"] != "assets:read" || audience(w.introspect(w.must(a, "access_token"))["aud"]) != "https://files.example.test/" {
		t.Errorf("aimed at one: %s", a.Body)
	}
	again := w.refresh("web", w.must(a, "refresh_token"), "resource", "https://api.example.test/")
	if again.JSON["scope"] != "catalog:read" {
		t.Errorf("refreshed for the other: %s", again.Body)
	}
	if a := w.refresh("web", w.must(a, "refresh_token")); a.JSON["scope"] != "catalog:read assets:read" {
		t.Errorf("refreshed for both: %s", a.Body)
	}
	w.refused(w.refresh("web", w.must(a, "refresh_token"), "resource", "https://anything.example.test/"), 400, "invalid_target")
}

func TestResourceOfAnotherWorkspaceBindsTheRequestToIt(t *testing.T) {
	w := start(t)
	cookie, session := w.signIn("ana@example.test")
	at := w.authorize(cookie, request("everywhere", "scope", "catalog:read", "resource", "https://foreign.example.test/"))
	a := w.exchange("everywhere", w.consent(at, session, "").Query().Get("code"))
	if got := w.introspectAs("stranger", w.must(a, "access_token")); got["workspace"] != "ws2" {
		t.Errorf("the token is %v, want one of ws2", got)
	}
}

func TestTokenIsSignedWhereResourceOrClientSaySo(t *testing.T) {
	w := start(t)
	for name, a := range map[string]servertest.Answer{
		"resource": w.own("machine", "resource", "https://api.example.test/"),
		"client":   w.own("signer"),
		"code":     w.exchange("web", w.code("web", "ana@example.test", "resource", "https://api.example.test/")),
	} {
		access := w.must(a, "access_token")
		parts := strings.Split(access, ".")
		if len(parts) != 3 {
			t.Errorf("%s: not a JWT", name)
			continue
		}
		claims := map[string]any{}
		payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
		if err := json.Unmarshal(payload, &claims); err != nil {
			t.Fatal(err)
		}
		got := w.introspect(access)
		for _, claim := range []string{"iss", "sub", "aud", "client_id", "exp", "iat", "jti", "scope", "workspace", "kind"} {
			if claims[claim] == nil || claims[claim] != got[claim] {
				t.Errorf("%s: %s is %v in the token and %v in the answer", name, claim, claims[claim], got[claim])
			}
		}
	}
	if strings.Count(w.must(w.own("machine"), "access_token"), ".") != 0 {
		t.Error("the default is not opaque")
	}
}

func TestStoreErrorGivesNoToken(t *testing.T) {
	w := start(t)
	code := w.code("web", "ana@example.test")
	_, rotating := w.tokens("spa")
	mend := w.breakStore()
	for name, a := range map[string]servertest.Answer{
		"own": w.own("machine"), "code": w.exchange("web", code), "refresh": w.refresh("spa", rotating),
	} {
		w.refused(a, 500, "server_error")
		if strings.Contains(string(a.Body), "disk") {
			t.Errorf("%s: the answer tells our insides: %s", name, a.Body)
		}
	}
	mend()
	for name, a := range map[string]servertest.Answer{
		"own": w.own("machine"), "code": w.exchange("web", code), "refresh": w.refresh("spa", rotating),
	} {
		if a.Status != 200 {
			t.Errorf("%s: after the store is back: %d %s", name, a.Status, a.Body)
		}
	}
}
