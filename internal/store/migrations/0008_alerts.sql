-- +goose Up
-- The rules of workspaces that made their own; all others have the built-in ones.
CREATE TABLE alert_rules (
	workspace  TEXT PRIMARY KEY,
	rules      TEXT NOT NULL,
	updated_at BIGINT NOT NULL
);
-- Incidents: at most one of a rule is not over.
CREATE TABLE alerts (
	id          BIGINT PRIMARY KEY,
	workspace   TEXT NOT NULL,
	rule        TEXT NOT NULL,
	class       TEXT NOT NULL,
	severity    TEXT NOT NULL,
	state       TEXT NOT NULL,
	since       BIGINT NOT NULL,
	fired_at    BIGINT NOT NULL,
	calm_since  BIGINT NOT NULL,
	resolved_at BIGINT NOT NULL,
	detail      TEXT NOT NULL
);
CREATE UNIQUE INDEX alerts_open ON alerts (workspace, rule) WHERE state <> 'resolved';
CREATE INDEX alerts_workspace ON alerts (workspace, id);
CREATE INDEX alerts_resolved ON alerts (resolved_at) WHERE resolved_at > 0;
