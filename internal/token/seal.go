package token

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// A Seal closes a range of a workspace's records: whoever holds it can tell
// that none of them, and of all that were sealed before, was changed or taken
// away.
type Seal struct {
	Workspace string
	Number    int64            // from 1, without gaps
	Previous  Hash             // of the seal before; zero in the first
	First     ID               // the oldest record in it
	Last      ID               // the newest
	Count     int64            // of records
	Root      Hash             // of the Merkle tree over their hashes, by id
	Totals    map[string]int64 // records by action, in this seal and all before it
	Late      bool             // it holds stragglers: records that came after those around them were sealed
	At        int64            // ms
	Hash      Hash             // of the canonical bytes
	Key       string           // id of the key that signed them
	Signature []byte           // over the canonical bytes
}

// A Leaf is what a seal needs to know of a record.
type Leaf struct {
	ID     ID
	Action string
	Hash   Hash
}

// Canonical returns the bytes that the seal's hash and signature are over: all
// that stands before them, as JSON, in this order.
func (s *Seal) Canonical() ([]byte, error) {
	b, err := json.Marshal(struct {
		Workspace string           `json:"workspace"`
		Number    int64            `json:"number"`
		Previous  string           `json:"previous"`
		First     ID               `json:"first"`
		Last      ID               `json:"last"`
		Count     int64            `json:"count"`
		Root      string           `json:"root"`
		Totals    map[string]int64 `json:"totals"`
		Late      bool             `json:"late"`
		At        int64            `json:"at"`
	}{s.Workspace, s.Number, hex.EncodeToString(s.Previous[:]), s.First, s.Last, s.Count, hex.EncodeToString(s.Root[:]), s.Totals, s.Late, s.At})
	if err != nil {
		return nil, fmt.Errorf("write a seal: %w", err)
	}
	return b, nil
}

// Sum returns the SHA-256 of the canonical bytes: what Hash must be.
func (s *Seal) Sum() (Hash, error) {
	b, err := s.Canonical()
	return sha256.Sum256(b), err
}

// A Trail asks for records of a workspace, newest first. The zero value of any
// other field asks for all. Instants are ms.
type Trail struct {
	Workspace string // empty: those of the server itself

	Actor   string // who acted, or for whom
	Token   ID     // the credential that acted
	Target  string // "token:…", "client:…", "user:…"
	Action  string // a name, or the beginning of names: "token.*"
	Request string // the request in which it was done
	Outcome string // done | refused
	From    int64  // at or after
	Until   int64  // before

	Before ID  // the last id of the page before; 0: the newest page
	Limit  int // at most MostListed, which 0 means too
}
