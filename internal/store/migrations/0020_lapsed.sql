-- +goose Up
-- When a family that nothing of is left can be ended: its last refresh token was
-- purged, or it never had one. 0: it may still be used.
ALTER TABLE grants ADD COLUMN lapses_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX grants_lapsed ON grants (lapses_at) WHERE lapses_at > 0;
