package contracts

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// document returns the text of one of the documents in testdata/seeds.
func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "testdata", "seeds", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// between cuts out the text from the line that is first to the one before last.
func between(t *testing.T, text, first, last string) string {
	t.Helper()
	_, rest, begins := strings.Cut(text, "\n"+first+"\n")
	middle, _, ends := strings.Cut(rest, "\n"+last+"\n")
	if !begins || !ends {
		t.Fatalf("the document has nothing from %q to %q", first, last)
	}
	return first + "\n" + middle
}

// documents as they are named in testdata/seeds.
const (
	becms      = "000_19353ff68009aaac.txt"
	hubspot    = "003_b2347010ba110441.txt"
	contentful = "004_e96b727796b24a7f.txt"
)

// The program is the document's to the letter, but for the host; those in
// other languages are run by test/sdk.
func TestBeCMSPrintedGoProgramGetsAToken(t *testing.T) {
	t.Parallel()
	base := serve(t, "").base
	program := between(t, document(t, becms), "package main", "Buenas prácticas")
	said, err := runGo(t, strings.ReplaceAll(program, "https://cms.begraffic.com", base), "BE_WORKSPACE_ID=editorial", "BE_CLIENT_SECRET=be-client-secret")
	secret, found := strings.CutPrefix(strings.TrimSpace(said), "Token: ")
	if err != nil || !found {
		t.Fatalf("the program printed %q, %v; want a token", said, err)
	}
	h := http.Header{"Authorization": {"Bearer " + secret}}
	a, err := exchange(t.Context(), http.DefaultClient, "GET", base+"/verify?workspace=editorial&scope=catalog:write+assets:read", "", h)
	if err != nil || a.code != 200 {
		t.Errorf("GET /verify with the printed token: %v, %v; want 200", a, err)
	}
}

func TestBeCMSPrintedGoProgramHearsARefusal(t *testing.T) {
	t.Parallel()
	base := serve(t, "").base
	program := between(t, document(t, becms), "package main", "Buenas prácticas")
	said, err := runGo(t, strings.ReplaceAll(program, "https://cms.begraffic.com", base), "BE_WORKSPACE_ID=editorial", "BE_CLIENT_SECRET=wrong")
	if err == nil || !strings.Contains(said, "no se pudo generar el token") {
		t.Errorf("with a wrong secret the program printed %q, %v; want its own panic", said, err)
	}
}

// runGo runs a program in a module of its own, without the network.
func runGo(t *testing.T, program string, variables ...string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"main.go": program, "go.mod": "module printed\n\ngo 1.26\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", ".")
	cmd.Dir = dir
	cmd.Env = append(environment(), append(variables, "GOPROXY=off", "GOFLAGS=", "GOWORK=off")...)
	said, err := cmd.CombinedOutput()
	return string(said), err
}

// A row of HubSpot's tables of form fields is the field's name, what it is,
// and an example, each before a bar.
var hubspotRow = regexp.MustCompile(`(?m)^(\w+) (?:\|\n|\| )[^|]+\|\s([^|\s]+) \|$`)

// hubspotTable returns the fields and examples of the table of a grant.
func hubspotTable(t *testing.T, grant string) url.Values {
	t.Helper()
	for _, table := range strings.Split(document(t, hubspot), "Parámetro | Descripción | Ejemplo |")[1:] {
		table, _, _ = strings.Cut(table, "\nEjemplo:")
		fields := url.Values{}
		for _, row := range hubspotRow.FindAllStringSubmatch(table, -1) {
			fields.Set(row[1], row[2])
		}
		if fields.Get("grant_type") == grant {
			return fields
		}
	}
	t.Fatalf("the document has no table of %s", grant)
	return nil
}

