package audit

import (
	"context"
	"fmt"
	"maps"

	"github.com/fichadev/ficha/internal/token"
)

// A Source has the records and seals of workspaces: a database, or an export.
type Source interface {
	// Seals returns a page of the seals of a workspace by number, after one.
	Seals(ctx context.Context, workspace string, after int64, limit int) ([]*token.Seal, error)
	// SealedEvents returns the records of a seal, by id.
	SealedEvents(ctx context.Context, of *token.Seal) ([]*token.Event, error)
	// Strays returns records that claim a seal which does not hold them: they
	// were put in later. 100 of them tell it.
	Strays(ctx context.Context, workspace string) ([]*token.Event, error)
}

// sealPage is how many seals are read at once.
const sealPage = 200

// A Report says what was checked, and what is wrong. Whoever kept the number
// and hash of an earlier report's last seal can also tell that nothing was cut
// off the end.
type Report struct {
	Workspace string
	Seals     int64
	Records   int64
	Purged    int64 // records of before since, which went with their whole seal
	Late      int64 // seals of stragglers
	Last      *token.Seal
	Faults    []Fault // the first 100
}

// A Fault is one thing that is not as it was sealed.
type Fault struct {
	Seal int64
	Text string
}

// mostFaults bounds a report: where everything is wrong, 100 things tell it.
const mostFaults = 100

// Verify recomputes every seal of a workspace from its records: hashes, roots,
// numbers, totals and signatures. Records older than since may have been
// purged, in whole seals. What is wrong is in the report; an error means that
// the source could not be read.
func Verify(ctx context.Context, workspace string, from Source, trust Trust, since token.ID) (*Report, error) {
	r := &Report{Workspace: workspace}
	for {
		after := int64(0)
		if r.Last != nil {
			after = r.Last.Number
		}
		page, err := from.Seals(ctx, workspace, after, sealPage)
		if err != nil {
			return nil, fmt.Errorf("read seals: %w", err)
		}
		if len(page) == 0 {
			return r, r.strays(ctx, from)
		}
		for _, v := range page {
			records, err := from.SealedEvents(ctx, v)
			if err != nil {
				return nil, fmt.Errorf("read the records of seal %d: %w", v.Number, err)
			}
			r.chain(v, trust)
			r.content(v, records, since)
			r.Seals, r.Last = r.Seals+1, v
			if v.Late {
				r.Late++
			}
		}
	}
}

// strays reports the records that no seal holds though they say so.
func (r *Report) strays(ctx context.Context, from Source) error {
	list, err := from.Strays(ctx, r.Workspace)
	if err != nil {
		return fmt.Errorf("look for records that were put in: %w", err)
	}
	for _, e := range list {
		r.fault(e.Seal, "record %v was put in: the seal does not hold it", e.ID)
	}
	return nil
}

// chain checks a seal in itself and against the one before it.
func (r *Report) chain(v *token.Seal, trust Trust) {
	number, previous := int64(1), token.Hash{}
	if r.Last != nil {
		number, previous = r.Last.Number+1, r.Last.Hash
	}
	if v.Number != number {
		r.fault(v.Number, "seals %d to %d are missing", number, v.Number-1)
	} else if v.Previous != previous {
		r.fault(v.Number, "it does not follow the seal before it")
	}
	if sum, err := v.Sum(); err != nil || sum != v.Hash {
		r.fault(v.Number, "its own fields were changed")
	}
	if err := trust.Check(v); err != nil {
		r.fault(v.Number, "%v", err)
	}
}

// content checks a seal against its records.
func (r *Report) content(v *token.Seal, records []*token.Event, since token.ID) {
	if v.Count < 1 {
		r.fault(v.Number, "it seals no record")
		return
	}
	if len(records) == 0 && v.Last < since {
		r.Purged += v.Count
		return
	}
	r.Records += int64(len(records))
	hashes := make([]token.Hash, len(records))
	totals := map[string]int64{}
	if r.Last != nil {
		maps.Copy(totals, r.Last.Totals)
	}
	for i, e := range records {
		hash, err := e.Hash()
		if err != nil {
			r.fault(v.Number, "record %v cannot be hashed: %v", e.ID, err)
		}
		hashes[i] = hash
		totals[e.Action]++
	}
	switch {
	case int64(len(records)) != v.Count:
		r.fault(v.Number, "it holds %d records, %d were sealed", len(records), v.Count)
	case Root(hashes) != v.Root:
		r.fault(v.Number, "a record was changed")
	case records[0].ID != v.First || records[len(records)-1].ID != v.Last:
		r.fault(v.Number, "its range is not that of its records")
	case !maps.Equal(totals, v.Totals):
		r.fault(v.Number, "its totals are not those of the records")
	}
}

func (r *Report) fault(seal int64, format string, args ...any) {
	if len(r.Faults) < mostFaults {
		r.Faults = append(r.Faults, Fault{seal, fmt.Sprintf(format, args...)})
	}
}

// A Proof shows that a seal holds a record: what Leads needs beside both.
type Proof struct {
	Index int          // the record's place among those of the seal, from 0
	Path  []token.Hash // nearest first
}

// Prove returns the proof that a seal holds a record; false if it does not.
func Prove(ctx context.Context, from Source, in *token.Seal, id token.ID) (Proof, bool, error) {
	records, err := from.SealedEvents(ctx, in)
	if err != nil {
		return Proof{}, false, fmt.Errorf("read the records of seal %d: %w", in.Number, err)
	}
	at, hashes := -1, make([]token.Hash, len(records))
	for i, e := range records {
		if hashes[i], err = e.Hash(); err != nil {
			return Proof{}, false, err
		}
		if e.ID == id {
			at = i
		}
	}
	if at < 0 {
		return Proof{}, false, nil
	}
	return Proof{Index: at, Path: Path(hashes, at)}, true, nil
}
