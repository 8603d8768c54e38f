package verifier

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

func recordOf(kind token.Kind) *token.Record {
	return &token.Record{Token: &token.Token{ID: 2, Credential: 1, Kind: kind, Workspace: "ws1", Client: "c1", Scopes: token.Scopes{"a:b", "c:d"}}}
}

func TestUsesAreRecordedAsConfigured(t *testing.T) {
	for every, want := range map[int]int{0: 0, 1: 100, 10: 10} {
		v := &Verifier{records: newRecords(every)}
		for i := range int64(100) {
			v.records.judged(recordOf(token.Service), token.Verdict{Workspace: "ws1"}, token.Use{Now: 5000 + i}, nil)
		}
		if list, dropped := v.TakeRecords(); len(list) != want || dropped != 0 {
			t.Errorf("one of %d: %d recorded, %d dropped; want %d", every, len(list), dropped, want)
		}
	}
}

func TestRecordSaysWhatWasAskedAndAnswered(t *testing.T) {
	q := newRecords(1)
	r := recordOf(token.Service)
	use := token.Use{Now: 1_800_000_000_000, Route: "orders", Address: "192.0.2.1", Agent: "curl", Scopes: token.Scopes{"a:b"}}
	q.judged(r, token.Verdict{Workspace: "ws1"}, use, nil)
	q.judged(r, token.Verdict{}, use, token.Errorf(token.InsufficientScope, "no"))
	q.judged(r, token.Verdict{}, use, token.Unreachable(errors.New("down")))
	q.judged(r, token.Verdict{}, use, errors.New("a fault"))
	q.judged(recordOf(token.Impersonated), token.Verdict{}, use, nil) // stands in the audit
	want := token.UseRecord{Workspace: "ws1", Secret: 2, Credential: 1, Route: "orders", Address: "192.0.2.1", Agent: "curl", Scope: "a:b", Actor: "c1"}
	if len(q.queue) != 2 {
		t.Fatalf("%d recorded, want the yes and the no: %+v", len(q.queue), q.queue)
	}
	for i, outcome := range []string{token.UseAllowed, "insufficient_scope"} {
		want.ID, want.Outcome = q.queue[i].ID, outcome
		if q.queue[i] != want || q.queue[i].ID.Time().UnixMilli() != use.Now {
			t.Errorf("got %+v, want %+v", q.queue[i], want)
		}
	}
	if q.queue[0].ID == q.queue[1].ID {
		t.Error("two uses of one millisecond have one id")
	}
}

// TestFullQueueNeverWaits: what finds no room is counted.
func TestFullQueueNeverWaits(t *testing.T) {
	v := &Verifier{records: newRecords(1)}
	for range mostRecords + 7 {
		v.records.judged(recordOf(token.Service), token.Verdict{}, token.Use{Now: 1}, nil)
	}
	if list, dropped := v.TakeRecords(); len(list) != mostRecords || dropped != 7 {
		t.Errorf("%d kept, %d dropped", len(list), dropped)
	}
}

func TestReportCountsAsAUse(t *testing.T) {
	v := &Verifier{records: newRecords(1)}
	r := recordOf(token.Service)
	v.uses.note(2, token.Use{Now: 9000, Route: "newest", Surface: token.AtVerify, Scopes: token.Scopes{"a:b"}})
	late := token.Report{Request: token.Request{At: 5000, Workspace: "ws1", Route: "orders", Status: 200}, Scopes: token.Scopes{"c:d", "not:held"}}
	v.Report(r, late)
	late.Scopes = nil
	v.Report(r, late)
	late.Status = 401
	v.Report(r, late)
	want := token.Seen{First: 5000, Last: 9000, Count: 3, Route: "newest", Scopes: "a:b c:d", Unscoped: 1}
	if got, ok := v.Seen(2); !ok || got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if list, _ := v.TakeRecords(); len(list) != 3 || list[0].Scope != "c:d" || list[0].Outcome != token.UseReported {
		t.Errorf("recorded %+v", list)
	}
}

func TestJudgeRecordsEachAnswer(t *testing.T) {
	w := newWorld(t)
	s, _ := w.node("")
	v, err := New(context.Background(), Config{Store: s, Witness: counter{}, Format: w.format, Now: w.now, Cached: 10, Records: 1})
	must(t, err)
	secret, k := w.issue(s, 1, func(k *token.Token) { k.Workspace, k.Person = "", "nobody" })
	use := token.Use{Now: time.Now().UnixMilli(), Surface: token.AtVerify}
	_, _, err = v.Judge(t.Context(), secret, use)
	if !token.Is(err, token.InvalidToken) {
		t.Fatalf("got %v, want a refusal", err)
	}
	if _, _, err := v.Judge(t.Context(), "unknown", use); err == nil {
		t.Fatal("an unknown secret passed")
	}
	list, _ := v.TakeRecords()
	if len(list) != 1 || list[0].Secret != k.ID || list[0].Outcome != string(token.InvalidToken) {
		t.Errorf("recorded %s", fmt.Sprint(list))
	}
}
