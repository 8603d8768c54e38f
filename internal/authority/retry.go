package authority

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// A Retry names a request so that repeating it gives the same secret and
// never a second token.
type Retry struct {
	Caller string // who asks: the scope of the key
	Route  string // the pattern of the route
	Key    string // Idempotency-Key, 1 to 255 characters
	Body   []byte // of the request: another body under the same key is a mistake
}

const (
	keepAnswer  = 10 * time.Minute // how long the same secret is given again
	rememberKey = 24 * time.Hour   // how long the key is known to be used
	waitFlight  = 2 * time.Second  // how long a second request waits for the first
)

func (r *Retry) name() token.Hash {
	return token.HashOf(fmt.Sprintf("issue\x00%d:%s\x00%d:%s\x00%s", len(r.Caller), r.Caller, len(r.Route), r.Route, r.Key))
}

// flights are the requests with a key that are under way in this process.
type flights struct {
	mu  sync.Mutex
	now map[token.Hash]chan struct{}
}

// begin returns a function that ends the flight, or nil and what to wait for
// when another is under way.
func (f *flights) begin(key token.Hash) (end func(), busy <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ch, ok := f.now[key]; ok {
		return nil, ch
	}
	if f.now == nil {
		f.now = map[token.Hash]chan struct{}{}
	}
	ch := make(chan struct{})
	f.now[key] = ch
	return func() {
		f.mu.Lock()
		delete(f.now, key)
		f.mu.Unlock()
		close(ch)
	}, nil
}

