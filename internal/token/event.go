package token

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
)

// An Event is one governing deed as the audit keeps it. It never carries a
// secret.
type Event struct {
	ID         ID
	At         int64 // ms
	Workspace  string
	Actor      Actor
	Action     string // token.issued, member.removed, …
	Target     string // "token:…", "client:…", "user:…"
	TargetName string // for people
	Outcome    string // done | refused
	Detail     map[string]any
	Seal       int64 // the number of the seal that holds the record, 0 until then; not part of it
}

// Outcomes of an event.
const (
	Done    = "done"
	Refused = "refused"
)

// Canonical returns the bytes that stand for the record in seals and proofs:
// its fields as JSON, in this order, with the detail's names sorted. A record
// has the same bytes before it is written and after it is read.
func (e *Event) Canonical() ([]byte, error) {
	detail, err := sorted(e.Detail)
	if err != nil {
		return nil, fmt.Errorf("write an audit record: %w", err)
	}
	return e.around(detail)
}

// around returns the canonical bytes about a detail.
func (e *Event) around(detail json.RawMessage) ([]byte, error) {
	b, err := json.Marshal(struct {
		ID         string    `json:"id"`
		At         int64     `json:"at"`
		Workspace  string    `json:"workspace"`
		ActorKind  ActorKind `json:"actor_kind"`
		Actor      string    `json:"actor"`
		ActorName  string    `json:"actor_name"`
		ActorToken string    `json:"actor_token"`
		ActingFor  string    `json:"acting_for"`
		Address    string    `json:"address"`
		Agent      string    `json:"agent"`
		Request    string    `json:"request"`
		Action     string    `json:"action"`
		Target     string    `json:"target"`
		TargetName string    `json:"target_name"`
		Outcome    string    `json:"outcome"`

		Detail json.RawMessage `json:"detail"`
	}{
		e.ID.String(), e.At, e.Workspace, e.Actor.Kind, e.Actor.ID, e.Actor.Name, e.Actor.Token.String(), e.Actor.For,
		e.Actor.Address, e.Actor.Agent, e.Actor.Request, e.Action, e.Target, e.TargetName, e.Outcome, detail,
	})
	if err != nil {
		return nil, fmt.Errorf("write an audit record: %w", err)
	}
	return b, nil
}

// sorted returns a value as the JSON that it has when it was read again:
// structs become maps, whose names are sorted, and numbers keep their digits.
func sorted(v map[string]any) (json.RawMessage, error) {
	b, err := json.Marshal(v)
	if err != nil || bytes.Count(b, []byte("{")) <= 1 && !bytes.Contains(b, []byte(`\`)) {
		return b, err // the names of an outermost map are sorted, and letters without escapes are read as they are
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var again any
	if err := d.Decode(&again); err != nil {
		return nil, err
	}
	return json.Marshal(again)
}

// Hash is the SHA-256 of the canonical bytes.
func (e *Event) Hash() (Hash, error) {
	b, err := e.Canonical()
	return sha256.Sum256(b), err
}

// Columns returns what a row keeps that is made from the rest: the detail as
// JSON, and the hash of the canonical bytes. They are made together, since a
// detail is most of the work.
func (e *Event) Columns() (detail string, hash Hash, err error) {
	text, err := sorted(e.Detail)
	if err != nil {
		return "", hash, fmt.Errorf("write an audit record: %w", err)
	}
	b, err := e.around(text)
	return string(text), sha256.Sum256(b), err
}
