package contracts

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/fichadev/ficha/internal/pgtest"
)

// TestMain builds the program once, unless FICHA_TEST_BINARY names one.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		if os.Getenv(binary) != "" {
			return m.Run()
		}
		dir, err := os.MkdirTemp("", "ficha-contracts-")
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

// binary is the variable that names the program to be tested.
const binary = "FICHA_TEST_BINARY"

func build(to string) error {
	cmd := exec.CommandContext(context.Background(), "go", "build", "-o", to, "./cmd/ficha")
	cmd.Dir = filepath.Join("..", "..")
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, said)
	}
	return os.Setenv(binary, to)
}

// watch looks at every source of the program. go test gives an old result again
// until something has changed that a test opened, and does not see what go
// build reads.
var watch = sync.OnceValue(func() error {
	for _, dir := range []string{"cmd", "internal"} {
		err := filepath.WalkDir(filepath.Join("..", "..", dir), func(_ string, _ fs.DirEntry, err error) error { return err })
		if err != nil {
			return err
		}
	}
	return nil
})

// A server is the program while it runs.
type server struct {
	base string
	cmd  *exec.Cmd
	log  strings.Builder // read after end
	once sync.Once
}

// serve runs the program on the resources of testdata/house.yaml, until the
// test ends at the latest. The database is SQLite if none is named.
func serve(t *testing.T, database string) *server {
	t.Helper()
	if err := watch(); err != nil {
		t.Fatal(err)
	}
	apply := filepath.Join("testdata", "house.yaml")
	s := &server{cmd: exec.Command(os.Getenv(binary), "serve", "--listen", "127.0.0.1:0", "--apply", apply)} //nolint:gosec // the tester names the program
	s.cmd.Env = append(environment(), "FICHA_LOG_LEVEL=debug", "FICHA_DATA_DIR="+t.TempDir(), "FICHA_DATABASE="+database)
	s.cmd.Stderr = &s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.end(t) })
	for lines := bufio.NewScanner(out); s.base == "" && lines.Scan(); {
		if at, ok := strings.CutPrefix(lines.Text(), "Ficha is at "); ok {
			s.base = at
		}
	}
	if s.base == "" {
		t.Fatal("the server did not say where it is")
	}
	isReady(t, s.base)
	return s
}

// end asks the program to end, as an operator does, and returns its log. Where
// the test has failed the end of the log is shown.
func (s *server) end(t *testing.T) string {
	t.Helper()
	s.once.Do(func() {
		if err := errors.Join(s.cmd.Process.Signal(syscall.SIGTERM), s.cmd.Wait()); err != nil {
			t.Errorf("the server did not end well: %v", err)
		}
		if text := s.log.String(); t.Failed() {
			t.Logf("the server's log ends with\n%s", text[max(0, len(text)-2000):])
		}
	})
	return s.log.String()
}

// environment is ours without what configures a server.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(pair string) bool { return strings.HasPrefix(pair, "FICHA_") })
}

func isReady(t *testing.T, base string) {
	t.Helper()
	res, err := http.Get(base + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("GET /readyz: %d, want 200", res.StatusCode)
	}
}

// engines are the databases that every contract is tried on: SQLite, and
// PostgreSQL where it is installed or asked for.
func engines() map[string]func(*testing.T) string {
	all := map[string]func(*testing.T) string{"sqlite": func(*testing.T) string { return "" }}
	if pgtest.Available() {
		all["postgresql"] = func(t *testing.T) string { return pgtest.Start(t).Database(t) }
	}
	return all
}

// TestContractsAreKept plays each script of testdata on a server of its own,
// which must not write down what is secret in it.
func TestContractsAreKept(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob(filepath.Join("testdata", "*.txt"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, name := range scripts {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for engine, database := range engines() {
			t.Run(strings.TrimSuffix(filepath.Base(name), ".txt")+"/"+engine, func(t *testing.T) {
				t.Parallel()
				s := serve(t, database(t))
				kept, err := play(t.Context(), s.base, name, string(text))
				if err != nil {
					t.Error(err)
				}
				log := s.end(t)
				for _, secret := range append(kept, declared(t)...) {
					if strings.Contains(log, secret) {
						t.Errorf("the log holds a secret that ends in %s", secret[len(secret)-4:])
					}
				}
			})
		}
	}
}

var secretLine = regexp.MustCompile(`(?:client_secret|password|secret): "?([^",}\n]+)`)

// declared returns the secrets that testdata/house.yaml declares.
func declared(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "house.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range secretLine.FindAllStringSubmatch(string(text), -1) {
		all = append(all, m[1])
	}
	if len(all) < 20 {
		t.Fatalf("only %d secrets were found", len(all))
	}
	return all
}
