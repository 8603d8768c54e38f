package trials

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"

	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/server"
)

// written returns the migrations as the engine has them: the texts are read
// from the store's folder, so that a new one is tried without a word here.
func written(t *testing.T, engine string) fs.FS {
	t.Helper()
	folder := os.DirFS(filepath.Join("..", "..", "internal", "store", "migrations"))
	names, err := fs.Glob(folder, "*.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("no migrations: %v", err)
	}
	fitted := fstest.MapFS{}
	for _, name := range names {
		text, err := fs.ReadFile(folder, name)
		if err != nil {
			t.Fatal(err)
		}
		fit := strings.ReplaceAll(string(text), "BIGINT PRIMARY KEY", "INTEGER PRIMARY KEY")
		if engine == "postgres" {
			fit = strings.ReplaceAll(string(text), ") /* daily ranges */;", ") PARTITION BY RANGE (id);\nCREATE TABLE tokens_short_rest PARTITION OF tokens_short DEFAULT;")
		}
		fitted[name] = &fstest.MapFile{Data: []byte(fit)}
	}
	return fitted
}

// migrate brings a database to a version; 0: the newest. It returns the newest.
func migrate(t *testing.T, db *sql.DB, engine string, to int64) (newest int64) {
	t.Helper()
	dialect := database.DialectSQLite3
	if engine == "postgres" {
		dialect = database.DialectPostgres
	}
	p, err := goose.NewProvider(dialect, db, written(t, engine), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, newest, err = p.GetVersions(context.Background()); err != nil {
		t.Fatal(err)
	}
	if to == 0 {
		to = newest
	}
	if _, err := p.UpTo(context.Background(), to); err != nil {
		t.Fatal(err)
	}
	return newest
}

// A past is a database with a life behind it: which secrets open, and which
// do not.
type past struct {
	*house
	live, over []string
}

// livedIn lives a while in a house and leaves it.
func livedIn(t *testing.T) past {
	t.Helper()
	p := past{house: newHouse(t, "", "")}
	keep := func(list *[]string, a answer) { *list = append(*list, a.text("access_token")+a.text("token")) }
	b := p.browser()
	if err := b.signIn("ana@north.example", secret("ANA_PASSWORD")); err != nil {
		t.Fatal(err)
	}
	code, err := b.code(phoneApp(), "north")
	if err != nil {
		t.Fatal(err)
	}
	keep(&p.live, must(t, 200)(p.exchange(phoneApp(), code)))
	keep(&p.live, must(t, 200)(p.own("backend", secret("BACKEND_SECRET"))))
	keep(&p.live, must(t, 201)(p.issue(nil)))
	dora := []byte("users: [{email: dora@north.example, name: Dora, memberships: [{workspace: north}]}]")
	if _, err := p.Apply(context.Background(), "dora.yaml", dora, false); err != nil {
		t.Fatal(err)
	}
	keep(&p.live, must(t, 201)(p.issue(map[string]any{"type": "impersonated", "on_behalf_of": "dora@north.example", "reason": "trial"})))
	p.live = append(p.live, secret("ANA_TOKEN"))
	gone := must(t, 200)(p.own("backend", secret("BACKEND_SECRET")))
	must(t, 200)(p.revoke("backend", secret("BACKEND_SECRET"), gone.text("access_token")))
	keep(&p.over, gone)
	keep(&p.over, must(t, 200)(p.own("harbour", secret("HARBOUR_SECRET"))))
	must(t, 200)(p.ask("POST", "/v1/clients/harbour/disable", map[string]any{}, as(secret("CLEO_TOKEN"), "south")...))
	must(t, 200)(p.ask("POST", "/v1/clients/harbour/enable", map[string]any{}, as(secret("CLEO_TOKEN"), "south")...))
	must(t, 204)(p.ask("DELETE", "/v1/users/ben@north.example", nil, as(secret("ANA_TOKEN"), "north")...))
	must(t, 204)(p.ask("DELETE", "/v1/users/ben@north.example", nil, as(secret("CLEO_TOKEN"), "south")...))
	p.over = append(p.over, secret("BEN_TOKEN"))
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	return p
}

// holds asks about every secret of the past.
func (p past) holds(t *testing.T, now *house) {
	t.Helper()
	for i, tok := range p.live {
		if a, err := now.ask("GET", "/verify?workspace=north", nil, bearer(tok)...); err != nil || a.status != 200 {
			t.Errorf("live token %d: %d %s, %v", i, a.status, a.body, err)
		}
	}
	for i, tok := range p.over {
		if a, err := now.verify(tok); err != nil || a.status != 401 {
			t.Errorf("ended token %d: %d, %v", i, a.status, err)
		}
	}
	now.keepsItsPromises(t)
}

// TestEveryEarlierSchemaIsUpgraded builds a database at each version there
// ever was, with the rows of a real life as that version could hold them, and
// opens it with this program: what opened opens, what had ended has ended.
func TestEveryEarlierSchemaIsUpgraded(t *testing.T) {
	before := livedIn(t)
	for _, engine := range []string{"sqlite", "postgres"} {
		if engine == "postgres" && !pgtest.Available() {
			continue
		}
		for version, newest := int64(1), int64(2); version <= newest; version++ {
			t.Run(fmt.Sprintf("%s from %d", engine, version), func(t *testing.T) {
				h := &house{clock: before.clock, log: before.log, dir: t.TempDir()}
				copyFolder(t, h.dir, before.dir)
				empty(t, h.dir)
				if engine == "postgres" {
					h.database = pgtest.Start(t).Database(t)
				}
				newest = buildAt(t, before, h, engine, version)
				h.open(t)
				defer func() {
					if err := h.Close(); err != nil {
						t.Error(err)
					}
				}()
				before.holds(t, h)
				must(t, 200)(h.own("backend", secret("BACKEND_SECRET")))
			})
		}
	}
}

// empty takes the database out of a folder; the master key and the log of
// endings stay.
func empty(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "ficha.db*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
}

// buildAt makes a database at a version and moves the rows there.
func buildAt(t *testing.T, from past, to *house, engine string, version int64) (newest int64) {
	t.Helper()
	source := from.beside(t)
	driver, address := to.dataSource()
	target, err := sql.Open(driver, writable(address))
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	newest = migrate(t, target, engine, version)
	schema := columnsOf(t, target, engine)
	for _, table := range sortedNames(columnsOf(t, source, "sqlite")) {
		if len(schema[table]) > 0 && table != "goose_db_version" {
			moveRows(t, source, target, table, schema[table])
		}
	}
	return newest
}

// writable is the address for those who write past the house.
func writable(address string) string { return strings.TrimSuffix(address, "?_pragma=query_only(1)") }

// columnsOf lists the columns of each table.
func columnsOf(t *testing.T, db *sql.DB, engine string) map[string][]string {
	t.Helper()
	query := `SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY 1, c.cid`
	if engine == "postgres" {
		query = `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'tokens_short_rest' ORDER BY 1, ordinal_position`
	}
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found := map[string][]string{}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		found[table] = append(found[table], column)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

// moveRows copies what a table of a version can hold.
func moveRows(t *testing.T, from, to *sql.DB, table string, columns []string) {
	t.Helper()
	if _, err := to.Exec("DELETE FROM " + table); err != nil { // what a migration put there
		t.Fatal(err)
	}
	rows, err := from.Query("SELECT " + strings.Join(columns, ", ") + " FROM " + table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var places []string
	for i := range columns {
		places = append(places, "$"+strconv.Itoa(i+1))
	}
	insert := "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES (" + strings.Join(places, ", ") + ")"
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		if _, err := to.Exec(insert, values...); err != nil {
			t.Fatalf("%s: %v", insert, err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// TestNewerSchemaIsRefused: a program that is older than its database says so
// and leaves it alone.
func TestNewerSchemaIsRefused(t *testing.T) {
	onEachEngine(t, func(t *testing.T, place string) {
		h := newHouse(t, place, "")
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		driver, address := h.dataSource()
		db, err := sql.Open(driver, writable(address))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)`); err != nil {
			t.Fatal(err)
		}
		s, err := server.New(context.Background(), server.Config{
			DataDir: h.dir, Database: h.database, Issuer: h.base, Now: h.clock.Now, Log: h.Config.Log,
		})
		if err == nil {
			t.Fatal("it opened a database from the future", s.Close())
		}
		for _, word := range []string{"9999", "use the newer program"} {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%q does not say %q", err, word)
			}
		}
	})
}

// TestBothEnginesHaveOneSchema: the same versions, tables and columns, in the
// same order.
func TestBothEnginesHaveOneSchema(t *testing.T) {
	lite := newHouse(t, "", "")
	post := newHouse(t, needCluster(t), "")
	one, other := lite.beside(t), post.beside(t)
	if a, b := versions(t, one), versions(t, other); !slices.Equal(a, b) {
		t.Errorf("versions %v on SQLite, %v on PostgreSQL", a, b)
	}
	a, b := columnsOf(t, one, "sqlite"), columnsOf(t, other, "postgres")
	for _, table := range sortedNames(a) {
		if table != "goose_db_version" && !slices.Equal(a[table], b[table]) {
			t.Errorf("%s has %v on SQLite, %v on PostgreSQL", table, a[table], b[table])
		}
	}
}

func versions(t *testing.T, db *sql.DB) (all []int64) {
	t.Helper()
	rows, err := db.Query(`SELECT version_id FROM goose_db_version ORDER BY version_id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var v int64
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
