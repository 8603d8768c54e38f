-- +goose Up
-- Mail that waits to be sent. A letter is deleted once it is sent; one that was
-- given up is dead and goes when next_at has come.
CREATE TABLE letters (
	id        BIGINT PRIMARY KEY,
	recipient TEXT NOT NULL,
	address   TEXT NOT NULL,
	kind      TEXT NOT NULL,
	data      TEXT NOT NULL,
	workspace TEXT NOT NULL,
	at        BIGINT NOT NULL,
	state     TEXT NOT NULL DEFAULT 'due',
	tries     BIGINT NOT NULL DEFAULT 0,
	next_at   BIGINT NOT NULL,
	fault     TEXT NOT NULL DEFAULT ''
);
CREATE INDEX letters_next ON letters (state, next_at);
