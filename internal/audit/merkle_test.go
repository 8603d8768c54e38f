package audit

import (
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

func records(n int) []token.Hash {
	list := make([]token.Hash, n)
	for i := range list {
		list[i] = token.HashOf(fmt.Sprint("record ", i))
	}
	return list
}

func TestEveryRecordLeadsToTheRoot(t *testing.T) {
	for n := 1; n <= 40; n++ {
		all := records(n)
		root := Root(all)
		for i := range n {
			path := Path(all, i)
			if !Leads(all[i], i, n, path, root) {
				t.Errorf("record %d of %d does not lead to the root", i, n)
			}
			for name, lies := range map[string]bool{
				"another record": Leads(token.HashOf("forged"), i, n, path, root),
				"another place":  n > 1 && Leads(all[i], (i+1)%n, n, path, root),
				"place below":    Leads(all[i], -1, n, path, root),
				"place above":    Leads(all[i], n, n, path, root),
				"longer path":    Leads(all[i], i, n, append(path[:len(path):len(path)], root), root),
				"shorter path":   len(path) > 0 && Leads(all[i], i, n, path[:len(path)-1], root),
				"another root":   Leads(all[i], i, n, path, token.HashOf("root")),
			} {
				if lies {
					t.Errorf("%s: record %d of %d leads to the root", name, i, n)
				}
			}
		}
	}
}

func TestRootTellsOrderAndNumber(t *testing.T) {
	seen := map[token.Hash]string{}
	for name, list := range map[string][]token.Hash{
		"none": nil, "one": records(1), "two": records(2), "three": records(3), "four": records(4),
		"swapped": {records(2)[1], records(2)[0]}, "twice": {records(1)[0], records(1)[0]}, "three and the last again": append(records(3), records(3)[2]),
		"a node for a record": {nodeHash(leafHash(records(2)[0]), leafHash(records(2)[1]))},
	} {
		root := Root(list)
		if other, had := seen[root]; had {
			t.Errorf("%s has the root of %s", name, other)
		}
		seen[root] = name
	}
}

// TestRootIsThatOfTheStandard: RFC 6962 hashes an empty list as nothing, a leaf
// with 0x00 and a node with 0x01 before it.
func TestRootIsThatOfTheStandard(t *testing.T) {
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	root := Root(nil)
	if got := hex.EncodeToString(root[:]); got != empty {
		t.Errorf("root of nothing is %s", got)
	}
	r := records(3)
	want := token.HashOf("\x01" + text(token.HashOf("\x01"+text(token.HashOf("\x00"+text(r[0])))+text(token.HashOf("\x00"+text(r[1]))))) + text(token.HashOf("\x00"+text(r[2]))))
	if got := Root(r); got != want {
		t.Errorf("root of three is %x, want %x", got, want)
	}
}

func text(h token.Hash) string { return string(h[:]) }
