-- +goose Up
-- What was told of a secret, once each: how many days before its expiry (0: that
-- it expired, -1: that it was shown afterwards, -2: its first use).
CREATE TABLE notices (
	secret BIGINT NOT NULL,
	notice BIGINT NOT NULL,
	at     BIGINT NOT NULL,
	PRIMARY KEY (secret, notice)
);
CREATE INDEX notices_old ON notices (at);

-- How far secrets were walked by their expiry, for each notice: tokens, and the
-- secrets of clients.
CREATE TABLE notice_watches (
	clients BIGINT NOT NULL,
	notice  BIGINT NOT NULL,
	expires BIGINT NOT NULL,
	secret  BIGINT NOT NULL,
	PRIMARY KEY (clients, notice)
);
CREATE INDEX client_secrets_expires ON client_secrets (expires_at) WHERE expires_at > 0;

-- The calendar of a person in a workspace, found by the hash of its address.
-- born is the position at which it was made: what cuts the membership off ends
-- it too.
CREATE TABLE calendars (
	person     TEXT NOT NULL,
	workspace  TEXT NOT NULL,
	hash       BYTEA NOT NULL UNIQUE,
	born       BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (person, workspace)
);
