package bench

import (
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/pgtest"
)

const (
	rounds = 3 // of each work, each beside a round of the bare handler
	round  = 600 * time.Millisecond
	warm   = 300 * time.Millisecond

	pool   = 100_000 // tokens that are asked about
	doomed = 60_000  // tokens that are there to be revoked, at random
	leave  = 40_000  // and in the order in which they were issued
	few    = 1000    // tokens in memory where a look-up is to miss
)

// force measures on a machine that is not quiet; what is printed then says so.
const force = "FICHA_BENCH_FORCE"

// pace is the variable that says what a request costs its caller, such as 40us:
// ours costs next to nothing, and a server that is asked as fast as it can
// answer costs less a request than one that sleeps in between.
const pace = "FICHA_BENCH_PACE"

// A bench is one run.
type bench struct {
	binary string
	bare   *process
	asked  *load // the bare handler's
	quiet  quiet
	table
}

// BenchmarkPaths prints what every finished path costs on both engines. It
// fails where an answer is wrong or others were busy on the machine, and says
// which budgets are missed.
func BenchmarkPaths(b *testing.B) {
	runtime.GOMAXPROCS(1) // the load has one core
	pin(b, os.Getpid(), loadCore)
	r := &bench{binary: build(b)}
	r.listen(b)
	b.Run("SQLite", func(b *testing.B) { r.paths(b, "SQLite", sqlite(b, pool+doomed+leave, leave)) })
	if pgtest.Available() {
		b.Run("PostgreSQL", func(b *testing.B) { r.paths(b, "PostgreSQL", postgres(b, pool+doomed+leave, leave)) })
	}
	b.Run("Million", r.house)
	if err := r.print(os.Stdout); err != nil {
		b.Fatal(err)
	}
	r.judge(b)
}

// listen starts the bare handler, and refuses a machine on which others work.
func (r *bench) listen(b *testing.B) {
	b.Helper()
	executable, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	r.bare = start(b, []string{asBare + "=yes"}, executable)
	b.Cleanup(func() { r.bare.stop(b) })
	if r.asked, err = dial(r.bare.address); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(r.asked.close)
	from := look(r.bare)
	r.round(b, r.bare, r.asked, bare(), 2*time.Second)
	var before quiet
	before.add(from, look(r.bare))
	if before.noise() > mostNoise && os.Getenv(force) == "" {
		b.Fatalf("others take %.0f %% of a core: stop them, or set %s=yes for figures that are not to be quoted", 100*before.noise(), force)
	}
}

// paths measures every work on one engine. The budgets are SQLite's, but for
// one.
func (r *bench) paths(b *testing.B, engine string, w *world) {
	b.Helper()
	one, asked, doomed := w.tokens[:1], w.tokens[:pool], w.tokens[pool:]
	works := []work{
		{"introspect, cached, one token", .65, introspect(one)},
		{"introspect, cached, 100,000", .65, introspect(asked)},
		{"verify, cached, one token", .65, verify(one)},
		{"verify, cached, 100,000", .65, verify(asked)},
		{"issue opaque", .38, issue("machine")},
		{"issue EdDSA", .27, issue("eddsa")},
		{"issue ES256", .25, issue("es256")},
		{"refresh, replaced", .34, refresh("spa", w.spa)},
		{"refresh, kept", .34, refresh("web", w.web)},
		{"revoke", .38, revoke(w.newest)},
	}
	missing := []work{
		{"introspect, not cached", .45, introspect(asked)},
		{"verify, not cached", .45, verify(asked)},
		{"revoke, not cached, at random", 0, revoke(doomed)},
	}
	if engine != "SQLite" {
		for _, of := range [][]work{works, missing} {
			for i := range of {
				of[i].budget = map[string]float64{"issue opaque": .30}[of[i].name]
			}
		}
	}
	r.serving(b, w, 0, func(p *process, l *load) {
		for _, list := range [][]string{asked, w.newest} {
			for known := 0; known < len(list); {
				known += r.round(b, p, l, introspect(list[known:]), warm).count
			}
		}
		r.run(b, engine, p, l, works, w.newest)
	})
	r.serving(b, w, few, func(p *process, l *load) {
		r.run(b, engine, p, l, missing, doomed)
	})
}

