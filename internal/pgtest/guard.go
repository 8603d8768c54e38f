package pgtest

import (
	"bufio"
	"context"
	_ "embed" // guard.sh
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

//go:embed guard.sh
var guardScript string

// A guard is the process that owns one cluster: it makes it, runs it, and
// removes it when we close our end of its standard input or die.
type guard struct {
	dir     string
	cmd     *exec.Cmd
	mu      sync.Mutex // one deed at a time
	deeds   *os.File   // its standard input
	out     *os.File   // its standard output
	answers *bufio.Reader
}

// newGuard makes a cluster in a new folder by a deed and starts its server.
func newGuard(made string, settings []string) (*guard, error) {
	if err := allowed(os.Getenv("FICHA_TEST_POSTGRES")); err != nil {
		return nil, err
	}
	bin, err := find()
	if err != nil {
		return nil, err
	}
	who, err := owner()
	if err != nil {
		return nil, err
	}
	g, err := runGuard(bin, who, settings)
	if err != nil {
		return nil, fmt.Errorf("run the guard of a cluster: %w", err)
	}
	for _, deed := range []string{made, "start"} {
		if err := g.tell(deed); err != nil {
			_ = g.close() // it never ran; the first error is the one to read
			return nil, err
		}
	}
	return g, nil
}

// owner returns who runs the server: ourselves, or "postgres" where we are
// root, as which PostgreSQL refuses to run.
func owner() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil // as we are; SysProcAttr reads it so
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root: %w", err)
	}
	uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
	gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
	if errUID != nil || errGID != nil {
		return nil, fmt.Errorf("the user postgres has the ids %q and %q", u.Uid, u.Gid)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// runGuard starts the script. It has a session of its own, so that an
// interrupt at the terminal ends us first and the guard can do its work, and
// nothing of our output, which "go test" reads until the last holder is gone.
func runGuard(bin string, who *syscall.Credential, settings []string) (*guard, error) {
	dir, err := makeFolder(who)
	if err != nil {
		return nil, err
	}
	g := &guard{dir: dir, cmd: exec.CommandContext(context.Background(), "sh", guardArgs(bin, dir, settings)...)}
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: who}
	if err := g.connect(); err != nil {
		return nil, err
	}
	return g, nil
}

// connect starts the process with a pipe in and a pipe out. They are files and
// not writers, so that no goroutine is left for a leak check to find.
func (g *guard) connect() error {
	in, deeds, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close()
	answers, out, err := os.Pipe()
	if err != nil {
		return err
	}
	defer out.Close()
	g.cmd.Stdin, g.cmd.Stdout = in, out
	g.deeds, g.out, g.answers = deeds, answers, bufio.NewReader(answers)
	return g.cmd.Start()
}

// makeFolder makes the cluster's folder, kept short: a socket's path has 107 bytes.
func makeFolder(who *syscall.Credential) (string, error) {
	dir, err := os.MkdirTemp("", "ficha-pg-")
	if err != nil || who == nil {
		return dir, err
	}
	return dir, os.Chown(dir, int(who.Uid), int(who.Gid))
}

func guardArgs(bin, dir string, settings []string) []string {
	args := []string{"-c", guardScript, "guard", bin, dir, "-c", "listen_addresses=", "-c", "max_connections=200"}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	return args
}

// tell has the guard do one deed and returns when it is done.
func (g *guard) tell(deed string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, err := fmt.Fprintln(g.deeds, deed); err != nil {
		return fmt.Errorf("%s: the cluster's guard is gone: %w", deed, err)
	}
	answer, err := g.answers.ReadString('\n')
	if err != nil {
		return fmt.Errorf("%s: the cluster's guard is gone: %w", deed, err)
	}
	if answer != "0\n" {
		return fmt.Errorf("%s: status %s\n%s", deed, strings.TrimSpace(answer), g.log())
	}
	return nil
}

// log returns the end of what initdb and the server said.
func (g *guard) log() string {
	const most = 4096
	text, err := os.ReadFile(filepath.Join(g.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}

// close ends the server and returns when its folder is gone. Closing twice is fine.
func (g *guard) close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.deeds.Close(); err != nil {
		return nil // closed before: the guard is gone
	}
	if err := errors.Join(g.cmd.Wait(), g.out.Close()); err != nil {
		return fmt.Errorf("the cluster's guard: %w", err)
	}
	return nil
}
