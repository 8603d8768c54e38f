package audit

import (
	"crypto/sha256"
	"math/bits"

	"github.com/fichadev/ficha/internal/token"
)

// The tree of RFC 6962, 2.1, over the hashes of records. Leaves and nodes are
// hashed apart, so that none can pass for the other.

func leafHash(record token.Hash) token.Hash {
	return sha256.Sum256(append([]byte{0}, record[:]...))
}

func nodeHash(left, right token.Hash) token.Hash {
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

// split returns the size of the left branch of a tree of n leaves: the largest
// power of two below n.
func split(n int) int { return 1 << (bits.Len(uint(n-1)) - 1) }

// Root returns the root over the hashes of records, in their order. Of none it
// is the hash of nothing.
func Root(records []token.Hash) token.Hash {
	switch n := len(records); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leafHash(records[0])
	default:
		k := split(n)
		return nodeHash(Root(records[:k]), Root(records[k:]))
	}
}

// Path returns the hashes that lead from record i to the root, nearest first
// (RFC 6962, 2.1.1). i must be one of the records.
func Path(records []token.Hash, i int) []token.Hash {
	if len(records) == 1 {
		return nil
	}
	k := split(len(records))
	if i < k {
		return append(Path(records[:k], i), Root(records[k:]))
	}
	return append(Path(records[k:], i-k), Root(records[:k]))
}

// Leads reports whether a path leads from a record, which is the i-th of n, to
// a root.
func Leads(record token.Hash, i, n int, path []token.Hash, root token.Hash) bool {
	if i < 0 || i >= n {
		return false
	}
	got, ok := climb(leafHash(record), i, n, path)
	return ok && got == root
}

func climb(leaf token.Hash, i, n int, path []token.Hash) (token.Hash, bool) {
	if n == 1 {
		return leaf, len(path) == 0
	}
	if len(path) == 0 {
		return leaf, false
	}
	last, rest, k := path[len(path)-1], path[:len(path)-1], split(n)
	if i < k {
		left, ok := climb(leaf, i, k, rest)
		return nodeHash(left, last), ok
	}
	right, ok := climb(leaf, i-k, n-k, rest)
	return nodeHash(last, right), ok
}
