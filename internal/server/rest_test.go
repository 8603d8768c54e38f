package server

import (
	"path/filepath"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/store"
)

// TestServerAtRestGivesItsMemoryBack, and not while it is busy.
func TestServerAtRestGivesItsMemoryBack(t *testing.T) {
	db, err := store.Open(t.Context(), store.Config{Database: "sqlite:" + filepath.Join(t.TempDir(), "ficha.db"), Now: time.Now}, true)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // nothing was written
	job := (&Server{Store: db}).rest()
	look := func() uint64 {
		t.Helper()
		if err := job.Run(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		sample := []metrics.Sample{{Name: "/memory/classes/heap/released:bytes"}}
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	const busy = 128 << 20
	work(busy)
	before := look()
	if after := look(); after < before+busy/2 {
		t.Errorf("gave back %d MB of %d", (after-before)>>20, busy>>20)
	}
}

// work allocates so many bytes, and leaves them to the collector.
func work(bytes int) {
	var kept [][]byte
	for range bytes >> 12 {
		kept = append(kept, make([]byte, 4096))
	}
	for _, page := range kept {
		page[0] = 1
	}
}
