package trials

import (
	"context"
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

// A house is the whole server in this process, with a clock that moves and a
// life that can be interrupted.
type house struct {
	web
	*server.Server
	clock    *servertest.Clock
	log      *servertest.Buffer
	dir      string
	database string // empty: SQLite in the folder
	driver   string // empty: the engine's own
}

// newHouse returns a house on a place of its own with testdata/house.yaml in
// it.
func newHouse(t testing.TB, database, driver string) *house {
	t.Helper()
	h := &house{clock: servertest.NewClock(), log: &servertest.Buffer{}, dir: t.TempDir(), database: database, driver: driver}
	h.open(t)
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	text, err := os.ReadFile(houseFile())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Apply(context.Background(), houseFile(), text, false); err != nil {
		t.Fatal(err)
	}
	return h
}

func houseFile() string { return filepath.Join("testdata", "house.yaml") }

// open begins the house's life, or its next one.
func (h *house) open(t testing.TB) {
	t.Helper()
	s, err := server.New(context.Background(), server.Config{
		DataDir: h.dir, Database: h.database, Driver: h.driver, Issuer: "http://127.0.0.1:8080", Now: h.clock.Now,
		Log: slog.New(slog.NewJSONHandler(h.log, nil)),
		Env: func(name string) (string, bool) {
			value, ok := secrets()[name]
			return value, ok
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Server = s
	h.web = web{base: "http://127.0.0.1:8080", client: within{s}}
}

// restart ends the house and opens it again on the same data.
func (h *house) restart(t testing.TB) {
	t.Helper()
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	h.open(t)
}

// system acts for the server itself.
func system() token.Actor { return token.Actor{Kind: token.System, ID: "trial", Name: "trial"} }

// person returns who has an address.
func (h *house) person(t testing.TB, email string) *token.Person {
	t.Helper()
	id, err := h.Store.PersonByEmail(context.Background(), email)
	if err != nil {
		t.Fatal(err)
	}
	p, err := h.Store.Person(context.Background(), id)
	if err != nil || p == nil {
		t.Fatalf("%s: %v, %v", email, p, err)
	}
	return p
}

// dataSource is where the house's database is, past the house.
func (h *house) dataSource() (driver, source string) {
	if h.database != "" {
		return "pgx", h.database
	}
	return "sqlite", "file:" + filepath.Join(h.dir, "ficha.db") + "?_pragma=query_only(1)"
}

// beside opens the database beside the house.
func (h *house) beside(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open(h.dataSource())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // only read
	return db
}

// copyFolder copies the files of a folder, for their owner alone.
func copyFolder(t testing.TB, to, from string) {
	t.Helper()
	files, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, f.Name()), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// onEachEngine runs a trial on SQLite and, where it is installed, on PostgreSQL.
func onEachEngine(t *testing.T, trial func(t *testing.T, database string)) {
	t.Run("sqlite", func(t *testing.T) { trial(t, "") })
	if pgtest.Available() {
		t.Run("postgres", func(t *testing.T) { trial(t, pgtest.Start(t).Database(t)) })
	}
}

// must fails where an answer is not as wanted, and returns it.
func must(t testing.TB, want int) func(answer, error) answer {
	t.Helper()
	return func(a answer, err error) answer {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if a.status != want {
			t.Fatalf("%d %s, want %d", a.status, strings.TrimSpace(a.body), want)
		}
		return a
	}
}

// TestTheHouseOfTheTrialsWorks goes once through what the trials rest on.
func TestTheHouseOfTheTrialsWorks(t *testing.T) {
	onEachEngine(t, func(t *testing.T, database string) {
		h := newHouse(t, database, "")
		tok := must(t, 200)(h.own("backend", secret("BACKEND_SECRET"))).text("access_token")
		must(t, 200)(h.verify(tok))
		must(t, 200)(h.revoke("backend", secret("BACKEND_SECRET"), tok))
		must(t, 401)(h.verify(tok))
		b := h.browser()
		if err := b.signIn("ana@north.example", secret("ANA_PASSWORD")); err != nil {
			t.Fatal(err)
		}
		for _, a := range []app{syncApp(), phoneApp()} {
			code, err := b.code(a, "north")
			if err != nil {
				t.Fatal(err)
			}
			got := must(t, 200)(h.exchange(a, code))
			must(t, 200)(h.verify(got.text("access_token")))
			must(t, 200)(h.renew(a, got.text("refresh_token")))
		}
		h.restart(t)
		must(t, 401)(h.verify(tok))
	})
}
