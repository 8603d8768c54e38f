package trials

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/resources"
)

// An act is one deed on a subject of its own, ready to be done.
type act struct {
	do func() (answer, error)
	// done reports whether an answer is a yes; nil: 2xx is.
	done func(answer) bool
	// ended is a token that the deed ends; empty: none.
	ended string
}

func (a act) yes(got answer) bool {
	if a.done != nil {
		return a.done(got)
	}
	return got.status/100 == 2
}

// A faultTrial is a house whose statements can be made to fail.
type faultTrial struct {
	*house
	faults *faults
	side   *sql.DB
	ana    *browser
	people int
}

func newFaultTrial(t *testing.T, database string) *faultTrial {
	t.Helper()
	f := &faultTrial{faults: &faults{}}
	behind := "sqlite"
	if database != "" {
		behind = "pgx"
	}
	f.house = newHouse(t, database, f.faults.register(t, behind))
	driver, address := f.dataSource()
	side, err := sql.Open(driver, writable(address))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = side.Close() }) // nothing of it is left to write
	f.side = side
	noteRows(t, side, f.Store.Engine())
	f.ana = f.browser()
	if err := f.ana.signIn("ana@north.example", secret("ANA_PASSWORD")); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestErrorAtEveryStatement lets each statement of each deed fail in turn. The
// answer is a yes or an error of ours, never a lie; afterwards the database
// holds the whole deed or nothing of it; and the next try works.
func TestErrorAtEveryStatement(t *testing.T) {
	onEachEngine(t, func(t *testing.T, database string) {
		f := newFaultTrial(t, database)
		kinds := []fault{refused}
		if database != "" {
			if kinds = []fault{broken, lost}; *long {
				kinds = append(kinds, refused)
			}
		}
		statements := 0
		for _, deed := range deeds() {
			if database != "" && !*long && !telling(deed.name) {
				continue
			}
			for _, what := range kinds {
				t.Run(deed.name+"/"+string(what), func(t *testing.T) { statements += f.tryAll(t, deed, what) })
			}
		}
		t.Logf("%d statements failed", statements)
		f.keepsItsPromises(t)
	})
}

// telling reports whether a deed is of a kind of its own where connections end:
// the others write by the same two ways.
func telling(name string) bool {
	switch name {
	case "idempotent token", "refresh token replaced", "exchange of phone", "approve a consent", "revoke an access token",
		"revoke a family by its refresh token", "disable a client", "remove a member", "first use of a new secret", "report a leak":
		return true
	}
	return false
}

func (f *faultTrial) tryAll(t *testing.T, d deed, what fault) int {
	whole := f.clean(t, d)
	for n := 1; n < 200 && !t.Failed(); n++ {
		a := d.ready(t, f)
		touched(t, f.side) // what made it ready
		f.faults.arm(what, n)
		got, err := a.do()
		fired, at := f.faults.disarm()
		if err != nil {
			t.Fatalf("statement %d, %s: no answer: %v", n, at, err)
		}
		f.judge(t, attempt{
			act: a, got: got, where: fmt.Sprintf("statement %d, %s", n, brief(at)), what: what,
			afterwards: strings.HasPrefix(at, "SELECT"), delta: touched(t, f.side), whole: whole,
		})
		if !fired {
			return n - 1
		}
	}
	if !t.Failed() {
		t.Error("200 statements, and still one more")
	}
	return 200
}

func brief(statement string) string {
	words := strings.Join(strings.Fields(statement), " ")
	return words[:min(len(words), 90)]
}

// clean does the deed without a fault and returns what it changes.
func (f *faultTrial) clean(t *testing.T, d deed) string {
	t.Helper()
	a := d.ready(t, f)
	touched(t, f.side) // what made it ready
	got, err := a.do()
	if err != nil || !a.yes(got) {
		t.Fatalf("without a fault: %d %s, %v", got.status, got.body, err)
	}
	whole := touched(t, f.side)
	if whole == "" {
		t.Fatal("without a fault nothing changes: this trial shows nothing")
	}
	return whole
}

// An attempt is a deed in which something failed.
type attempt struct {
	act
	got          answer
	where        string
	what         fault
	afterwards   bool // it failed when the answer was made up, with the deed done
	delta, whole string
}

