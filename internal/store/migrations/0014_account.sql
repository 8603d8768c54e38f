-- +goose Up
-- How people prove themselves beside a password, and where they are signed in.
CREATE TABLE passkeys (
	id         BYTEA PRIMARY KEY,
	person     TEXT NOT NULL,
	name       TEXT NOT NULL,
	credential BYTEA NOT NULL,
	created_at BIGINT NOT NULL,
	used_at    BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX passkeys_person ON passkeys (person, created_at);
-- An app that shows codes. step is the newest whose code was used: each counts
-- once. The secret is sealed.
CREATE TABLE authenticators (
	person       TEXT PRIMARY KEY,
	secret       BYTEA NOT NULL,
	step         BIGINT NOT NULL DEFAULT 0,
	created_at   BIGINT NOT NULL,
	confirmed_at BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE recovery_codes (
	person TEXT NOT NULL,
	hash   BYTEA NOT NULL,
	PRIMARY KEY (person, hash)
);
-- What may be shown once: the newest link by which a person chooses another
-- password, and answers of passkeys.
CREATE TABLE password_resets (
	person     TEXT PRIMARY KEY,
	hash       BYTEA NOT NULL UNIQUE,
	expires_at BIGINT NOT NULL
);
CREATE INDEX password_resets_expired ON password_resets (expires_at);
CREATE TABLE used_challenges (
	hash       BYTEA PRIMARY KEY,
	expires_at BIGINT NOT NULL
);
CREATE INDEX used_challenges_expired ON used_challenges (expires_at);
-- Where a person is signed in. Whether it still lives, its token says.
CREATE TABLE sessions (
	token      BIGINT PRIMARY KEY,
	person     TEXT NOT NULL,
	expires_at BIGINT NOT NULL,
	address    TEXT NOT NULL,
	agent      TEXT NOT NULL
);
CREATE INDEX sessions_person ON sessions (person, token);
CREATE INDEX sessions_expired ON sessions (expires_at);
