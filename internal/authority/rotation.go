package authority

import (
	"context"
	"log/slog"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// rotating is who acts when a rotation goes on by itself.
var rotating = token.Actor{Kind: token.System, ID: "rotation", Name: "rotation"}

// Rotation returns a rotation of a workspace; NotFound says that there is none.
func (a *Authority) Rotation(ctx context.Context, workspace string, id token.ID) (*token.Rotation, error) {
	r, err := a.cfg.Store.Rotation(ctx, id)
	if err == nil && (r == nil || r.Workspace != workspace) {
		err = noRotation()
	}
	return r, err
}

func noRotation() *token.Refusal { return token.Errorf(token.NotFound, "there is no such rotation") }

// ConfirmRotation says that the new secret is in use, and starts the grace of
// the old one. One that was confirmed stays as it is.
func (a *Authority) ConfirmRotation(ctx context.Context, who token.Actor, id token.ID) (*token.Rotation, error) {
	return a.move(ctx, who, id, "rotation.confirmed", func(r *token.Rotation, now int64) error {
		if !r.Confirm(now) && !r.Open() {
			return token.Errorf(token.Conflict, "the rotation is over (%s)", r.State)
		}
		return nil
	})
}

// CancelRotation gives up a new secret that was never seen; Conflict says that
// it was, or that the rotation is over.
func (a *Authority) CancelRotation(ctx context.Context, who token.Actor, id token.ID) (*token.Rotation, error) {
	return a.move(ctx, who, id, "rotation.cancelled", (*token.Rotation).Cancel)
}

// UndoRotation lets the old secret stay; the new one, which was seen, works for
// a grace of its own.
func (a *Authority) UndoRotation(ctx context.Context, who token.Actor, id token.ID) (*token.Rotation, error) {
	return a.move(ctx, who, id, "rotation.undone", (*token.Rotation).Undo)
}

// FinishRotation ends the secret that goes now, before its grace is over.
func (a *Authority) FinishRotation(ctx context.Context, who token.Actor, id token.ID, reason string) (*token.Rotation, error) {
	if err := CheckText("reason", reason, 200); err != nil {
		return nil, err
	}
	if reason == "" {
		return nil, token.AtField("reason", "is required: it cuts the grace of a secret that may still be in use")
	}
	return a.move(ctx, who, id, "rotation.retired", func(r *token.Rotation, now int64) error {
		r.Reason = reason
		return r.Finish(now, true)
	})
}

// RetireDue ends the secrets whose grace is over, up to limit of them, and closes
// as many rotations whose new secret expired without being seen, each in a deed
// of its own; it returns how many.
func (a *Authority) RetireDue(ctx context.Context, limit int) (int, error) {
	due, err := a.cfg.Store.DueRotations(ctx, limit)
	if err != nil {
		return 0, err
	}
	for _, r := range due {
		_, err := a.move(ctx, rotating, r.ID, "rotation.retired", func(r *token.Rotation, now int64) error { return r.Finish(now, false) })
		if err != nil && !token.Is(err, token.Conflict) {
			return 0, err
		}
	}
	lapsed, err := a.closeLapsed(ctx, limit)
	return len(due) + lapsed, err
}

// move takes one step of a rotation: its row, its two secrets, its record. A
// step that changes nothing writes nothing.
func (a *Authority) move(ctx context.Context, who token.Actor, id token.ID, action string, step func(*token.Rotation, int64) error) (*token.Rotation, error) {
	var moved *token.Rotation
	err := a.cfg.Store.Do(ctx, func(tx Tx) error {
		r, err := tx.Rotation(ctx, id)
		if err != nil || r == nil {
			return orElse(err, noRotation())
		}
		moved = r
		return a.turn(ctx, tx, who, r, action, step)
	})
	return moved, err
}

func (a *Authority) turn(ctx context.Context, tx Tx, who token.Actor, r *token.Rotation, action string, step func(*token.Rotation, int64) error) error {
	if moved, err := a.advance(ctx, tx, who, r, step); err != nil || !moved {
		return err
	}
	w, err := tx.Workspace(ctx, r.Workspace)
	if err != nil {
		return err
	}
	return record(ctx, tx, w, noteRotation(time.UnixMilli(tx.Now()), who, r, action))
}

// advance takes a step of a rotation and leaves its record to the caller; it
// reports whether anything changed.
func (a *Authority) advance(ctx context.Context, tx Tx, who token.Actor, r *token.Rotation, step func(*token.Rotation, int64) error) (bool, error) {
	was := *r
	if err := step(r, tx.Now()); err != nil || *r == was {
		return false, err
	}
	won, err := tx.MoveRotation(ctx, was.State, r)
	if err != nil || !won {
		return false, orElse(err, token.Errorf(token.Conflict, "somebody else moved the rotation at the same moment; look at it again").Because(token.Lost))
	}
	return true, a.arrange(ctx, tx, who, &was, r)
}

func noteRotation(now time.Time, who token.Actor, r *token.Rotation, action string) *token.Event {
	return audit.Note(now, who, r.Workspace, action, audit.Target{Kind: string(r.What), ID: r.Credential, Name: r.Name}, map[string]any{
		"rotation": r.ID.String(), "state": r.State, "old_secret": r.Old.String(), "new_secret": r.New.String(),
		"grace_seconds": r.Grace, "retires_at": r.RetiresAt, "reason": r.Reason,
	})
}

// secrets is what a rotation does to the secrets of one sort of credential.
type secrets interface {
	confirm(ctx context.Context, id token.ID) (lives bool, err error)
	retire(ctx context.Context, id token.ID, at int64) error // 0: it stays
	end(ctx context.Context, id token.ID) error
}

// arrange lets the two secrets be what the rotation's new state says.
func (a *Authority) arrange(ctx context.Context, tx Tx, who token.Actor, was, r *token.Rotation) error {
	s := secretsOf(tx, who, r)
	switch {
	case r.State == token.RotationCancelled:
		return s.end(ctx, r.New)
	case !r.Open():
		return s.end(ctx, r.Going())
	case r.State == token.RotationActive:
		if lives, err := s.confirm(ctx, r.New); err != nil || !lives {
			return orElse(err, token.Errorf(token.Conflict, "the new secret has ended, and the old one stays: cancel the rotation").Because(token.Lost))
		}
		return s.retire(ctx, r.Old, r.RetiresAt)
	case r.State == token.RotationUndone:
		if was.State == token.RotationPending {
			if _, err := s.confirm(ctx, r.New); err != nil {
				return err
			}
		}
		if err := s.retire(ctx, r.Old, 0); err != nil {
			return err
		}
		return s.retire(ctx, r.New, r.RetiresAt)
	}
	return nil
}

func secretsOf(tx Tx, who token.Actor, r *token.Rotation) secrets {
	switch r.What {
	case token.RotatesClientSecret:
		return clientSecrets{tx, r.Credential}
	case token.RotatesClientToken:
		return clientTokens{tx, r.Workspace}
	case token.RotatesWebhookSecret:
		return webhookSecrets{tx, r}
	}
	return tokenSecrets{tx, by(who), r}
}

// settleTurn ends the open rotation of a credential whose one secret was ended by
// itself, so that the other one stays. Without such a rotation it does nothing.
func (a *Authority) settleTurn(ctx context.Context, tx Tx, who token.Actor, what token.Rotating, credential string, gone token.ID) error {
	r, err := tx.RotationTo(ctx, gone)
	if err == nil && r == nil {
		r, err = tx.OpenRotation(ctx, what, credential)
	}
	if err != nil || r == nil || r.Old != gone && r.New != gone {
		return err
	}
	stays, action := r.Old, "rotation.cancelled"
	if gone == r.Old {
		stays, action = r.New, "rotation.retired"
	}
	err = a.turn(ctx, tx, who, r, action, func(r *token.Rotation, now int64) error {
		r.Lose(gone, now)
		return nil
	})
	if err != nil {
		return err
	}
	s := secretsOf(tx, who, r)
	if _, err := s.confirm(ctx, stays); err != nil {
		return err
	}
	return s.retire(ctx, stays, 0)
}

// tokenSecrets are rows of tokens. One that ended meanwhile stays ended: then
// there is nothing to do.
type tokenSecrets struct {
	tx Tx
	by string
	r  *token.Rotation
}

func (s tokenSecrets) confirm(ctx context.Context, id token.ID) (bool, error) {
	return s.tx.ConfirmToken(ctx, id, s.tx.Now())
}

func (s tokenSecrets) retire(ctx context.Context, id token.ID, at int64) error {
	_, err := s.tx.RetireToken(ctx, id, at)
	return err
}

func (s tokenSecrets) end(ctx context.Context, id token.ID) error {
	if _, err := s.tx.End(ctx, token.Ending{ID: id, At: s.tx.Now(), Reason: "rotated", By: s.by}); err != nil {
		return err
	}
	return s.tx.SettleToken(ctx, s.r.New)
}

// confirmUse starts the grace of the secret that a token's takes the place of:
// its first use. Of two first uses one does it, and both may go on.
func (a *Authority) confirmUse(ctx context.Context, r *token.Record, u token.Use) error {
	who := token.ActorOf(r, token.Verdict{Workspace: r.Token.Workspace})
	who.Address, who.Agent = u.Address, u.Agent
	return a.confirmSecret(ctx, who, r.Token.ID)
}

// confirmSecret confirms the rotation that brings in a secret. One that was given
// up at the same moment is InvalidToken: whoever saw it work would throw the old
// one away.
func (a *Authority) confirmSecret(ctx context.Context, who token.Actor, secret token.ID) error {
	open := false
	err := a.cfg.Store.Do(ctx, func(tx Tx) error {
		r, err := tx.RotationTo(ctx, secret)
		if open = r != nil; err != nil || !open {
			return err
		}
		return a.turn(ctx, tx, who, r, "rotation.confirmed", func(r *token.Rotation, now int64) error {
			r.Confirm(now)
			return nil
		})
	})
	no := token.AsRefusal(err)
	if lost := no != nil && no.Reason == token.Lost; !lost && (err != nil || open) {
		return err
	}
	r, err := a.cfg.Store.RotationTo(ctx, secret)
	if err != nil || r == nil || r.NewWorks() {
		return err
	}
	return token.Errorf(token.InvalidToken, "the secret was given up before it was used; the one before it stays").Because(token.Ended)
}

// Lacked hears that a secret was refused for scopes that the one before it had.
// While that one lives it stays, and the narrower one goes.
func (a *Authority) Lacked(ctx context.Context, r *token.Record, missing token.Scopes) {
	err := a.cfg.Store.Do(ctx, func(tx Tx) error {
		turn, err := tx.RotationTo(ctx, r.Token.ID)
		if err != nil || turn == nil {
			return err
		}
		return a.turn(ctx, tx, rotating, turn, "rotation.rolled_back", func(turn *token.Rotation, now int64) error {
			turn.Confirm(now)
			turn.Reason = "the new secret lacked " + missing.String()
			return turn.Undo(now)
		})
	})
	if err != nil && !token.Is(err, token.Conflict) {
		a.cfg.Log.WarnContext(ctx, "roll back a rotation", slog.String("token", r.Token.Credential.String()), slog.Any("error", err))
	}
}
