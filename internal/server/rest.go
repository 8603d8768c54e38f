package server

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/fichadev/ficha/internal/jobs"
)

// restful is how many bytes a server allocates at most between two looks that
// nobody asks for anything.
const restful = 16 << 20

// rest returns the job that gives memory back when a busy server has come to
// rest. The collector by itself keeps what it may soon need again, and begins
// no cycle where little is allocated.
func (s *Server) rest() jobs.Job {
	before, busy := allocated(), true // it was, to start
	return jobs.Job{Name: "memory", Every: 20 * time.Second, EachNode: true, Run: func(ctx context.Context, _ time.Time) error {
		now := allocated()
		wasBusy := busy
		busy, before = now-before > restful, now
		if busy || !wasBusy {
			return nil
		}
		err := s.Store.Shrink(ctx)
		debug.FreeOSMemory()
		return err
	}}
}

// allocated returns how many bytes this process has ever allocated.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
