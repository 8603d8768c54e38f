-- +goose Up
-- A run that fails again and again is given up, until somebody tries it again:
-- failures counts the steps that failed since one was done, next_at is when the
-- next is tried, fault says why. passed is how far the tries before came, and
-- passed_at when the last of those was given up.
ALTER TABLE revocations ADD COLUMN failures BIGINT NOT NULL DEFAULT 0;
ALTER TABLE revocations ADD COLUMN next_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE revocations ADD COLUMN fault TEXT NOT NULL DEFAULT '';
ALTER TABLE revocations ADD COLUMN passed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE revocations ADD COLUMN passed_at BIGINT NOT NULL DEFAULT 0;
