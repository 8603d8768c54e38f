package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	password = "correct horse battery"
	patience = 30 * time.Second // for one step of a browser on a busy machine
)

// program builds the binary once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "ficha-e2e")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "ficha")
	build := exec.CommandContext(context.Background(), "go", "build", "-o", path, "./cmd/ficha")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(path)) //nolint:errcheck // the system empties its folder of temporary files
	}
	os.Exit(code)
}

// world is what the server holds: the callback's address is filled in.
const world = `
scopes:
  - {name: "crm.objects.contacts.read", description: {en: "Read contacts", es: "Leer contactos", pt: "Ler contatos", de: "Kontakte lesen"}}
  - {name: "forms", description: {en: "Manage forms", es: "Gestionar formularios", pt: "Gerenciar formulários", de: "Formulare verwalten"}}
workspaces:
  - {id: ws1, name: Acme}
  - {id: ws2, name: Basin}
  - {id: ws3, name: Clay}
users:
  - {email: ana@acme.example, name: Ana Admin, password: "` + password + `", memberships: [{workspace: ws1, role: super_admin}, {workspace: ws2, role: super_admin}]}
  - {email: lim@acme.example, name: Lim Limited, password: "` + password + `", memberships: [{workspace: ws1, role: member, scopes: ["catalog:read"]}]}
clients:
  - client_id: hs-client
    client_secret: hs-secret
    workspace: ws3
    distribution: public
    client_name: Contacts sync
    description: Copies contacts to the newsletter
    redirect_uris: ["CALLBACK"]
    grant_types: [authorization_code, refresh_token]
    scope: "oauth crm.objects.contacts.read"
    optional_scope: "forms"
  - client_id: spa
    client_name: Notes
    token_endpoint_auth_method: none
    workspace: ws1
    redirect_uris: ["CALLBACK"]
    grant_types: [authorization_code, refresh_token]
    scope: "openid profile offline_access"
    optional_scope: "catalog:read content:write"
`

// A house is the running program and an application beside it.
type house struct {
	url string
	app *application
}

// start runs the program on a port of its own until the test is over, with more
// variables of the environment.
func start(t *testing.T, more ...string) *house {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	app := newApplication(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "resources.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(world, "CALLBACK", app.callback)), 0o600); err != nil {
		t.Fatal(err)
	}
	serve := exec.CommandContext(t.Context(), path, "serve", "--apply", file)
	serve.Env = append(os.Environ(), "FICHA_LISTEN=127.0.0.1:0", "FICHA_DATA_DIR="+filepath.Join(dir, "data"), "FICHA_LOG_LEVEL=warn")
	serve.Env = append(serve.Env, more...)
	serve.Cancel = func() error { return serve.Process.Signal(os.Interrupt) }
	serve.WaitDelay = patience
	var log strings.Builder
	serve.Stderr = &log
	out, err := serve.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = serve.Wait() // it is stopped by the end of the test
		if t.Failed() {
			t.Log(log.String())
		}
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if url, found := strings.CutPrefix(lines.Text(), "Ficha is at "); found {
			return &house{url: url, app: app}
		}
	}
	t.Fatal("the program ended before it served")
	return nil
}

// An application stands outside, on a host of its own. Its callback goes on to
// a page on another host, as applications do.
type application struct {
	callback string
	mu       sync.Mutex
	heard    []string // the queries that its callback was given
}

func newApplication(t *testing.T) *application {
	t.Helper()
	a := &application{}
	quiet := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
	inside := http.NewServeMux()
	inside.HandleFunc("GET /welcome", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><html lang="en"><title>Welcome</title><h1 id="welcome">Welcome</h1>`)
	})
	inside.HandleFunc("GET /favicon.ico", quiet)
	away := httptest.NewServer(inside)
	t.Cleanup(away.Close)
	outside := http.NewServeMux()
	outside.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.heard = append(a.heard, r.URL.RawQuery)
		a.mu.Unlock()
		http.Redirect(w, r, away.URL+"/welcome", http.StatusFound)
	})
	outside.HandleFunc("GET /favicon.ico", quiet)
	front := httptest.NewServer(outside)
	t.Cleanup(front.Close)
	a.callback = strings.Replace(front.URL, "127.0.0.1", "localhost", 1) + "/callback"
	return a
}

// last returns the newest query that the callback was given, and how many it
// was given in all.
func (a *application) last() (string, int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.heard) == 0 {
		return "", 0
	}
	return a.heard[len(a.heard)-1], len(a.heard)
}
