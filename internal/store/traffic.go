package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

const (
	trafficKept = 31 * oneDay

	trafficKey    = `minute, workspace, route, client, class`
	trafficCounts = `count, errors, refused, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10`
)

// Counts stand in three tables: by the minute, and by the hour and the day in UTC
// for who asks about weeks. The coarsest comes last.
var trafficTables = [...]trafficTable{
	newTrafficTable("traffic", time.Minute), newTrafficTable("traffic_hours", time.Hour), newTrafficTable("traffic_days", 24*time.Hour),
}

type trafficTable struct {
	name   string
	span   int64 // ms that a row counts
	upsert *rowsText
}

func newTrafficTable(name string, span time.Duration) trafficTable {
	return trafficTable{name, span.Milliseconds(), newUpsertTraffic(name)}
}

func newUpsertTraffic(table string) *rowsText {
	text := &rowsText{
		head:  "INSERT INTO " + table + " (" + trafficKey + ", " + trafficCounts + ") VALUES ",
		tail:  " ON CONFLICT (" + trafficKey + ") DO UPDATE SET ",
		types: []string{"BIGINT", "TEXT", "TEXT", "TEXT", "TEXT"},
	}
	for i, column := range strings.Split(trafficCounts, ", ") {
		text.tail += []string{"", ", "}[min(i, 1)] + column + " = " + table + "." + column + " + excluded." + column
		text.types = append(text.types, "BIGINT")
	}
	return text
}

