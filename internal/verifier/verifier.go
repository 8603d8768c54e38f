// Package verifier knows the judge: records of tokens and of what they stand
// on, their cache, the feed that keeps it right, and how the one verdict of
// package token is asked. It never writes on the path of a question but for
// the three cases that Witness names.
package verifier

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/fichadev/ficha/internal/token"
)

// Store is what the judge reads. Missing rows are nil or zero, never an error.
type Store interface {
	Token(ctx context.Context, id token.ID) (*token.Token, error)
	Imports(ctx context.Context) (int64, error)
	Imported(ctx context.Context, hash token.Hash) (token.ID, error)
	Workspace(ctx context.Context, id string) (*token.Workspace, error)
	Client(ctx context.Context, id string) (*token.Client, error)
	Person(ctx context.Context, id string) (*token.Person, error)
	Grant(ctx context.Context, id token.ID) (*token.Grant, error)
	KeyCutoffs(ctx context.Context) (token.Cutoffs, error)
	Position(ctx context.Context) (token.Change, error)
	Changes(ctx context.Context, from int64, limit int) ([]token.Change, error)
	Shared() bool
}

// Witness writes what must be on disk before the judge may say yes: each use of
// an impersonated token, each use of a token that may be used a number of times
// only, and the first use of a secret that replaces another. Lacked hears of a
// no to a secret that holds less than the one before it.
type Witness interface {
	Witness(ctx context.Context, r *token.Record, u token.Use) error
	Lacked(ctx context.Context, r *token.Record, missing token.Scopes)
}

// Config says what the judge works with. All fields but Cached, Heard and Records
// are required.
type Config struct {
	Store   Store
	Witness Witness
	Format  *token.Format
	Issuer  string // this server: the audience of tokens that name none
	Now     func() time.Time
	Log     *slog.Logger
	Cached  int                    // tokens held in memory; 0: 500,000
	Heard   func(token.ChangeKind) // told of changes of keys and of the catalogue; nil: nobody is
	Records int                    // one of so many uses is recorded singly; 0: none
}

// A Verifier is the judge of one process. It is safe for use by many at once.
type Verifier struct {
	cfg        Config
	tokens     *cache[token.ID, *entry]
	workspaces *shelf[token.Workspace]
	clients    *shelf[token.Client]
	people     *shelf[token.Person]
	grants     *shelf[token.Grant]
	facts      factsTable
	keyCuts    atomic.Pointer[map[string]token.Cutoffs]
	imports    atomic.Int64
	reading    singleflight.Group
	budget     chan struct{} // reads of tokens that are not cached, at once
	feed       feed
	uses       uses
	refused    refused
	records    *records
	late       late
}

// New returns a judge that has heard of everything up to now.
func New(ctx context.Context, cfg Config) (*Verifier, error) {
	if cfg.Cached == 0 {
		cfg.Cached = 500_000
	}
	st := cfg.Store
	v := &Verifier{cfg: cfg, tokens: newCache[token.ID, *entry](cfg.Cached, nil), budget: make(chan struct{}, 32), records: newRecords(cfg.Records)}
	v.workspaces = newShelf(100_000, st.Workspace)
	v.clients = newShelf(100_000, st.Client)
	v.people = newShelf(100_000, st.Person)
	v.grants = newShelf(cfg.Cached, func(ctx context.Context, id string) (*token.Grant, error) {
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read a grant: %w", err)
		}
		return st.Grant(ctx, token.ID(n))
	})
	if err := v.feed.begin(ctx, v); err != nil {
		return nil, err
	}
	return v, nil
}

// Judge answers whether the token behind a secret may be used so. It returns
// the record and the verdict; a refusal of the kinds that token.MayUse has, the
// record beside it where the secret is right; Unavailable when it cannot know;
// a fault otherwise. Unknown and wrong are one answer.
func (v *Verifier) Judge(ctx context.Context, secret string, u token.Use) (*token.Record, token.Verdict, error) {
	r, err := v.Find(ctx, secret)
	if err != nil {
		return nil, token.Verdict{}, err
	}
	verdict, err := v.JudgeFound(ctx, r, u)
	return r, verdict, err
}

// JudgeFound is Judge for a record that Find has just returned, for who had to
// look at it before the question was to be asked. A record says how things stood
// when it was found, and is not kept.
func (v *Verifier) JudgeFound(ctx context.Context, r *token.Record, u token.Use) (verdict token.Verdict, err error) {
	if v.cfg.Records > 0 {
		defer func() { v.records.judged(r, verdict, u, err) }()
	}
	verdict, err = v.Weigh(ctx, r, u)
	if err != nil {
		v.refused.note(r.Token, u, err)
		v.late.judged(r.Token, u, err)
		v.lacked(ctx, r, err)
		return verdict, err
	}
	if r.Token.MaxUses > 0 || r.Token.Kind == token.Impersonated || r.Token.Pending() {
		if err := v.cfg.Witness.Witness(ctx, r, u); err != nil {
			return verdict, err
		}
	}
	v.uses.note(r.Token.ID, u)
	return verdict, nil
}

// lacked tells the witness of a refusal that the secret before this one would
// not have met, while that one can still be brought back.
func (v *Verifier) lacked(ctx context.Context, r *token.Record, err error) {
	t := r.Token
	if len(t.NarrowedFrom) == 0 || t.RetiresAt != 0 {
		return
	}
	if no := token.AsRefusal(err); no != nil && no.Code == token.InsufficientScope && t.NarrowedFrom.Missing(no.Scope) == nil {
		v.cfg.Witness.Lacked(ctx, r, no.Scope)
	}
}