// install opens the document's authorize link, with all its parameters, as a
// super admin, and returns the code.
func install(t *testing.T, base string, app url.Values) string {
	t.Helper()
	p := &player{base, map[string]string{"base": base}, map[string]*browser{}}
	for _, s := range parseScript(`open /oauth/authorize
query client_id ` + app.Get("client_id") + `
query scope oauth crm.objects.contacts.read
query redirect_uri ` + app.Get("redirect_uri") + `
query optional_scope forms
query state nonce

submit /panel/login
field email super@acme.example
field password correct horse battery

submit /panel/consent
field action allow
param state == nonce
let code param code`) {
		if err := p.run(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	return p.values["code"]
}

func postForm(t *testing.T, address string, fields url.Values) (int, map[string]any) {
	t.Helper()
	a, err := exchange(t.Context(), http.DefaultClient, "POST", address, fields.Encode(), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal([]byte(a.body), &answer); err != nil {
		t.Fatalf("%s: %d %s: %v", address, a.code, a.body, err)
	}
	return a.code, answer
}

// The fields of both tables are the document's; the code and the refresh token
// are the server's, and where they are the document's too, its own refusals.
func TestHubSpotTablesOfFieldsAreServed(t *testing.T) {
	t.Parallel()
	base := serve(t, "").base
	path, ok := strings.CutPrefix(regexp.MustCompile(`https://api\.hubapi\.com/\S+`).FindString(document(t, hubspot)), "https://api.hubapi.com")
	if !ok {
		t.Fatal("the document names no token endpoint")
	}
	code, refresh := hubspotTable(t, "authorization_code"), hubspotTable(t, "refresh_token")
	if len(code) != 5 || len(refresh) != 5 {
		t.Fatalf("the tables are %v and %v, want five fields each", code, refresh)
	}
	status, answer := postForm(t, base+path, code)
	if status != 400 || answer["status"] != "BAD_AUTH_CODE" {
		t.Errorf("the document's code: %d %v, want 400 BAD_AUTH_CODE", status, answer)
	}
	status, answer = postForm(t, base+path, refresh)
	if status != 400 || answer["status"] != "BAD_REFRESH_TOKEN" {
		t.Errorf("the document's refresh token: %d %v, want 400 BAD_REFRESH_TOKEN", status, answer)
	}

	code.Set("code", install(t, base, code))
	status, answer = postForm(t, base+path, code)
	if status != 200 || answer["expires_in"] != 1800.0 || answer["access_token"] == "" {
		t.Fatalf("the exchange: %d %v, want tokens for 30 minutes", status, answer)
	}
	renewal, _ := answer["refresh_token"].(string)
	refresh.Set("refresh_token", renewal)
	status, again := postForm(t, base+path, refresh)
	if status != 200 || again["access_token"] == answer["access_token"] || again["expires_in"] != 1800.0 {
		t.Errorf("the refresh: %d %v, want another access token for 30 minutes", status, again)
	}
}

// The document names each endpoint in a sentence: a method, "-Anfrage(n)", and
// addresses, of which a web page's mistake left one with ";gt." behind.
var (
	contentfulSentence = regexp.MustCompile(`(POST|GET|PUT)-Anfragen? [^.]*?(https?://api\.contentful\.com\S+)(?: und (https?://api\.contentful\.com\S+))?`)
	contentfulPath     = regexp.MustCompile(`^https?://api\.contentful\.com(/users/me/access_tokens(?:/<tokenId>(?:/revoked)?)?)`)
)

// contentfulEndpoints returns what the document names, such as
// "GET /users/me/access_tokens", each once and in its order.
func contentfulEndpoints(t *testing.T) []string {
	t.Helper()
	var found []string
	seen := map[string]bool{}
	for _, m := range contentfulSentence.FindAllStringSubmatch(document(t, contentful), -1) {
		for _, address := range m[2:] {
			path := contentfulPath.FindStringSubmatch(address)
			if path == nil {
				continue
			}
			if endpoint := m[1] + " " + path[1]; !seen[endpoint] {
				seen[endpoint] = true
				found = append(found, endpoint)
			}
		}
	}
	return found
}

func TestContentfulEndpointsOfTheDocumentAreServed(t *testing.T) {
	t.Parallel()
	base := serve(t, "").base
	named := contentfulEndpoints(t)
	if got := strings.Join(named, ", "); got != "POST /users/me/access_tokens, GET /users/me/access_tokens, GET /users/me/access_tokens/<tokenId>, PUT /users/me/access_tokens/<tokenId>/revoked" {
		t.Fatalf("the document names %s", got)
	}
	h := http.Header{"Authorization": {"Bearer CFPAT-seed-of-the-owner-of-press"}, "Content-Type": {"application/vnd.contentful.management.v1+json"}}
	id := ""
	for _, endpoint := range named {
		method, path, _ := strings.Cut(endpoint, " ")
		body, want := "", 200
		if method == "POST" {
			body, want = `{"name": "My Token", "scopes": ["content_management_manage"]}`, 201
		}
		a, err := exchange(t.Context(), http.DefaultClient, method, base+strings.ReplaceAll(path, "<tokenId>", id), body, h)
		if err != nil || a.code != want {
			t.Fatalf("%s: %v, %v; want %d", endpoint, a, err, want)
		}
		secret, err := valueAt(a.body, ".token")
		if err != nil || (secret != "absent") != (method == "POST") {
			t.Errorf("%s: the token is %q, %v; it is shown when it is made and never again", endpoint, secret, err)
		}
		if method == "POST" {
			if id, err = valueAt(a.body, ".sys.id"); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The day that Chronos prints is the one on which the 15 days end.
func TestChronosTokensExpireAfterFifteenDays(t *testing.T) {
	t.Parallel()
	base := serve(t, "").base
	day := func() string { return time.Now().UTC().Add(15 * 24 * time.Hour).Format(time.DateOnly) }
	before := day()
	a, err := exchange(t.Context(), http.DefaultClient, "POST", base+"/token/generate",
		`{"email":"training@chronos.mx","password":"thesecretwordiskadabra:b03ea027d73cfdb458184541012b76c08d24353d6923c0b1dea4e2fc7d77963b"}`,
		http.Header{"Content-Type": {"application/json"}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := valueAt(a.body, ".expired_at")
	if after := day(); err != nil || got != before && got != after {
		t.Errorf("expired_at is %q, %v; want %s", got, err, after)
	}
}
