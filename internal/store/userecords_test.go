package store

import (
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

func useAt(at time.Time, credential token.ID, workspace string, n uint32) token.UseRecord {
	return token.UseRecord{
		ID: token.MakeID(at, token.Long, n), Workspace: workspace, Secret: credential + 1, Credential: credential, Route: "orders", Method: "GET",
		Status: 200, Address: "192.0.2.1", Agent: "curl", Scope: "a:b", Outcome: token.UseReported, Actor: "c1", For: "u1",
	}
}

func TestRecordedUsesAreListedNewestFirst(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		var all []token.UseRecord
		for i := range 7 {
			all = append(all, useAt(c.now().Add(time.Duration(i)*time.Minute), 10, "ws1", uint32(i)))
		}
		must(t, s.WriteUseRecords(t.Context(), append(all, useAt(c.now(), 20, "ws1", 99), useAt(c.now(), 10, "ws2", 98))))
		page := func(q token.UseQuery) (got []token.UseRecord) {
			t.Helper()
			q.Credential = 10
			got, err := s.UseRecords(t.Context(), q)
			must(t, err)
			return got
		}
		first := page(token.UseQuery{Workspace: "ws1", Limit: 3})
		if len(first) != 3 || first[0] != all[6] || first[2] != all[4] {
			t.Fatalf("the first page is %+v", first)
		}
		rest := page(token.UseQuery{Workspace: "ws1", Before: first[2].ID})
		if len(rest) != 4 || rest[0] != all[3] || rest[3] != all[0] {
			t.Errorf("the rest is %+v", rest)
		}
		some := page(token.UseQuery{From: c.now().Add(time.Minute).UnixMilli(), Until: c.now().Add(3 * time.Minute).UnixMilli()})
		if len(some) != 2 || some[0] != all[2] || some[1] != all[1] {
			t.Errorf("between two instants there is %+v", some)
		}
		if n := len(page(token.UseQuery{})); n != 8 {
			t.Errorf("%d in any workspace, want 8", n)
		}
	})
}

func TestRecordsOfUsesAreKeptForThirtyDays(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		var old []token.UseRecord
		for i := range uint32(purgeStep + 3) {
			old = append(old, useAt(c.now(), 10, "ws1", i))
		}
		must(t, s.WriteUseRecords(t.Context(), old))
		c.pass(29 * oneDay)
		must(t, s.WriteUseRecords(t.Context(), []token.UseRecord{useAt(c.now(), 10, "ws1", 1)}))
		purgeAll(t, s)
		if list, err := s.UseRecords(t.Context(), token.UseQuery{Credential: 10}); err != nil || len(list) != token.MostListed {
			t.Errorf("after 29 days there are %d, %v", len(list), err)
		}
		c.pass(oneDay + time.Millisecond)
		purgeAll(t, s)
		if list, err := s.UseRecords(t.Context(), token.UseQuery{Credential: 10}); err != nil || len(list) != 1 {
			t.Errorf("after 30 days there are %d, %v; want the young one", len(list), err)
		}
	})
}

func TestBatchIsAnsweredAsBefore(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		key := token.HashOf("ws1 gateway batch-1")
		same[[]byte](t, "the first", nil)(s.KeepBatch(t.Context(), key, []byte("one")))
		same(t, "the second", []byte("one"))(s.KeepBatch(t.Context(), key, []byte("two")))
		same[[]byte](t, "another", nil)(s.KeepBatch(t.Context(), token.HashOf("other"), []byte("x")))
		c.pass(2*oneDay + time.Second)
		purgeAll(t, s)
		same[[]byte](t, "after two days", nil)(s.KeepBatch(t.Context(), key, []byte("three")))
	})
}

func TestRecordsOfUsesAreFoundByIndexes(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		var many []token.UseRecord
		for i := range uint32(2000) {
			many = append(many, useAt(c.now(), token.ID(i%100), "ws1", i))
		}
		must(t, s.WriteUseRecords(t.Context(), many))
		do(t, s, func(tx *Tx) error { _, err := tx.exec(t.Context(), "ANALYZE"); return err })
		for text, args := range map[string][]any{
			selectUseRecords: {int64(5), int64(1) << 62, int64(0), "ws1", 50}, overUseRecords: {int64(1), 500}, overBatches: {int64(1), 500},
		} {
			if plan := explain(t, s, text, args); strings.Contains(plan, "Seq Scan on use_records") || strings.Contains(plan, "SCAN use_") {
				t.Errorf("%s\nreads the whole table:\n%s", text, plan)
			}
		}
	})
}
