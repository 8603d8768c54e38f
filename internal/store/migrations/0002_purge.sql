-- +goose Up
-- What the purge looks for. Both hold few rows and are not touched by hot
-- deeds: grants that have ended, and tokens of a grant that never expire.
CREATE INDEX grants_ended ON grants (ended_at) WHERE ended_at > 0;
CREATE INDEX tokens_long_forever ON tokens_long (grant_id) WHERE grant_id <> 0 AND expires_at = 0;
