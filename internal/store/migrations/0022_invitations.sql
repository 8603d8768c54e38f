-- +goose Up
-- Memberships that wait for their person's word. They are kept apart from
-- memberships, so that nothing that reads those takes somebody for a member who
-- never agreed to be one. email is the one that was invited.
CREATE TABLE invitations (
	workspace       TEXT NOT NULL,
	person          TEXT NOT NULL,
	email           TEXT NOT NULL,
	role            TEXT NOT NULL,
	scopes          TEXT NOT NULL,
	narrowed        BIGINT NOT NULL,
	teams           TEXT NOT NULL,
	spaces          TEXT NOT NULL,
	may_impersonate BIGINT NOT NULL,
	by_kind         TEXT NOT NULL,
	by_id           TEXT NOT NULL,
	by_name         TEXT NOT NULL,
	created_at      BIGINT NOT NULL,
	expires_at      BIGINT NOT NULL,
	PRIMARY KEY (workspace, person)
);
CREATE INDEX invitations_email ON invitations (workspace, email);
CREATE INDEX invitations_person ON invitations (person, expires_at);
CREATE INDEX invitations_expired ON invitations (expires_at);
