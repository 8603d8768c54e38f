package token

import (
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestIDsSortByTimeAsNumbersAndAsText(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	var ids []ID
	for i := range 50 {
		ids = append(ids, NewID(at.Add(time.Duration(i)*time.Millisecond), Class(i%2)))
	}
	if !slices.IsSorted(ids) {
		t.Error("the numbers are not in the order of time")
	}
	if !slices.IsSortedFunc(ids, func(a, b ID) int {
		switch {
		case a.String() < b.String():
			return -1
		case a.String() > b.String():
			return 1
		}
		return 0
	}) {
		t.Error("the texts are not in the order of time")
	}
	if got := ids[7].Time(); !got.Equal(at.Add(7 * time.Millisecond)) {
		t.Errorf("got %v, want %v", got, at.Add(7*time.Millisecond))
	}
	if first := FirstID(at); ids[0] < first || ids[0].Time() != first.Time() {
		t.Errorf("%v is not in the range that begins with %v", ids[0], first)
	}
}

// Whatever is done after something else, of the same millisecond or among others
// of other ones, sorts after it.
func TestOrderedIDsOfAnInstantSort(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	var all sync.WaitGroup
	for caller := range 8 {
		all.Go(func() {
			last := map[time.Time]ID{}
			for n := range 2000 {
				when := at.Add(time.Duration((n*7+caller)%40) * time.Millisecond)
				id := OrderedID(when)
				if id <= last[when] || !id.Time().Equal(when) || id.Class() != Long {
					t.Errorf("%v of %v came after %v", id, when, last[when])
				}
				last[when] = id
			}
		})
	}
	all.Wait()
	for range 300_000 { // more than have room
		if id := OrderedID(at); !id.Time().Equal(at) || id.Class() != Long {
			t.Fatalf("%v is of another instant or class", id)
		}
	}
}

func TestIDHasOneSpelling(t *testing.T) {
	id := NewID(time.Now(), Long)
	if got, ok := ParseID(id.String()); !ok || got != id {
		t.Fatalf("got %v %v, want %v", got, ok, id)
	}
	last := id.String()[:IDLen-1]
	spellings := 0
	for _, c := range "0123456789abcdefghijklmnopqrstuv" {
		if got, ok := ParseID(last + string(c)); ok && got == id {
			spellings++
		}
	}
	if spellings != 1 {
		t.Errorf("got %d spellings, want 1", spellings)
	}
	for _, bad := range []string{"", "0", "0000000000000", "zzzzzzzzzzzzz", "vvvvvvvvvvvvu", id.String() + "0"} {
		if got, ok := ParseID(bad); ok {
			t.Errorf("%q: got %d, want none", bad, got)
		}
	}
}

func TestIDSurvivesJSON(t *testing.T) {
	type row struct{ A, B ID }
	want := row{A: NewID(time.Now(), Short)}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got row
	if err := json.Unmarshal(b, &got); err != nil || got != want {
		t.Errorf("%s: got %+v, %v, want %+v", b, got, err, want)
	}
	if json.Unmarshal([]byte(`{"A":"nonsense"}`), &got) == nil {
		t.Error("nonsense was read as an id")
	}
}
