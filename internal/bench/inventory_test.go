package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/token"
)

// The budgets of the inventory in a house with a million tokens.
const (
	tenants = 10_000
	large   = "large" // one workspace has a twentieth of all tokens, each with a name

	mostPage    = 50 * time.Millisecond
	mostBlast   = 200 * time.Millisecond
	mostRemoval = 20 * time.Millisecond
	mostSweep   = 50 * time.Millisecond
)

// inventory measures the lists and the dry run of a house with a million tokens
// and ten thousand workspaces, beside one look-up by an index.
func (r *bench) inventory(b *testing.B) {
	b.Helper()
	w := &world{dir: b.TempDir(), beside: func() []int { return nil }}
	s := w.open(b)
	defer s.Close() //nolint:errcheck // it is thrown away
	if _, err := s.Apply(b.Context(), "bench.yaml", []byte(members()), false); err != nil {
		b.Fatal(err)
	}
	newest := spread(b, s)
	bare := took(b, func(ctx context.Context) error { _, err := s.Store.Token(ctx, newest); return err })
	list := func(i token.Inventory) time.Duration {
		return took(b, func(ctx context.Context) error { _, err := s.Store.Inventory(ctx, i); return err })
	}
	for _, of := range []string{"ws7", large} {
		for what, t := range map[string]time.Duration{
			"page": list(token.Inventory{Workspace: of, Limit: 50}), "page, nothing fits": list(token.Inventory{Workspace: of, Search: "nothing", Unused: true}),
			"last four": list(token.Inventory{Workspace: of, LastFour: "00ef"}),
		} {
			r.beside(what+", "+of, t, mostPage, bare)
		}
		dry := took(b, func(ctx context.Context) error {
			_, err := s.Authority.Blast(ctx, token.Actor{Kind: token.System}, authority.Sweep{
				Workspace: of, Act: token.Revoke, By: token.Predicate{Workspace: of}, Reason: "bench",
			})
			return err
		})
		r.beside("dry run, "+of, dry, mostBlast, bare)
	}
	r.removal(b, s, bare)
	sweep := took(b, func(ctx context.Context) error {
		_, err := s.Store.Expiring(ctx, token.Watch{Notice: token.NoticeExpired}, token.Never, 500)
		return err
	})
	r.beside("expiry sweep, a step", sweep, mostSweep, bare)
}

// leavers is how many members are removed one after another.
const leavers = 21

// members declares two workspaces, and who will leave the large one.
func members() string {
	var b strings.Builder
	b.WriteString("workspaces: [{id: large}, {id: ws7}]\nusers:\n")
	for n := range leavers {
		fmt.Fprintf(&b, "  - {email: m%d@example.test, memberships: [{workspace: large, role: member}]}\n", n)
	}
	return b.String()
}

// removal measures how long it takes to cut the tokens of a member, of whom each
// has a share of those of the large workspace.
func (r *bench) removal(b *testing.B, s *server.Server, bare time.Duration) {
	b.Helper()
	n := 0
	r.beside("member removal", took(b, func(ctx context.Context) error {
		id, err := s.Store.PersonByEmail(ctx, fmt.Sprintf("m%d@example.test", n))
		n++
		if err != nil {
			return err
		}
		return s.Identity.Remove(ctx, token.Actor{Kind: token.System, ID: "bench"}, id, large, "bench")
	}), mostRemoval, bare)
}

// beside keeps a time against its budget, and how many look-ups it is worth.
func (r *bench) beside(what string, got, most, bare time.Duration) {
	r.limit(fmt.Sprintf("%s (%.0f look-ups)", what, float64(got)/float64(bare)), got.Seconds()*1000, most.Seconds()*1000, "ms")
}

// took returns the median of some calls.
func took(b *testing.B, call func(context.Context) error) time.Duration {
	b.Helper()
	var all []time.Duration
	for range leavers {
		began := time.Now()
		if err := call(b.Context()); err != nil {
			b.Fatal(err)
		}
		all = append(all, time.Since(began))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// spread puts a million tokens into the workspaces, nine of ten as programs get
// them, and returns the newest.
func spread(b *testing.B, s *server.Server) (last token.ID) {
	b.Helper()
	now := time.Now()
	var people []string
	for n := range leavers {
		id, err := s.Store.PersonByEmail(b.Context(), fmt.Sprintf("m%d@example.test", n))
		if err != nil {
			b.Fatal(err)
		}
		people = append(people, id)
	}
	for n := 0; n < many; {
		deed := &token.Deed{}
		for range 500 {
			class := token.Short
			if n%10 == 0 {
				class = token.Long
			}
			last = token.NewID(now.Add(-time.Duration(many-n)*time.Millisecond), class)
			t := &token.Token{
				ID: last, Credential: last, Kind: token.Access, Contract: "oauth2", Hash: token.HashOf(last.String()), LastFour: fmt.Sprintf("%04x", n*7919%65536),
				Workspace: fmt.Sprint("ws", n*31%tenants), Client: "machine", Scopes: token.Scopes{"content:write", "catalog:read"},
				ExpiresAt: now.Add(12 * time.Hour).UnixMilli(), Born: s.Verifier.Applied(),
			}
			if class == token.Long {
				t.Kind, t.Name = token.Service, fmt.Sprint("robot ", n)
			}
			if n%20 == 0 {
				t.Workspace, t.Person = large, people[n/20%leavers]
			}
			deed.Issue, n = append(deed.Issue, t), n+1
		}
		if err := s.Store.Commit(context.Background(), deed); err != nil {
			b.Fatal(err)
		}
	}
	return last
}
