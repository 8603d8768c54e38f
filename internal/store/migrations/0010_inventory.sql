-- +goose Up
-- The last four of what people named: no hot deed writes such rows.
CREATE INDEX tokens_short_last_four ON tokens_short (workspace, last_four, id) WHERE name <> '';
CREATE INDEX tokens_long_last_four ON tokens_long (workspace, last_four, id) WHERE name <> '';

-- Revocations of more than one token: cutoffs, which are done when they are
-- written, and runs, which end or suspend a bounded number of rows a step.
-- reached is the id above which a run has looked at everything.
CREATE TABLE revocations (
	id          BIGINT PRIMARY KEY,
	workspace   TEXT NOT NULL,
	act         TEXT NOT NULL,
	predicate   TEXT NOT NULL,
	reason      TEXT NOT NULL,
	until       BIGINT NOT NULL DEFAULT 0,
	actor       TEXT NOT NULL,
	event       BIGINT NOT NULL DEFAULT 0,
	state       TEXT NOT NULL,
	reached     BIGINT NOT NULL DEFAULT 0,
	count       BIGINT NOT NULL DEFAULT 0,
	at_least    BIGINT NOT NULL DEFAULT 0,
	position    BIGINT NOT NULL DEFAULT 0,
	finished_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX revocations_workspace ON revocations (workspace, id);
CREATE INDEX revocations_running ON revocations (id) WHERE state = 'running';
