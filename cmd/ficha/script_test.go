package main

import (
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary be the program: scripts and tests run it as
// people do, in a process of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"ficha": main})
}

// TestScripts runs testdata/script: what the program does, one file a subject.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"start": scriptStart, "end": scriptEnd, "crash": scriptCrash, "ask": scriptAsk, "let": scriptLet, "occupy": scriptOccupy,
		},
		Setup: func(env *testscript.Env) error {
			env.Values[serversKey{}] = servers{}
			env.Setenv("FICHA_LISTEN", "127.0.0.1:0")
			return nil
		},
	})
}

// servers are the processes that a script started, by name.
type servers map[string]*process

// serversKey is where a script's values hold them.
type serversKey struct{}

func serversOf(ts *testscript.TestScript) servers {
	all, _ := ts.Value(serversKey{}).(servers)
	return all
}

// start NAME ARGS…: runs ficha with the arguments until it says where it is,
// which is then FICHA_SERVER. What it says is in NAME.out and NAME.err.
func scriptStart(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: start NAME ARGS…")
	}
	p, err := launch(ts.MkAbs("."), scriptEnv(ts), ts.MkAbs(args[0]), args[1:]...)
	ts.Check(err)
	ts.Defer(func() { p.end(syscall.SIGKILL) })
	serversOf(ts)[args[0]] = p
	ts.Setenv("FICHA_SERVER", p.url)
}

// end NAME: asks a server to end, and expects that it does so in peace.
func scriptEnd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: end NAME")
	}
	if code := serversOf(ts)[args[0]].end(syscall.SIGTERM); code != 0 {
		ts.Fatalf("%s ended with exit code %d: %s", args[0], code, ts.ReadFile(args[0]+".err"))
	}
}

// crash NAME: ends a server as a power cut would.
func scriptCrash(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: crash NAME")
	}
	serversOf(ts)[args[0]].end(syscall.SIGKILL)
}

// ask STATUS METHOD PATH [HEADER: VALUE…] [BODY]: one request to FICHA_SERVER,
// whose answer is the output.
func scriptAsk(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: ask STATUS METHOD PATH [HEADER: VALUE…] [BODY]")
	}
	body := ""
	header := http.Header{}
	for _, arg := range args[3:] {
		if name, value, ok := strings.Cut(arg, ": "); ok && !strings.HasPrefix(arg, "{") {
			header.Set(name, value)
			continue
		}
		body = arg
	}
	req, err := http.NewRequest(args[1], ts.Getenv("FICHA_SERVER")+args[2], strings.NewReader(body))
	ts.Check(err)
	req.Header = header
	res, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	ts.Check(err)
	_, err = ts.Stdout().Write(append(text, '\n'))
	ts.Check(err)
	if strconv.Itoa(res.StatusCode) != args[0] {
		ts.Fatalf("%s %s answers %s, want %s: %s", args[1], args[2], res.Status, args[0], text)
	}
}

// let NAME [AFTER]: keeps what the last command printed, or the word behind
// AFTER in it.
func scriptLet(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: let NAME [AFTER]")
	}
	text := ts.ReadFile("stdout")
	if len(args) > 1 {
		_, after, ok := strings.Cut(text, args[1])
		if !ok {
			ts.Fatalf("%q is not in %q", args[1], text)
		}
		text = strings.FieldsFunc(after, func(r rune) bool { return r <= ' ' || r == '"' || r == ',' })[0]
	}
	ts.Setenv(args[0], strings.TrimSpace(text))
}

// occupy NAME: listens on a port for the rest of the script; NAME is its
// address.
func scriptOccupy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: occupy NAME")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv(args[0], l.Addr().String())
}

// scriptEnv is the environment of a script, which knows nothing of ours.
func scriptEnv(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range append([]string{"PATH", "HOME", "TMPDIR", "GOCOVERDIR"}, variables...) {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// variables are those that scripts set.
var variables = []string{"FICHA_LISTEN", "FICHA_ISSUER", "FICHA_DATA_DIR", "FICHA_MASTER_KEY", "FICHA_ENVIRONMENT", "FICHA_LISTN", "FICHA_LIMITS_PER_NETWORK", "FICHA_LIMITS_PER_ACCOUNT", "FICHA_UPSTREAM_ISUER", "FICHA_TOKEN", "ANA_PASSWORD"}

func fileIn(t *testing.T, name, text string) string {
	t.Helper()
	path := t.TempDir() + "/" + name
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
