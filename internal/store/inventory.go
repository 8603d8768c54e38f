package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/fichadev/ficha/internal/token"
)

// A step bounds what one look at a source may cost: rows of an index, each of
// which is another page of the file, and rows that lie side by side.
type step struct{ walked, passed int }

var (
	pageStep  = step{2048, 8192}
	tallyStep = step{8192, 65536}
	needStep  = step{2048, 4096}
)

// An asking is an inventory as the texts of sources take it.
type asking struct {
	token.Inventory
	now    int64
	four   string // last four that are looked for
	id     token.ID
	from   int64 // the first id that is asked for
	before int64
	few    bool  // what roams is found by the members, who hold little of it
	args   []any // from the fourth parameter on
}

func (s *Store) asking(ctx context.Context, i token.Inventory) (_ *asking, err error) {
	if i.Workspace == "" {
		return nil, errors.New("list tokens: of no workspace")
	}
	a := &asking{Inventory: i, now: s.now(), before: math.MaxInt64, four: i.LastFour}
	if a.few, err = s.few(ctx, &i); err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	if a.id, _ = token.ParseID(i.Search); i.Credential != 0 {
		a.id = i.Credential
	}
	if a.four == "" && len(i.Search) == 4 {
		a.four = i.Search
	}
	if i.Before != 0 {
		a.before = int64(i.Before)
	}
	if i.CreatedBefore != 0 {
		a.before = min(a.before, edge(i.CreatedBefore))
	}
	if i.CreatedFrom != 0 {
		a.from = edge(i.CreatedFrom)
	}
	a.args = []any{
		kindsText(i.Kinds), i.Client, i.Owner, i.Status, a.now, i.ExpiresFrom, i.ExpiresBefore, a.four, containing(i.Search), int64(a.id),
		i.LastFour, i.Person, i.Contract, scopeText(i.Scope), i.UsedFrom, i.UsedBefore, truth(i.Unused), i.IdleSince, edge(i.IdleSince), i.SuspendedAt,
		int64(i.Grant), i.Key, i.Behind, int64(i.Credential),
	}
	return a, nil
}

// kindsText lists kinds between spaces: sessions and codes are in no inventory.
func kindsText(kinds []token.Kind) string {
	if len(kinds) == 0 {
		kinds = token.Listed
	}
	text := " "
	for _, k := range kinds {
		text += string(k) + " "
	}
	return text
}

func scopeText(scope string) string {
	if scope == "" {
		return ""
	}
	return containing(" " + scope + " ")
}

// of returns the parameters of a text over the rows from an id on.
func (a *asking) of(low int64, more ...any) []any {
	return slices.Concat([]any{a.Workspace, a.before, low}, a.args, more)
}

// takes reports whether a source may hold what is asked for. Nobody walks to
// what an index finds by itself, and what has no name is not found by one.
func (a *asking) takes(w *walk) bool {
	switch {
	case len(a.Kinds) > 0 && !slices.ContainsFunc(w.kinds, a.Asks), w.unbound && a.Bound:
		return false
	case w.by == viaFour:
		return a.LastFour != ""
	case w.by == viaID:
		return a.id != 0
	case w.unbound && (w.by == viaPerson) != a.few:
		return false
	case a.Credential != 0:
		return false
	case w.routine:
		return a.Search == "" || a.four != ""
	case w.kinds[0] == token.Access || w.unbound:
		return a.LastFour == ""
	}
	return true
}

// edge returns the id at which a look at a source stops, and whether there is
// more below it.
func (s *Store) edge(ctx context.Context, w *walk, a *asking, by step) (low int64, bounded bool, err error) {
	if w.edge == "" {
		return a.from, false, nil
	}
	most := by.walked
	if w.passes != "" {
		most = by.passed
	}
	low, err = one(ctx, s.reads, w.edge, scanInt, a.Workspace, a.before, a.from, most)
	if err != nil {
		return 0, false, fmt.Errorf("list tokens: %w", err)
	}
	return max(low, a.from), low != 0, nil
}

