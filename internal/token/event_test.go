package token

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

func newEvent(detail map[string]any) *Event {
	return &Event{
		ID: MakeID(time.UnixMilli(1800000000000), Long, 1), At: 1800000000000, Workspace: "ws1",
		Actor:  Actor{Kind: User, ID: "u1", Name: "ana@example.test", For: "u2", Address: "192.0.2.1", Agent: "curl/8 <x>", Request: "r1"},
		Action: "token.issued", Target: "token:t1", TargetName: "ci & co", Outcome: Done, Detail: detail,
	}
}

// TestRecordIsTheSameAfterItIsRead: what a detail was made of in the program
// must not show in its hash.
func TestRecordIsTheSameAfterItIsRead(t *testing.T) {
	for name, detail := range map[string]map[string]any{
		"none": nil, "empty": {},
		"struct":  {"policy": Policy{MaxTTL: map[Kind]int64{Service: 5}, RequirePurpose: true, Registration: "off"}},
		"numbers": {"big": int64(math.MaxInt64), "float": 1.5e300, "small": 7},
		"text":    {"z": "<&>\u2028\"", "a": Scopes{"x:y"}, "bad": "\xff"},
		"ids":     {"id": ID(99), "nothing": nil},
		"written": {"raw": json.RawMessage(`["\u0041", "\/"]`), "plain": Access},
	} {
		e := newEvent(detail)
		before, err := e.Hash()
		if err != nil {
			t.Fatal(err)
		}
		stored, hash, err := e.Columns()
		if err != nil || hash != before {
			t.Errorf("%s: the hash in its row is %x, want %x: %v", name, hash, before, err)
		}
		d := json.NewDecoder(strings.NewReader(stored))
		d.UseNumber()
		var read map[string]any
		if err := d.Decode(&read); err != nil {
			t.Fatal(err)
		}
		after, err := newEvent(read).Hash()
		if err != nil || after != before {
			one, _ := e.Canonical()
			two, _ := newEvent(read).Canonical()
			t.Errorf("%s: %v\nbefore %s\nafter  %s", name, err, one, two)
		}
	}
}

func TestEveryFieldOfARecordCounts(t *testing.T) {
	seen := map[Hash]int{}
	for i, change := range []func(*Event){
		func(*Event) {}, func(e *Event) { e.ID++ }, func(e *Event) { e.At++ }, func(e *Event) { e.Workspace = "x" },
		func(e *Event) { e.Actor.Kind = App }, func(e *Event) { e.Actor.ID = "x" }, func(e *Event) { e.Actor.Name = "x" },
		func(e *Event) { e.Actor.Token = 1 }, func(e *Event) { e.Actor.For = "x" }, func(e *Event) { e.Actor.Address = "x" },
		func(e *Event) { e.Actor.Agent = "x" }, func(e *Event) { e.Actor.Request = "x" }, func(e *Event) { e.Action = "x" },
		func(e *Event) { e.Target = "x" }, func(e *Event) { e.TargetName = "x" }, func(e *Event) { e.Outcome = Refused },
		func(e *Event) { e.Detail = map[string]any{"a": 1} },
	} {
		e := newEvent(nil)
		change(e)
		h, err := e.Hash()
		if other, had := seen[h]; err != nil || had {
			t.Errorf("change %d hashes as change %d, %v", i, other, err)
		}
		seen[h] = i
	}
	sealed := newEvent(nil)
	sealed.Seal = 9
	if h, _ := sealed.Hash(); seen[h] != 0 {
		t.Error("being sealed changes the record")
	}
}
