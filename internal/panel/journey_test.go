package panel_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const (
	hubspotCallback  = "http://localhost:3000/oauth-callback"
	standardCallback = "http://127.0.0.1:9/callback"
)

// authorize returns the address that an application sends its person to.
func authorize(path string, pairs ...string) string {
	query := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		query.Set(pairs[i], pairs[i+1])
	}
	return path + "?" + strings.ReplaceAll(query.Encode(), "+", "%20")
}

func installLink(more ...string) string {
	return authorize("/oauth/authorize", append([]string{
		"client_id", "hs-client", "redirect_uri", hubspotCallback, "scope", "oauth crm.objects.contacts.read", "optional_scope", "forms automation", "state", "x y",
	}, more...)...)
}

func TestStrangerInstallsAnAppOfHubSpotsContract(t *testing.T) {
	h := newHouse(t, nil)
	b := newBrowser(t, h)
	consent := b.open(installLink()).form("/panel/login").fill("email", "ana@acme.example", "password", password).post()
	consent.says(200, "asks for access", "Manage forms")
	values := consent.form("/panel/consent").post("action", "allow").answer(hubspotCallback)
	if values.Get("state") != "x y" {
		t.Errorf("state %q", values.Get("state"))
	}
	a := h.Request("POST", "/oauth/v1/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {values.Get("code")}, "redirect_uri": {hubspotCallback}, "client_id": {"hs-client"}, "client_secret": {"hs-secret"},
	})
	access, _ := a.JSON["access_token"].(string)
	if a.Status != 200 || access == "" {
		t.Fatalf("token: %d %s", a.Status, a.Body)
	}
	info := h.Request("GET", "/oauth/v1/access-tokens/"+access, nil)
	if info.Status != 200 || !strings.Contains(string(info.Body), "crm.objects.contacts.read") || !strings.Contains(string(info.Body), "forms") || strings.Contains(string(info.Body), "automation") {
		t.Errorf("information: %d %s", info.Status, info.Body)
	}
	b.open("/panel/").ends()[0].post().says(200, "No app has access")
	b.open("/panel/w/ws1/audit").says(200, "installed the app Contacts <script>alert(1)</script> (hs-client)", "uninstalled the app Contacts")
	if info := h.Request("GET", "/oauth/v1/access-tokens/"+access, nil); info.Status == 200 {
		t.Errorf("the access was ended and still opens: %s", info.Body)
	}
}

func TestStrangerSignsInToAPublicClientWithPKCE(t *testing.T) {
	h := newHouse(t, nil)
	b := newBrowser(t, h)
	verifier := strings.Repeat("verifier", 6)
	sum := sha256.Sum256([]byte(verifier))
	consent := b.open(authorize("/oauth2/authorize", "response_type", "code", "client_id", "spa", "redirect_uri", standardCallback, "scope", "openid offline_access catalog:read content:write",
		"state", "x y", "code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]), "code_challenge_method", "S256")).
		form("/panel/login").fill("email", "ana@acme.example", "password", password).post()
	values := consent.form("/panel/consent").post("action", "allow").answer(standardCallback)
	if values.Get("state") != "x y" || values.Get("iss") != h.URL {
		t.Errorf("the application hears %v", values)
	}
	a := h.Request("POST", "/oauth2/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {values.Get("code")}, "redirect_uri": {standardCallback}, "client_id": {"spa"}, "code_verifier": {verifier},
	})
	scope, _ := a.JSON["scope"].(string)
	if a.Status != 200 || !slices.Contains(strings.Fields(scope), "catalog:read") || slices.Contains(strings.Fields(scope), "content:write") {
		t.Errorf("token: %d %s", a.Status, a.Body)
	}
}

func TestSignedInPersonIsStillAskedAnewWhereTheApplicationWants(t *testing.T) {
	h := newHouse(t, nil)
	b := newBrowser(t, h)
	b.signIn("ana@acme.example")
	s := b.open(authorize("/oauth2/authorize", "response_type", "code", "client_id", "spa", "redirect_uri", standardCallback, "scope", "openid",
		"code_challenge", strings.Repeat("a", 43), "code_challenge_method", "S256", "prompt", "login"))
	s.form("/panel/login").fill("email", "lim@acme.example", "password", password).post().says(200, "Notes asks for access", "Lim Limited")
}

// Markup in a client's id, and the pages that HubSpot's contract shows instead of a redirect.
func TestWhatIsWrongWithARequestIsToldOnAPage(t *testing.T) {
	h := newHouse(t, nil)
	b := newBrowser(t, h)
	b.signIn("ana@acme.example")
	for link, want := range map[string]string{
		installLink("client_id", "<script>alert(1)</script>"):                                    "We do not know this app",
		installLink("redirect_uri", "https://evil.example/"):                                     "We cannot send you back",
		installLink("redirect_uri", hubspotCallback+"/x"):                                        "We cannot send you back",
		installLink("scope", "oauth"):                                                            "the provided scopes are insufficient",
		installLink("scope", "oauth crm.objects.contacts.read nope"):                             "mismatch between the scopes",
		authorize("/oauth2/authorize", "client_id", "unknown", "redirect_uri", standardCallback): "We do not know this app",
		authorize("/oauth2/authorize", "client_id", "spa", "redirect_uri", hubspotCallback):      "We cannot send you back",
	} {
		s := b.open(link).says(400, want)
		if strings.Contains(s.html, "<script") {
			t.Errorf("%s: markup of the request is on the page", link)
		}
		held(t, link, b.do(http.MethodGet, h.URL+link, nil))
	}
}