// Inventory returns a page of the credentials of a workspace. A page may hold
// fewer than its limit, or none, and have a next one: then it passed over as
// many rows as one page may look at.
func (s *Store) Inventory(ctx context.Context, i token.Inventory) (*token.Page, error) {
	a, err := s.asking(ctx, i)
	if err != nil {
		return nil, err
	}
	limit := i.Limit
	if limit <= 0 || limit > token.MostListed {
		limit = token.MostListed
	}
	if i.Soonest {
		return s.soonest(ctx, a, limit)
	}
	page, reached := &token.Page{}, token.ID(0)
	for n := range walks {
		w := &walks[n]
		if !a.takes(w) {
			continue
		}
		low, bounded, err := s.edge(ctx, w, a, pageStep)
		if err != nil {
			return nil, err
		}
		switch {
		case bounded && w.routine && !i.Thorough && !i.OnlyRoutine():
			page.Looked = max(page.Looked, token.ID(low))
		case bounded:
			reached = max(reached, token.ID(low))
		}
		rows, err := all(ctx, s.reads, w.page, scanToken, a.of(low, limit+1)...)
		if err != nil {
			return nil, fmt.Errorf("list tokens: %w", err)
		}
		page.Tokens = append(page.Tokens, rows...)
	}
	cut(page, limit, reached)
	return page, nil
}

// cut brings what the sources gave into one order and ends the page where the
// first of them knows no further.
func cut(p *token.Page, limit int, reached token.ID) {
	slices.SortFunc(p.Tokens, func(a, b *token.Token) int { return cmp.Compare(b.ID, a.ID) })
	p.Tokens = slices.CompactFunc(p.Tokens, func(a, b *token.Token) bool { return a.ID == b.ID })
	p.Tokens = slices.DeleteFunc(p.Tokens, func(t *token.Token) bool { return t.ID < reached })
	p.Next = reached
	if len(p.Tokens) > limit {
		p.Tokens = p.Tokens[:limit]
		p.Next = p.Tokens[limit-1].ID
	}
	if p.Looked <= p.Next {
		p.Looked = 0
	}
}

// Tally counts the credentials of an inventory, a bounded number, and what is
// on disk of their use.
func (s *Store) Tally(ctx context.Context, i token.Inventory) (*token.Tally, error) {
	a, err := s.asking(ctx, i)
	if err != nil {
		return nil, err
	}
	day := oneDay.Milliseconds()
	sum := &token.Tally{Kinds: map[token.Kind]int64{}, Owners: map[string]int64{}}
	for n := range walks {
		w := &walks[n]
		if !a.takes(w) {
			continue
		}
		low, bounded, err := s.edge(ctx, w, a, tallyStep)
		if err != nil {
			return nil, err
		}
		sum.AtLeast = sum.AtLeast || bounded
		parts, err := all(ctx, s.reads, w.tally, scanPart, a.of(low, a.now-day, a.now-7*day)...)
		if err != nil {
			return nil, fmt.Errorf("count tokens: %w", err)
		}
		for _, p := range parts {
			sum.Count, sum.Day, sum.Week, sum.Used = sum.Count+p.count, sum.Day+p.day, sum.Week+p.week, max(sum.Used, p.used)
			sum.Kinds[p.kind] += p.count
			sum.Owners[p.owner] += p.count
		}
	}
	return sum, nil
}

// part is what a tally counts of one kind and owner.
type part struct {
	kind                   token.Kind
	owner                  string
	count, day, week, used int64
}

func scanPart(r *sql.Rows) (p part, err error) {
	var kind string
	err = r.Scan(&kind, &p.owner, &p.count, &p.day, &p.week, &p.used)
	p.kind = token.Kind(kind)
	return p, err
}

// Attention counts what somebody should look at among the live tokens of a
// workspace that have a name.
func (s *Store) Attention(ctx context.Context, workspace string) (*token.Attention, error) {
	a, err := s.asking(ctx, token.Inventory{Workspace: workspace, Kinds: token.Kinds, Status: token.StatusLive})
	if err != nil {
		return nil, err
	}
	const month = 30 * oneDay
	sum := &token.Attention{}
	for n := range walks {
		w := &walks[n]
		if w.routine || !a.takes(w) {
			continue
		}
		low, bounded, err := s.edge(ctx, w, a, needStep)
		if err != nil {
			return nil, err
		}
		p, err := one(ctx, s.reads, w.attention, scanAttention,
			a.of(low, a.now+month.Milliseconds(), edge(a.now-month.Milliseconds()), a.now-3*month.Milliseconds())...)
		if err != nil {
			return nil, fmt.Errorf("count what needs attention: %w", err)
		}
		sum.Add(p)
		sum.AtLeast = sum.AtLeast || bounded
	}
	return sum, nil
}

func scanAttention(r *sql.Rows) (p token.Attention, err error) {
	err = r.Scan(&p.Count, &p.Expiring, &p.NeverUsed, &p.Idle, &p.NoOwner, &p.NoPurpose, &p.Broad)
	return p, err
}

// containing returns the pattern of a text with that part, "" for no part.
func containing(part string) string {
	if part == "" {
		return ""
	}
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(part) + "%"
}
