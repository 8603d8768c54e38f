package store

import (
	"slices"
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

// Who can sign in by one thing alone: with a password or an account at the
// provider and no app, or with nothing at all; of administrators alone where that
// is asked. An account where nobody is asked any more opens nothing.
func TestMembersWithOneFactorAreFound(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		do(t, s, func(tx *Tx) error {
			for i, one := range []struct{ id, password, role string }{
				{"plain", "hash", token.Member}, {"boss", "hash", token.Admin}, {"app", "hash", token.Admin}, {"started", "hash", token.SuperAdmin},
				{"key", "", token.Admin}, {"both", "hash", token.Admin}, {"linked", "", token.Member}, {"elsewhere", "hash", token.Admin},
			} {
				p := &token.Person{ID: one.id, Number: int64(i + 1), Email: one.id + "@x.test", Password: one.password, CreatedAt: 1, UpdatedAt: 1, Version: 1}
				if _, err := tx.AddUser(ctx, p); err != nil {
					return err
				}
				workspace := "w"
				if one.id == "elsewhere" {
					workspace = "v"
				}
				if err := tx.PutMembership(ctx, &token.Membership{ID: "mem_" + one.id, Person: one.id, Workspace: workspace, Role: one.role, Version: 1}); err != nil {
					return err
				}
			}
			for _, id := range []string{"app", "started"} {
				a := &token.Authenticator{Person: id, Secret: []byte("sealed"), CreatedAt: 1}
				if _, err := tx.StartAuthenticator(ctx, a); err != nil {
					return err
				}
				if id == "app" {
					if _, err := tx.ConfirmAuthenticator(ctx, a, 1); err != nil {
						return err
					}
				}
			}
			for _, id := range []string{"key", "both", "linked"} {
				if _, err := tx.AddPasskey(ctx, &token.Passkey{ID: []byte(id), Person: id, Name: "key", Credential: []byte("{}"), CreatedAt: 1}); err != nil {
					return err
				}
			}
			_, err := tx.AddLink(ctx, &token.Link{Issuer: "https://a.example", Subject: "s1", Person: "linked", Email: "linked@a.example"})
			return err
		})
		for _, c := range []struct {
			admins bool
			issuer string
			want   []string
		}{
			{false, "https://a.example", []string{"boss", "both", "linked", "plain", "started"}},
			{false, "https://b.example", []string{"boss", "both", "plain", "started"}},
			{false, "", []string{"boss", "both", "plain", "started"}},
			{true, "https://a.example", []string{"boss", "both", "started"}},
		} {
			found, err := s.OneFactor(ctx, "w", c.admins, c.issuer, 10)
			must(t, err)
			var got []string
			for _, p := range found {
				got = append(got, p.ID)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("administrators alone %v, provider %q: %v, want %v", c.admins, c.issuer, got, c.want)
			}
		}
	})
}
