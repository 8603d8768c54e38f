package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// A process is ficha, started as people start it.
type process struct {
	url   string
	lines []string // that it printed before it was ready
	cmd   *exec.Cmd
	once  sync.Once
	code  int
	read  chan struct{} // closed when its output has ended
}

// launch runs ficha in a folder until it says where it is. What it writes goes
// to the files name.out and name.err.
func launch(dir string, env []string, name string, args ...string) (*process, error) {
	stdout, err := os.Create(name + ".out")
	if err != nil {
		return nil, err
	}
	stderr, err := os.Create(name + ".err")
	if err != nil {
		return nil, err
	}
	defer stderr.Close() // the process has its own
	p := &process{cmd: exec.Command("ficha", args...), read: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env, p.cmd.Stderr = dir, env, stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(io.TeeReader(out, stdout))
	for p.url == "" && lines.Scan() {
		p.lines = append(p.lines, lines.Text())
		for _, before := range []string{"Ficha is at ", "Ficha's demo is at "} {
			if rest, ok := strings.CutPrefix(lines.Text(), before); ok {
				p.url, _, _ = strings.Cut(rest, " ")
			}
		}
	}
	go func() {
		defer close(p.read)
		defer stdout.Close()
		for lines.Scan() { // the rest, for the file
		}
	}()
	if p.url == "" {
		code := p.end(syscall.SIGKILL)
		said, _ := os.ReadFile(name + ".err")
		return nil, fmt.Errorf("ficha %s ended with exit code %d: %s", strings.Join(args, " "), code, said)
	}
	return p, nil
}

// end sends a signal and waits. It returns the exit code, -1 if the signal
// ended the process; ending twice is harmless.
func (p *process) end(with syscall.Signal) int {
	p.once.Do(func() {
		if err := p.cmd.Process.Signal(with); err != nil && !errors.Is(err, os.ErrProcessDone) {
			p.code = -2
		}
		<-p.read
		_ = p.cmd.Wait() // its outcome is in ProcessState
		p.code = p.cmd.ProcessState.ExitCode()
	})
	return p.code
}

// serving runs "ficha serve" in a folder, and ends it after the test.
func serving(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "FICHA_LISTEN=127.0.0.1:0", "FICHA_DATA_DIR=" + dir + "/data"}
	p, err := launch(dir, env, dir+"/serve", append([]string{"serve"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.end(syscall.SIGKILL) })
	return p
}
