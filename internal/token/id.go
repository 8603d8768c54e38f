package token

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"sync"
	"time"
)

// An ID is a row's address: 41 bits of milliseconds since 2026, one class bit,
// 21 random bits. It sorts by time, so rows go to the right edge of the tree.
// It carries no node number and no counter: those collide or tell volume.
// It is never authority; knowing one opens nothing.
type ID int64

const (
	idRandomBits = 21
	idClassBit   = ID(1) << idRandomBits
	idTimeShift  = idRandomBits + 1
)

// epoch is 2026-01-01T00:00:00Z in milliseconds since 1970.
const epoch = 1767225600000

// MakeID returns the id for an instant, a class and 21 random bits.
func MakeID(at time.Time, class Class, random uint32) ID {
	ms := at.UnixMilli() - epoch
	if ms < 0 {
		ms = 0
	}
	return ID(ms)<<idTimeShift | ID(class)<<idRandomBits | ID(random&(1<<idRandomBits-1))
}

// NewID returns a fresh id for an instant and a class. Two may clash; the
// insert finds that, and the caller makes another.
func NewID(at time.Time, class Class) ID {
	var b [4]byte
	rand.Read(b[:])
	return MakeID(at, class, binary.BigEndian.Uint32(b[:]))
}

// newest holds the last ordered id of each of the latest instants. It is the one
// package variable that changes: the order is that of a process, whoever makes the
// ids, and what it loses with the process is order within a millisecond.
var newest struct {
	sync.Mutex
	ids [64]ID
}

// OrderedID returns a fresh id of the long class that sorts after every other that
// this process has made so for the same instant: what follows from something else
// may happen in the same millisecond, and is told after it. That holds for the
// first hundred thousand of an instant. It is safe for use by many at once.
func OrderedID(at time.Time) ID {
	id := NewID(at, Long) &^ (1 << (idRandomBits - 1)) // with room above it
	newest.Lock()
	defer newest.Unlock()
	last := &newest.ids[id>>idTimeShift%ID(len(newest.ids))]
	next := *last + 1 + id%16 // some, so that it tells no volume
	if *last>>idRandomBits == id>>idRandomBits && next>>idRandomBits == id>>idRandomBits {
		id = next
	}
	*last = id
	return id
}

// FirstID returns the smallest id of that instant: the bound of a range.
func FirstID(at time.Time) ID { return MakeID(at, Short, 0) }

// Class tells in which table the row lives.
func (id ID) Class() Class {
	if id&idClassBit != 0 {
		return Long
	}
	return Short
}

// Time returns the instant in the id, to the millisecond.
func (id ID) Time() time.Time { return time.UnixMilli(int64(id)>>idTimeShift + epoch).UTC() }

// idText is base32hex in lower case: it keeps the order of the numbers.
var idText = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// IDLen is the length of an id's text.
const IDLen = 13

// String returns the id as 13 characters that sort as the ids do; empty for 0.
func (id ID) String() string {
	if id == 0 {
		return ""
	}
	var out [IDLen]byte
	return string(id.Append(out[:0]))
}

// Append appends the id's text to b.
func (id ID) Append(b []byte) []byte {
	var raw [8]byte
	binary.BigEndian.PutUint64(raw[:], uint64(id)) //nolint:gosec // ids are positive
	return idText.AppendEncode(b, raw[:])
}

// MarshalText writes the id as String does.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *ID) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*id = 0
		return nil
	}
	got, ok := ParseID(string(text))
	if !ok {
		return errors.New("no id: an id has 13 characters")
	}
	*id = got
	return nil
}

// ParseID reads what String wrote. It reports false for anything else.
func ParseID(s string) (ID, bool) {
	if len(s) != IDLen {
		return 0, false
	}
	var raw [10]byte
	n, err := idText.Decode(raw[:], []byte(s))
	if err != nil || n != 8 {
		return 0, false
	}
	id := ID(binary.BigEndian.Uint64(raw[:8])) //nolint:gosec // negative ones are refused below
	if id <= 0 || id.String() != s {
		return 0, false // the last character carries spare bits: one spelling only
	}
	return id, true
}
