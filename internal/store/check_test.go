package store

import (
	"context"
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

// TestEachPromiseIsFoundBroken breaks every promise on purpose: a check that
// cannot find its breach is no check.
func TestEachPromiseIsFoundBroken(t *testing.T) {
	const row = `INSERT INTO tokens_long (id, credential, kind, contract, hash, last_four, workspace, client, person, grant_id, scopes, key_id, expires_at, born, status_index)
		VALUES (`
	const hash = `'01234567890123456789012345678901'`
	const far = `, 4102444800000, 1, 0)`
	token := func(id, kind, hash, workspace, client, person, grant, tail string) string {
		return row + id + ", " + id + ", '" + kind + "', 'v1', " + hash + ", 'abcd', '" + workspace + "', '" + client + "', '" + person + "', " + grant + ", 'a', ''" + tail
	}
	user := `INSERT INTO users (id, number, email, name, password, locale, version, created_at, updated_at, disabled_at) VALUES ('u1', 1, 'a@b', '', '`
	breaks := map[string][]string{
		"secrets":       {token("2097153", "access", "'short'", "", "", "", "0", far)},
		"passwords":     {user + `plain', '', 1, 0, 0, 0)`},
		"expiry":        {token("2097153", "service", hash, "", "", "", "0", `, 0, 1, 0)`)},
		"impersonation": {token("2097153", "impersonated", hash, "", "", "", "0", far)},
		"families": {
			token("2097153", "refresh", hash, "", "", "", "7", far), token("2097154", "refresh", hash, "", "", "", "7", far),
		},
		"rotations": {
			token("2097153", "service", hash, "", "", "", "0", far), token("2097154", "service", hash, "", "", "", "0", far),
			token("2097155", "service", hash, "", "", "", "0", far), `UPDATE tokens_long SET credential = 2097153`,
		},
		"members": {
			token("2097153", "personal", hash, "w1", "", "u1", "0", far),
			`INSERT INTO memberships (id, person, workspace, role, scopes, narrowed, teams, spaces, may_impersonate, version, created_at, updated_at, removed_at)
				VALUES ('m1', 'u1', 'w1', 'member', '', 0, '', '', 0, 1, 0, 0, 5)`,
		},
		"people": {token("2097153", "personal", hash, "", "", "u1", "0", far), user + `', '', 1, 0, 0, 5)`},
		"clients": {
			token("2097153", "access", hash, "", "c1", "", "0", far),
			`INSERT INTO clients (id, number, workspace, name, description, auth_method, redirect_uris, grant_types, scope, optional_scope, distribution,
				workspaces, installable_by, introspect, may_impersonate, access_ttl, refresh_ttl, refresh_idle, access_format, signing_alg, refresh_policy,
				metadata, created_at, updated_at, disabled_at)
				VALUES ('c1', 1, 'w1', '', '', '', '', '', '', '', '', '', '', '', 0, 0, 0, 0, '', '', '', '', 0, 0, 5)`,
		},
		"workspaces": {
			token("2097153", "access", hash, "w1", "", "", "0", far),
			`INSERT INTO workspaces (id, name, number, domain, scopes, all_scopes, policy, teams, spaces, created_at, disabled_at)
				VALUES ('w1', '', 1, '', '', 1, '', '', '', 0, 5)`,
		},
		"grants": {
			token("2097153", "access", hash, "", "", "", "9", far),
			`INSERT INTO grants (id, contract, client, person, workspace, scopes, installed, created_at, ended_at) VALUES (9, '', '', '', '', '', 0, 0, 5)`,
		},
		"records": {token("9999999999999", "service", hash, "", "", "", "0", far)},
		"seals": {`INSERT INTO seals (workspace, number, previous, first_id, last_id, count, root, totals, late, at, hash, key_id, signature)
			VALUES ('w1', 1, '', 0, 0, 0, '', '', 0, 0, '', '', ''), ('w1', 3, '', 0, 0, 0, '', '', 0, 0, '', '', '')`},
		"position": {`INSERT INTO changes (n, i, mark, what, id, at) VALUES (99, 0, '', '', '', 0)`},
		"keys": {
			`DROP INDEX keys_one_active`,
			`INSERT INTO keys (id, alg, state, private, public, created_at) VALUES ('k1', 'ES256', 'active', '', '', 0), ('k2', 'ES256', 'active', '', '', 0)`,
		},
	}
	breaks["deliveries"] = []string{`INSERT INTO outbox (id, webhook, event, type, body, state, tries, next_at, at) VALUES
		(1, 1, 1, '', '', 'due', 1, 9000000000000, 0), (2, 1, 1, '', '', 'due', 11, 0, 0), (3, 1, 1, '', '', 'lost', 0, 0, 0)`}
	breaks["expiry"] = append(breaks["expiry"], token("6291457", "personal", hash, "", "", "", "0", `, 1767225600001, 1, 0)`)) // as old as its end
	least := map[string]int{"expiry": 2}
	breaks["classes"] = []string{token("2097153", "access", hash, "", "", "", "0", far), `INSERT INTO tokens_short SELECT * FROM tokens_long`}
	for _, p := range append(Promises[:len(Promises):len(Promises)], recorded) {
		t.Run(p.Name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, s *Store) {
				if n := breaches(t, s, p.Name); n != 0 {
					t.Fatalf("an empty database: got %d breaches, want 0", n)
				}
				must(t, s.Do(context.Background(), func(tx *Tx) error {
					for _, text := range breaks[p.Name] {
						if _, err := tx.exec(context.Background(), text); err != nil {
							return err
						}
					}
					return nil
				}))
				if n, want := breaches(t, s, p.Name), max(least[p.Name], 1); n < want {
					t.Errorf("got %d breaches, want %d: the check does not see what it is for", n, want)
				}
			})
		})
	}
}

func breaches(t *testing.T, s *Store, name string) int {
	t.Helper()
	found, err := s.Check(context.Background())
	must(t, err)
	for _, f := range found {
		if f.Promise.Name == name {
			return f.Breaches
		}
	}
	t.Fatalf("no promise %q", name)
	return 0
}

func TestHealthyDatabaseKeepsEveryPromise(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		tok := newToken(token.Short)
		must(t, s.Commit(context.Background(), &token.Deed{Issue: []*token.Token{tok}}))
		found, err := s.Check(context.Background())
		must(t, err)
		for _, f := range found {
			if f.Breaches != 0 {
				t.Errorf("%s: got %d breaches: %v", f.Promise.Name, f.Breaches, f.First)
			}
		}
	})
}
