-- +goose Up
-- What protected services saw, by the minute: b0 to b10 count latencies.
CREATE TABLE traffic (
	minute    BIGINT NOT NULL,
	workspace TEXT NOT NULL,
	route     TEXT NOT NULL,
	client    TEXT NOT NULL,
	class     TEXT NOT NULL,
	count     BIGINT NOT NULL,
	errors    BIGINT NOT NULL,
	refused   BIGINT NOT NULL,
	b0        BIGINT NOT NULL,
	b1        BIGINT NOT NULL,
	b2        BIGINT NOT NULL,
	b3        BIGINT NOT NULL,
	b4        BIGINT NOT NULL,
	b5        BIGINT NOT NULL,
	b6        BIGINT NOT NULL,
	b7        BIGINT NOT NULL,
	b8        BIGINT NOT NULL,
	b9        BIGINT NOT NULL,
	b10       BIGINT NOT NULL,
	PRIMARY KEY (minute, workspace, route, client, class)
);
CREATE INDEX traffic_workspace ON traffic (workspace, minute);
