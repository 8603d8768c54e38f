package keys

import (
	"slices"
	"testing"
	"time"
)

const day = 24 * time.Hour

// at returns a row whose last change was that long before start.
func at(id, alg, state string, ago time.Duration) Row {
	row := Row{ID: id, Alg: alg, State: state}
	since := start.Add(-ago).UnixMilli()
	row.CreatedAt = since
	switch state {
	case Active:
		row.ActiveAt = since
	case Retiring:
		row.RetireAt = since
	case Ended:
		row.EndedAt = since
	}
	return row
}

func TestStepsAreDueAtTheirTime(t *testing.T) {
	wait, life := JWKSMaxAge+time.Minute, 30*day
	for name, tt := range map[string]struct {
		rows []Row
		want []step
	}{
		"nothing there": {nil, nil},
		"young key":     {[]Row{at("a", ES256, Active, 90*day-1e6)}, nil},
		"old key":       {[]Row{at("a", ES256, Active, 90*day)}, []step{{alg: ES256}}},
		"key of the future": {
			[]Row{at("a", ES256, Active, -time.Hour), at("b", ES256, Next, -time.Hour)}, nil},
		"old key with a follower that is not heard of everywhere": {
			[]Row{at("a", ES256, Active, 91*day), at("b", ES256, Next, wait-time.Millisecond)}, nil},
		"old key with a follower that is": {
			[]Row{at("b", ES256, Next, wait), at("a", ES256, Active, 91*day)},
			[]step{{ES256, "a", Active, Retiring}, {ES256, "b", Next, Active}}},
		"next without any active signs at once": {
			[]Row{at("b", ES256, Next, 0), at("a", ES256, Retiring, day)},
			[]step{{ES256, "b", Next, Active}}},
		"retiring while its last token lives": {
			[]Row{at("a", ES256, Retiring, life+time.Minute-time.Millisecond), at("b", ES256, Active, day)}, nil},
		"retiring when its last token has expired": {
			[]Row{at("a", ES256, Retiring, life+time.Minute), at("b", ES256, Active, day)},
			[]step{{ES256, "a", Retiring, Ended}}},
		"ended stays ended": {[]Row{at("a", ES256, Ended, 900*day)}, nil},
		"unknown state is left alone": {
			[]Row{at("a", ES256, "paused", 900*day), at("b", ES256, Active, day)}, nil},
		"algorithms do not mix": {
			[]Row{at("a", RS256, Active, 91*day), at("b", ES256, Next, wait), at("c", ES256, Active, day), at("d", EdDSA, Active, 91*day)},
			[]step{{ES256, "c", Active, Retiring}, {ES256, "b", Next, Active}, {alg: EdDSA}, {alg: RS256}}},
	} {
		got := due(tt.rows, start.UnixMilli(), 90*day, life)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s:\nrows %v\ngot  %+v\nwant %+v", name, tt.rows, got, tt.want)
		}
	}
}

func TestDueDoesNotChangeTheRows(t *testing.T) {
	rows := []Row{at("z", RS256, Ended, day), at("a", ES256, Next, day), at("c", ES256, Active, 91*day)}
	due(rows, start.UnixMilli(), 90*day, day)
	if rows[0].ID != "z" || rows[1].ID != "a" || rows[2].ID != "c" {
		t.Errorf("rows = %v", rows)
	}
}
