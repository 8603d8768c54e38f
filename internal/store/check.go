package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// AuditKept is how long audit rows are kept.
const AuditKept = 400 * 24 * time.Hour

// A Promise is one invariant of the database, as the query that finds what
// breaks it.
type Promise struct {
	Name string // short, for tables
	Text string // what must always hold
	find string // returns one row for each breach, its first column names it
}

// A Finding is what a promise's query found.
type Finding struct {
	Promise  Promise
	Breaches int      // at most 1,000 are counted
	First    []string // the first few, by id
}

// tokensOf runs one condition over both classes of tokens.
func tokensOf(condition string) string {
	return `SELECT CAST(id AS TEXT) FROM tokens_short t WHERE ` + condition + ` UNION ALL SELECT CAST(id AS TEXT) FROM tokens_long t WHERE ` + condition
}

// birth is when a token was made, as its id has it (token.ID).
const birth = `(1767225600000 + t.id / 4194304)`

// lives is a token that its own row calls live at $1.
const lives = `t.ended_at = 0 AND (t.expires_at = 0 OR t.expires_at > $1)`

// uncut is a live token that no cutoff of a support has ended.
func uncut(kind, column string) string {
	return lives + ` AND NOT EXISTS (SELECT 1 FROM cutoffs c WHERE c.kind = '` + kind + `' AND c.id = ` + column + ` AND t.born < c.n)`
}

// secretsAgain finds the live secrets of the tokens that have had others.
func secretsAgain(table string) string {
	return `SELECT credential FROM ` + table + ` t WHERE ` + lives + ` AND (t.retires_at = 0 OR t.retires_at > $1)
		AND credential IN (SELECT credential FROM ` + table + ` WHERE credential <> id)`
}

// Promises lists what must hold of every database, after every commit.
var Promises = []Promise{
	{"secrets", "only a digest of 32 bytes and the last four characters of a secret are kept",
		`SELECT CAST(id AS TEXT) FROM tokens_short WHERE LENGTH(hash) <> 32 OR LENGTH(last_four) > 4
		 UNION ALL SELECT CAST(id AS TEXT) FROM tokens_long WHERE LENGTH(hash) <> 32 OR LENGTH(last_four) > 4
		 UNION ALL SELECT CAST(id AS TEXT) FROM client_secrets WHERE LENGTH(hash) <> 32 OR LENGTH(last_four) > 4`},
	{"passwords", "a password is kept as Argon2id or not at all",
		`SELECT id FROM users WHERE password <> '' AND password NOT LIKE '$argon2id$%'`},
	{"expiry", "a token has an expiry after its birth; only personal and refresh tokens may have none",
		tokensOf(`t.expires_at = 0 AND t.kind NOT IN ('personal', 'refresh') OR t.expires_at <> 0 AND t.expires_at <= ` + birth)},
	{"classes", "short tokens live at most 24 hours",
		`SELECT CAST(id AS TEXT) FROM tokens_short t WHERE expires_at = 0 OR expires_at - ` + birth + ` > 86400000`},
	{"impersonation", "an impersonated token names actor and subject, its reason and an expiry of at most an hour",
		tokensOf(`t.kind = 'impersonated' AND (t.actor = '' OR t.person = '' OR t.reason = '' OR t.expires_at = 0
			OR t.expires_at - ` + birth + ` > 3600000)`)},
	{"families", "a family has at most one live refresh token where they are replaced at each use",
		`SELECT CAST(grant_id AS TEXT) FROM (
			SELECT grant_id FROM tokens_long t WHERE kind = 'refresh' AND grant_id <> 0 AND ` + lives + `
			UNION ALL SELECT grant_id FROM tokens_short t WHERE kind = 'refresh' AND grant_id <> 0 AND ` + lives + `
		 ) AS leaves GROUP BY grant_id HAVING COUNT(*) > 1`},
	{"rotations", "a token has at most two secrets that open anything, and all in one table",
		`SELECT CAST(credential AS TEXT) FROM (` + secretsAgain("tokens_short") + ` UNION ALL ` + secretsAgain("tokens_long") + `) AS opening
			GROUP BY credential HAVING COUNT(*) > 2
		 UNION ALL SELECT CAST(id AS TEXT) FROM tokens_short WHERE credential <> id AND credential / 2097152 % 2 = 1
		 UNION ALL SELECT CAST(id AS TEXT) FROM tokens_long WHERE credential <> id AND credential / 2097152 % 2 = 0`},
	{"members", "no live token stands on a membership that was removed",
		tokensOf(uncut("membership", "(t.person || ' ' || t.workspace)") + ` AND t.person <> '' AND t.workspace <> ''
			AND EXISTS (SELECT 1 FROM memberships m WHERE m.person = t.person AND m.workspace = t.workspace AND m.removed_at > 0)
			AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.id = t.grant_id AND g.installed = 1)`)},
	{"people", "no live token stands on a user who was disabled",
		tokensOf(uncut("person", "t.person") + ` AND EXISTS (SELECT 1 FROM users u WHERE u.id = t.person AND u.disabled_at > 0)
			AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.id = t.grant_id AND g.installed = 1)`)},
	{"clients", "no live token stands on a client that was disabled",
		tokensOf(uncut("client", "t.client") + ` AND EXISTS (SELECT 1 FROM clients c WHERE c.id = t.client AND c.disabled_at > 0)`)},
	{"workspaces", "no live token stands on a workspace that was disabled",
		tokensOf(uncut("workspace", "t.workspace") + ` AND EXISTS (SELECT 1 FROM workspaces w WHERE w.id = t.workspace AND w.disabled_at > 0)`)},
	{"grants", "no live token stands on a grant that was ended",
		tokensOf(uncut("grant", "CAST(t.grant_id AS TEXT)") + ` AND EXISTS (SELECT 1 FROM grants g WHERE g.id = t.grant_id AND g.ended_at > 0)`)},
	{"seals", "the seals of a workspace count on without a gap",
		`SELECT workspace FROM seals GROUP BY workspace HAVING MAX(number) - MIN(number) + 1 <> COUNT(*)`},
	{"position", "every change has a position that was reached",
		`SELECT CAST(n AS TEXT) FROM changes WHERE n > (SELECT n FROM position WHERE one = 1)
		 UNION ALL SELECT CAST(n AS TEXT) FROM cutoffs WHERE n > (SELECT n FROM position WHERE one = 1)`},
	{"keys", "each algorithm has at most one active key",
		`SELECT alg FROM keys WHERE state = 'active' GROUP BY alg HAVING COUNT(*) > 1`},
	{"deliveries", "a delivery is due within 25 hours, delivered or dead, and was tried at most ten times",
		`SELECT CAST(id AS TEXT) FROM outbox WHERE state NOT IN ('due', 'delivered', 'dead') OR tries > 10
			OR state = 'due' AND next_at > CAST($1 AS BIGINT) + 90000000`},
}

