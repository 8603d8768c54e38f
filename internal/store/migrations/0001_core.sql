-- +goose Up
-- Instants are milliseconds since 1970, made by our clock; 0 and '' mean none.
-- Identifiers are made in Go. No foreign key touches a token table: the judge
-- refuses a token whose support is missing.

CREATE TABLE meta (
	name  TEXT PRIMARY KEY,
	value BYTEA NOT NULL
);

-- The position advances in every commit that changes what the judge may say of
-- something that exists. It is one row; mark tells one history from another.
CREATE TABLE position (
	one  BIGINT PRIMARY KEY,
	n    BIGINT NOT NULL,
	mark TEXT NOT NULL
);
CREATE TABLE changes (
	n    BIGINT NOT NULL,
	i    BIGINT NOT NULL,
	mark TEXT NOT NULL,
	what TEXT NOT NULL,
	id   TEXT NOT NULL,
	at   BIGINT NOT NULL,
	PRIMARY KEY (n, i)
);
CREATE TABLE cutoffs (
	kind          TEXT NOT NULL,
	id            TEXT NOT NULL,
	n             BIGINT NOT NULL,
	issued_before BIGINT NOT NULL,
	reason        TEXT NOT NULL,
	at            BIGINT NOT NULL,
	PRIMARY KEY (kind, id, n)
);

-- Tokens of at most 24 hours.
CREATE TABLE tokens_short (
	id              BIGINT PRIMARY KEY,
	credential      BIGINT NOT NULL,
	kind            TEXT NOT NULL,
	contract        TEXT NOT NULL,
	hash            BYTEA NOT NULL,
	last_four       TEXT NOT NULL,
	workspace       TEXT NOT NULL,
	client          TEXT NOT NULL,
	person          TEXT NOT NULL,
	grant_id        BIGINT NOT NULL,
	scopes          TEXT NOT NULL,
	key_id          TEXT NOT NULL,
	expires_at      BIGINT NOT NULL,
	born            BIGINT NOT NULL,
	status_index    BIGINT NOT NULL,
	name            TEXT NOT NULL DEFAULT '',
	purpose         TEXT NOT NULL DEFAULT '',
	owner           TEXT NOT NULL DEFAULT '',
	sponsor         TEXT NOT NULL DEFAULT '',
	actor           TEXT NOT NULL DEFAULT '',
	reason          TEXT NOT NULL DEFAULT '',
	audience        TEXT NOT NULL DEFAULT '',
	proof           TEXT NOT NULL DEFAULT '',
	data            TEXT NOT NULL DEFAULT '',
	max_uses        BIGINT NOT NULL DEFAULT 0,
	uses            BIGINT NOT NULL DEFAULT 0,
	ended_at        BIGINT NOT NULL DEFAULT 0,
	end_reason      TEXT NOT NULL DEFAULT '',
	ended_by        TEXT NOT NULL DEFAULT '',
	suspended_at    BIGINT NOT NULL DEFAULT 0,
	suspended_until BIGINT NOT NULL DEFAULT 0,
	successor       BIGINT NOT NULL DEFAULT 0
) /* daily ranges */;
CREATE INDEX tokens_short_workspace ON tokens_short (workspace, id) WHERE name <> '';
CREATE INDEX tokens_short_person ON tokens_short (person, id) WHERE name <> '' AND person <> '';

