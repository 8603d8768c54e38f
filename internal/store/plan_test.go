package store

import (
	"context"
	"strings"
	"testing"
	"time"

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
				plan := explain(t, s, endText[class].text(rowsOf{4, s.engine.shared()}), some[:20])
				if strings.Contains(plan, "Seq Scan on tokens") || strings.Contains(plan, "SCAN tokens") {
					t.Fatalf("%s is read as a whole:\n%s", tables[class], plan)
				}
			}
		}
	})
}

// explain returns the plan of a statement.
func explain(t *testing.T, s *Store, text string, args []any) string {
	t.Helper()
	how := "EXPLAIN QUERY PLAN "
	if s.engine.shared() {
		how = "EXPLAIN "
	}
	rows, err := s.writer.query(context.Background(), how+text, args...)
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
