-- +goose Up
-- What stands on the rights of a person beside its subject: service tokens that
-- somebody made, and tokens by which somebody acts as another. No routine token
-- has a sponsor.
CREATE INDEX tokens_short_sponsor ON tokens_short (sponsor, id) WHERE sponsor <> '' AND ended_at = 0;
CREATE INDEX tokens_long_sponsor ON tokens_long (sponsor, id) WHERE sponsor <> '' AND ended_at = 0;
