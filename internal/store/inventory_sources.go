package store

import (
	"cmp"
	"slices"
	"strings"

	"github.com/fichadev/ficha/internal/token"
)

// A source is one index whose rows stand in the inventory of a workspace ($1).
type source struct {
	kinds  []token.Kind // what it may hold
	from   string       // a table or what looks like it, as t
	where  string       // what makes a row the source's, by the index
	passes string       // what a look passes over; empty: where

	by      string // of an index that finds what is asked for: by what
	routine bool   // unnamed tokens, which lie among those of all workspaces
	unbound bool   // bound to no workspace
}

const (
	viaFour   = "last four"
	viaID     = "id"
	viaPerson = "person"

	isOurs    = `t.name <> '' AND t.workspace = $1`
	isRoutine = `t.name = '' AND t.workspace = $1`

	// roaming opens every workspace of its person. What was made before their
	// membership was cut off does not open this one again with the next.
	roaming = `t.name <> '' AND t.person <> '' AND t.workspace = ''
		AND t.person IN (SELECT m.person FROM memberships m WHERE m.workspace = $1 AND m.removed_at = 0)
		AND NOT EXISTS (SELECT 1 FROM cutoffs c WHERE c.kind = 'membership' AND c.id = t.person || ' ' || $1 AND t.born < c.n AND c.issued_before = 0)`
)

// sourcesOf are those of one class of tokens.
func sourcesOf(class token.Class) []source {
	from := tables[class] + " t"
	people := []token.Kind{token.Personal}
	return []source{
		{kinds: token.Kinds, from: from, where: isOurs},
		{kinds: people, from: from, where: roaming, passes: "t.name <> '' AND t.workspace = ''", unbound: true},
		{kinds: people, from: from, where: roaming, by: viaPerson, unbound: true},
		{kinds: []token.Kind{token.Access, token.Refresh}, from: from, where: isRoutine, passes: "t.id > 0", routine: true},

		{kinds: token.Kinds, from: from, where: isOurs + " AND t.last_four = $11", by: viaFour},
		{kinds: people, from: from, where: roaming + " AND t.last_four = $11", by: viaFour, unbound: true},
		{kinds: token.Kinds, from: from, where: "t.id = $13 AND t.workspace = $1", by: viaID},
		{kinds: token.Kinds, from: from, where: "t.credential = $13 AND t.credential <> t.id AND t.workspace = $1", by: viaID},
	}
}

// secretSources are what is no token. Its expiry, name and end are its own.
var secretSources = []source{
	{kinds: []token.Kind{token.ClientSecret}, where: "t.workspace = $1", from: secretsAs(
		`s.id, s.id AS credential, 'client_secret' AS kind, 'v1' AS contract, s.hash, s.last_four, c.workspace, s.client, s.expires_at, c.name,
		s.ended_at, s.retires_at`, "client_secrets s JOIN clients c ON c.id = s.client")},
	{kinds: []token.Kind{token.KindClientToken}, where: "t.workspace = $1", from: secretsAs(
		`s.id, s.id AS credential, 'client_token' AS kind, 'chronos' AS contract, s.hash, s.last_four, s.workspace, '' AS client, CAST(0 AS BIGINT) AS expires_at, '' AS name,
		s.ended_at, s.retires_at`, "client_tokens s")},
	{kinds: []token.Kind{token.KindWebhookSecret}, where: "t.workspace = $1", from: secretsAs(
		`s.id, s.id AS credential, 'webhook_secret' AS kind, 'v1' AS contract, NULL AS hash, '' AS last_four, s.workspace, '' AS client, CAST(0 AS BIGINT) AS expires_at, '' AS name,
		s.ended_at, CAST(0 AS BIGINT) AS retires_at`, "webhooks s")},
}

// secretsAs gives the columns of a token to what is none.
func secretsAs(columns, from string) string {
	return `(SELECT ` + columns + `, '' AS person, CAST(0 AS BIGINT) AS grant_id, '' AS scopes, '' AS key_id, CAST(0 AS BIGINT) AS born, CAST(0 AS BIGINT) AS status_index,
		'' AS purpose, '' AS owner, '' AS sponsor, '' AS actor, '' AS reason, '' AS audience, '' AS proof, '' AS data, CAST(0 AS BIGINT) AS max_uses,
		CAST(0 AS BIGINT) AS replaces, '' AS narrowed_from, '' AS addresses, '' AS approval, CAST(0 AS BIGINT) AS suspended_at, CAST(0 AS BIGINT) AS uses, '' AS end_reason, '' AS ended_by,
		CAST(0 AS BIGINT) AS suspended_until, CAST(0 AS BIGINT) AS successor, CAST(0 AS BIGINT) AS confirmed_at FROM ` + from + `) t`
}

