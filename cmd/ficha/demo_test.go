package main

import (
	"context"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// demonstrating runs "ficha demo" and returns the lines that it printed.
func demonstrating(t *testing.T) (*process, []string) {
	t.Helper()
	dir := t.TempDir()
	p, err := launch(dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}, dir+"/demo", "demo", "--listen", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.end(syscall.SIGKILL) })
	// All of it is written at once, before the first line could be read.
	text, err := os.ReadFile(dir + "/demo.out")
	if err != nil {
		t.Fatal(err)
	}
	return p, strings.Split(string(text), "\n")
}

func paste(t *testing.T, command string) string {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Fatal("this test needs curl, as the commands that it pastes do: install it")
	}
	cmd := exec.Command("sh", "-c", command)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return string(out)
}

func TestEveryCommandOfTheDemoWorksAsItStands(t *testing.T) {
	_, lines := demonstrating(t)
	wanted := map[string]string{ // by a word of the title: what the answer holds
		"Be CMS": `"scopes":["content:write"]`, "Fanbase": `"refresh_token":"`, "Chronos": `"type":"Bearer"`, "Contentful": `"token":"CFPAT-`,
		"judge": "X-Auth-Workspace: demo", "inventory": `"name":"nightly import"`, "audit": `"action":"token.issued"`,
	}
	for i, line := range lines {
		if !strings.HasPrefix(line, "curl ") {
			continue
		}
		said := paste(t, line)
		name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(lines[i-1], "# The "), "# "), ":")
		want, ok := wanted[name]
		if !ok || !strings.Contains(said, want) {
			t.Errorf("%s: %s\nanswers %s\nwhich lacks %s", name, line, said, want)
		}
		delete(wanted, name)
	}
	for name := range wanted {
		t.Errorf("there is no command for %s", name)
	}
}

// The link leads through sign-in and consent to a page with the next command,
// and that one gives tokens.
func TestTheDemosAppIsInstalledByItsLink(t *testing.T) {
	p, lines := demonstrating(t)
	var link, password string
	for _, line := range lines {
		if strings.HasPrefix(line, p.url+"/oauth/authorize?") {
			link = line
		}
		if words := strings.Fields(line); len(words) > 1 && words[0] == "ana@demo.example" {
			password = words[1]
		}
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &http.Client{Jar: jar}
	at, _ := open(t, b, link, nil)
	at, _ = open(t, b, p.url+"/panel/login", url.Values{"email": {"ana@demo.example"}, "password": {password}, "next": {at.Query().Get("next")}})
	_, page := open(t, b, p.url+"/panel/consent", url.Values{"request": {at.Query().Get("request")}, "workspace": {"demo"}, "action": {"allow"}})
	command := regexp.MustCompile(`(?s)<pre>(.*)</pre>`).FindStringSubmatch(page)
	if command == nil {
		t.Fatalf("the page shows no command: %s", page)
	}
	said := paste(t, html.UnescapeString(command[1]))
	if !strings.Contains(said, `"refresh_token":"`) || !strings.Contains(said, `"hub_id":62515`) {
		t.Errorf("the exchange answers %s", said)
	}
}

func open(t *testing.T, b *http.Client, address string, form url.Values) (*url.URL, string) {
	t.Helper()
	method, kind := http.MethodGet, ""
	if form != nil {
		method, kind = http.MethodPost, formType
	}
	req, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	res, err := b.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.Request.URL, string(text)
}

// Two runs have no secret in common: none of them is good elsewhere.
func TestTheDemosSecretsAreMadeAnew(t *testing.T) {
	once, again := demoSecrets(), demoSecrets()
	for name, secret := range once {
		if secret == again[name] || len(secret) < 26 {
			t.Errorf("%s is %q and %q", name, secret, again[name])
		}
	}
}

func TestTheDemoTakesTheNextFreePort(t *testing.T) {
	taken, err := listenNear(context.Background(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	next, err := listenNear(context.Background(), taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	for _, address := range []string{"0.0.0.0:0", "192.0.2.1:80", "127.0.0.1", "127.0.0.1:http"} {
		if l, err := listenNear(context.Background(), address); err == nil {
			l.Close()
			t.Errorf("%s is accepted", address)
		}
	}
}
