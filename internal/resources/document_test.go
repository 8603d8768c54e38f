package resources

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func readDocument(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/resources.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEveryKeyIsDocumented(t *testing.T) {
	document := readDocument(t)
	for _, key := range slices.Concat(sections, clientKeys, kindNames(), authMethods) {
		if !strings.Contains(document, "`"+key+"`") {
			t.Errorf("docs/resources.md does not name %s", key)
		}
	}
}

func TestTheDocumentsExampleIsRead(t *testing.T) {
	_, rest, _ := strings.Cut(readDocument(t), "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	readFile := func(string) ([]byte, error) { return []byte("a long enough secret\n"), nil }
	f, warnings, err := Parse("resources.yaml", []byte(example), anyVariable, readFile)
	if err != nil || len(warnings) > 0 || len(f.Users) != 1 || len(f.Clients) != 1 {
		t.Errorf("got %v, %v, %v", f, warnings, err)
	}
}
