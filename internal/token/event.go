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
	detail, err := plain(e.Detail)
	if err != nil {
		return nil, fmt.Errorf("write an audit record: %w", err)
	}
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
		Detail     any       `json:"detail"`
	}{
		e.ID.String(), e.At, e.Workspace, e.Actor.Kind, e.Actor.ID, e.Actor.Name, e.Actor.Token.String(), e.Actor.For,
		e.Actor.Address, e.Actor.Agent, e.Actor.Request, e.Action, e.Target, e.TargetName, e.Outcome, detail,
	})
	if err != nil {
		return nil, fmt.Errorf("write an audit record: %w", err)
	}
	return b, nil
}

// plain returns a value as it is when its JSON is read again: structs become
// maps, whose names are sorted, and numbers keep their digits.
func plain(v any) (any, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var out any
	err = d.Decode(&out)
	return out, err
}

// Hash is the SHA-256 of the canonical bytes.
func (e *Event) Hash() (Hash, error) {
	b, err := e.Canonical()
	return sha256.Sum256(b), err
}
