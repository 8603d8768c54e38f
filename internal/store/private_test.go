package store

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

func modesOf(t *testing.T, database string, want os.FileMode) {
	t.Helper()
	for _, part := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(database + part)
		must(t, err)
		if info.Mode().Perm() != want {
			t.Errorf("%s: got mode %v, want %v", filepath.Base(database+part), info.Mode().Perm(), want)
		}
	}
}

// A folder that was made for it may be open to all, as /var/lib is.
func TestDatabaseIsItsOwnersAlone(t *testing.T) {
	dir := t.TempDir()
	database := filepath.Join(dir, "ficha.db")
	must(t, os.Chmod(dir, 0o755)) //nolint:gosec // what is tried
	s, j := kept(t, dir)
	must(t, s.Commit(t.Context(), &token.Deed{Issue: []*token.Token{newToken(token.Long)}}))
	modesOf(t, database, 0o600)
	shut(t, s, j)

	must(t, os.Chmod(database, 0o644)) //nolint:gosec // what is tried: as an older program made it
	s, j = kept(t, dir)
	modesOf(t, database, 0o600)
	shut(t, s, j)

	must(t, os.Chmod(database, 0o640)) //nolint:gosec // what is tried: a group that makes copies, say
	s, j = kept(t, dir)
	modesOf(t, database, 0o640)
	shut(t, s, j)
}
