-- +goose Up
-- A subscription is signed for with its secret and, while it rotates, the next.
-- What is known of its health is counted from the last delivery that arrived.
ALTER TABLE webhooks ADD COLUMN next_secret BYTEA NOT NULL DEFAULT '';
ALTER TABLE webhooks ADD COLUMN failures BIGINT NOT NULL DEFAULT 0;
ALTER TABLE webhooks ADD COLUMN failing_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE webhooks ADD COLUMN notices BIGINT NOT NULL DEFAULT 0;
ALTER TABLE webhooks ADD COLUMN disabled_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE webhooks ADD COLUMN disabled_reason TEXT NOT NULL DEFAULT '';

-- An outbox row is due, delivered or dead. next_at is when it is tried next, and
-- of one that is not tried again, when it goes. attempts is JSON.
ALTER TABLE outbox ADD COLUMN subject TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN attempts TEXT NOT NULL DEFAULT '[]';
CREATE INDEX outbox_turn ON outbox (webhook, next_at) WHERE state = 'due';
CREATE INDEX outbox_order ON outbox (webhook, subject, id) WHERE state = 'due';
CREATE INDEX outbox_webhook ON outbox (webhook, id);
