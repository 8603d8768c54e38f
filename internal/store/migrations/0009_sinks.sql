-- +goose Up
-- Who acted, and for whom: the second holds only what impersonators did.
CREATE INDEX events_actor ON events (workspace, actor, id) WHERE actor <> '';
CREATE INDEX events_acting_for ON events (workspace, acting_for, id) WHERE acting_for <> '';

-- Where else records go. A seal gets its place among those of all workspaces
-- after its commit, by one writer at a time, so that a sink which has had all up
-- to a place has missed none: place 0 is a seal that nobody has placed yet.
ALTER TABLE seals ADD COLUMN place BIGINT NOT NULL DEFAULT 0;
CREATE INDEX seals_unplaced ON seals (at, workspace, number) WHERE place = 0;
CREATE UNIQUE INDEX seals_place ON seals (place) WHERE place > 0;
CREATE TABLE places (
	one BIGINT PRIMARY KEY,
	n   BIGINT NOT NULL
);
INSERT INTO places (one, n) VALUES (1, 0);

-- place is that of the last seal that the sink has acknowledged; lost are the
-- records that were purged before it did.
CREATE TABLE sinks (
	name    TEXT PRIMARY KEY,
	place   BIGINT NOT NULL DEFAULT 0,
	seen_at BIGINT NOT NULL,
	lost    BIGINT NOT NULL DEFAULT 0
);
