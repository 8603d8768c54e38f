package oauth_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

func TestPersonWhoIsNotSignedInComesBackWithTheSameRequest(t *testing.T) {
	w := start(t)
	q := request("web", "state", `a/b?c=d&é "ñ" +%20`)
	to := w.location(w.authorize("", q))
	if to.Path != "/panel/login" {
		t.Fatalf("leads to %s, want the sign-in", to)
	}
	next, err := url.Parse(to.Query().Get("next"))
	if err != nil || next.Path != "/oauth2/authorize" || next.Host != "" {
		t.Fatalf("next is %q, want path and query of the request", to.Query().Get("next"))
	}
	if got := next.Query().Encode(); got != q.Encode() {
		t.Errorf("comes back with %s, want %s", got, q.Encode())
	}
}

func TestStateComesBackByteForByteBesideIss(t *testing.T) {
	w := start(t)
	cookie, session := w.signIn("ana@example.test")
	for _, state := range []string{"s", strings.Repeat("é/+ &=?#%25", 40), "\n\t\"<script>", "日本語 😀"} {
		to := w.consent(w.authorize(cookie, request("web", "state", state)), session, "ws1")
		if got := to.Query().Get("state"); got != state {
			t.Errorf("state is %q, want %q", got, state)
		}
		if got := to.Query().Get("iss"); got != w.URL {
			t.Errorf("iss is %q, want %q", got, w.URL)
		}
		if got := to.Scheme + "://" + to.Host + to.Path; got != redirects["web"] {
			t.Errorf("goes to %s, want %s", got, redirects["web"])
		}
	}
}

func TestRegisteredQueryOfARedirectURIStays(t *testing.T) {
	w := start(t)
	cookie, session := w.signIn("ana@example.test")
	to := w.consent(w.authorize(cookie, request("web", "redirect_uri", "https://app.example.test/other?tenant=1")), session, "ws1")
	if to.Query().Get("tenant") != "1" || to.Query().Get("code") == "" {
		t.Errorf("comes back at %s, want the registered query and a code", to.Redacted())
	}
}

// What is wrong after client and redirect URI were found right is told to the
// application, with its state and our iss (RFC 6749, 4.1.2.1; RFC 9207).
func TestApplicationHearsWhatIsWrong(t *testing.T) {
	w := start(t)
	for name, tc := range map[string]struct {
		change []string
		want   string
	}{
		"no response type":         {[]string{"response_type", ""}, "invalid_request"},
		"implicit":                 {[]string{"response_type", "token"}, "unsupported_response_type"},
		"implicit with ID token":   {[]string{"response_type", "id_token token"}, "unsupported_response_type"},
		"hybrid":                   {[]string{"response_type", "code token"}, "unsupported_response_type"},
		"fragment":                 {[]string{"response_mode", "fragment"}, "invalid_request"},
		"form post":                {[]string{"response_mode", "form_post"}, "invalid_request"},
		"request object":           {[]string{"request", "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"},
		"no challenge":             {[]string{"code_challenge", "", "code_challenge_method", ""}, "invalid_request"},
		"method without":           {[]string{"code_challenge", ""}, "invalid_request"},
		"plain":                    {[]string{"code_challenge_method", "plain"}, "invalid_request"},
		"challenge without method": {[]string{"code_challenge_method", ""}, "invalid_request"},
		"method in another case":   {[]string{"code_challenge_method", "s256"}, "invalid_request"},
		"short challenge":          {[]string{"code_challenge", "abc"}, "invalid_request"},
		"challenge with padding":   {[]string{"code_challenge", challenge(verifier)[:42] + "="}, "invalid_request"},
		"no scope":                 {[]string{"scope", ""}, "invalid_scope"},
		"unknown scope":            {[]string{"scope", "catalog:read no:such"}, "invalid_scope"},
		"scope not registered":     {[]string{"scope", "users:read"}, "invalid_scope"},
		"malformed scope":          {[]string{"scope", `a"b`}, "invalid_scope"},
		"unknown resource":         {[]string{"resource", "https://nowhere.example.test/"}, "invalid_target"},
		"foreign resource":         {[]string{"resource", "https://foreign.example.test/"}, "invalid_target"},
		"resource of other scopes": {[]string{"resource", "https://files.example.test/"}, "invalid_scope"},
		"silent":                   {[]string{"prompt", "none"}, "login_required"},
		"silent and not":           {[]string{"prompt", "none login"}, "invalid_request"},
	} {
		a := w.authorize("", request("web", tc.change...))
		to := w.location(a)
		q := to.Query()
		if !strings.HasPrefix(to.String(), redirects["web"]+"?") || q.Get("error") != tc.want || q.Get("state") != "s1" || q.Get("iss") != w.URL {
			t.Errorf("%s: goes to %s, want %s with state and iss", name, to, tc.want)
		}
		if to.Fragment != "" || q.Get("code") != "" {
			t.Errorf("%s: a code or a fragment came back: %s", name, to)
		}
	}
}

func TestPKCEIsAskedOfPublicClientsToo(t *testing.T) {
	w := start(t)
	to := w.location(w.authorize("", request("spa", "code_challenge", "", "code_challenge_method", "")))
	if to.Query().Get("error") != "invalid_request" {
		t.Errorf("goes to %s, want invalid_request", to)
	}
}

func TestRepeatedParametersAreRefused(t *testing.T) {
	w := start(t)
	for _, name := range []string{"response_type", "scope", "state", "code_challenge", "code_challenge_method", "nonce", "prompt"} {
		q := request("web")
		q[name] = []string{"one", "two"}
		if to := w.location(w.authorize("", q)); to.Query().Get("error") != "invalid_request" {
			t.Errorf("two of %s lead to %s, want invalid_request", name, to)
		}
	}
	for _, name := range []string{"client_id", "redirect_uri", "something"} {
		q := request("web")
		q[name] = []string{redirects["web"], redirects["web"]}
		if a := w.authorize("", q); a.Status != http.StatusBadRequest || a.Header.Get("Location") != "" {
			t.Errorf("two of %s: %d to %q, want a page with 400", name, a.Status, a.Header.Get("Location"))
		}
	}
}

func TestRequestURIIsNeverFetched(t *testing.T) {
	w := start(t)
	var fetched atomic.Int64
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fetched.Add(1) }))
	defer trap.Close()
	to := w.location(w.authorize("", request("web", "request_uri", trap.URL+"/r")))
	if to.Query().Get("error") != "request_uri_not_supported" || fetched.Load() != 0 {
		t.Errorf("goes to %s after %d fetches, want request_uri_not_supported and none", to, fetched.Load())
	}
}