// Weigh asks the pure verdict about a record, with the workspace that the use
// opens at hand. It counts and records nothing.
func (v *Verifier) Weigh(ctx context.Context, r *token.Record, u token.Use) (token.Verdict, error) {
	u.Issuer = v.cfg.Issuer
	if r.Token.Workspace == "" && r.Person != nil {
		opened, err := r.Opens(u)
		if err == nil && opened.Workspace != "" {
			if r.Opened, err = v.workspaces.get(ctx, opened.Workspace); err != nil {
				return token.Verdict{}, err
			}
		}
	}
	return token.MayUse(r, u)
}

// Standing reports whether a row and all that it stands on hold up at this
// moment, whoever would show it: nil, or the refusal that its holder would meet.
// It counts and records nothing, and keeps nothing.
func (v *Verifier) Standing(ctx context.Context, t *token.Token) error {
	if err := v.fresh(ctx); err != nil {
		return err
	}
	r, err := v.record(ctx, v.newEntry(t))
	if err != nil {
		return err
	}
	_, err = v.Weigh(ctx, r, token.Use{Now: v.cfg.Now().UnixMilli(), Surface: t.Kind.Home(), AnyWorkspace: true, Anywhere: true, Proof: t.Proof})
	return err
}

// Find returns the record of a secret, whatever its state. It refuses with
// InvalidToken when there is none, and says no more than that.
func (v *Verifier) Find(ctx context.Context, secret string) (*token.Record, error) {
	if err := v.fresh(ctx); err != nil {
		return nil, err
	}
	if len(secret) > 8192 {
		return nil, unknown()
	}
	hash := token.HashOf(secret)
	id, ok := v.cfg.Format.Address(secret)
	if !ok {
		if v.imports.Load() == 0 {
			return nil, unknown()
		}
		var err error
		if id, err = v.cfg.Store.Imported(ctx, hash); err != nil {
			return nil, fmt.Errorf("look up an imported token: %w", err)
		}
		if id == 0 {
			return nil, unknown()
		}
	}
	e, err := v.entry(ctx, id)
	if err != nil {
		return nil, err
	}
	if e == nil || subtle.ConstantTimeCompare(e.hash[:], hash[:]) != 1 {
		return nil, unknown()
	}
	return v.record(ctx, e)
}

// Record returns the record of a row by its address, nil if there is none: for
// those who know the row already, never for a bearer.
func (v *Verifier) Record(ctx context.Context, id token.ID) (*token.Record, error) {
	if err := v.fresh(ctx); err != nil {
		return nil, err
	}
	e, err := v.entry(ctx, id)
	if err != nil || e == nil {
		return nil, err
	}
	return v.record(ctx, e)
}

// Recall returns the record of the secret that a hash is of; nil if there is
// none. head is as token.Shape has it and leads to the row: no index holds the
// hashes of tokens, which would be written at random places of it. Those of
// imported tokens are found without.
func (v *Verifier) Recall(ctx context.Context, head string, hash token.Hash) (*token.Record, error) {
	if err := v.fresh(ctx); err != nil {
		return nil, err
	}
	id, ok := v.cfg.Format.Row(head)
	if !ok && v.imports.Load() > 0 {
		var err error
		if id, err = v.cfg.Store.Imported(ctx, hash); err != nil {
			return nil, fmt.Errorf("look up an imported token: %w", err)
		}
	}
	if id == 0 {
		return nil, nil
	}
	e, err := v.entry(ctx, id)
	if err != nil || e == nil || subtle.ConstantTimeCompare(e.hash[:], hash[:]) != 1 {
		return nil, err
	}
	return v.record(ctx, e)
}

func unknown() error {
	return token.Errorf(token.InvalidToken, "the token is not known here; check that it is whole, or get a new one")
}

// entry returns the entry of a row, nil if there is no such row: that is not
// kept, since a negative answer has nothing that would end it.
func (v *Verifier) entry(ctx context.Context, id token.ID) (*entry, error) {
	e, version, ok := v.tokens.get(id)
	if ok && e.whole() {
		return e, nil
	}
	if ok {
		v.tokens.drop(id)
		_, version, _ = v.tokens.get(id)
	}
	got, err, _ := v.reading.Do(readingOf(id, version), func() (any, error) {
		return v.fill(context.WithoutCancel(ctx), id, version)
	})
	if err != nil {
		return nil, err
	}
	e, _ = got.(*entry)
	return e, nil
}

// readingOf names the reading that those share who ask for a row at a version of
// its shard. Whoever asks after a change was heard begins another: what was read
// before it may say what no longer holds. Each compares its own secret's hash.
func readingOf(id token.ID, version uint64) string {
	var b [32]byte
	name := append(strconv.AppendInt(b[:0], int64(id), 36), '@')
	return string(strconv.AppendUint(name, version, 36))
}

func (v *Verifier) fill(ctx context.Context, id token.ID, version uint64) (*entry, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	select {
	case v.budget <- struct{}{}:
		defer func() { <-v.budget }()
	case <-ctx.Done():
		return nil, token.Unreachable(errors.New("the budget of reads is spent"))
	}
	t, err := v.cfg.Store.Token(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read a token: %w", err)
	}
	if t == nil {
		return nil, nil
	}
	e := v.newEntry(t)
	if cached(t.Kind) {
		v.tokens.put(id, e, version)
	}
	return e, nil
}

// cached tells the kinds that are held in memory. Codes and refresh tokens are
// used once or seldom and end quietly, so they are always read.
func cached(k token.Kind) bool { return k != token.AuthCode && k != token.Refresh }

// Cached returns how many tokens are held in memory.
func (v *Verifier) Cached() int { return v.tokens.size() }