func (f *faultTrial) judge(t *testing.T, a attempt) {
	t.Helper()
	told, did := a.yes(a.got), a.delta == a.whole
	switch {
	case !did && a.delta != "":
		t.Errorf("%s: %d %s: half done: %s, want all of %s or nothing", a.where, a.got.status, a.got.body, a.delta, a.whole)
	case told && !did:
		t.Errorf("%s: said yes (%d) and did nothing", a.where, a.got.status)
	case !told && did && a.what != lost && !a.afterwards:
		t.Errorf("%s: said no (%d %s) and did it", a.where, a.got.status, strings.TrimSpace(a.got.body))
	case !told && a.got.status < 500:
		t.Errorf("%s: a fault of ours was told as the caller's: %d %s", a.where, a.got.status, a.got.body)
	}
	f.clock.Move(2 * time.Second) // so that a judge of a shared database asks
	f.judgeAgrees(t, a, did)
	if told || a.what == lost && did {
		return
	}
	got, err := a.do()
	if ended := did && got.status == 409; err != nil || !a.yes(got) && !ended {
		t.Errorf("%s: the next try: %d %s, %v, want a success", a.where, got.status, got.body, err)
	}
}

// judgeAgrees: what was given opens, what was ended does not, what was not
// ended still does.
func (f *faultTrial) judgeAgrees(t *testing.T, a attempt, did bool) {
	t.Helper()
	if given := a.got.text("access_token") + a.got.text("token"); given != "" && a.yes(a.got) {
		if got, err := f.verify(given); err != nil || got.status != 200 {
			t.Errorf("%s: the token that was given is judged %d, %v", a.where, got.status, err)
		}
	}
	if a.ended == "" {
		return
	}
	want := 200
	if did {
		want = 401
	}
	if got, err := f.verify(a.ended); err != nil || got.status != want {
		t.Errorf("%s: the deed was done: %t, and the judge says %d, %v", a.where, did, got.status, err)
	}
}

// keepsItsPromises asks the invariants of the database.
func (h *house) keepsItsPromises(t testing.TB) {
	t.Helper()
	found, err := h.Store.Check(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range found {
		if one.Breaches > 0 {
			t.Errorf("%d breaches of %q: %v", one.Breaches, one.Promise.Text, one.First)
		}
	}
}

// TestApplyThatFailsCanBeRepeated lets each statement of a resources file fail.
// A file is many deeds; applied again it comes to the same as at once.
func TestApplyThatFailsCanBeRepeated(t *testing.T) {
	const file = `
scopes: [{name: "extra:read"}]
workspaces: [{id: %[1]s, name: New, client_tokens: [%[1]s-client-token]}]
users: [{email: %[1]s@new.example, name: New, memberships: [{workspace: %[1]s, role: super_admin}]}]
clients: [{client_id: %[1]s, client_secret: %[1]s-long-enough-secret, workspace: %[1]s, grant_types: [client_credentials], scope: "extra:read"}]
tokens: [{kind: personal, user: %[1]s@new.example, name: seed, secret: CFPAT-%[1]s-seed-of-somebody-new, scopes: ["admin:read"]}]
`
	database := ""
	if pgtest.Available() {
		database = pgtest.Start(t).Database(t)
	}
	f := newFaultTrial(t, database)
	for n, fired := 1, true; fired; n++ {
		name := fmt.Sprintf("w%d", n)
		text := []byte(fmt.Sprintf(file, name))
		f.faults.arm(refused, n)
		_, err := f.Apply(context.Background(), "new.yaml", text, false)
		var at string
		fired, at = f.faults.disarm()
		again, failed := f.Apply(context.Background(), "new.yaml", text, false)
		if failed != nil {
			t.Fatalf("statement %d, %s: again: %v", n, brief(at), failed)
		}
		if left := again.Count(resources.Created) + again.Count(resources.Changed); err == nil && left > 0 {
			t.Errorf("statement %d, %s failed, nobody heard, and %d things were left to do", n, brief(at), left)
		}
		f.clock.Move(2 * time.Second)
		must(t, 200)(f.own(name, name+"-long-enough-secret"))
		must(t, 200)(f.ask("GET", "/v1/tokens", nil, as("CFPAT-"+name+"-seed-of-somebody-new", name)...))
	}
	f.keepsItsPromises(t)
}
