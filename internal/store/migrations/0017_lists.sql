-- +goose Up
-- What expires soonest, among what has a name and has not ended: no hot deed
-- writes such rows.
CREATE INDEX tokens_short_soonest ON tokens_short (workspace, expires_at, id) WHERE name <> '' AND ended_at = 0;
CREATE INDEX tokens_long_soonest ON tokens_long (workspace, expires_at, id) WHERE name <> '' AND ended_at = 0;

-- What opens every workspace of its person, by person.
CREATE INDEX tokens_short_roaming ON tokens_short (workspace, person, id) WHERE name <> '' AND person <> '' AND workspace = '';
CREATE INDEX tokens_long_roaming ON tokens_long (workspace, person, id) WHERE name <> '' AND person <> '' AND workspace = '';

-- The same counts as in traffic_hours, by the day in UTC: a month of hours of
-- many applications is too many rows to look at while somebody waits.
CREATE TABLE traffic_days (
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
CREATE INDEX traffic_days_workspace ON traffic_days (workspace, minute);
INSERT INTO traffic_days SELECT minute / 86400000 * 86400000, workspace, route, client, class,
	SUM(count), SUM(errors), SUM(refused), SUM(b0), SUM(b1), SUM(b2), SUM(b3), SUM(b4), SUM(b5), SUM(b6), SUM(b7), SUM(b8), SUM(b9), SUM(b10)
	FROM traffic_hours GROUP BY 1, 2, 3, 4, 5;
