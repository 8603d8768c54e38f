package main

import (
	"bufio"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// declared is a workspace with one program.
const declared = `
workspaces: [{id: acme, name: Acme}]
clients:
  - {client_id: backend, client_secret: backend-secret-0123456789, workspace: acme, grant_types: [client_credentials], scope: "catalog:read"}
`

// issue asks a server for a token. It reports the status, 0 where nobody
// accepted the connection.
func issue(client *http.Client, url string) (status int, body string, err error) {
	req, err := http.NewRequest(http.MethodPost, url+"/v1/tokens", strings.NewReader(`{"name":"load","scopes":["catalog:read"],"format":"opaque"}`))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Authorization", "Bearer backend-secret-0123456789")
	req.Header.Set("X-Workspace-Id", "acme")
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	var text strings.Builder
	if _, err := io.Copy(&text, res.Body); err != nil {
		return 0, "", err
	}
	return res.StatusCode, text.String(), nil
}

// What the server has taken up it answers, and its exit is clean. Connections
// that it never accepted are the next node's: a client hears that nobody is
// there. So every token that exists was given to somebody.
func TestSIGTERMUnderLoadAnswersWhatItTookUp(t *testing.T) {
	dir := t.TempDir()
	p := serving(t, dir, "--apply", fileIn(t, "resources.yaml", declared))
	var wg sync.WaitGroup
	answered := make(chan string, 1<<16)
	begun := make(chan struct{}, 1<<16)
	for range 8 {
		wg.Go(func() {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			for {
				status, body, err := issue(client, p.url)
				if err != nil {
					return
				}
				if status != http.StatusCreated {
					t.Errorf("a request was answered %d: %s", status, body)
				}
				answered <- body
				begun <- struct{}{}
			}
		})
	}
	for range 100 { // the load is under way
		<-begun
	}
	if code := p.end(syscall.SIGTERM); code != 0 {
		log, _ := os.ReadFile(dir + "/serve.err")
		t.Fatalf("exit code %d: %s", code, log)
	}
	wg.Wait()
	close(answered)
	again := serving(t, dir)
	given := stillOpen(t, again, answered)
	asks := remote{Server: again.url, Token: "backend-secret-0123456789", Workspace: "acme"}
	exist, more, err := listing{}.read(t.Context(), asks, "/v1/tokens", url.Values{})
	if err != nil || more {
		t.Fatalf("list: more %t, %v", more, err)
	}
	if len(exist) != given {
		t.Errorf("%d tokens exist, %d were given out", len(exist), given)
	}
}

// What was acknowledged is there after a power cut.
func TestKillAndStartAgainLosesNothing(t *testing.T) {
	dir := t.TempDir()
	p := serving(t, dir, "--apply", fileIn(t, "resources.yaml", declared))
	var wg sync.WaitGroup
	answered := make(chan string, 1<<16)
	begun := make(chan struct{}, 1<<16)
	for range 4 {
		wg.Go(func() {
			for {
				status, body, err := issue(http.DefaultClient, p.url)
				if err != nil {
					return // the process is gone
				}
				if status == http.StatusCreated {
					answered <- body
				}
				begun <- struct{}{}
			}
		})
	}
	for range 100 {
		<-begun
	}
	if code := p.end(syscall.SIGKILL); code == 0 {
		t.Error("the process ended by itself")
	}
	wg.Wait()
	close(answered)
	again := serving(t, dir)
	stillOpen(t, again, answered)
	if code := again.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d after the restart", code)
	}
}

// A terminal that is closed asks the server to end, and does not kill it.
func TestSIGHUPEndsInPeace(t *testing.T) {
	dir := t.TempDir()
	p := serving(t, dir)
	if code := p.end(syscall.SIGHUP); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if log, err := os.ReadFile(dir + "/serve.err"); err != nil || !strings.Contains(string(log), "draining") {
		t.Errorf("the log is %q, %v, want that it drained", log, err)
	}
}

// Who reads the log may stall, or be gone, and the server goes on and ends.
func TestLogThatNobodyReadsStopsNoServer(t *testing.T) {
	for _, gone := range []bool{false, true} {
		dir := t.TempDir()
		reader, writer, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		cmd := exec.Command("ficha", "serve", "--data-dir", dir, "--listen", "127.0.0.1:0")
		cmd.Stderr = writer
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		writer.Close()
		if gone {
			reader.Close()
		}
		first, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		out.Close() // whoever read it is gone as well
		url := strings.TrimSpace(strings.TrimPrefix(first, "Ficha is at "))
		client := &http.Client{Timeout: 10 * time.Second}
		for range 2000 { // a pipe holds 64 KiB, which is some 300 lines
			res, err := client.Get(url + "/healthz")
			if err != nil {
				t.Fatalf("the reader gone %t: %v", gone, err)
			}
			res.Body.Close()
		}
		killed := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the reader gone %t: it ended with %v", gone, err)
		}
		killed.Stop()
	}
}

// stillOpen checks that every token that was given out opens something, and
// counts them.
func stillOpen(t *testing.T, p *process, bodies <-chan string) int {
	t.Helper()
	n := 0
	for body := range bodies {
		_, rest, _ := strings.Cut(body, `"token":"`)
		secret, _, _ := strings.Cut(rest, `"`)
		req, err := http.NewRequest(http.MethodGet, p.url+"/verify", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+secret)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("verify answers %d to a token that was acknowledged: %s", res.StatusCode, body)
		}
		n++
	}
	if n < 100 {
		t.Errorf("%d tokens were given out, want at least 100", n)
	}
	return n
}
