package bench

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/token"
)

const scope = "content:write catalog:read"

// resources is the world of the benchmark.
func resources() string {
	machines := ""
	for client, rest := range map[string]string{
		"machine": "", "es256": ", access_token_format: jwt", "eddsa": ", access_token_format: jwt, access_token_signing_alg: EdDSA",
	} {
		machines += fmt.Sprintf("  - {client_id: %s, client_secret: %s, workspace: ws1, grant_types: [client_credentials], scope: %q%s}\n",
			client, secretOf(client), scope, rest)
	}
	return `
workspaces: [{id: ws1, name: Acme}]
users:
  - {email: ana@example.test, memberships: [{workspace: ws1, role: member}]}
clients:
  - {client_id: web, client_secret: ` + secretOf("web") + `, workspace: ws1, grant_types: [authorization_code, refresh_token],
     redirect_uris: ["https://web.example.test/"], scope: "` + scope + `"}
  - {client_id: spa, token_endpoint_auth_method: none, workspace: ws1, grant_types: [authorization_code, refresh_token],
     redirect_uris: ["https://spa.example.test/"], scope: "` + scope + `"}
` + machines
}

// build compiles the program as it is released, but with the names that perf
// shows.
func build(b *testing.B) string {
	b.Helper()
	binary := filepath.Join(b.TempDir(), "ficha")
	cmd := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-o", binary, "github.com/fichadev/ficha/cmd/ficha")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("go build: %v: %s", err, out)
	}
	return binary
}

// A world is a database with its data folder, and the secrets of what is in it.
type world struct {
	dir, database string
	beside        func() []int
	tokens        []string // of live opaque access tokens
	newest        []string // of others, in the order in which they were issued
	spa, web      []string // refresh tokens, one for each connection
}

// sqlite makes a world of n tokens in a file.
func sqlite(b *testing.B, n, newest int) *world {
	b.Helper()
	w := &world{dir: b.TempDir(), beside: func() []int { return nil }}
	w.fill(b, n, newest)
	return w
}

// postgres makes a world of n tokens in a cluster of its own, as durable as in
// production, on the server's core.
func postgres(b *testing.B, n, newest int) *world {
	b.Helper()
	cluster := pgtest.New(b)
	w := &world{dir: b.TempDir(), database: cluster.Database(b)}
	_, folder, _ := strings.Cut(w.database, "host=")
	folder, _, _ = strings.Cut(strings.ReplaceAll(folder, "%2F", "/"), "&")
	text, err := os.ReadFile(filepath.Join(folder, "data", "postmaster.pid"))
	if err != nil {
		b.Fatal(err)
	}
	var master int
	if _, err := fmt.Sscan(string(text), &master); err != nil {
		b.Fatal(err)
	}
	w.beside = func() []int { return childrenOf(master) }
	for _, pid := range w.beside() {
		pin(b, pid, serverCore)
	}
	w.fill(b, n, newest)
	return w
}

// open runs a world's house in this process.
func (w *world) open(b *testing.B) *server.Server {
	b.Helper()
	s, err := server.New(b.Context(), server.Config{
		DataDir: w.dir, Database: w.database, Issuer: "http://127.0.0.1", Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// serve runs a world's house as a process, with n tokens at most in memory.
func (w *world) serve(b *testing.B, binary string, cached int) *process {
	b.Helper()
	p := start(b, []string{
		"FICHA_DATA_DIR=" + w.dir, "FICHA_DATABASE=" + w.database, "FICHA_LISTEN=127.0.0.1:0", fmt.Sprint("FICHA_CACHED_TOKENS=", cached),
	}, binary, "serve")
	p.beside = w.beside
	return p
}

// fill declares the world, begins a family for each connection and inserts n
// tokens through the store's own group commit, 512 rows a statement; the newest
// are kept apart, as they were issued.
func (w *world) fill(b *testing.B, n, newest int) {
	b.Helper()
	s := w.open(b)
	defer s.Close() //nolint:errcheck // what was not written is missed by what follows
	if _, err := s.Apply(b.Context(), "bench.yaml", []byte(resources()), false); err != nil {
		b.Fatal(err)
	}
	ana, err := s.Store.PersonByEmail(b.Context(), "ana@example.test")
	if err != nil {
		b.Fatal(err)
	}
	for range connections {
		w.spa = append(w.spa, family(b, s, "spa", ana))
		w.web = append(w.web, family(b, s, "web", ana))
	}
	now, format := time.Now(), s.Authority.Format()
	for n > 0 {
		deed := &token.Deed{}
		for range min(n, 512) {
			t, secret := made(format, s.Verifier.Applied(), now.Add(-time.Duration(n)*time.Millisecond), now)
			deed.Issue, w.tokens = append(deed.Issue, t), append(w.tokens, secret)
			n--
		}
		if err := s.Store.Commit(context.Background(), deed); err != nil {
			b.Fatal(err)
		}
	}
	w.tokens, w.newest = w.tokens[:len(w.tokens)-newest], w.tokens[len(w.tokens)-newest:]
	// Neighbours in the database are not to be asked for in turn.
	rand.Shuffle(len(w.tokens), func(i, j int) { //nolint:gosec // no secret
		w.tokens[i], w.tokens[j] = w.tokens[j], w.tokens[i]
	})
}

// family begins a grant and returns its refresh token.
func family(b *testing.B, s *server.Server, client, person string) string {
	b.Helper()
	now := time.Now()
	scopes := token.Scopes(strings.Split(scope, " "))
	out, err := s.Authority.Issue(b.Context(), token.Actor{Kind: token.App, ID: client}, authority.Order{
		Kind: token.Access, Contract: "oauth2", Client: client, Workspace: "ws1", Person: person, Scopes: scopes, Refresh: true,
		Family: &token.Grant{
			ID: token.NewID(now, token.Long), Contract: "oauth2", Client: client, Person: person, Workspace: "ws1", Scopes: scopes, CreatedAt: now.UnixMilli(),
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	return out.RefreshSecret
}

// made is an access token such as the machine gets, issued at an instant.
func made(format *token.Format, born int64, issued, now time.Time) (*token.Token, string) {
	id := token.NewID(issued, token.Short)
	secret := format.Mint(token.Access, id)
	return &token.Token{
		ID: id, Credential: id, Kind: token.Access, Contract: "oauth2", Hash: token.HashOf(secret), LastFour: token.LastFour(secret),
		Workspace: "ws1", Client: "machine", Scopes: strings.Split(scope, " "), IssuedAt: issued.UnixMilli(), ExpiresAt: now.Add(12 * time.Hour).UnixMilli(),
		Born: born,
	}, secret
}
