package authority

import (
	"context"
	"log/slog"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// sweeps is what is read for deeds on many tokens.
type sweeps interface {
	Inventory(ctx context.Context, i token.Inventory) (*token.Page, error)
	Tally(ctx context.Context, i token.Inventory) (*token.Tally, error)
	Grant(ctx context.Context, id token.ID) (*token.Grant, error)
	Revocation(ctx context.Context, workspace string, id token.ID) (*token.Revocation, error)
	RunningRevocations(ctx context.Context, limit int) ([]*token.Revocation, error)
}

// sweepTx is what such a deed writes.
type sweepTx interface {
	HoldRotations(ctx context.Context, workspace string) (token.ID, error)
	Revocation(ctx context.Context, workspace string, id token.ID) (*token.Revocation, error)
	PutRevocation(ctx context.Context, r *token.Revocation) error
	AdvanceRevocation(ctx context.Context, r *token.Revocation, from token.ID) (bool, error)
	StumbleRevocation(ctx context.Context, r *token.Revocation) (bool, error)
	RetryRevocation(ctx context.Context, r *token.Revocation) (bool, error)
}

// A Sweep asks for one deed on all tokens of a workspace that a predicate is
// true of.
type Sweep struct {
	Workspace string
	Act       token.Act
	By        token.Predicate
	Reason    string
	Until     int64 // ms; of a suspension, 0: until resumed
}

// A Blast is what a deed would hit.
type Blast struct {
	token.Tally
	First  []*token.Token // the newest 20
	Cutoff bool           // one row would end them all at once, rather than a run
	Beyond bool           // more would end than the workspace has: elsewhere too
}

// mostFirst is how many tokens a blast names.
const mostFirst = 20

// A swept is a sweep that was found to be possible.
type swept struct {
	Sweep
	who     token.Actor
	filter  token.Inventory // the live tokens that it is about
	support token.Support   // of a cutoff
	cutoff  bool
	beyond  bool
	key     bool
}

// Blast tells what a sweep would hit, and writes nothing. It refuses as Revoke
// does, but for who asks: that they may read is for the caller to check.
func (a *Authority) Blast(ctx context.Context, who token.Actor, s Sweep) (*Blast, error) {
	w, err := a.sweep(ctx, who, s)
	if err != nil {
		return nil, err
	}
	return a.blast(ctx, w)
}

func (a *Authority) blast(ctx context.Context, w *swept) (*Blast, error) {
	sum, err := a.cfg.Store.Tally(ctx, w.filter)
	if err != nil {
		return nil, err
	}
	look := w.filter
	look.Limit, look.Thorough = mostFirst, false
	page, err := a.cfg.Store.Inventory(ctx, look)
	if err != nil {
		return nil, err
	}
	sum.AtLeast = sum.AtLeast || w.beyond
	return &Blast{Tally: *sum, First: page.Tokens, Cutoff: w.cutoff, Beyond: w.beyond}, nil
}

// Sweep does a deed on many tokens. Where one cutoff ends them all it is done
// when Sweep returns; else it is a run, of which Sweep does what it can in a
// second or two and leaves the rest to WorkOff. What is minted from then on is
// not hit, and nothing that was ended ever opens again. It takes an admin of the
// workspace; a super admin for all of it; for a key an Operator. It refuses with
// Invalid (a field) and NotFound.
func (a *Authority) Sweep(ctx context.Context, who token.Actor, s Sweep) (*token.Revocation, error) {
	w, err := a.sweep(ctx, who, s)
	if err != nil {
		return nil, err
	}
	b, err := a.blast(ctx, w)
	if err != nil {
		return nil, err
	}
	r := &token.Revocation{
		Workspace: s.Workspace, Act: s.Act, Predicate: s.By, Reason: w.Reason, Until: s.Until, Actor: who, Running: !w.cutoff,
	}
	err = a.cfg.Store.Do(ctx, func(tx Tx) error { return a.begin(ctx, tx, w, b, r) })
	if err != nil {
		return nil, err
	}
	a.hurry(ctx, r)
	return r, nil
}

// hurry does what it can of a run while somebody waits for it. The deed is
// entered: WorkOff goes on where this stops.
func (a *Authority) hurry(ctx context.Context, r *token.Revocation) {
	if err := a.work(ctx, r, patience); err != nil {
		a.cfg.Log.WarnContext(ctx, "a revocation is continued later", slog.String("id", r.ID.String()), slog.Any("error", err))
	}
}

// begin enters the deed with its record, and does it where it is a cutoff.
func (a *Authority) begin(ctx context.Context, tx Tx, w *swept, b *Blast, r *token.Revocation) error {
	if err := maySweep(ctx, tx, w.who, w.Workspace, w.By); err != nil {
		return err
	}
	now := time.UnixMilli(tx.Now())
	r.ID = token.NewID(now, token.Long)
	if err := w.start(ctx, tx, b, r); err != nil {
		return err
	}
	home, err := tx.Workspace(ctx, w.Workspace)
	if err != nil {
		return err
	}
	e := audit.Note(now, w.who, w.Workspace, "revocation.started", onRevocation(r), map[string]any{
		"act": r.Act, "by": r.Predicate, "reason": r.Reason, "count": b.Count, "at_least": b.AtLeast, "until": r.Until,
	})
	r.Event = e.ID
	if err := record(ctx, tx, home, e); err != nil {
		return err
	}
	return tx.PutRevocation(ctx, r)
}

func maySweep(ctx context.Context, tx Tx, who token.Actor, workspace string, by token.Predicate) error {
	super := ""
	if by.Workspace != "" {
		super = "end every token of the workspace"
	}
	return mayAdministrate(ctx, tx, who, workspace, super)
}

// start ends everything where that takes a cutoff; else it says where the run
// begins: at the newest of what is now, rotated secrets included.
func (w *swept) start(ctx context.Context, tx Tx, b *Blast, r *token.Revocation) error {
	if w.cutoff {
		r.Count, r.AtLeast, r.FinishedAt = b.Count, b.AtLeast, tx.Now()
		return w.cut(ctx, tx)
	}
	return fromNewest(ctx, tx, r)
}

func fromNewest(ctx context.Context, tx Tx, r *token.Revocation) error {
	newest, err := tx.HoldRotations(ctx, r.Workspace)
	r.Reached = max(token.FirstID(time.UnixMilli(tx.Now()+1)), newest+1)
	return err
}

// cut ends all that stands on the support and was born before this commit. A
// family ends as a whole, unless only what is older than an instant is meant.
func (w *swept) cut(ctx context.Context, tx Tx) error {
	if w.support.Kind == token.OnGrant && w.By.IssuedBefore == 0 {
		_, err := tx.EndGrant(ctx, w.filter.Grant, w.Reason)
		return err
	}
	tx.Cut(token.Cutoff{Support: w.support, IssuedBefore: w.By.IssuedBefore, Reason: w.Reason})
	return nil
}

func onRevocation(r *token.Revocation) audit.Target {
	return audit.Target{Kind: "revocation", ID: r.ID.String()}
}

// receiptType is the typ of a receipt's header.
const receiptType = "ficha-receipt+jwt"

// Receipt signs what was done, for who must prove it: a JWS that the published
// keys check. It names no secret and no person beside the predicate.
func (a *Authority) Receipt(r *token.Revocation) (string, error) {
	return a.signReceipt(receiptOf(r, a.cfg.Issuer))
}