func TestFormPostIsAnAuthorizeRequestToo(t *testing.T) {
	w := start(t)
	cookie, session := w.signIn("ana@example.test")
	a := w.Request("POST", "/oauth2/authorize", request("web"), "Cookie", cookie)
	if a.Status != http.StatusSeeOther {
		t.Errorf("the answer to the form is %d, want 303", a.Status)
	}
	if w.consent(a, session, "ws1").Query().Get("code") == "" {
		t.Error("no code came back")
	}
	out := w.location(w.Request("POST", "/oauth2/authorize", request("web")))
	if next := out.Query().Get("next"); next != "/oauth2/authorize?"+request("web").Encode() {
		t.Errorf("signed out, the form comes back as %q", next)
	}
}

func TestPromptIsHeard(t *testing.T) {
	w := start(t)
	cookie, session := w.signIn("ana@example.test")
	if to := w.location(w.authorize(cookie, request("web", "prompt", "none"))); to.Query().Get("error") != "consent_required" {
		t.Errorf("prompt=none leads to %s, want consent_required", to)
	}
	for _, prompt := range []string{"login", "select_account", "login consent"} {
		to := w.location(w.authorize(cookie, request("web", "prompt", prompt)))
		if to.Path != "/panel/login" || to.Query().Get("prompt") != "login" {
			t.Fatalf("prompt=%s leads to %s, want the sign-in, asked anew", prompt, to)
		}
		next, _ := url.Parse(to.Query().Get("next"))
		if got := next.Query().Get("prompt"); strings.Contains(got, "login") || strings.Contains(got, "select_account") {
			t.Errorf("after prompt=%s the request still has prompt=%s: it would be asked for ever", prompt, got)
		}
		w.consent(w.authorize(cookie, next.Query()), session, "ws1")
	}
	w.consent(w.authorize(cookie, request("web", "prompt", "consent")), session, "ws1")
}

// No parameter of the request answers the question that the person is asked.
func TestConsentIsNeverAnsweredByTheRequest(t *testing.T) {
	w := start(t)
	cookie, _ := w.signIn("ana@example.test")
	for _, extra := range []string{"approve", "consent", "accept", "decision", "approval_prompt", "skip_consent", "allow"} {
		q := request("web", extra, "allow")
		q.Set("workspace", "ws1")
		if to := w.location(w.authorize(cookie, q)); to.Path != "/panel/consent" {
			t.Errorf("%s: leads to %s, want the consent page", extra, to)
		}
	}
}

