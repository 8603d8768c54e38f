package audit

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/fichadev/ficha/internal/token"
)

// errSpelling: what is read must be what would be written, or a file could say
// things that no hash is over.
var errSpelling = errors.New("it is not spelt as the ledger has it")

// readRecord reads the canonical bytes of a record.
func readRecord(text []byte) (*token.Event, error) {
	var r struct {
		ID         string          `json:"id"`
		At         int64           `json:"at"`
		Workspace  string          `json:"workspace"`
		ActorKind  token.ActorKind `json:"actor_kind"`
		Actor      string          `json:"actor"`
		ActorName  string          `json:"actor_name"`
		ActorToken string          `json:"actor_token"`
		ActingFor  string          `json:"acting_for"`
		Address    string          `json:"address"`
		Agent      string          `json:"agent"`
		Request    string          `json:"request"`
		Action     string          `json:"action"`
		Target     string          `json:"target"`
		TargetName string          `json:"target_name"`
		Outcome    string          `json:"outcome"`
		Detail     map[string]any  `json:"detail"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&r); err != nil {
		return nil, fmt.Errorf("read a record: %w", err)
	}
	id, _ := token.ParseID(r.ID)
	with, _ := token.ParseID(r.ActorToken)
	e := &token.Event{
		ID: id, At: r.At, Workspace: r.Workspace, Action: r.Action, Target: r.Target, TargetName: r.TargetName, Outcome: r.Outcome, Detail: r.Detail,
		Actor: token.Actor{
			Kind: r.ActorKind, ID: r.Actor, Name: r.ActorName, Token: with, For: r.ActingFor, Address: r.Address, Agent: r.Agent, Request: r.Request,
		},
	}
	again, err := e.Canonical()
	if err == nil && !bytes.Equal(again, text) {
		err = fmt.Errorf("record %s: %w", r.ID, errSpelling)
	}
	return e, err
}

// readSeal reads the canonical bytes of a seal and what stands beside them.
func readSeal(l *line) (*token.Seal, error) {
	var s struct {
		Workspace string           `json:"workspace"`
		Number    int64            `json:"number"`
		Previous  string           `json:"previous"`
		First     string           `json:"first"`
		Last      string           `json:"last"`
		Count     int64            `json:"count"`
		Root      string           `json:"root"`
		Totals    map[string]int64 `json:"totals"`
		Late      bool             `json:"late"`
		At        int64            `json:"at"`
	}
	if err := json.Unmarshal(l.Seal, &s); err != nil {
		return nil, fmt.Errorf("read a seal: %w", err)
	}
	first, _ := token.ParseID(s.First)
	last, _ := token.ParseID(s.Last)
	v := &token.Seal{
		Workspace: s.Workspace, Number: s.Number, First: first, Last: last, Count: s.Count, Totals: s.Totals, Late: s.Late, At: s.At,
		Key: l.KeyID, Signature: []byte(l.Signature),
	}
	for text, into := range map[string]*token.Hash{s.Previous: &v.Previous, s.Root: &v.Root} {
		if n, err := hex.Decode(into[:], []byte(text[:min(len(text), 2*len(into))])); err != nil || n != len(into) {
			return nil, errors.New("a hash of the seal is none")
		}
	}
	again, err := v.Canonical()
	if err == nil && !bytes.Equal(again, l.Seal) {
		err = fmt.Errorf("seal %d: %w", s.Number, errSpelling)
	}
	v.Hash, _ = v.Sum() // the signature says whether it is the one that was sealed
	return v, err
}
