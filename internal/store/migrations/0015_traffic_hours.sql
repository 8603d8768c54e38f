-- +goose Up
-- The same counts as in traffic, by the hour: a month of minutes is too many
-- rows to look at while somebody waits.
CREATE TABLE traffic_hours (
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
CREATE INDEX traffic_hours_workspace ON traffic_hours (workspace, minute);
INSERT INTO traffic_hours SELECT minute / 3600000 * 3600000, workspace, route, client, class,
	SUM(count), SUM(errors), SUM(refused), SUM(b0), SUM(b1), SUM(b2), SUM(b3), SUM(b4), SUM(b5), SUM(b6), SUM(b7), SUM(b8), SUM(b9), SUM(b10)
	FROM traffic GROUP BY 1, 2, 3, 4, 5;