// run measures works, and asks whether what the last of them revoked has ended.
func (r *bench) run(b *testing.B, engine string, p *process, l *load, works []work, doomed []string) {
	b.Helper()
	for _, of := range works {
		b.Run(of.name, func(b *testing.B) { r.compare(b, engine, p, l, of) })
	}
	if r.has(works[len(works)-1].name) {
		r.round(b, p, l, ended(doomed[:connections]), warm)
	}
}

// serving runs a world's program with n tokens at most in memory, 0 for its
// own default.
func (r *bench) serving(b *testing.B, w *world, cached int, do func(*process, *load)) {
	b.Helper()
	p := w.serve(b, r.binary, cached)
	defer p.stop(b)
	l, err := dial(p.address)
	if err != nil {
		b.Fatal(err)
	}
	defer l.close()
	do(p, l)
}

// compare measures a work beside the bare handler, in turn, and keeps the
// medians.
func (r *bench) compare(b *testing.B, engine string, p *process, l *load, of work) {
	b.Helper()
	r.round(b, p, l, of.callers, warm)
	var theirs, bares []sample
	for range rounds {
		from := look(p, r.bare)
		bares = append(bares, r.round(b, r.bare, r.asked, bare(), round/2))
		theirs = append(theirs, r.round(b, p, l, of.callers, round))
		r.quiet.add(from, look(p, r.bare))
	}
	r.row(engine, of, median(theirs), median(bares))
	b.ReportMetric(median(theirs).perCPU/median(bares).perCPU, "of-bare")
	b.ReportMetric(0, "ns/op") // a round's length says nothing
}

// round asks for a while and returns what that cost.
func (r *bench) round(b *testing.B, p *process, l *load, callers []caller, during time.Duration) sample {
	b.Helper()
	began, cpu := time.Now(), p.cpu()
	took, err := l.run(callers, during)
	if err != nil {
		b.Fatalf("%v\n%s", err, p.log.text)
	}
	return newSample(took, time.Since(began), p.cpu()-cpu)
}

// judge fails the run where a budget was missed or the machine was not ours.
func (r *bench) judge(b *testing.B) {
	b.Helper()
	if missed := r.missed(); len(missed) > 0 {
		b.Logf("under their budgets: %v", missed)
	}
	noise := r.quiet.noise()
	switch {
	case noise <= mostNoise:
	case os.Getenv(force) == "":
		b.Errorf("others took %.0f %% of a core: these figures are void", 100*noise)
	default:
		b.Logf("others took %.0f %% of a core: these figures are not to be quoted", 100*noise)
	}
}

// A sample is what one round cost.
type sample struct {
	count    int
	rate     float64 // requests a second
	perCPU   float64 // requests a second of processor
	p50, p99 time.Duration
}

func newSample(took []time.Duration, wall, cpu time.Duration) sample {
	slices.Sort(took)
	n := float64(len(took))
	return sample{count: len(took), rate: n / wall.Seconds(), perCPU: n / max(cpu, tick).Seconds(), p50: took[len(took)/2], p99: took[len(took)*99/100]}
}

// median takes each figure's own.
func median(all []sample) sample {
	return sample{
		rate:   middle(all, func(s sample) float64 { return s.rate }),
		perCPU: middle(all, func(s sample) float64 { return s.perCPU }),
		p50:    middle(all, func(s sample) time.Duration { return s.p50 }),
		p99:    middle(all, func(s sample) time.Duration { return s.p99 }),
	}
}

func middle[T float64 | time.Duration](all []sample, of func(sample) T) T {
	values := make([]T, len(all))
	for i, s := range all {
		values[i] = of(s)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
