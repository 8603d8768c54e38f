package resources

import (
	"context"
	"fmt"
	"slices"

	"github.com/fichadev/ficha/internal/token"
)

// An Outcome says what became of one declaration.
type Outcome string

// The outcomes. Unchanged and KeptEnded wrote nothing.
const (
	Created   Outcome = "created"
	Changed   Outcome = "changed"
	Unchanged Outcome = "unchanged"
	KeptEnded Outcome = "kept ended" // people ended it; only Options.Restore brings it back
	Restored  Outcome = "restored"
	Pruned    Outcome = "pruned" // an earlier file declared it and this one does not
)

// A Holder is the server that a file is applied to. Each Put and each End is
// one commit with its audit row.
type Holder interface {
	// Has reports whether there is such a thing, in whatever state.
	Has(ctx context.Context, i Item) (bool, error)
	// Put makes what is declared, or changes what differs.
	Put(ctx context.Context, who token.Actor, d Declaration, o Options) (Outcome, error)
	// End ends or removes a thing; it reports false if it was not there or had
	// ended.
	End(ctx context.Context, who token.Actor, i Item) (bool, error)
	// Made returns what applying files has made so far, in that order.
	Made(ctx context.Context) ([]Item, error)
	// Remember adds to what Made returns, and Forget takes from it; others may
	// do so at the same time.
	Remember(ctx context.Context, made []Item) error
	Forget(ctx context.Context, gone []Item) error
}

// Options say how far applying goes.
type Options struct {
	Restore bool // what people ended comes back; no token that ended with it does
	Prune   bool // end what earlier files made and this one does not declare
}

// A Report says what applying did, in the order of the doing. It holds no
// secret.
type Report struct {
	Lines    []Line    `json:"lines"`
	Warnings []Warning `json:"warnings,omitempty"`
}

// A Line is what became of one thing.
type Line struct {
	Kind    ItemKind `json:"kind"`
	Name    string   `json:"name"`
	Outcome Outcome  `json:"outcome"`
	Line    int      `json:"line,omitempty"` // of the file; 0: the file does not declare it
}

// Count returns how many things had an outcome.
func (r Report) Count(o Outcome) int {
	n := 0
	for _, l := range r.Lines {
		if l.Outcome == o {
			n++
		}
	}
	return n
}

// Apply brings a server to what a file declares, one commit a thing, in an
// order in which everything finds what it refers to. Names that nobody knows
// are found before anything is written. Where it stops half-way, the report
// says how far it came and applying again goes on from there. name is the
// file's, for messages; the error is of type Problems where the file is to be
// mended.
func Apply(ctx context.Context, h Holder, who token.Actor, name string, f *File, o Options) (Report, error) {
	a := applier{Holder: h, who: who, name: name, options: o}
	if err := a.resolve(ctx, f); err != nil {
		return a.report, err
	}
	all := f.Declarations()
	stale, err := a.remember(ctx, all)
	if err != nil {
		return a.report, err
	}
	for _, d := range all {
		if err := a.put(ctx, d); err != nil {
			return a.report, err
		}
	}
	if o.Prune {
		err = a.prune(ctx, stale)
	}
	return a.report, err
}

type applier struct {
	Holder
	who     token.Actor
	name    string
	options Options
	report  Report
}

func (a *applier) put(ctx context.Context, d Declaration) error {
	i := d.Item()
	out, err := a.Put(ctx, a.who, d, a.options)
	if err != nil {
		return a.at(d, err)
	}
	a.report.Lines = append(a.report.Lines, Line{i.Kind, d.Label(), out, d.At()})
	return nil
}

// at says where in the file a refusal is to be mended. A fault keeps its chain.
func (a *applier) at(d Declaration, err error) error {
	r := token.AsRefusal(err)
	if r == nil || r.Code == token.Unavailable || r.Code == token.OutcomeUnknown {
		return fmt.Errorf("apply %s %s of %s:%d: %w", d.Item().Kind, d.Label(), a.name, d.At(), err)
	}
	return Problems{{File: a.name, Line: d.At(), Path: string(d.Item().Kind) + " " + d.Label(), Text: r.Text}}
}

// remember enters what this file will make among what files have made, before
// it is made: a crash leaves nothing that pruning would not know. It returns
// what earlier files made and this one does not declare.
func (a *applier) remember(ctx context.Context, all []Declaration) (stale []Item, err error) {
	made, err := a.Made(ctx)
	if err != nil {
		return nil, err
	}
	known, declared := make(map[Item]bool, len(made)), make(map[Item]bool, len(all))
	for _, i := range made {
		known[i] = true
	}
	var fresh []Item
	for _, d := range all {
		i := d.Item()
		declared[i] = true
		if known[i] {
			continue
		}
		there, err := a.Has(ctx, i)
		if err != nil {
			return nil, fmt.Errorf("look up %s %s: %w", i.Kind, d.Label(), err)
		}
		if !there {
			fresh = append(fresh, i)
		}
	}
	stale = slices.DeleteFunc(made, func(i Item) bool { return declared[i] })
	if len(fresh) == 0 {
		return stale, nil
	}
	return stale, a.Remember(ctx, fresh)
}

// prune ends what is stale, the last made first: what refers goes before what
// is referred to. A thing that may not end is a warning and stays known, unless
// its whole workspace goes.
func (a *applier) prune(ctx context.Context, stale []Item) error {
	var gone []Item
	for _, i := range slices.Backward(stale) {
		ended, err := a.End(ctx, a.who, i)
		if r := token.AsRefusal(err); r != nil && r.Code == token.Conflict {
			if !slices.Contains(stale, Item{Kind: WorkspaceItem, Name: i.Workspace}) {
				a.warn(0, string(i.Kind)+" "+i.label(), "is not pruned: "+r.Text)
				continue
			}
			err = nil
		}
		if err != nil {
			return fmt.Errorf("prune %s %s: %w", i.Kind, i.label(), err)
		}
		gone = append(gone, i)
		if ended {
			a.report.Lines = append(a.report.Lines, Line{Kind: i.Kind, Name: i.label(), Outcome: Pruned})
		}
	}
	if gone == nil {
		return nil
	}
	return a.Forget(ctx, gone)
}

func (a *applier) warn(line int, path, text string) {
	a.report.Warnings = append(a.report.Warnings, Warning{File: a.name, Line: line, Path: path, Text: text})
}

// resolve finds the names that the file uses and does not declare. A scope that
// the catalogue lacks harms nobody until it is asked for; any other name is a
// mistake.
func (a *applier) resolve(ctx context.Context, f *File) error {
	var problems Problems
	for _, r := range f.References() {
		i, ok := r.item()
		if !ok {
			continue
		}
		there, err := a.Has(ctx, i)
		switch {
		case err != nil:
			return fmt.Errorf("look up %s %s: %w", r.Kind, r.Name, err)
		case there:
		case r.Kind == ToScope:
			a.warn(r.Line, "scope "+r.Name, "is not in the catalogue and cannot be granted until it is; add it under scopes")
		default:
			problems = append(problems, Problem{File: a.name, Line: r.Line, Path: string(r.Kind) + " " + r.Name, Text: r.missing()})
		}
	}
	if len(problems) > 0 {
		return problems[:min(len(problems), maxProblems)].sorted()
	}
	return nil
}

func (r Reference) missing() string {
	where := "on the server"
	if r.Workspace != "" {
		where = "in workspace " + r.Workspace
	}
	return fmt.Sprintf("is neither in this file nor %s; declare it or mend the name", where)
}
