package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/store"
	"github.com/fichadev/ficha/internal/token"
)

// auditProve shows that one record is in the sealed ledger.
type auditProve struct {
	ledger `embed:""`
	Record string `arg:"" help:"The record's id, as lists show it."`
}

// A proof is what an outsider needs: the record, the seal that holds it, its
// place, and the hashes that lead from it to the seal's root (RFC 6962, 2.1.1).
type proof struct {
	Record    json.RawMessage `json:"record"`
	Seal      json.RawMessage `json:"seal"`
	Key       string          `json:"key_id"`
	Signature string          `json:"signature"`
	Index     int             `json:"index"`
	Count     int64           `json:"count"`
	Path      []string        `json:"path"`
}

// Run prints the proof as JSON, after following it once.
func (c *auditProve) Run(ctx context.Context) error {
	id, ok := token.ParseID(c.Record)
	if !ok {
		return errors.New("a record's id has 13 characters: see \"ficha audit list\"")
	}
	from, err := c.read(ctx)
	if err != nil {
		return err
	}
	defer from.close()
	record, in, err := from.find(ctx, id)
	if err != nil {
		return err
	}
	if record == nil {
		return errors.New("there is no such record in this ledger: name its workspace with --of")
	}
	if err := from.trust.Check(in); err != nil {
		return fmt.Errorf("the record's seal is not sound: %w: run \"ficha audit verify\"", err)
	}
	p, err := prove(ctx, from, record, in)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	return out.Encode(p)
}

// findSealed returns a record of a database and the seal that holds it.
func findSealed(ctx context.Context, s *store.Store, workspace string, id token.ID) (*token.Event, *token.Seal, error) {
	record, err := s.Event(ctx, workspace, id)
	if err != nil || record == nil {
		return nil, nil, err
	}
	if record.Seal == 0 {
		return nil, nil, errors.New("the record is not sealed yet: seals follow within half a minute while a server runs")
	}
	seals, err := s.Seals(ctx, workspace, record.Seal-1, 1)
	if err != nil || len(seals) == 0 {
		return nil, nil, errors.Join(errors.New("the record's seal is not there: run \"ficha audit verify\""), err)
	}
	return record, seals[0], nil
}

func prove(ctx context.Context, s audit.Source, record *token.Event, in *token.Seal) (*proof, error) {
	found, ok, err := audit.Prove(ctx, s, in, record.ID)
	if err != nil {
		return nil, err
	}
	hash, err := record.Hash()
	if err != nil {
		return nil, err
	}
	if !ok || !audit.Leads(hash, found.Index, int(in.Count), found.Path, in.Root) {
		return nil, fmt.Errorf("the record does not lead to seal %d: keep the database as it is, and run \"ficha audit verify\"", in.Number)
	}
	p := &proof{Key: in.Key, Signature: string(in.Signature), Index: found.Index, Count: in.Count, Path: []string{}}
	for _, h := range found.Path {
		p.Path = append(p.Path, hex.EncodeToString(h[:]))
	}
	if p.Record, err = record.Canonical(); err != nil {
		return nil, err
	}
	p.Seal, err = in.Canonical()
	return p, err
}