// recorded is the one promise that needs more than a query.
var recorded = Promise{Name: "records", Text: "every personal, service and impersonated token has its audit row"}

// Check asks every promise of a live database. It writes nothing.
func (s *Store) Check(ctx context.Context) ([]Finding, error) {
	var found []Finding
	for _, p := range Promises {
		var args []any
		if strings.Contains(p.find, "$1") {
			args = append(args, s.now())
		}
		ids, err := all(ctx, s.reads, `SELECT * FROM (`+p.find+`) AS breaches LIMIT 1000`, scanText, args...)
		if err != nil {
			return nil, fmt.Errorf("check %s: %w", p.Name, err)
		}
		found = append(found, finding(p, ids))
	}
	ids, err := s.unrecorded(ctx)
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", recorded.Name, err)
	}
	return append(found, finding(recorded, ids)), nil
}

func finding(p Promise, ids []string) Finding {
	return Finding{Promise: p, Breaches: len(ids), First: ids[:min(len(ids), 5)]}
}

// unrecorded finds governing tokens without the audit row of their issue.
// Rows that are older than the audit is kept are not looked at.
func (s *Store) unrecorded(ctx context.Context) ([]string, error) {
	var missing []string
	for _, table := range tables {
		after := int64(token.FirstID(s.cfg.Now().Add(-AuditKept)))
		for {
			ids, err := all(ctx, s.reads, `SELECT id FROM `+table+` WHERE id > $1 AND id = credential AND contract <> 'import'
				AND kind IN ('personal', 'service', 'impersonated') ORDER BY id LIMIT 1000`, scanInt, after)
			if err != nil {
				return nil, err
			}
			if len(ids) == 0 {
				break
			}
			more, err := s.withoutRecord(ctx, ids)
			if err != nil || len(missing)+len(more) >= 1000 {
				return append(missing, more...), err
			}
			missing, after = append(missing, more...), ids[len(ids)-1]
		}
	}
	return missing, nil
}

func (s *Store) withoutRecord(ctx context.Context, ids []int64) ([]string, error) {
	var missing []string
	for _, id := range ids {
		name := token.ID(id).String()
		n, err := one(ctx, s.reads, `SELECT COUNT(*) FROM events WHERE target = $1 AND action = 'token.issued'`, scanInt, "token:"+name)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			missing = append(missing, name)
		}
	}
	return missing, nil
}
