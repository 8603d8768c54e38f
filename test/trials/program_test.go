// Package trials knows how the whole server is put to the test: killed under
// load, cut off from its database, refused by its disk, run against a model.
package trials

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
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
)

// binary is the variable that names the program to be tested; it is built
// where none is named.
const binary = "FICHA_TEST_BINARY"

// seed makes every random choice of a run; each test prints its own.
var seed = flag.Uint64("trials.seed", 0, "seed of the random choices; 0: by the clock")

// long tries everything, where a short run leaves out what another engine shows.
var long = flag.Bool("trials.long", false, "try everything, for minutes")

func TestMain(m *testing.M) {
	// A short run by default; -rapid.checks asks for more.
	if err := errors.Join(flag.Set("rapid.checks", "25"), flag.Set("rapid.nofailfile", "true")); err != nil {
		panic(err)
	}
	flag.Parse()
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	os.Exit(func() int {
		if os.Getenv(binary) != "" {
			return m.Run()
		}
		dir, err := os.MkdirTemp("", "ficha-trials-")
		if err == nil {
			defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
			err = build(filepath.Join(dir, "ficha"))
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

func build(to string) error {
	cmd := exec.CommandContext(context.Background(), "go", "build", "-o", to, "./cmd/ficha")
	cmd.Dir = filepath.Join("..", "..")
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, said)
	}
	return os.Setenv(binary, to)
}

// dice returns the random choices of a test, and says how to have them again.
func dice(t *testing.T) *rand.Rand {
	t.Logf("again with -trials.seed=%d", *seed)
	return rand.New(rand.NewPCG(*seed, 1)) //nolint:gosec // choices, not secrets
}

// A program is ficha as people run it, a process of its own.
type program struct {
	web
	dir   string         // its data folder
	said  string         // the file that holds its stderr and its first line
	lines *bufio.Scanner // what it prints after that
	cmd   *exec.Cmd
	once  sync.Once
	code  int
}

// A start says how a program is run. The zero value is SQLite in a new folder.
type start struct {
	dir      string // data folder; empty: a new one
	database string // empty: SQLite in the folder
	apply    string // resources file; empty: none
	env      []string
}

// run starts the program and returns when it listens. It ends with the test.
func run(t *testing.T, s start) *program {
	t.Helper()
	p, err := launch(s, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.end(syscall.SIGKILL)
		if t.Failed() {
			said, _ := readTail(p.said) // only for the message
			t.Logf("the program said:\n%s", said)
		}
	})
	return p
}

// readTail returns the end of a file that may be long.
func readTail(path string) (string, error) {
	said, err := os.ReadFile(path)
	return string(said[max(0, len(said)-4000):]), err
}

func launch(s start, dir string) (*program, error) {
	p := &program{dir: s.dir, said: filepath.Join(dir, "said")}
	if p.dir == "" {
		p.dir = filepath.Join(dir, "data")
	}
	args := []string{"serve", "--listen", "127.0.0.1:0"}
	if s.apply != "" {
		args = append(args, "--apply", s.apply)
	}
	p.cmd = exec.Command(os.Getenv(binary), args...) //nolint:gosec // the program under test
	p.cmd.Env = environment(p.dir, s.database, s.env)
	said, err := os.OpenFile(p.said, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer said.Close() // the process has its own
	p.cmd.Stderr = said
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.lines = bufio.NewScanner(out)
	for p.base == "" && p.lines.Scan() {
		if at, ok := strings.CutPrefix(p.lines.Text(), "Ficha is at "); ok {
			p.base = at
		}
		if _, err := fmt.Fprintln(said, p.lines.Text()); err != nil {
			return nil, errors.Join(err, p.cmd.Process.Kill())
		}
	}
	if p.base == "" {
		code := p.end(syscall.SIGKILL)
		text, _ := readTail(p.said) // only for the message
		return nil, fmt.Errorf("ficha ended with exit code %d: %s", code, text)
	}
	p.client = newClient()
	return p, nil
}

// environment configures a program; ours configures nothing.
func environment(dir, database string, more []string) []string {
	env := slices.DeleteFunc(os.Environ(), func(pair string) bool { return strings.HasPrefix(pair, "FICHA_") })
	env = append(env, "FICHA_DATA_DIR="+dir, "FICHA_DATABASE="+database, "FICHA_LOG_LEVEL=warn")
	for name, value := range secrets() {
		env = append(env, name+"="+value)
	}
	return append(env, more...)
}

// end sends a signal and waits. It returns the exit code, -1 where the signal
// itself ended the process. Ending twice is harmless.
func (p *program) end(with syscall.Signal) int {
	p.once.Do(func() {
		if err := p.cmd.Process.Signal(with); err != nil && !errors.Is(err, os.ErrProcessDone) {
			p.code = -2
		}
		_ = p.cmd.Wait() // its outcome is in ProcessState
		p.code = p.cmd.ProcessState.ExitCode()
		if c, ok := p.client.(*http.Client); ok {
			c.CloseIdleConnections()
		}
	})
	return p.code
}

// tell runs another command of the program on the same database.
func (p *program) tell(database string, args ...string) (string, error) {
	cmd := exec.Command(os.Getenv(binary), args...) //nolint:gosec // the program under test
	cmd.Env = environment(p.dir, database, nil)
	said, err := cmd.CombinedOutput()
	return string(said), err
}

// keepsItsPromises runs "ficha check" and fails where it finds a breach.
func (p *program) keepsItsPromises(t *testing.T, database string) {
	t.Helper()
	if said, err := p.tell(database, "check", "--json"); err != nil {
		t.Errorf("ficha check: %v: %s", err, said)
	}
}
