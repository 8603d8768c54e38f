-- +goose Up
-- Of a secret that takes another's place: whose, since when it was seen, and
-- what the other held beside; of the other: when it goes. Then the networks a
-- token may be used from, and whether somebody has to approve it.
ALTER TABLE tokens_short ADD COLUMN replaces BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tokens_short ADD COLUMN narrowed_from TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens_short ADD COLUMN addresses TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens_short ADD COLUMN approval TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens_short ADD COLUMN confirmed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tokens_short ADD COLUMN retires_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tokens_long ADD COLUMN replaces BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tokens_long ADD COLUMN narrowed_from TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens_long ADD COLUMN addresses TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens_long ADD COLUMN approval TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens_long ADD COLUMN confirmed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tokens_long ADD COLUMN retires_at BIGINT NOT NULL DEFAULT 0;
-- The secrets of a credential beside its first.
CREATE INDEX tokens_short_credential ON tokens_short (credential, id) WHERE credential <> id;
CREATE INDEX tokens_long_credential ON tokens_long (credential, id) WHERE credential <> id;

-- A secret that replaces another names it until it was seen.
ALTER TABLE client_secrets ADD COLUMN replaces BIGINT NOT NULL DEFAULT 0;
ALTER TABLE client_secrets ADD COLUMN retires_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE client_tokens ADD COLUMN id BIGINT NOT NULL DEFAULT 0;
ALTER TABLE client_tokens ADD COLUMN replaces BIGINT NOT NULL DEFAULT 0;
ALTER TABLE client_tokens ADD COLUMN retires_at BIGINT NOT NULL DEFAULT 0;
-- Those that stand get an id of their instant, as tokens have.
UPDATE client_tokens SET id = (created_at - 1767225600000) * 4194304 + 2097152
	+ (SELECT COUNT(*) FROM client_tokens o WHERE o.created_at = client_tokens.created_at AND o.hash < client_tokens.hash);

-- One replacement of one secret by another. what is token, client_secret,
-- webhook_secret, client_token or key; credential is what people know it by.
CREATE TABLE rotations (
	id           BIGINT PRIMARY KEY,
	what         TEXT NOT NULL,
	workspace    TEXT NOT NULL,
	credential   TEXT NOT NULL,
	name         TEXT NOT NULL,
	old          BIGINT NOT NULL,
	new          BIGINT NOT NULL,
	old_expires  BIGINT NOT NULL,
	state        TEXT NOT NULL,
	grace        BIGINT NOT NULL,
	reason       TEXT NOT NULL,
	made_by      TEXT NOT NULL,
	created_at   BIGINT NOT NULL,
	confirmed_at BIGINT NOT NULL DEFAULT 0,
	retires_at   BIGINT NOT NULL DEFAULT 0,
	ended_at     BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX rotations_open ON rotations (what, credential) WHERE ended_at = 0;
CREATE INDEX rotations_credential ON rotations (what, credential, id);
CREATE INDEX rotations_workspace ON rotations (workspace, id);
CREATE INDEX rotations_new ON rotations (new);
CREATE INDEX rotations_due ON rotations (retires_at) WHERE ended_at = 0 AND retires_at > 0;

-- How far secrets were passed, by the age (ms) at which they should have been
-- replaced.
CREATE TABLE rotation_watches (
	age    BIGINT PRIMARY KEY,
	passed BIGINT NOT NULL
);