-- All others, and those that never expire.
CREATE TABLE tokens_long (
	id              BIGINT PRIMARY KEY,
	credential      BIGINT NOT NULL,
	kind            TEXT NOT NULL,
	contract        TEXT NOT NULL,
	hash            BYTEA NOT NULL,
	last_four       TEXT NOT NULL,
	workspace       TEXT NOT NULL,
	client          TEXT NOT NULL,
	person          TEXT NOT NULL,
	grant_id        BIGINT NOT NULL,
	scopes          TEXT NOT NULL,
	key_id          TEXT NOT NULL,
	expires_at      BIGINT NOT NULL,
	born            BIGINT NOT NULL,
	status_index    BIGINT NOT NULL,
	name            TEXT NOT NULL DEFAULT '',
	purpose         TEXT NOT NULL DEFAULT '',
	owner           TEXT NOT NULL DEFAULT '',
	sponsor         TEXT NOT NULL DEFAULT '',
	actor           TEXT NOT NULL DEFAULT '',
	reason          TEXT NOT NULL DEFAULT '',
	audience        TEXT NOT NULL DEFAULT '',
	proof           TEXT NOT NULL DEFAULT '',
	data            TEXT NOT NULL DEFAULT '',
	max_uses        BIGINT NOT NULL DEFAULT 0,
	uses            BIGINT NOT NULL DEFAULT 0,
	ended_at        BIGINT NOT NULL DEFAULT 0,
	end_reason      TEXT NOT NULL DEFAULT '',
	ended_by        TEXT NOT NULL DEFAULT '',
	suspended_at    BIGINT NOT NULL DEFAULT 0,
	suspended_until BIGINT NOT NULL DEFAULT 0,
	successor       BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX tokens_long_workspace ON tokens_long (workspace, id) WHERE name <> '';
CREATE INDEX tokens_long_person ON tokens_long (person, id) WHERE name <> '' AND person <> '';
CREATE INDEX tokens_long_expired ON tokens_long (expires_at) WHERE expires_at > 0;
CREATE INDEX tokens_long_ended ON tokens_long (ended_at) WHERE ended_at > 0;

CREATE INDEX tokens_short_status ON tokens_short (status_index) WHERE status_index > 0;
CREATE INDEX tokens_long_status ON tokens_long (status_index) WHERE status_index > 0;
-- The next free place in the status lists.
CREATE TABLE status_places (
	one  BIGINT PRIMARY KEY,
	free BIGINT NOT NULL
);
INSERT INTO status_places (one, free) VALUES (1, 1);

-- Tokens that were made elsewhere: found by hash, since they carry no address.
CREATE TABLE imports (
	hash BYTEA PRIMARY KEY,
	id   BIGINT NOT NULL
);

CREATE TABLE workspaces (
	id          TEXT PRIMARY KEY,
	name        TEXT NOT NULL,
	number      BIGINT NOT NULL UNIQUE,
	domain      TEXT NOT NULL,
	scopes      TEXT NOT NULL,
	all_scopes  BIGINT NOT NULL,
	policy      TEXT NOT NULL,
	teams       TEXT NOT NULL,
	spaces      TEXT NOT NULL,
	created_at  BIGINT NOT NULL,
	disabled_at BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE roles (
	workspace TEXT NOT NULL,
	name      TEXT NOT NULL,
	scopes    TEXT NOT NULL,
	PRIMARY KEY (workspace, name)
);
CREATE TABLE client_tokens (
	hash       BYTEA PRIMARY KEY,
	workspace  TEXT NOT NULL,
	last_four  TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	ended_at   BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX client_tokens_workspace ON client_tokens (workspace);

CREATE TABLE users (
	id          TEXT PRIMARY KEY,
	number      BIGINT NOT NULL UNIQUE,
	email       TEXT NOT NULL UNIQUE,
	name        TEXT NOT NULL,
	password    TEXT NOT NULL,
	locale      TEXT NOT NULL,
	version     BIGINT NOT NULL,
	created_at  BIGINT NOT NULL,
	updated_at  BIGINT NOT NULL,
	disabled_at BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE memberships (
	id              TEXT NOT NULL UNIQUE,
	person          TEXT NOT NULL,
	workspace       TEXT NOT NULL,
	role            TEXT NOT NULL,
	scopes          TEXT NOT NULL,
	narrowed        BIGINT NOT NULL,
	teams           TEXT NOT NULL,
	spaces          TEXT NOT NULL,
	may_impersonate BIGINT NOT NULL,
	version         BIGINT NOT NULL,
	created_at      BIGINT NOT NULL,
	updated_at      BIGINT NOT NULL,
	removed_at      BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (person, workspace)
);
CREATE INDEX memberships_workspace ON memberships (workspace, person);

CREATE TABLE clients (
	id              TEXT PRIMARY KEY,
	number          BIGINT NOT NULL UNIQUE,
	workspace       TEXT NOT NULL,
	name            TEXT NOT NULL,
	description     TEXT NOT NULL,
	auth_method     TEXT NOT NULL,
	redirect_uris   TEXT NOT NULL,
	grant_types     TEXT NOT NULL,
	scope           TEXT NOT NULL,
	optional_scope  TEXT NOT NULL,
	distribution    TEXT NOT NULL,
	workspaces      TEXT NOT NULL,
	installable_by  TEXT NOT NULL,
	introspect      TEXT NOT NULL,
	may_impersonate BIGINT NOT NULL,
	access_ttl      BIGINT NOT NULL,
	refresh_ttl     BIGINT NOT NULL,
	refresh_idle    BIGINT NOT NULL,
	access_format   TEXT NOT NULL,
	signing_alg     TEXT NOT NULL,
	refresh_policy  TEXT NOT NULL,
	metadata        TEXT NOT NULL,
	created_at      BIGINT NOT NULL,
	updated_at      BIGINT NOT NULL,
	disabled_at     BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX clients_workspace ON clients (workspace);
CREATE TABLE client_secrets (
	id         BIGINT PRIMARY KEY,
	client     TEXT NOT NULL,
	hash       BYTEA NOT NULL,
	last_four  TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL DEFAULT 0,
	ended_at   BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX client_secrets_hash ON client_secrets (hash);
CREATE INDEX client_secrets_client ON client_secrets (client);

CREATE TABLE scopes (
	name        TEXT PRIMARY KEY,
	description TEXT NOT NULL,
	use         TEXT NOT NULL,
	created_at  BIGINT NOT NULL
);
CREATE TABLE resources (
	identifier           TEXT PRIMARY KEY,
	workspace            TEXT NOT NULL,
	scopes               TEXT NOT NULL,
	token_format         TEXT NOT NULL,
	introspection_client TEXT NOT NULL,
	created_at           BIGINT NOT NULL
);
CREATE INDEX resources_client ON resources (introspection_client);

-- A grant is a family: tokens that fall together.
CREATE TABLE grants (
	id         BIGINT PRIMARY KEY,
	contract   TEXT NOT NULL,
	client     TEXT NOT NULL,
	person     TEXT NOT NULL,
	workspace  TEXT NOT NULL,
	scopes     TEXT NOT NULL,
	installed  BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	ended_at   BIGINT NOT NULL DEFAULT 0,
	end_reason TEXT NOT NULL DEFAULT ''
);
CREATE INDEX grants_workspace ON grants (workspace, id) WHERE person <> '';
CREATE INDEX grants_person ON grants (person, id) WHERE person <> '';

-- An authorize request that waits for its person. It is written only for
-- somebody who is signed in, a bounded number for each session.
CREATE TABLE authorizations (
	id         BIGINT PRIMARY KEY,
	session    BIGINT NOT NULL,
	client     TEXT NOT NULL,
	contract   TEXT NOT NULL,
	request    TEXT NOT NULL,
	state      TEXT NOT NULL,
	grant_id   BIGINT NOT NULL DEFAULT 0,
	expires_at BIGINT NOT NULL
);
CREATE INDEX authorizations_session ON authorizations (session, id);
CREATE INDEX authorizations_expired ON authorizations (expires_at);

CREATE TABLE answers (
	key        BYTEA PRIMARY KEY,
	request    BYTEA NOT NULL,
	sealed     BYTEA NOT NULL,
	tokens     TEXT NOT NULL,
	served     BIGINT NOT NULL DEFAULT 0,
	made_at    BIGINT NOT NULL,
	sealed_until BIGINT NOT NULL, -- 0: wiped
	expires_at BIGINT NOT NULL
);
CREATE INDEX answers_sealed ON answers (sealed_until, key) WHERE sealed_until > 0;
CREATE INDEX answers_expired ON answers (expires_at);

CREATE TABLE keys (
	id         TEXT PRIMARY KEY,
	alg        TEXT NOT NULL,
	state      TEXT NOT NULL,
	private    BYTEA NOT NULL,
	public     BYTEA NOT NULL,
	created_at BIGINT NOT NULL,
	active_at  BIGINT NOT NULL DEFAULT 0,
	retire_at  BIGINT NOT NULL DEFAULT 0,
	ended_at   BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX keys_one_active ON keys (alg) WHERE state = 'active';
CREATE UNIQUE INDEX keys_one_next ON keys (alg) WHERE state = 'next';

-- The audit. seal is the number of the seal that holds the record, 0 until then.
CREATE TABLE events (
	id          BIGINT PRIMARY KEY,
	at          BIGINT NOT NULL,
	workspace   TEXT NOT NULL,
	actor_kind  TEXT NOT NULL,
	actor       TEXT NOT NULL,
	actor_name  TEXT NOT NULL,
	actor_token BIGINT NOT NULL,
	acting_for  TEXT NOT NULL,
	address     TEXT NOT NULL,
	agent       TEXT NOT NULL,
	request     TEXT NOT NULL,
	action      TEXT NOT NULL,
	target      TEXT NOT NULL,
	target_name TEXT NOT NULL,
	outcome     TEXT NOT NULL,
	detail      TEXT NOT NULL,
	hash        BYTEA NOT NULL,
	seal        BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX events_workspace ON events (workspace, id);
CREATE INDEX events_target ON events (target, id);
CREATE INDEX events_unsealed ON events (workspace, id) WHERE seal = 0;
CREATE TABLE seals (
	workspace TEXT NOT NULL,
	number    BIGINT NOT NULL,
	previous  BYTEA NOT NULL,
	first_id  BIGINT NOT NULL,
	last_id   BIGINT NOT NULL,
	count     BIGINT NOT NULL,
	root      BYTEA NOT NULL,
	totals    TEXT NOT NULL,
	late      BIGINT NOT NULL,
	at        BIGINT NOT NULL,
	hash      BYTEA NOT NULL,
	key_id    TEXT NOT NULL,
	signature BYTEA NOT NULL,
	PRIMARY KEY (workspace, number)
);

CREATE TABLE webhooks (
	id         BIGINT PRIMARY KEY,
	workspace  TEXT NOT NULL,
	url        TEXT NOT NULL,
	events     TEXT NOT NULL,
	secret     BYTEA NOT NULL,
	created_at BIGINT NOT NULL,
	ended_at   BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX webhooks_workspace ON webhooks (workspace);
CREATE TABLE outbox (
	id      BIGINT PRIMARY KEY,
	webhook BIGINT NOT NULL,
	event   BIGINT NOT NULL,
	type    TEXT NOT NULL,
	body    BYTEA NOT NULL,
	state   TEXT NOT NULL,
	tries   BIGINT NOT NULL DEFAULT 0,
	next_at BIGINT NOT NULL,
	at      BIGINT NOT NULL
);
CREATE INDEX outbox_due ON outbox (state, next_at);

-- Uses, merged in memory and written in batches: never a write on a read.
CREATE TABLE uses (
	credential BIGINT PRIMARY KEY,
	first_at   BIGINT NOT NULL,
	last_at    BIGINT NOT NULL,
	count      BIGINT NOT NULL,
	address    TEXT NOT NULL,
	agent      TEXT NOT NULL,
	route      TEXT NOT NULL
);
-- Totals of tokens that were purged, by month, workspace and kind.
CREATE TABLE totals (
	month     TEXT NOT NULL,
	workspace TEXT NOT NULL,
	kind      TEXT NOT NULL,
	issued    BIGINT NOT NULL,
	PRIMARY KEY (month, workspace, kind)
);
CREATE TABLE jobs (
	name     TEXT PRIMARY KEY,
	owner    TEXT NOT NULL,
	until    BIGINT NOT NULL,
	last_run BIGINT NOT NULL,
	state    TEXT NOT NULL
);
