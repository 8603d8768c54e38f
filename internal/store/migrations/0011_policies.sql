-- +goose Up
-- What a policy counts and looks for. Neither index holds a routine token: those
-- have no owner and wait for nobody.
CREATE INDEX tokens_short_owner ON tokens_short (workspace, owner, kind, expires_at) WHERE owner <> '' AND ended_at = 0;
CREATE INDEX tokens_long_owner ON tokens_long (workspace, owner, kind, expires_at) WHERE owner <> '' AND ended_at = 0;
CREATE INDEX tokens_short_waiting ON tokens_short (id) WHERE approval = 'waiting' AND ended_at = 0;
CREATE INDEX tokens_long_waiting ON tokens_long (id) WHERE approval = 'waiting' AND ended_at = 0;

-- A row for each owner whose tokens are counted: who takes a place holds it
-- until the commit.
CREATE TABLE quotas (
	workspace TEXT NOT NULL,
	owner     TEXT NOT NULL,
	kind      TEXT NOT NULL,
	taken     BIGINT NOT NULL,
	PRIMARY KEY (workspace, owner, kind)
);

-- A walk over the live tokens of a workspace, and how far it came. what is warn,
-- turn, end or idle.
CREATE TABLE policy_walks (
	workspace TEXT NOT NULL,
	what      TEXT NOT NULL,
	due       BIGINT NOT NULL,
	began     BIGINT NOT NULL,
	person    TEXT NOT NULL DEFAULT '',
	after     BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (workspace, what)
);
CREATE INDEX policy_walks_due ON policy_walks (due);
-- Tokens whose owner was told that they will end for not being used.
CREATE TABLE idle_notices (
	token BIGINT PRIMARY KEY,
	at    BIGINT NOT NULL
);
