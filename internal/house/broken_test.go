package house

import (
	"strings"
	"testing"
)

// broken are sources of which each breaks one law, or just does not.
var broken = []struct {
	law, path, text string
	wrong           int
}{
	{"ImportsFollowTheArrows", "internal/token/a.go", `import "` + module + `/internal/store"`, 1},
	{"ImportsFollowTheArrows", "internal/oauth/a.go", `import _ "` + module + `/internal/dialect"`, 1},
	{"ImportsFollowTheArrows", "internal/dialect/sub/a.go", `import "` + module + `/internal/keys"`, 1},
	{"ImportsFollowTheArrows", "internal/store/a.go", `import "` + module + `/internal/pgtest"`, 1},
	{"ImportsFollowTheArrows", "cmd/ficha/a.go", `import "` + module + `/internal/pgtest"`, 1},
	{"ImportsFollowTheArrows", "internal/util/a.go", ``, 1},
	{"ImportsFollowTheArrows", "internal/store/a_test.go", `import "` + module + `/internal/pgtest"`, 0},
	{"ImportsFollowTheArrows", "internal/store/a.go", `import "` + module + `/internal/token"`, 0},
	{"ImportsFollowTheArrows", "internal/store/a.go", `import "` + module + `/internal/store/sub"`, 0},
	{"ImportsFollowTheArrows", "cmd/ficha/a.go", `import "` + module + `/internal/store"`, 0},
	{"ImportsFollowTheArrows", "internal/store/a.go", `import "database/sql"`, 0},

	{"PureRoomsDoNoIO", "internal/token/a.go", `import "net/http"`, 1},
	{"PureRoomsDoNoIO", "internal/token/a_test.go", `import "os"`, 0},
	{"PureRoomsDoNoIO", "internal/web/a.go", `import "net/http"`, 0},

	{"TestModulesStayInTests", "internal/web/a.go", `import "github.com/google/go-cmp/cmp"`, 1},
	{"TestModulesStayInTests", "internal/web/a.go", `import "testing"`, 1},
	{"TestModulesStayInTests", "internal/web/a_test.go", `import "testing"`, 0},
	{"TestModulesStayInTests", "internal/web/a.go", `import "testingground.example/x"`, 0},

	{"FilesAreShort", "internal/web/a.go", strings.Repeat("\n", mostLines), 1},
	{"FilesAreShort", "internal/web/a.go", strings.Repeat("\n", mostLines-1), 0},
	{"FilesAreShort", "internal/web/a_test.go", strings.Repeat("\n", mostLines), 0},

	{"ExportedNamesAreExplained", "internal/web/a.go", "func A() {}", 1},
	{"ExportedNamesAreExplained", "internal/web/a.go", "// T is.\ntype T[V any] int\nfunc (T[V]) A() {}", 1},
	{"ExportedNamesAreExplained", "internal/web/a.go", "type A int", 1},
	{"ExportedNamesAreExplained", "internal/web/a.go", "// Some types.\ntype (\nA int\nB int\n)", 2},
	{"ExportedNamesAreExplained", "internal/web/a.go", "const A, B = 1, 2", 2},
	{"ExportedNamesAreExplained", "internal/web/a.go", "var (\n// A is.\nA = 1\nB = 2\n)", 1},
	{"ExportedNamesAreExplained", "internal/web/a.go", "// A does.\nfunc A() {}\ntype t int\nfunc (*t) A() {}", 0},
	{"ExportedNamesAreExplained", "internal/web/a.go", "// The words.\nconst (\nA = 1\nB = 2\n)\nvar C = 1 // is.", 0},
	{"ExportedNamesAreExplained", "internal/web/a_test.go", "func A() {}", 0},

	{"OnlyWiringReadsTheClock", "internal/web/a.go", `import "time"; var now = time.Now`, 1},
	{"OnlyWiringReadsTheClock", "internal/web/a.go", `import clock "time"; func a() { clock.Sleep(1); _ = clock.Since(clock.Time{}) }`, 2},
	{"OnlyWiringReadsTheClock", "internal/web/a.go", `import "time"; var second = time.Second`, 0},
	{"OnlyWiringReadsTheClock", "internal/web/a.go", `var time struct { Now int }; var _ = time.Now`, 0},
	{"OnlyWiringReadsTheClock", "cmd/ficha/serve.go", `import "time"; var now = time.Now`, 0},
	{"OnlyWiringReadsTheClock", "internal/web/a_test.go", `import "time"; var now = time.Now`, 0},

	{"TestsMoveTheClock", "internal/web/a_test.go", `import "time"; func a() { time.Sleep(1) }`, 1},
	{"TestsMoveTheClock", "internal/web/a_test.go", `import ("testing/synctest"; "time"); func a() { time.Sleep(1) }; var _ = synctest.Wait`, 0},

	{"NothingRunsBeforeMain", "internal/web/a.go", "func init() {}", 1},
	{"NothingRunsBeforeMain", "internal/web/a_test.go", "func init() {}", 1},
	{"NothingRunsBeforeMain", "internal/web/a.go", "type t int; func (t) init() {}", 0},
}

func TestLawsCanBeBroken(t *testing.T) {
	tried := map[string]bool{}
	for _, b := range broken {
		f, err := parse(b.path, []byte("package a\n"+b.text))
		if err != nil {
			t.Fatalf("%s: %v\n%s", b.law, err, b.text)
		}
		if got := laws[b.law](f); len(got) != b.wrong {
			t.Errorf("%s finds %q in %s, want %d\n%s", b.law, got, b.path, b.wrong, b.text)
		}
		tried[b.law] = tried[b.law] || b.wrong > 0
	}
	for name := range laws {
		if !tried[name] {
			t.Errorf("no source breaks %s", name)
		}
	}
}

func TestPackageCommentsAreRead(t *testing.T) {
	for text, wrong := range map[string]int{
		"// Package a knows how to be.\npackage a":       0,
		"// Package a knows\n// how to be.\npackage a":   0,
		"// Command ficha opens the door.\npackage main": 0,
		"package a":                             1,
		"// Package a is here.\npackage a":      1,
		"// Package b knows that.\npackage a":   1,
		"// Package main knows.\npackage main":  1,
		"// Package a knowsnothing.\npackage a": 1,
	} {
		f, err := parse("internal/a/a.go", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := beginsRight([]file{f}); len(got) != wrong {
			t.Errorf("%q: %q, want %d", text, got, wrong)
		}
	}
}

func TestAddressesAreFoundInLockFiles(t *testing.T) {
	const lock = `{"packages": {
		"": {"name": "x"},
		"node_modules/a": {"version": "1.0.0", "integrity": "sha512-x"},
		"node_modules/b": {"version": "1.0.0", "resolved": "https://registry.example/b.tgz"},
		"node_modules/c": {"resolved": "../c", "link": true}}}`
	got, err := addresses([]byte(lock))
	if err != nil || len(got) != 1 || !strings.Contains(got[0], "node_modules/b") {
		t.Errorf("addresses = %q, %v; want one, of node_modules/b", got, err)
	}
}
