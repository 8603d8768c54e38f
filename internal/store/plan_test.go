package store

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/token"
)

// Ending a few tokens looks them up and reads no table, however many there are
// and whatever the planner knows of them.
func TestEndingIsALookUp(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		must(t, s.EnsurePartitions(ctx, time.Now(), 7))
		var some []any
		for range 6 {
			deed := &token.Deed{}
			for range 500 {
				deed.Issue = append(deed.Issue, newToken(token.Short), newToken(token.Long))
			}
			must(t, s.Commit(ctx, deed))
			some = append(some, int64(deed.Issue[0].ID), int64(5), "revoked", "x", int64(0))
		}
		for class := range endText {
			for range 8 { // PostgreSQL may change its mind after five times
				plan := explain(t, s, endText[class].text(rowsOf{rows: 4, numbered: s.engine.shared()}), some[:20])
				if strings.Contains(plan, "Seq Scan on tokens") || strings.Contains(plan, "SCAN tokens") {
					t.Fatalf("%s is read as a whole:\n%s", tables[class], plan)
				}
			}
		}
	})
}

// A page of a walk begins where the one before ended.
func TestPagesBeginWhereTheyAreAsked(t *testing.T) {
	s := open(t, "sqlite")
	beginsAtAParameter(t, s, tokensByStatus, []any{100, 200})
	beginsAtAParameter(t, s, answersAfter, []any{100, []byte{1}})
	if plan := explain(t, s, leaksOf, []any{"w", 0, 100, 1, []byte{1}, 10}); strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
		t.Errorf("leaks are read as a whole:\n%s", plan)
	}
}

// A plan that was made when a day had no tokens yet is kept, and looks tokens up
// when the day is full of them.
func TestEndingPlannedOnAnEmptyDayIsALookUp(t *testing.T) {
	if !pgtest.Available() {
		return // SQLite knows no sizes
	}
	s := open(t, pgtest.Start(t).Database(t))
	ctx := context.Background()
	must(t, s.EnsurePartitions(ctx, time.Now(), 7))
	_, err := s.writer.exec(ctx, "PREPARE ending AS "+endText[token.Short].text(rowsOf{rows: 512, numbered: true}))
	must(t, err)
	ask := "EXECUTE ending(" + strings.Repeat("1, 5, 'revoked', 'x', 0, ", 511) + "1, 5, 'revoked', 'x', 0)"
	plans := func() (made int64) {
		made, err := one(ctx, s.writer, "SELECT generic_plans FROM pg_prepared_statements WHERE name = 'ending'", scanInt)
		must(t, err)
		return made
	}
	for range 8 {
		_, err := s.writer.exec(ctx, ask)
		must(t, err)
	}
	if n := plans(); n != 8 {
		t.Errorf("of 8 endings %d have used the plan that was kept", n)
	}
	deed := &token.Deed{}
	for range 3000 {
		deed.Issue = append(deed.Issue, newToken(token.Short))
	}
	must(t, s.Commit(ctx, deed))
	if plan := explain(t, s, ask, nil); strings.Contains(plan, "Seq Scan on tokens") {
		t.Errorf("a day is read as a whole:\n%s", plan)
	}
}

// explain returns the writer's plan of a statement.
func explain(t *testing.T, s *Store, text string, args []any) string {
	t.Helper()
	return explainOn(t, s.writer.statements, text, args)
}

func explainOn(t *testing.T, on *statements, text string, args []any) string {
	t.Helper()
	how := "EXPLAIN QUERY PLAN "
	if on.engine.shared() {
		how = "EXPLAIN "
	}
	rows, err := on.query(context.Background(), how+text, args...)
	must(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	must(t, err)
	var plan strings.Builder
	for rows.Next() {
		cells := make([]any, len(columns))
		for i := range cells {
			cells[i] = new(any)
		}
		must(t, rows.Scan(cells...))
		if line, ok := (*cells[len(cells)-1].(*any)).(string); ok {
			plan.WriteString(line + "\n")
		}
	}
	must(t, rows.Err())
	return plan.String()
}
