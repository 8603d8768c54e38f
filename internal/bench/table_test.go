package bench

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// A table is what a run found.
type table struct {
	rows   []row
	limits []limit
}

// A limit is what may not be passed.
type limit struct {
	what, unit string
	got, most  float64
}

func (l limit) verdict() string {
	return map[bool]string{true: "met", false: "missed"}[l.got <= l.most]
}

type row struct {
	engine, name string
	budget       float64
	got, bare    sample
}

func (t *table) row(engine string, of work, got, bare sample) {
	t.rows = append(t.rows, row{engine, of.name, of.budget, got, bare})
}

// has reports whether the last row is of a work: a run may choose among them.
func (t *table) has(name string) bool { return len(t.rows) > 0 && t.rows[len(t.rows)-1].name == name }

// share is of the bare handler's requests a second of processor, in the rounds
// beside this row's.
func (r row) share() float64 { return r.got.perCPU / r.bare.perCPU }

// verdict holds a row against its budget, to the two digits that are printed.
func (r row) verdict() string {
	switch {
	case r.budget == 0:
		return ""
	case r.share()+.005 >= r.budget:
		return "met"
	}
	return "missed"
}

func (t *table) missed() (names []string) {
	for _, r := range t.rows {
		if r.verdict() == "missed" {
			names = append(names, r.engine+": "+r.name)
		}
	}
	for _, l := range t.limits {
		if l.verdict() == "missed" {
			names = append(names, l.what)
		}
	}
	return names
}

// print writes the table, the bare handler first, and the limits below it.
func (t *table) print(out io.Writer) error {
	var text strings.Builder
	text.WriteString("engine\twork\treq/s\tp50\tp99\tCPU/req\treq/CPU-s\tshare\tbudget\t\t\n")
	bare := make([]sample, len(t.rows))
	for i, r := range t.rows {
		bare[i] = r.bare
	}
	if len(bare) > 0 {
		line(&text, row{name: "bare net/http handler", got: median(bare), bare: median(bare)})
	}
	for _, r := range t.rows {
		line(&text, r)
	}
	text.WriteByte('\n')
	for _, l := range t.limits {
		fmt.Fprintf(&text, "\t%s\t%.2f %s\t\t\t\t\t\t%g\t%s\t\n", l.what, l.got, l.unit, l.most, l.verdict())
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, err := fmt.Fprintf(w, "\n%s, %s, %s/%s, %s\n\n%s", time.Now().Format(time.DateOnly), runtime.Version(), runtime.GOOS, runtime.GOARCH, cores(), &text)
	return errors.Join(err, w.Flush())
}

func line(w *strings.Builder, r row) {
	budget := "-"
	if r.budget > 0 {
		budget = fmt.Sprintf("%.2f", r.budget)
	}
	fmt.Fprintf(w, "%s\t%s\t%.0f\t%s\t%s\t%s\t%.0f\t%.2f\t%s\t%s\t\n", r.engine, r.name, r.got.rate,
		milliseconds(r.got.p50), milliseconds(r.got.p99), time.Duration(float64(time.Second)/r.got.perCPU).Round(100*time.Nanosecond),
		r.got.perCPU, r.share(), budget, r.verdict())
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/1e6) }

// cores says on what it ran.
func cores() string {
	name := "unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		_, rest, _ := strings.Cut(string(text), "model name\t: ")
		name, _, _ = strings.Cut(rest, "\n")
	}
	if !pinned() {
		return fmt.Sprintf("%d x %s, server and load not kept apart", runtime.NumCPU(), name)
	}
	return fmt.Sprintf("%d x %s, server and database on one core, load on another", runtime.NumCPU(), name)
}
