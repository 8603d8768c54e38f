package trials

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// fill lets no file of a process grow much further, as a disk that is full.
func fill(t *testing.T, p *program) (free func()) {
	t.Helper()
	wal, err := os.Stat(filepath.Join(p.dir, "ficha.db-wal"))
	if err != nil {
		t.Fatal(err)
	}
	var before unix.Rlimit
	if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, nil, &before); err != nil {
		t.Fatal(err)
	}
	full := unix.Rlimit{Cur: uint64(wal.Size()) + 64<<10, Max: before.Max}
	if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &full, nil); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &before, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFullDiskLosesNothingAndHeals: while nothing can be written every deed is
// refused with 503, what was acknowledged is still so, and verification goes
// on; with room again the program goes on without a restart.
func TestFullDiskLosesNothingAndHeals(t *testing.T) {
	p := run(t, start{apply: houseFile()})
	var given []string
	issue := func() int {
		a, err := p.own("backend", secret("BACKEND_SECRET"))
		if err != nil {
			t.Fatal(err)
		}
		if a.status == 200 {
			given = append(given, a.text("access_token"))
		}
		return a.status
	}
	for range 3 {
		if status := issue(); status != 200 { // the disk may be full before the next one
			t.Fatalf("with room: %d", status)
		}
		free := fill(t, p)
		status := 200
		for tries := 0; status == 200 && tries < 2000; tries++ {
			status = issue()
		}
		if status != 503 {
			t.Fatalf("on a full disk: %d, want 503", status)
		}
		tok := given[len(given)-1]
		if a, err := p.revoke("backend", secret("BACKEND_SECRET"), tok); err != nil || a.status != 503 {
			t.Errorf("revoke on a full disk: %d %s, %v, want 503", a.status, a.body, err)
		}
		must(t, 200)(p.verify(tok))
		must(t, 200)(p.verify(given[0]))
		free()
		if status := issue(); status != 200 {
			t.Errorf("with room again: %d", status)
		}
		must(t, 200)(p.revoke("backend", secret("BACKEND_SECRET"), tok))
		must(t, 401)(p.verify(tok))
		given = given[:len(given)-2]
	}
	fill(t, p)
	for status := 200; status == 200; {
		status = issue()
	}
	p.end(syscall.SIGKILL) // and a crash on top
	again := run(t, start{dir: p.dir})
	for _, tok := range given {
		must(t, 200)(again.verify(tok))
	}
	isWhole(t, filepath.Join(p.dir, "ficha.db"))
	again.keepsItsPromises(t, "")
	t.Logf("%d tokens were acknowledged around four full disks", len(given))
}
