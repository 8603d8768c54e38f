package bench

import (
	"context"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// The budgets of a house with many tokens in it.
const (
	many = 1_000_000

	mostStart  = 200 * time.Millisecond
	mostIdle   = 40 << 20 // bytes
	mostCached = 250.0    // bytes for each token in memory
	mostSlope  = 1.2      // cost of a request with a million tokens against a thousand
)

// millions is the variable that says how many million tokens the large house
// has: one, unless it says more.
const millions = "FICHA_BENCH_MILLIONS"

// sizeOfHouse returns the number of tokens in the large house, and its name.
func sizeOfHouse(b *testing.B) (n int, name string) {
	b.Helper()
	text := os.Getenv(millions)
	if text == "" {
		return many, "a million"
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("%s=%s is no number of millions", millions, text)
	}
	return n * many, text + " million"
}

// house measures what does not show in a request's share: start, memory, and
// that nothing grows with the number of tokens.
func (r *bench) house(b *testing.B) {
	b.Helper()
	n, count := sizeOfHouse(b)
	small, large := sqlite(b, 1000, 0), sqlite(b, n, 0)
	started, idle := r.starts(b, large)
	r.limit("start with "+count+" tokens", started.Seconds()*1000, mostStart.Seconds()*1000, "ms")
	r.limit("memory after start", float64(idle)/(1<<20), mostIdle>>20, "MB")
	r.limit("memory for each cached token", perCached(b, large), mostCached, "bytes")
	asking, issuing := r.slope(b, small, large)
	r.limit("introspect, not cached: "+count+" against a thousand", asking, mostSlope, "times")
	r.limit("issue opaque: "+count+" against a thousand", issuing, mostSlope, "times")
	r.inventory(b)
}

func (r *bench) limit(what string, got, most float64, unit string) {
	r.limits = append(r.limits, limit{what, unit, got, most})
}

// starts returns the median time to the first listening, and the memory then.
func (r *bench) starts(b *testing.B, w *world) (time.Duration, int64) {
	b.Helper()
	var took []time.Duration
	var idle []int64
	for range 5 {
		p := w.serve(b, r.binary, 0)
		took, idle = append(took, p.took), append(idle, residentOf(b, p.cmd.Process.Pid))
		p.stop(b)
	}
	slices.Sort(took)
	slices.Sort(idle)
	return took[2], idle[2]
}

// perCached returns what the judge keeps for a token in memory.
func perCached(b *testing.B, w *world) float64 {
	b.Helper()
	s := w.open(b)
	defer s.Close() //nolint:errcheck // nothing was written
	judge := func(secrets []string) {
		for _, secret := range secrets {
			if _, _, err := s.Verifier.Judge(b.Context(), secret, token.Use{Now: time.Now().UnixMilli(), Surface: token.AtVerify}); err != nil {
				b.Fatal(err)
			}
		}
		if err := s.Verifier.WriteUses(b.Context(), unwritten); err != nil {
			b.Fatal(err)
		}
	}
	judge(w.tokens[:1000])
	before := heap()
	judge(w.tokens[1000 : 1000+pool])
	return float64(heap()-before) / pool
}

// unwritten lets uses go, which are written every ten seconds.
func unwritten(_ context.Context, uses token.Uses, wrote func(more int)) error {
	wrote(uses.Len)
	return nil
}

func heap() int64 {
	runtime.GC()
	runtime.GC() // what the first one found to be finalized
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// slope returns the cost of a request in a large house against a small one, for
// a look-up and for an issue, measured in turn.
func (r *bench) slope(b *testing.B, small, large *world) (asking, issuing float64) {
	b.Helper()
	var perCPU [2][2][]float64 // by work and house
	r.serving(b, small, 64, func(few *process, fewLoad *load) {
		r.serving(b, large, 64, func(lots *process, lotsLoad *load) {
			for range rounds + 1 {
				from := look(few, lots)
				for n, callers := range [2][2][]caller{
					{introspect(small.tokens), introspect(large.tokens)}, {issue("machine"), issue("machine")},
				} {
					perCPU[n][0] = append(perCPU[n][0], r.round(b, few, fewLoad, callers[0], round).perCPU)
					perCPU[n][1] = append(perCPU[n][1], r.round(b, lots, lotsLoad, callers[1], round).perCPU)
				}
				r.quiet.add(from, look(few, lots))
			}
		})
	})
	return ratio(perCPU[0]), ratio(perCPU[1])
}

// ratio drops the first round, which warms, and holds the medians against each
// other.
func ratio(perCPU [2][]float64) float64 {
	for i := range perCPU {
		perCPU[i] = perCPU[i][1:]
		slices.Sort(perCPU[i])
	}
	return perCPU[0][rounds/2] / perCPU[1][rounds/2]
}
