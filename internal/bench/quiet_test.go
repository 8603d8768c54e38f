package bench

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// mostNoise is how much of a core others may take before a run is refused.
const mostNoise = 0.15

// A quiet watches whether the machine is ours. It adds up, over all rounds,
// the time that all cores were busy and the time that we were.
type quiet struct {
	busy, ours, wall time.Duration
}

// moment is one reading.
type moment struct {
	at         time.Time
	busy, ours time.Duration
}

func look(servers ...*process) moment {
	m := moment{at: time.Now(), busy: busy(), ours: cpuOf(os.Getpid())}
	for _, p := range servers {
		m.ours += p.cpu()
	}
	return m
}

func (q *quiet) add(from, to moment) {
	q.busy += to.busy - from.busy
	q.ours += to.ours - from.ours
	q.wall += to.at.Sub(from.at)
}

// noise returns the share of a core that others took.
func (q *quiet) noise() float64 {
	if q.wall == 0 {
		return 0
	}
	return max(0, float64(q.busy-q.ours)/float64(q.wall))
}

// busy returns the user, nice and system time of all cores. Interrupts are left
// out: the network between us and the server is ours.
func busy() time.Duration {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	var spent time.Duration
	for _, field := range fields[1:4] {
		n, _ := strconv.ParseInt(field, 10, 64) // fields of the kernel
		spent += time.Duration(n) * tick
	}
	return spent
}
