package trials

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// unpromised are the tables that no answer promises anything of: places taken
// ahead, who does which job, and when something was seen.
func unpromised(table string) bool {
	return slices.Contains([]string{"status_places", "jobs", "uses", "goose_db_version", "sqlite_sequence", "touched"}, table)
}

// noteRows lets the database itself note each row that a transaction touches,
// in the same transaction: what is rolled back was never noted.
func noteRows(t *testing.T, db *sql.DB, engine string) {
	t.Helper()
	run := func(statement string) {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	run(`CREATE TABLE touched (what TEXT NOT NULL)`)
	if engine == "postgres" {
		run(`CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO touched VALUES (TG_ARGV[0] || ' ' || TG_OP); RETURN NULL; END $$`)
	}
	for _, table := range sortedNames(columnsOf(t, db, engine)) {
		switch {
		case unpromised(table) || strings.HasPrefix(table, "tokens_short_"): // a partition
		case engine == "postgres":
			run(fmt.Sprintf(`CREATE TRIGGER touched AFTER INSERT OR UPDATE OR DELETE ON %[1]s FOR EACH ROW EXECUTE FUNCTION touch('%[1]s')`, table))
		default:
			for _, op := range []string{"INSERT", "UPDATE", "DELETE"} {
				run(fmt.Sprintf(`CREATE TRIGGER touched_%[1]s_%[2]s AFTER %[2]s ON %[1]s BEGIN INSERT INTO touched VALUES ('%[1]s %[2]s'); END`, table, op))
			}
		}
	}
}

// touched says which rows were touched since it was asked last: for each table
// and kind of change, how many.
func touched(t *testing.T, db *sql.DB) string {
	t.Helper()
	rows, err := db.Query(`SELECT what, COUNT(*) FROM touched GROUP BY what ORDER BY what`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var said []string
	for rows.Next() {
		var what string
		var n int
		if err := rows.Scan(&what, &n); err != nil {
			t.Fatal(err)
		}
		said = append(said, fmt.Sprintf("%s ×%d", what, n))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if said == nil {
		return ""
	}
	if _, err := db.Exec(`DELETE FROM touched`); err != nil {
		t.Fatal(err)
	}
	return strings.Join(said, ", ")
}
