package trials

import (
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// A dump is every row of a database, as text, counted by table.
type dump map[string]map[string]int

// unpromised are the tables that no answer promises anything of: places taken
// ahead, who does which job, and when something was seen.
func unpromised(table string) bool {
	return slices.Contains([]string{"status_places", "jobs", "uses", "goose_db_version", "sqlite_sequence"}, table)
}

// dumpOf reads a whole database in one transaction.
func dumpOf(t testing.TB, db *sql.DB, engine string) dump {
	t.Helper()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback() //nolint:errcheck // only read
	names := `SELECT name FROM sqlite_master WHERE type = 'table'`
	if engine == "postgres" {
		names = `SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace`
	}
	d := dump{}
	for row := range rowsOf(t, tx, names) {
		table := strings.TrimSpace(row)
		if !unpromised(table) {
			d[table] = rowsOf(t, tx, "SELECT * FROM "+table)
		}
	}
	return d
}

func rowsOf(t testing.TB, tx *sql.Tx, query string) map[string]int {
	t.Helper()
	rows, err := tx.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		for _, v := range values {
			if b, ok := v.([]byte); ok {
				v = fmt.Sprintf("%x", b)
			}
			fmt.Fprintf(&text, "%v ", v)
		}
		found[text.String()]++
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

// since says what changed after another dump: for each table, how many rows
// came and how many went. A row that was changed did both.
func (d dump) since(before dump) string {
	var said []string
	for _, table := range slices.Sorted(maps.Keys(d)) {
		came, went := more(d[table], before[table]), more(before[table], d[table])
		if came+went > 0 {
			said = append(said, fmt.Sprintf("%s +%d -%d", table, came, went))
		}
	}
	return strings.Join(said, ", ")
}

func more(a, b map[string]int) (n int) {
	for row, count := range a {
		n += max(0, count-b[row])
	}
	return n
}