func TestRegistrationInTheRequestChangesNothing(t *testing.T) {
	w := start(t)
	cookie, session := w.signIn("ana@example.test")
	q := request("web", "registration", `{"redirect_uris":["https://evil.example.test/"]}`)
	if to := w.consent(w.authorize(cookie, q), session, "ws1"); to.Host != "app.example.test" {
		t.Errorf("goes to %s, want the registered redirect URI", to.Host)
	}
}

func TestDenialIsToldToTheApplication(t *testing.T) {
	w := start(t)
	cookie, _ := w.signIn("ana@example.test")
	id, _ := token.ParseID(w.location(w.authorize(cookie, request("web"))).Query().Get("request"))
	a := w.Request("POST", "/panel/consent", values("request", id.String(), "action", "deny"), "Cookie", cookie)
	to := w.location(a)
	if to.Query().Get("error") != "access_denied" || to.Query().Get("state") != "s1" || to.Query().Get("iss") != w.URL {
		t.Errorf("goes to %s, want access_denied with state and iss", to)
	}
}

func TestSessionThatEndedIsNone(t *testing.T) {
	w := start(t)
	cookie, session := w.signIn("ana@example.test")
	if err := w.Authority.SignOut(t.Context(), token.Actor{Kind: token.User, ID: session.Person}, session); err != nil {
		t.Fatal(err)
	}
	if to := w.location(w.authorize(cookie, request("web"))); to.Path != "/panel/login" {
		t.Errorf("leads to %s, want the sign-in", to)
	}
	access := w.must(w.own("machine"), "access_token")
	if to := w.location(w.authorize("ficha_session="+access, request("web"))); to.Path != "/panel/login" {
		t.Errorf("an access token as a cookie leads to %s, want the sign-in", to)
	}
}

func TestRequestTooLongForTheSignInIsToldToTheApplication(t *testing.T) {
	w := start(t)
	long := strings.Repeat("é", 1500)
	if to := w.location(w.authorize("", request("web", "state", long))); to.Query().Get("error") != "invalid_request" || to.Query().Get("state") != long {
		t.Errorf("goes to %.100s, want invalid_request with the state", to)
	}
	cookie, _ := w.signIn("ana@example.test")
	if to := w.location(w.authorize(cookie, request("web", "state", long))); to.Path != "/panel/consent" {
		t.Errorf("signed in, it goes to %.100s, want the consent page", to)
	}
}

// The whole way of a browser, over the real pages.
func TestBrowserGoesFromTheRequestToTheCode(t *testing.T) {
	w := start(t)
	next := w.location(w.authorize("", request("web"))).Query().Get("next")
	in := w.Request("POST", "/panel/login", values("email", "ben@example.test", "password", "correct horse battery", "next", next))
	if got := w.location(in).String(); in.Status != http.StatusSeeOther || got != next {
		t.Fatalf("signing in answers %d and leads to %s, want 303 and %s", in.Status, got, next)
	}
	cookie, _, _ := strings.Cut(in.Header.Get("Set-Cookie"), ";")
	page := w.location(w.Request("GET", next, nil, "Cookie", cookie))
	if a := w.Request("GET", page.String(), nil, "Cookie", cookie); a.Status != 200 || !strings.Contains(string(a.Body), "app.example.test") {
		t.Fatalf("the consent page: %d", a.Status)
	}
	yes := values("request", page.Query().Get("request"), "action", "allow", "workspace", "ws1")
	if a := w.Request("POST", "/panel/consent", yes, "Cookie", cookie, "Sec-Fetch-Site", "cross-site"); a.Status != http.StatusForbidden {
		t.Errorf("a yes from another site answers %d, want 403", a.Status)
	}
	other, _ := w.signIn("ben@example.test")
	if a := w.Request("POST", "/panel/consent", yes, "Cookie", other); a.Status != http.StatusForbidden {
		t.Errorf("a yes from another session answers %d, want 403", a.Status)
	}
	back := w.location(w.Request("POST", "/panel/consent", yes, "Cookie", cookie)).Query()
	if a := w.exchange("web", back.Get("code")); a.Status != 200 || back.Get("state") != "s1" || back.Get("iss") != w.URL {
		t.Errorf("came back with %v, which is worth %d %s", back, a.Status, a.Body)
	}
}
