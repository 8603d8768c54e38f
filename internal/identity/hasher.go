package identity

import (
	"context"
	"crypto/rand"
	"runtime"
	"sync"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// maxPassword is the longest password in bytes.
const maxPassword = 1024

// MinPassword is the shortest password, in bytes, that a person may choose.
const MinPassword = 12

// A hasher lets few passwords be hashed at once: each takes 19 MiB and a core.
type hasher struct {
	turns   *turns
	nobodys phc // matches no password; checked where there is no account

	mu      sync.Mutex
	waiting map[string]int // by source: how many are in line
}

// mostInLine is how many of one source may be in line at once. Whoever tries
// one password on many accounts is counted by none of them, and would have the
// others wait for as long as it likes; so they wait for this many.
const mostInLine = 32

func newHasher() *hasher {
	h := &hasher{turns: newTurns(atOnce()), nobodys: blankPHC(), waiting: map[string]int{}}
	h.nobodys.sum = make([]byte, sumLen)
	rand.Read(h.nobodys.sum) // never fails (Go 1.24)
	return h
}

// atOnce is how many passwords are hashed at once.
func atOnce() int { return max(2, runtime.GOMAXPROCS(0)) }

// line takes a place in line for a source of addresses, and refuses with TooMany
// where it has all that it may have. The caller leaves it.
func (h *hasher) line(source string) (leave func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.waiting[source] >= mostInLine {
		return nil, &token.Refusal{Code: token.TooMany, Text: "too many sign-ins from this address at this moment; try again", RetryAfter: time.Second}
	}
	h.waiting[source]++
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.waiting[source]--; h.waiting[source] == 0 {
			delete(h.waiting, source)
		}
	}, nil
}

// hash hashes a password, in the turn of those who know who they are.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	giveBack, err := h.turns.take(ctx, "")
	if err != nil {
		return "", err
	}
	defer giveBack()
	p := blankPHC()
	p.sum = p.of(password, sumLen)
	return p.String(), nil
}

// check compares a password that came from a source with a stored hash, at the
// same cost where the hash is missing. It asks may when its turn has come, after the wait in which
// others may have used up the guesses.
func (h *hasher) check(ctx context.Context, source, stored, password string, may func() error) (bool, error) {
	giveBack, err := h.turns.take(ctx, source)
	if err != nil {
		return false, err
	}
	defer giveBack()
	if err := may(); err != nil {
		return false, err
	}
	p, ok := parsePHC(stored)
	if !ok {
		p = h.nobodys
	}
	long := len(password) > maxPassword
	if long {
		password = password[:maxPassword]
	}
	return p.matches(password) && ok && !long, nil
}

// HashPassword returns the Argon2id hash of a password of 1 to 1024 bytes in
// the PHC string format. It waits for its turn, and refuses with Unavailable
// when ctx ends first.
func (i *Identity) HashPassword(ctx context.Context, password string) (string, error) {
	if password == "" || len(password) > maxPassword {
		return "", token.AtField("password", "use 1 to %d bytes", maxPassword)
	}
	return i.hasher.hash(ctx, password)
}

// hashChosen hashes a password that a person chose.
func (i *Identity) hashChosen(ctx context.Context, field, password string) (string, error) {
	if len(password) < MinPassword || len(password) > maxPassword {
		return "", token.AtField(field, "use %d to %d bytes", MinPassword, maxPassword)
	}
	return i.hasher.hash(ctx, password)
}
