package house

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/policy"
)

var update = flag.Bool("update", false, "write the table of events into docs/webhooks.md")

// The last table of docs/webhooks.md is the catalogue of events.
func TestEventsAreDocumented(t *testing.T) {
	name := filepath.Join(root, "docs/webhooks.md")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	const head = "| event | what has happened | beside what all carry |\n|---|---|---|\n"
	var b strings.Builder
	before, _, _ := strings.Cut(string(text), head)
	b.WriteString(before + head)
	for _, k := range audit.Catalogue() {
		if k.Server {
			continue
		}
		fields := make([]string, 0, 8)
		for _, f := range k.Fields() {
			fields = append(fields, "`"+f.Name+"`")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.Name, k.Text, strings.Join(fields, " "))
	}
	if *update {
		err = os.WriteFile(name, []byte(b.String()), 0o600)
	} else if b.String() != string(text) {
		t.Error("docs/webhooks.md does not end with the catalogue: run \"go test ./internal/house -run TestEventsAreDocumented -update\"")
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Every variable that the program reads stands in docs/operations.md.
func TestVariablesAreDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs/operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "cmd/ficha/*.go"))
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range regexp.MustCompile(`env:"(FICHA_[A-Z_]+)"`).FindAllSubmatch(source, -1) {
			seen++
			if !bytes.Contains(text, []byte("`"+string(tag[1])+"`")) {
				t.Errorf("docs/operations.md does not tell of %s", tag[1])
			}
		}
	}
	if seen < 20 {
		t.Errorf("%d variables were looked for, want all of them", seen)
	}
}

func TestTriesAreDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs/webhooks.md"))
	if err != nil {
		t.Fatal(err)
	}
	tries := int64(1)
	for ; ; tries++ {
		pause, again := policy.DeliveryPause(tries, 0)
		if !again {
			break
		}
		short := pause.String()
		for _, zero := range []string{"m0s", "h0m"} {
			if strings.HasSuffix(short, zero) {
				short = short[:len(short)-2]
			}
		}
		if line := fmt.Sprintf("| %d | %s |", tries+1, short); !strings.Contains(string(text), line) {
			t.Errorf("docs/webhooks.md has no line %q", line)
		}
	}
	if strings.Contains(string(text), fmt.Sprintf("| %d |", tries+1)) {
		t.Errorf("docs/webhooks.md tells of more than %d tries", tries)
	}
}
