-- +goose Up
-- Accounts at another OpenID provider by which people sign in. An account opens
-- one person, and a person has one account at each provider.
CREATE TABLE links (
	issuer    TEXT NOT NULL,
	subject   TEXT NOT NULL,
	person    TEXT NOT NULL,
	email     TEXT NOT NULL,
	linked_at BIGINT NOT NULL,
	used_at   BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (issuer, subject)
);
CREATE UNIQUE INDEX links_person ON links (person, issuer);