const (
	// statusOf says what Token.Status says, at $8.
	statusOf = `CASE
		WHEN t.ended_at <> 0 THEN 'revoked'
		WHEN t.expires_at <> 0 AND t.expires_at <= $8 THEN 'expired'
		WHEN t.retires_at <> 0 AND t.retires_at <= $8 THEN 'retired'
		WHEN t.suspended_at <> 0 AND (t.suspended_until = 0 OR t.suspended_until > $8) THEN CASE t.approval WHEN 'waiting' THEN 'waiting' ELSE 'suspended' END
		WHEN t.retires_at <> 0 THEN 'retiring'
		WHEN t.replaces <> 0 AND t.confirmed_at = 0 THEN 'pending'
		ELSE 'active' END`
	isLive = `t.ended_at = 0 AND (t.expires_at = 0 OR t.expires_at > $8) AND (t.retires_at = 0 OR t.retires_at > $8)`
	usedAt = `COALESCE((SELECT u.last_at FROM uses u WHERE u.credential = t.id), 0)`

	// filtered narrows a source. A filter that is not asked for is an empty
	// parameter, so that each source has one text.
	filtered = ` AND t.id < $2 AND t.id >= $3
		AND CAST($4 AS TEXT) LIKE '% ' || t.kind || ' %'
		AND (CAST($5 AS TEXT) = '' OR t.client = $5)
		AND (CAST($6 AS TEXT) = '' OR t.owner = $6 OR $6 = '-' AND t.owner = '')
		AND (CAST($7 AS TEXT) = '' OR ($7 = 'live' AND ` + isLive + `) OR $7 = ` + statusOf + `)
		AND (CAST($9 AS BIGINT) = 0 OR t.expires_at >= $9)
		AND (CAST($10 AS BIGINT) = 0 OR (t.expires_at <> 0 AND t.expires_at < $10))
		AND (CAST($12 AS TEXT) = '' OR LOWER(t.name) LIKE LOWER($12) ESCAPE '!' OR t.last_four <> '' AND t.last_four = CAST($11 AS TEXT) OR t.id = CAST($13 AS BIGINT) OR t.credential = $13)
		AND (CAST($14 AS TEXT) = '' OR t.last_four = $14)
		AND (CAST($15 AS TEXT) = '' OR t.person = $15)
		AND (CAST($16 AS TEXT) = '' OR t.contract = $16)
		AND (CAST($17 AS TEXT) = '' OR ' ' || t.scopes || ' ' LIKE $17 ESCAPE '!')
		AND (CAST($18 AS BIGINT) = 0 OR ` + usedAt + ` >= $18)
		AND (CAST($19 AS BIGINT) = 0 OR ` + usedAt + ` BETWEEN 1 AND $19 - 1)
		AND (CAST($20 AS BIGINT) = 0 OR ` + usedAt + ` = 0)
		AND (CAST($21 AS BIGINT) = 0 OR (t.id < CAST($22 AS BIGINT) AND ` + usedAt + ` < $21))
		AND (CAST($23 AS BIGINT) = 0 OR (t.suspended_at = $23 AND (t.suspended_until = 0 OR t.suspended_until > $8)))
		AND (CAST($24 AS BIGINT) = 0 OR t.grant_id = $24)
		AND (CAST($25 AS TEXT) = '' OR t.key_id = $25)
		AND (CAST($26 AS TEXT) = '' OR t.person = $26 OR t.sponsor = $26)
		AND (CAST($27 AS BIGINT) = 0 OR t.credential = $27)`
)

// unordered is filtered without the order of ids to walk in.
var unordered = strings.Replace(filtered, "t.id < $2 AND t.id >= $3", "+t.id < $2 AND +t.id >= $3", 1)

// needing counts what somebody should look at: $28 is in 30 days, $29 the id of
// 30 days ago, $30 90 days ago.
const needing = `SELECT COUNT(*),
	COALESCE(SUM(CASE WHEN expires_at > 0 AND expires_at < $28 THEN 1 ELSE 0 END), 0),
	COALESCE(SUM(CASE WHEN used = 0 AND id < $29 THEN 1 ELSE 0 END), 0),
	COALESCE(SUM(CASE WHEN used > 0 AND used < $30 THEN 1 ELSE 0 END), 0),
	COALESCE(SUM(CASE WHEN owner = '' THEN 1 ELSE 0 END), 0),
	COALESCE(SUM(CASE WHEN purpose = '' THEN 1 ELSE 0 END), 0),
	COALESCE(SUM(CASE WHEN ' ' || scopes LIKE '% admin:%' OR LENGTH(scopes) - LENGTH(REPLACE(scopes, ' ', '')) >= 10 THEN 1 ELSE 0 END), 0) `

// A walk is a source with its texts.
type walk struct {
	source
	edge      string // the id of the row so many down
	page      string
	tally     string
	attention string
	dated     ordered // by expiry
	lasting   ordered // what never expires
}

var walks = func() (all []walk) {
	for _, s := range slices.Concat(sourcesOf(token.Short), sourcesOf(token.Long), secretSources) {
		w := walk{source: s}
		narrowed, order := s.where+filtered, " ORDER BY t.id DESC"
		if s.by != "" {
			// The sign keeps SQLite from walking a workspace by id, which is in
			// the order asked for, rather than looking up what is asked for.
			narrowed = s.where + unordered
			order = " ORDER BY +t.id DESC"
		}
		found := "FROM (SELECT t.*, COALESCE(u.last_at, 0) AS used FROM " + s.from + " LEFT JOIN uses u ON u.credential = t.id WHERE " + narrowed + ") AS found"
		w.page = "SELECT " + tokenAll + " FROM " + s.from + " WHERE " + narrowed + order + " LIMIT $28"
		w.attention = needing + found
		w.tally = `SELECT kind, owner, COUNT(*), SUM(CASE WHEN used >= $28 THEN 1 ELSE 0 END), SUM(CASE WHEN used >= $29 THEN 1 ELSE 0 END), MAX(used)
			` + found + " GROUP BY kind, owner"
		if s.by == "" {
			w.edge = "SELECT t.id FROM " + s.from + " WHERE " + cmp.Or(s.passes, s.where) +
				" AND CAST($1 AS TEXT) <> '' AND t.id < $2 AND t.id >= $3 ORDER BY t.id DESC LIMIT 1 OFFSET $4"
		}
		w.dated, w.lasting = s.byExpiry()
		all = append(all, w)
	}
	return all
}()
