package audit_test

import (
	"bytes"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// exec changes the database behind the store's back.
func (h *house) exec(t *testing.T, text string, args ...any) {
	t.Helper()
	driver, address := "pgx", h.behind
	if path, ok := strings.CutPrefix(h.behind, "sqlite:"); ok {
		driver, address = "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), text, args...)
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// Who can write to the database can put a record in. Whatever seal it names,
// it is seen.
func TestRecordThatWasPutInIsSeen(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		for range 3 {
			h.note(t, "ws1", "token.issued", h.now())
		}
		h.pass(time.Minute)
		h.seal(t)
		h.sound(t, "ws1", 1, 3)
		seals, err := h.Seals(t.Context(), "ws1", 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		inside, outside := seals[0].First.Time(), h.now()
		for name, c := range map[string]struct {
			at   time.Time
			seal int64
		}{"in the range": {inside, 1}, "outside it": {outside, 1}, "of a seal that is not there": {inside, 7}, "of no number": {outside, -1}} {
			id := h.note(t, "ws1", "token.revoked", c.at)
			h.exec(t, `UPDATE events SET seal = $1 WHERE id = $2`, c.seal, int64(id))
			if r := h.verify(t, "ws1"); len(r.Faults) == 0 {
				t.Errorf("%s: nobody saw it", name)
			}
			h.exec(t, `DELETE FROM events WHERE id = $1`, int64(id))
			h.sound(t, "ws1", 1, 3)
		}
		for name, change := range map[string]string{
			"changed":    `UPDATE events SET actor = 'u2' WHERE id = $1`,
			"taken away": `DELETE FROM events WHERE id = $1`,
		} {
			h.exec(t, change, int64(seals[0].Last))
			if r := h.verify(t, "ws1"); len(r.Faults) == 0 {
				t.Errorf("%s: nobody saw it", name)
			}
		}
	})
}

// ledger exports the whole house.
func (h *house) ledger(t *testing.T, workspaces ...string) string {
	t.Helper()
	rows, err := h.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := audit.ExportKeys(&b, rows); err != nil {
		t.Fatal(err)
	}
	for _, w := range workspaces {
		if err := audit.Export(t.Context(), &b, w, h); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestExportedLedgerNeedsNoDatabase(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		var ids []token.ID
		for range 3 {
			ids = append(ids, h.note(t, "ws1", "token.issued", h.now()), h.note(t, "ws2", "token.issued", h.now()))
			ids = append(ids, h.note(t, "ws1", "token.revoked", h.now()))
			h.pass(time.Minute)
			h.seal(t)
		}
		f, err := audit.ReadFile(strings.NewReader(h.ledger(t, "ws1", "ws2")))
		if err != nil {
			t.Fatal(err)
		}
		for workspace, records := range map[string]int64{"ws1": 6, "ws2": 3} {
			r, err := audit.Verify(t.Context(), workspace, f, f.Keys(), 0)
			if err != nil || r.Seals != 3 || r.Records != records || len(r.Faults) > 0 {
				t.Errorf("%s: %+v, %v; want 3 sound seals of %d records", workspace, r, err, records)
			}
		}
		for _, id := range ids {
			e, in, err := f.Find(t.Context(), id)
			if err != nil || e == nil {
				t.Fatal(e, err)
			}
			p, ok, err := audit.Prove(t.Context(), f, in, id)
			hash, _ := e.Hash()
			if err != nil || !ok || f.Keys().Check(in) != nil || !audit.Leads(hash, p.Index, int(in.Count), p.Path, in.Root) {
				t.Errorf("record %v is not proven: %v", id, err)
			}
		}
		if e, _, err := f.Find(t.Context(), 7); e != nil || err != nil {
			t.Errorf("a record of nowhere: %v, %v", e, err)
		}
	})
}

// TestEveryTamperingOfAnExportIsSeen: a line changed, taken away, put in or
// moved.
func TestEveryTamperingOfAnExportIsSeen(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		for range 2 {
			for range 3 {
				h.note(t, "ws1", "token.issued", h.now())
			}
			h.pass(time.Minute)
			h.seal(t)
		}
		whole := strings.SplitAfter(strings.TrimSuffix(h.ledger(t, "ws1"), "\n"), "\n")
		whole[len(whole)-1] += "\n"
		seal := len(whole) - 8 // seal, 3 records, seal, 3 records
		for name, lines := range map[string][]string{
			"record changed":     swap(whole, seal+1, strings.Replace(whole[seal+1], `"u1"`, `"u2"`, 1)),
			"record taken away":  swap(whole, seal+2, ""),
			"record put in":      swap(whole, seal+1, whole[seal+1]+strings.Replace(whole[seal+1], `"u1"`, `"u3"`, 1)),
			"record twice":       swap(whole, seal+1, whole[seal+1]+whole[seal+1]),
			"seal changed":       swap(whole, seal+4, strings.Replace(whole[seal+4], `"late":false`, `"late":true`, 1)),
			"seal taken away":    swap(whole, seal, ""),
			"seal twice":         append(whole[:len(whole):len(whole)], whole[seal]),
			"a field put in":     swap(whole, seal+1, strings.Replace(whole[seal+1], `"at":`, `"note":"x","at":`, 1)),
			"another spelling":   swap(whole, seal+1, strings.Replace(whole[seal+1], `"at":`, `"at": `, 1)),
			"key taken away":     whole[seal:],
			"no ledger at all":   {"{}\n"},
			"breaks off":         {strings.Join(whole, "")[:len(strings.Join(whole, ""))-9]},
			"stranger's content": swap(whole, seal+1, `{"record":[1]}`+"\n"),
		} {
			if !faulty(t, strings.Join(lines, "")) {
				t.Errorf("%s: nobody saw it", name)
			}
		}
		if faulty(t, strings.Join(whole, "")) {
			t.Error("the ledger as it was is not sound")
		}
	})
}

func swap(lines []string, i int, by string) []string {
	out := append([]string(nil), lines...)
	out[i] = by
	return out
}

// faulty reports whether a ledger cannot be read or is not sound.
func faulty(t *testing.T, text string) bool {
	t.Helper()
	f, err := audit.ReadFile(strings.NewReader(text))
	if err != nil {
		return true
	}
	r, err := audit.Verify(t.Context(), "ws1", f, f.Keys(), 0)
	return err != nil || len(r.Faults) > 0
}
