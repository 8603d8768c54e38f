-- +goose Up
-- What protected services saw, by the minute: b0 to b10 count latencies.
CREATE TABLE traffic (
	minute    BIGINT NOT NULL,
	workspace TEXT NOT NULL,
	route     TEXT NOT NULL,
	client    TEXT NOT NULL,
	class     TEXT NOT NULL,
	count     BIGINT NOT NULL,
	errors    BIGINT NOT NULL,
	refused   BIGINT NOT NULL,
	b0        BIGINT NOT NULL,
	b1        BIGINT NOT NULL,
	b2        BIGINT NOT NULL,
	b3        BIGINT NOT NULL,
	b4        BIGINT NOT NULL,
	b5        BIGINT NOT NULL,
	b6        BIGINT NOT NULL,
	b7        BIGINT NOT NULL,
	b8        BIGINT NOT NULL,
	b9        BIGINT NOT NULL,
	b10       BIGINT NOT NULL,
	PRIMARY KEY (minute, workspace, route, client, class)
);
CREATE INDEX traffic_workspace ON traffic (workspace, minute);

-- Of which scopes a secret made use: those of its uses that named any, since
-- scopes_from; the number of those that named none is unscoped.
CREATE TABLE used_scopes (
	secret   BIGINT NOT NULL,
	scope    TEXT NOT NULL,
	first_at BIGINT NOT NULL,
	last_at  BIGINT NOT NULL,
	PRIMARY KEY (secret, scope)
);
ALTER TABLE uses ADD COLUMN scopes_from BIGINT NOT NULL DEFAULT 0;
ALTER TABLE uses ADD COLUMN unscoped BIGINT NOT NULL DEFAULT 0;

-- Single uses, where the server keeps them. The id tells the instant.
CREATE TABLE use_records (
	id         BIGINT PRIMARY KEY,
	workspace  TEXT NOT NULL,
	secret     BIGINT NOT NULL,
	credential BIGINT NOT NULL,
	route      TEXT NOT NULL,
	method     TEXT NOT NULL,
	status     BIGINT NOT NULL,
	address    TEXT NOT NULL,
	agent      TEXT NOT NULL,
	scope      TEXT NOT NULL,
	outcome    TEXT NOT NULL,
	actor      TEXT NOT NULL,
	acting_for TEXT NOT NULL
);
CREATE INDEX use_records_credential ON use_records (credential, id);

-- Batches of uses that were reported, and what was answered.
CREATE TABLE use_batches (
	key    BYTEA PRIMARY KEY,
	answer BYTEA NOT NULL,
	at     BIGINT NOT NULL
);
CREATE INDEX use_batches_at ON use_batches (at);
