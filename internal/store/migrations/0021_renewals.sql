-- +goose Up
-- What refresh tokens were replaced by, for who asks again; half a minute long.
-- given is the refresh token that was given: rows lie in the order of their
-- making, and need no other index to be found, wiped or purged.
CREATE TABLE renewals (
	given  BIGINT PRIMARY KEY,
	access BIGINT NOT NULL,
	sealed BYTEA NOT NULL,
	served BIGINT NOT NULL DEFAULT 0
);
