-- +goose Up
-- The leaks of a workspace, the newest first.
CREATE INDEX leaks_workspace ON leaks (workspace, reported_at, secret, place);

-- How a webhook's secret is told when somebody shows it: a keyed hash, in hex.
-- Those of before get it from a job; the master key is not in here.
ALTER TABLE webhooks ADD COLUMN mark TEXT NOT NULL DEFAULT '';
ALTER TABLE webhooks ADD COLUMN next_mark TEXT NOT NULL DEFAULT '';
CREATE INDEX webhooks_mark ON webhooks (mark) WHERE mark <> '';
CREATE INDEX webhooks_next_mark ON webhooks (next_mark) WHERE next_mark <> '';
CREATE INDEX webhooks_unmarked ON webhooks (id) WHERE mark = '';

-- Who was refused because a token is suspended: since is when that began. Those
-- who find no room are one row without address and agent.
CREATE TABLE suspended_uses (
	secret   BIGINT NOT NULL,
	since    BIGINT NOT NULL,
	address  TEXT NOT NULL,
	agent    TEXT NOT NULL,
	first_at BIGINT NOT NULL,
	last_at  BIGINT NOT NULL,
	count    BIGINT NOT NULL,
	route    TEXT NOT NULL,
	PRIMARY KEY (secret, since, address, agent)
);
CREATE INDEX suspended_uses_last ON suspended_uses (last_at);

-- When the new secret of a rotation expires: one that was not seen until then
-- never will be.
ALTER TABLE rotations ADD COLUMN new_expires BIGINT NOT NULL DEFAULT 0;
UPDATE rotations SET new_expires = COALESCE((SELECT t.expires_at FROM tokens_long t WHERE t.id = rotations.new), 0)
	WHERE what = 'token' AND state = 'pending' AND ended_at = 0;
CREATE INDEX rotations_lapsed ON rotations (new_expires) WHERE state = 'pending' AND ended_at = 0 AND new_expires > 0;
