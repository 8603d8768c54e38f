package panel_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

const appsPath = "/panel/w/ws1/applications"

// application registers one by the form and returns the answer and its path.
func (b *browser) application(pairs ...string) (*shown, string) {
	b.t.Helper()
	made := b.open(appsPath + "/new").form(appsPath + "/new").fill(pairs...).post()
	_, rest, _ := strings.Cut(made.html, `href="`+appsPath+"/app_")
	id, _, _ := strings.Cut(rest, `"`)
	return made, appsPath + "/app_" + id
}

func TestApplicationIsRegisteredAndItsSecretShownOnce(t *testing.T) {
	b := administrator(t, nil)
	b.open(appsPath).says(200, "Notes", "spa")
	made, path := b.application("client_name", "Robot", "grant_types", "client_credentials", "scope", "catalog:read", "redirect_uris", "")
	made.says(200, "Client secret", "never again")
	if made.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the answer with the secret: %v", made.header)
	}
	_, rest, _ := strings.Cut(made.html, `id="secret">`)
	secret, _, _ := strings.Cut(rest, "<")
	a := b.h.Request("POST", "/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "scope": {"catalog:read"}}, "Authorization", basic(strings.TrimPrefix(path, appsPath+"/"), secret))
	if a.Status != 200 || a.JSON["access_token"] == nil {
		t.Fatalf("the new application gets no token: %d %s", a.Status, a.Body)
	}
	page := b.open(path).says(200, "Robot", "catalog:read", "0 requests", secret[len(secret)-4:])
	if strings.Contains(page.html, secret) {
		t.Error("the page shows the secret again")
	}
	if s := b.open(path+"/edit").says(200, "Change Robot"); strings.Contains(s.html, secret) {
		t.Error("the form shows the secret")
	}
}

func TestFormThatIsSentTwiceMakesOneApplication(t *testing.T) {
	b := administrator(t, nil)
	form := b.open(appsPath+"/new").form(appsPath+"/new").fill("client_name", "Robot", "redirect_uris", "https://robot.example/cb")
	form.post().says(200, "Client secret")
	if again := form.post().says(200, "Robot", "1 secret"); strings.Contains(again.text, "never again") {
		t.Error("the second time shows a secret")
	}
	if list := b.open(appsPath); strings.Count(list.text, "Robot") != 1 {
		t.Errorf("there are several:\n%s", list.text)
	}
	form.fill("id", "mine").post().says(404)
}

func TestWhatIsTypedOfAnApplicationStaysWhereItIsWrong(t *testing.T) {
	b := administrator(t, nil)
	for name, value := range map[string]string{
		"client_name": "", "redirect_uris": "javascript:alert(1)", "grant_types": "password", "distribution": "listed", "access_token_ttl": "soon", "scope": "a\"b", "optional_scope": "a\"b",
	} {
		made, _ := b.application("client_name", "Robot", "redirect_uris", "https://robot.example/cb", "description", "keep me", name, value)
		if f := made.says(422, "Please check this").form(appsPath + "/new"); f.fields.Get("description") != "keep me" {
			t.Errorf("%s: what was typed is lost: %v", name, f.fields)
		}
	}
}

func TestSecretsOfAnApplicationAreRotatedAddedAndEnded(t *testing.T) {
	b := administrator(t, nil)
	_, path := b.application("client_name", "Robot", "redirect_uris", "https://robot.example/cb")
	rotate := formTo(t, b.open(path), path+"/secrets/", "/rotate")
	rotate.post().says(200, "Client secret", "works until this one was seen in use")
	rotate.post().says(200, "not possible in its present state")
	formTo(t, b.open(path).says(200, "Not used yet", "Both secrets work"), path+"/rotations/", "/cancel").post().says(200, "The rotation has gone on")
	b.open(path).form(path+"/secrets").post().says(200, "Client secret")
	end := formTo(t, b.open(path), path+"/secrets/", "/end")
	end.post().says(200, "The secret has ended", "Ended")
	end.post().says(404)
}

func TestApplicationIsChangedDisabledAndEnabled(t *testing.T) {
	b := administrator(t, nil)
	_, path := b.application("client_name", "Robot", "redirect_uris", "https://robot.example/cb")
	edit := b.open(path + "/edit").form(path + "/edit")
	edit.fill("client_name", "Renamed", "redirect_uris", "https://robot.example/cb\nhttp://localhost:1/cb", "access_token_ttl", "1h", "scope", "catalog:read", "optional_scope", "content:write").
		post().says(200, "The application was saved", "Renamed", "http://localhost:1/cb")
	edit.fill("redirect_uris", "http://robot.example/").post().says(422, "Please check this")
	one, err := b.h.Store.Client(t.Context(), strings.TrimPrefix(path, appsPath+"/"))
	if err != nil || one.AccessTTL != 3600 || !one.OptionalScope.Has("content:write") {
		t.Errorf("got %+v, %v", one, err)
	}
	b.open(path).form(path+"/disable").fill("reason", "gone").post().says(200, "The application was disabled", "Disabled")
	edit.fill("redirect_uris", "https://robot.example/cb").post().says(422, "not possible in its present state")
	b.open(path).form(path+"/enable").post().says(200, "The application was enabled", "Active")
}

func TestInstallLinkLeadsToTheConsentPage(t *testing.T) {
	b := administrator(t, nil)
	_, path := b.application("client_name", "Robot", "redirect_uris", "https://robot.example/cb", "scope", "oauth forms", "optional_scope", "crm.objects.contacts.read", "distribution", "public")
	page := b.open(path+"?contract=hubspot&redirect_uri="+url.QueryEscape("https://robot.example/cb")+"&optional=crm.objects.contacts.read&optional=not.its.own").says(200, "/oauth/authorize?client_id=app_")
	link := b.linkOf(page)
	if strings.Contains(link, "not.its.own") || !strings.Contains(link, "optional_scope=crm.objects.contacts.read") {
		t.Errorf("the link is %s", link)
	}
	b.open(strings.TrimPrefix(link, b.h.URL)).says(200, "Robot asks for access", "Manage forms")
	if standard := b.linkOf(b.open(path)); !strings.Contains(standard, "/oauth2/authorize?") || !strings.Contains(standard, "code_challenge=CHALLENGE") {
		t.Errorf("the link is %s", standard)
	}
}

// linkOf returns the install link that a page shows.
func (b *browser) linkOf(s *shown) string {
	_, rest, _ := strings.Cut(s.html, `id="link">`)
	link, _, _ := strings.Cut(rest, "<")
	return strings.ReplaceAll(link, "&amp;", "&")
}

func TestApplicationsOfOthersAreNone(t *testing.T) {
	b := administrator(t, nil)
	b.open(appsPath + "/hs-client").says(404) // of ws3
	res := b.do(http.MethodPost, b.h.URL+appsPath+"/hs-client/disable", nil)
	if res.StatusCode != http.StatusNotFound {
		t.Errorf("another workspace's application is disabled: %d", res.StatusCode)
	}
	one, err := b.h.Store.Client(t.Context(), "hs-client")
	if err != nil || one.DisabledAt != 0 {
		t.Errorf("got %+v, %v", one, err)
	}
	b.becomes("lim@acme.example", token.Member)
	plain := newBrowser(t, b.h)
	plain.signIn("lim@acme.example")
	if res := plain.do(http.MethodGet, b.h.URL+appsPath, nil); res.StatusCode != http.StatusForbidden {
		t.Errorf("a member sees applications: %d", res.StatusCode)
	}
}

// basic is the header by which a client shows its secret.
func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}
