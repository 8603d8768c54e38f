-- +goose Up
-- Where secrets were found that should not be there. place is the hash of who
-- found it and where, so that a report is taken once; what is as in rotations.
CREATE TABLE leaks (
	secret      BIGINT NOT NULL,
	place       BYTEA NOT NULL,
	what        TEXT NOT NULL,
	workspace   TEXT NOT NULL,
	credential  TEXT NOT NULL,
	source      TEXT NOT NULL,
	url         TEXT NOT NULL,
	leaked_at   BIGINT NOT NULL,
	reported_at BIGINT NOT NULL,
	ended       BIGINT NOT NULL,
	PRIMARY KEY (secret, place)
);
CREATE INDEX leaks_credential ON leaks (what, credential, reported_at);
CREATE INDEX leaks_reported ON leaks (reported_at);