// once issues under an idempotency key.
func (a *Authority) once(ctx context.Context, who token.Actor, o Order) (*Issued, error) {
	if n := len(o.Retry.Key); n == 0 || n > 255 {
		return nil, token.Errorf(token.InvalidRequest, "Idempotency-Key has 1 to 255 characters")
	}
	key := o.Retry.name()
	patience := time.NewTimer(waitFlight)
	defer patience.Stop()
	for {
		end, busy := a.inFlight.begin(key)
		if end != nil {
			defer end()
			return a.onceAlone(ctx, who, o, key)
		}
		select {
		case <-busy:
		case <-patience.C:
			return nil, token.Errorf(token.Conflict, "a request with this Idempotency-Key is still under way; try again")
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (a *Authority) onceAlone(ctx context.Context, who token.Actor, o Order, key token.Hash) (*Issued, error) {
	if out, err := a.answered(ctx, o.Retry, key); out != nil || err != nil {
		return out, err
	}
	out, err := a.mint(ctx, who, o)
	if r := token.AsRefusal(err); r == nil || r.Reason != token.Lost {
		return out, err
	}
	// Another node was first.
	if out, err = a.answered(ctx, o.Retry, key); out == nil && err == nil {
		err = token.Errorf(token.Conflict, "a request with this Idempotency-Key is still under way; try again")
	}
	return out, err
}

// answered returns what the same request was answered before, nil if it is new.
func (a *Authority) answered(ctx context.Context, r *Retry, key token.Hash) (*Issued, error) {
	had, err := a.cfg.Store.Answer(ctx, key)
	now := a.cfg.Now().UnixMilli()
	if err != nil || had == nil || had.ExpiresAt <= now {
		return nil, err
	}
	if had.Request != token.HashOf(string(r.Body)) {
		return nil, token.AtField("Idempotency-Key", "was used for a different request; use a new key")
	}
	out, err := a.openAnswer(ctx, had.Sealed, had.Tokens, keepAnswer, func(sealed []byte) ([]byte, error) {
		return a.cfg.Master.Open("idempotency", sealed, key[:])
	})
	if err == nil && out == nil {
		err = token.Errorf(token.Conflict, "this request was answered before, and its token was used or the answer is no longer kept")
	}
	return out, err
}

// An answer as it is sealed: what is not in the tokens' rows.
type answer struct {
	At            int64 // ms
	Token         token.ID
	Secret        string
	Refresh       token.ID
	RefreshSecret string
	Warnings      []string `json:",omitempty"`
}

func sealAnswer(out *Issued, now time.Time, seal func([]byte) ([]byte, error)) ([]byte, error) {
	plain := answer{At: now.UnixMilli(), Token: out.Token.ID, Secret: out.Secret, Warnings: out.Warnings}
	if out.Refresh != nil {
		plain.Refresh, plain.RefreshSecret = out.Refresh.ID, out.RefreshSecret
	}
	b, err := json.Marshal(plain) //nolint:gosec // it is sealed in the next step
	if err != nil {
		return nil, fmt.Errorf("write an answer: %w", err)
	}
	sealed, err := seal(b)
	if err != nil {
		return nil, fmt.Errorf("seal an answer: %w", err)
	}
	return sealed, nil
}

// openAnswer returns what was sealed of an answer that gave those tokens, nil if
// it is older than life, was wiped, or one of them was used or has ended.
func (a *Authority) openAnswer(ctx context.Context, sealed []byte, tokens []token.ID, life time.Duration, open func([]byte) ([]byte, error)) (*Issued, error) {
	if len(sealed) == 0 {
		return nil, nil
	}
	used, err := a.used(ctx, tokens)
	if err != nil || used {
		return nil, err
	}
	plain, err := open(sealed)
	if err != nil {
		return nil, nil //nolint:nilerr // sealed for another secret: not this caller's answer
	}
	var kept answer
	if err := json.Unmarshal(plain, &kept); err != nil {
		return nil, fmt.Errorf("read an answer: %w", err)
	}
	if a.cfg.Now().Sub(time.UnixMilli(kept.At)) > life {
		return nil, nil
	}
	out := &Issued{Secret: kept.Secret, RefreshSecret: kept.RefreshSecret, Warnings: kept.Warnings}
	if out.Token, err = a.row(ctx, kept.Token); err != nil || out.Token == nil {
		return nil, err
	}
	if kept.Refresh != 0 {
		if out.Refresh, err = a.row(ctx, kept.Refresh); err != nil || out.Refresh == nil {
			return nil, err
		}
	}
	return out, nil
}

func (a *Authority) row(ctx context.Context, id token.ID) (*token.Token, error) {
	r, err := a.cfg.Judge.Record(ctx, id)
	if err != nil || r == nil {
		return nil, err
	}
	return r.Token, nil
}

// used reports whether one of the tokens was used, as far as this node saw or
// the others have written, or has ended.
func (a *Authority) used(ctx context.Context, ids []token.ID) (bool, error) {
	for _, id := range ids {
		if _, seen := a.cfg.Judge.Seen(id); seen {
			return true, nil
		}
		t, err := a.row(ctx, id)
		if err != nil {
			return false, err
		}
		if t == nil || t.EndedAt != 0 {
			return true, nil
		}
	}
	seen, err := a.cfg.Store.LastUses(ctx, ids)
	return len(seen) > 0, err
}

// remember seals the answer of an order that has an idempotency key.
func (a *Authority) remember(o *Order, now time.Time, out *Issued, deed *token.Deed) error {
	if o.Retry == nil {
		return nil
	}
	key, ids := o.Retry.name(), []token.ID{out.Token.ID}
	if out.Refresh != nil {
		ids = append(ids, out.Refresh.ID)
	}
	sealed, err := sealAnswer(out, now, func(plain []byte) ([]byte, error) {
		return a.cfg.Master.Seal("idempotency", plain, key[:])
	})
	deed.Answer = &token.Answer{
		Key: key, Request: token.HashOf(string(o.Retry.Body)), Sealed: sealed, Tokens: ids,
		MadeAt: now.UnixMilli(), SealedUntil: now.Add(keepAnswer).UnixMilli(), ExpiresAt: now.Add(rememberKey).UnixMilli(),
	}
	return err
}
