// Package hostile_test knows what callers do who mean harm, and the answers
// that they are owed: it starts the program as its users do and attacks it
// from outside, over every face. What holds is kept here.
package hostile_test

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/pgtest"
)

// binary is the variable that names the program to be attacked.
const binary = "FICHA_TEST_BINARY"

// TestMain builds the program once, unless FICHA_TEST_BINARY names one.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "ficha-hostile-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
		if os.Getenv(binary) == "" {
			cmd := exec.CommandContext(context.Background(), "go", "build", "-o", filepath.Join(dir, "ficha"), "./cmd/ficha")
			cmd.Dir = filepath.Join("..", "..")
			if said, err := cmd.CombinedOutput(); err != nil {
				fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, said)
				return 1
			}
			os.Setenv(binary, cmd.Args[3]) //nolint:errcheck // the name is a good one
		}
		return m.Run()
	}())
}

// A program is the server under attack, in a process of its own.
type program struct {
	base string   // its URL
	dir  string   // its data
	more []string // settings of this test, NAME=value
	said *strings.Builder
	mu   sync.Mutex
	cmd  *exec.Cmd
}

// start runs the program on testdata/house.yaml until the test ends.
func start(t *testing.T) *program {
	t.Helper()
	return startWith(t)
}

// onEachEngine runs a test against the program on SQLite, and on PostgreSQL
// where there is one: there it does many things at the same moment.
func onEachEngine(t *testing.T, test func(*testing.T, *program)) {
	t.Run("sqlite", func(t *testing.T) { test(t, start(t)) })
	if pgtest.Available() {
		t.Run("postgres", func(t *testing.T) { test(t, startWith(t, "FICHA_DATABASE="+pgtest.Start(t).Database(t))) })
	}
}

func startWith(t *testing.T, settings ...string) *program {
	t.Helper()
	p := &program{dir: t.TempDir(), said: &strings.Builder{}, more: settings}
	p.run(t)
	t.Cleanup(func() {
		p.cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may be dead already
		p.cmd.Wait()                          //nolint:errcheck // it may have been killed
		if t.Failed() {
			t.Logf("the server said:\n%.4000s", p.said.String())
		}
	})
	return p
}

func (p *program) run(t *testing.T) {
	t.Helper()
	listen := cmp.Or(strings.TrimPrefix(p.base, "http://"), "127.0.0.1:0")                                                   // where it was, if it was
	p.cmd = exec.Command(os.Getenv(binary), "serve", "--listen", listen, "--apply", filepath.Join("testdata", "house.yaml")) //nolint:gosec // the program that this test built
	p.cmd.Env = append(slices.DeleteFunc(os.Environ(), func(pair string) bool { return strings.HasPrefix(pair, "FICHA_") }),
		"FICHA_LOG_LEVEL=debug", "FICHA_DATA_DIR="+p.dir)
	p.cmd.Env = append(p.cmd.Env, p.more...)
	p.cmd.Stderr = p
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	p.base = ""
	for p.base == "" && lines.Scan() {
		if at, ok := strings.CutPrefix(lines.Text(), "Ficha is at "); ok {
			p.base = at
		}
	}
	if p.base == "" {
		t.Fatalf("the server did not say where it is:\n%s", p.said.String())
	}
}

// Write keeps what the program says.
func (p *program) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.Write(text)
}

// killed ends the program without a word of warning and starts it again.
func (p *program) killed(t *testing.T) {
	t.Helper()
	p.cmd.Process.Kill() //nolint:errcheck // it may be dead already
	p.cmd.Wait()         //nolint:errcheck // it was killed
	p.run(t)
}

var client = &http.Client{
	Timeout:       20 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{MaxIdleConnsPerHost: 64},
}