// FlushTraffic adds counts to those on disk, all or none in one commit: whoever
// has many hands over some hundreds at a time, and may try them again after a
// fault.
func (s *Store) FlushTraffic(ctx context.Context, counts []token.Traffic) error {
	if len(counts) == 0 {
		return nil
	}
	err := s.Do(ctx, func(tx *Tx) error {
		coarse := slices.Clone(counts)
		for _, t := range trafficTables {
			for i := range coarse {
				coarse[i].Minute -= coarse[i].Minute % t.span
			}
			if err := t.upsert.run(ctx, tx.statements, rowsOfTraffic(coarse), nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write traffic: %w", err)
	}
	return nil
}

func rowsOfTraffic(counts []token.Traffic) (args []any) {
	for _, t := range merged(counts) {
		args = append(args, t.Minute, t.Workspace, t.Route, t.Client, t.Class, t.Count, t.Errors, t.Refused)
		for _, n := range t.Buckets {
			args = append(args, n)
		}
	}
	return args
}

// merged returns the counts with one of each key, sorted: a statement may touch
// a row once, and nodes that flush at once lock rows in one order.
func merged(counts []token.Traffic) []token.Traffic {
	sorted := slices.Clone(counts)
	slices.SortFunc(sorted, byTrafficKey)
	list := sorted[:0]
	for i := range sorted {
		if n := len(list); n > 0 && byTrafficKey(list[n-1], sorted[i]) == 0 {
			list[n-1].Add(&sorted[i])
			continue
		}
		list = append(list, sorted[i])
	}
	return list
}

func byTrafficKey(a, b token.Traffic) int {
	return cmp.Or(cmp.Compare(a.Minute, b.Minute), strings.Compare(a.Workspace, b.Workspace), strings.Compare(a.Route, b.Route),
		strings.Compare(a.Client, b.Client), strings.Compare(a.Class, b.Class))
}

// What is asked of traffic walks the minutes, of one workspace or of all.
const (
	sumsOfTraffic = `CAST(SUM(count) AS BIGINT), CAST(SUM(errors) AS BIGINT), CAST(SUM(refused) AS BIGINT), CAST(SUM(b0) AS BIGINT), CAST(SUM(b1) AS BIGINT),
		CAST(SUM(b2) AS BIGINT), CAST(SUM(b3) AS BIGINT), CAST(SUM(b4) AS BIGINT), CAST(SUM(b5) AS BIGINT), CAST(SUM(b6) AS BIGINT), CAST(SUM(b7) AS BIGINT),
		CAST(SUM(b8) AS BIGINT), CAST(SUM(b9) AS BIGINT), CAST(SUM(b10) AS BIGINT) FROM `

	trafficOfOne = `workspace = $1`
	trafficOfAll = `CAST($1 AS TEXT) = ''`

	trafficWhere = ` AND minute >= $2 AND minute < $3 AND (CAST($4 AS TEXT) = '' OR route = $4)
		AND (CAST($5 AS TEXT) = '' OR client = $5) AND (CAST($6 AS TEXT) = '' OR class = $6)`

	trafficSum    = `SELECT MIN(minute), workspace, route, client, class, ` + sumsOfTraffic
	trafficSumEnd = trafficWhere + ` GROUP BY workspace, route, client, class ORDER BY workspace, route, client, class`

	trafficSeries    = `SELECT minute / CAST($7 AS BIGINT) * CAST($7 AS BIGINT), '', '', '', '', ` + sumsOfTraffic
	trafficSeriesEnd = trafficWhere + ` GROUP BY 1 ORDER BY 1`
)

// A trafficSource says what is walked: the rows of all workspaces or of one, in
// which of the tables.
type trafficSource struct {
	all   bool
	table int
}

var sumTraffic, seriesTraffic = trafficTexts(trafficSum, trafficSumEnd), trafficTexts(trafficSeries, trafficSeriesEnd)

func trafficTexts(head, end string) map[trafficSource]string {
	texts := make(map[trafficSource]string, 2*len(trafficTables))
	for n, t := range trafficTables {
		texts[trafficSource{true, n}] = head + t.name + " WHERE " + trafficOfAll + end
		texts[trafficSource{false, n}] = head + t.name + " WHERE " + trafficOfOne + end
	}
	return texts
}

// sourceOf returns where to look for what a query names, in steps of some ms:
// where it is about whole hours or days, those say the same with fewer rows.
func sourceOf(q token.TrafficQuery, step int64) trafficSource {
	from := trafficSource{all: q.Workspace == ""}
	for n, t := range trafficTables {
		if q.From > 0 && q.From%t.span == 0 && q.Until%t.span == 0 && step%t.span == 0 {
			from.table = n
		}
	}
	return from
}

// Traffic returns what the query names, summed over its minutes: one sum for
// each workspace, route, client and class, in this order.
func (s *Store) Traffic(ctx context.Context, q token.TrafficQuery) ([]token.Traffic, error) {
	list, err := all(ctx, s.reads, sumTraffic[sourceOf(q, 0)], scanTraffic, trafficArgs(q)...)
	if err != nil {
		return nil, fmt.Errorf("sum traffic: %w", err)
	}
	return list, nil
}

// TrafficSeries returns what the query names as one sum for each span of so many
// minutes that had any, oldest first; Minute is where the span begins, and of the
// names only what the query says is known.
func (s *Store) TrafficSeries(ctx context.Context, q token.TrafficQuery, minutes int) ([]token.Traffic, error) {
	span := int64(max(minutes, 1)) * 60_000
	list, err := all(ctx, s.reads, seriesTraffic[sourceOf(q, span)], scanTraffic, append(trafficArgs(q), span)...)
	if err != nil {
		return nil, fmt.Errorf("sum traffic by time: %w", err)
	}
	for i := range list {
		list[i].Workspace, list[i].Route, list[i].Client, list[i].Class = q.Workspace, q.Route, q.Client, q.Class
	}
	return list, nil
}

func trafficArgs(q token.TrafficQuery) []any {
	if q.Until == 0 {
		q.Until = math.MaxInt64
	}
	return []any{q.Workspace, q.From, q.Until, q.Route, q.Client, q.Class}
}

func scanTraffic(r *sql.Rows) (t token.Traffic, err error) {
	to := []any{&t.Minute, &t.Workspace, &t.Route, &t.Client, &t.Class, &t.Count, &t.Errors, &t.Refused}
	for i := range t.Buckets {
		to = append(to, &t.Buckets[i])
	}
	err = r.Scan(to...)
	return t, err
}

// The statements of a purge, each with the name of its table.
const (
	lastOfStep  = `SELECT ` + trafficKey + ` FROM %s WHERE minute < $1 ORDER BY ` + trafficKey + ` LIMIT 1 OFFSET $2`
	overTraffic = `DELETE FROM %s WHERE minute < $1`
	stepTraffic = `DELETE FROM %s WHERE (` + trafficKey + `) <= ($1, $2, $3, $4, $5)`
)

// purgeTraffic deletes the oldest rows of one of the tables: up to the one that
// fills a step, or the rest where none does.
func purgeTraffic(table string) purge {
	return func(ctx context.Context, tx *Tx) (int, error) {
		edge := tx.now - trafficKept.Milliseconds()
		last, err := one(ctx, tx, fmt.Sprintf(lastOfStep, table), func(r *sql.Rows) (t token.Traffic, err error) {
			err = r.Scan(&t.Minute, &t.Workspace, &t.Route, &t.Client, &t.Class)
			return t, err
		}, edge, purgeStep-1)
		switch {
		case err != nil:
			return 0, err
		case last.Class == "":
			return tx.count(ctx, fmt.Sprintf(overTraffic, table), edge)
		}
		return tx.count(ctx, fmt.Sprintf(stepTraffic, table), last.Minute, last.Workspace, last.Route, last.Client, last.Class)
	}
}
