package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The server and its database have one core, the load the other.
const (
	serverCore = "0"
	loadCore   = "1"
)

// pinned reports whether there are two cores and a way to choose among them.
func pinned() bool {
	_, err := exec.LookPath("taskset")
	return err == nil && runtime.NumCPU() > 1
}

// pin moves a process with all its threads to a core.
func pin(b *testing.B, pid int, core string) {
	b.Helper()
	if !pinned() {
		return
	}
	if out, err := exec.CommandContext(b.Context(), "taskset", "-acp", core, strconv.Itoa(pid)).CombinedOutput(); err != nil {
		b.Fatalf("taskset: %v: %s", err, out)
	}
}

// A process is a server that is measured.
type process struct {
	cmd     *exec.Cmd
	address string
	took    time.Duration // from its start until it listened
	beside  func() []int  // the processes that work for it: the database's
	log     *tail
}

// start runs a program on the server's core and waits for the line of its
// output that ends with its URL. Its log goes through a pipe that is read.
func start(b *testing.B, env []string, name string, args ...string) *process {
	b.Helper()
	began := time.Now()
	if pinned() {
		name, args = "taskset", append([]string{"-c", serverCore, name}, args...)
	}
	p := &process{cmd: exec.CommandContext(b.Context(), name, args...), log: &tail{}, beside: func() []int { return nil }}
	p.cmd.Env = append(append(os.Environ(), "GOMAXPROCS=1"), env...)
	p.cmd.Stderr = p.log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for p.address == "" && lines.Scan() {
		_, p.address, _ = strings.Cut(lines.Text(), "http://")
	}
	p.took = time.Since(began)
	if p.address == "" {
		p.stop(b)
		b.Fatalf("the server did not start: %s", p.log.text)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // it ends with the process
	return p
}

// stop ends the process as an operator would.
func (p *process) stop(b *testing.B) {
	b.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		b.Fatal(err)
	}
	_ = p.cmd.Wait() // a server that is stopped by force says so in its log
}

// cpu returns the time that the server and its database have spent so far.
func (p *process) cpu() time.Duration {
	spent := cpuOf(p.cmd.Process.Pid)
	for _, pid := range p.beside() {
		spent += cpuOf(pid)
	}
	return spent
}

// tick is the unit of /proc/PID/stat: a hundredth of a second on every Linux.
const tick = 10 * time.Millisecond

// cpuOf returns the user and system time of a process and of the children that
// it has waited for; 0 if it is gone.
func cpuOf(pid int) time.Duration {
	var spent time.Duration
	for _, field := range statOf(pid, 11, 15) {
		n, _ := strconv.ParseInt(field, 10, 64) // fields of the kernel
		spent += time.Duration(n) * tick
	}
	return spent
}

// statOf returns fields of /proc/PID/stat, counted from behind the name.
func statOf(pid, from, to int) []string {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return nil
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	return fields[from:to]
}

// childrenOf returns a process and its children.
func childrenOf(parent int) []int {
	all := []int{parent}
	entries, _ := filepath.Glob("/proc/[0-9]*") // a good pattern
	for _, e := range entries {
		pid, _ := strconv.Atoi(filepath.Base(e))
		if ppid := statOf(pid, 1, 2); ppid != nil && ppid[0] == strconv.Itoa(parent) {
			all = append(all, pid)
		}
	}
	return all
}

// residentOf returns the memory of a process, in bytes.
func residentOf(b *testing.B, pid int) int64 {
	b.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	var kilobytes int64
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
		b.Fatal(err)
	}
	return kilobytes << 10
}

// A tail reads a log and keeps the last piece of it, to be shown when the
// server fails.
type tail struct{ text []byte }

// Write keeps the last of what is written.
func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text[:0], p[max(0, len(p)-2048):]...)
	return len(p), nil
}
