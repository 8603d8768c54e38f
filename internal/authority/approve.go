package authority

import (
	"context"
	"slices"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/policy"
	"github.com/fichadev/ficha/internal/token"
)

// approved reports whether the order's token waits for an administrator; another
// secret of a token does not.
func (o *Order) approved(s supports) bool {
	return o.Turn == nil && slices.ContainsFunc(s.rules, func(r rule) bool { return r.Approves(o.Kind) })
}

// wantApproval tells the administrators of a workspace that a token waits for
// one of them.
func (a *Authority) wantApproval(ctx context.Context, who token.Actor, s supports, now time.Time, t *token.Token, deed *token.Deed) error {
	if t.Approval != token.ApprovalWaiting {
		return nil
	}
	admins, err := a.adminsOf(ctx, t.Workspace)
	if err != nil {
		return err
	}
	for _, id := range admins {
		if made(t, id) {
			continue
		}
		deed.Letters = append(deed.Letters, token.Letter{
			To: id, Kind: token.LetterApprovalWanted, Workspace: t.Workspace,
			Data: map[string]string{"token": t.Credential.String(), "name": t.Name, "by": who.Name, "purpose": t.Purpose},
		})
	}
	return attach(deed, s.workspace, audit.Note(now, who, t.Workspace, "policy.approval_wanted", targetOf(t), map[string]any{"purpose": t.Purpose}))
}

// made reports whether a token was made by a person, on their rights, or is
// theirs to answer for: they do not approve it themselves.
func made(t *token.Token, person string) bool {
	return person == t.Person || person == t.Sponsor || person == t.Owner
}

// ApproveToken lets a token that waits for it open what it was made for. It
// takes an administrator of the workspace who is not the token's maker, owner or
// subject, in person. Conflict says that it does not wait any more.
func (a *Authority) ApproveToken(ctx context.Context, who token.Actor, t *token.Token) error {
	return a.decide(ctx, who, t, "policy.approval_given", "", func(tx Tx) (bool, error) {
		if t.ExpiresAt != 0 && tx.Now() >= t.ExpiresAt {
			return false, nil
		}
		return tx.Approve(ctx, t.ID, by(who))
	})
}

// DenyToken ends a token that waits for an approval. It takes who may approve.
// Conflict says that it does not wait any more.
func (a *Authority) DenyToken(ctx context.Context, who token.Actor, t *token.Token, reason string) error {
	if err := CheckText("reason", reason, 200); err != nil {
		return err
	}
	return a.decide(ctx, who, t, "policy.approval_denied", reason, func(tx Tx) (bool, error) {
		return endWaiting(ctx, tx, t, "denied", by(who))
	})
}

// decide runs the decision on a waiting token, with its record and, where it is
// a yes, the letter to who answers for it.
func (a *Authority) decide(ctx context.Context, who token.Actor, t *token.Token, action, reason string, deed func(Tx) (bool, error)) error {
	if who.Kind != token.User || who.For != "" {
		return token.Errorf(token.Forbidden, "a person approves: sign in, or use a personal token of an administrator")
	}
	return a.cfg.Store.Do(ctx, func(tx Tx) error {
		if err := mayAdministrate(ctx, tx, who, t.Workspace, ""); err != nil {
			return err
		}
		if made(t, who.ID) {
			return token.Errorf(token.Forbidden, "who made a token, or answers for it, does not approve it; ask another administrator")
		}
		if won, err := deed(tx); err != nil || !won {
			return orElse(err, token.Errorf(token.Conflict, "the token does not wait for an approval any more").Because(token.Lost))
		}
		w, err := tx.Workspace(ctx, t.Workspace)
		if err != nil {
			return err
		}
		if action == "policy.approval_given" {
			if err := a.tellApproved(ctx, tx, who, t); err != nil {
				return err
			}
		}
		return record(ctx, tx, w, audit.Note(time.UnixMilli(tx.Now()), who, t.Workspace, action, targetOf(t), map[string]any{"reason": reason}))
	})
}

// endWaiting ends a token if it still waits; it reports whether it did.
func endWaiting(ctx context.Context, tx Tx, t *token.Token, reason, by string) (bool, error) {
	if _, err := tx.LockToken(ctx, t.ID); err != nil {
		return false, err
	}
	now, err := tx.Token(ctx, t.ID)
	if err != nil || now == nil || now.Approval != token.ApprovalWaiting {
		return false, err
	}
	return tx.End(ctx, token.Ending{ID: t.ID, At: tx.Now(), Reason: reason, By: by, Whole: t.Whole()})
}

// tellApproved writes to who answers for a token that it opens what it is for.
func (a *Authority) tellApproved(ctx context.Context, tx Tx, who token.Actor, t *token.Token) error {
	to, err := a.answerable(ctx, t, asked{})
	if err != nil {
		return err
	}
	return postEach(ctx, tx, to, token.Letter{Kind: token.LetterApprovalGiven, Workspace: t.Workspace, Data: map[string]string{
		"token": t.Credential.String(), "name": t.Name, "by": who.Name,
	}})
}

// mostLapsed is how many unanswered tokens one step ends.
const mostLapsed = 100

// Lapse ends the tokens that nobody approved within a week, a bounded number in
// each commit. If we die between two, the next run goes on.
func (a *Authority) Lapse(ctx context.Context, now time.Time) error {
	for ctx.Err() == nil {
		waiting, err := a.cfg.Store.WaitingTokens(ctx, now.Add(-policy.UnansweredFor), mostLapsed)
		if err != nil || len(waiting) == 0 {
			return err
		}
		err = a.cfg.Store.Do(ctx, func(tx Tx) error {
			for _, t := range waiting {
				if err := lapse(ctx, tx, t); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func lapse(ctx context.Context, tx Tx, t *token.Token) error {
	if won, err := endWaiting(ctx, tx, t, "not approved", by(policyActor)); err != nil || !won {
		return err
	}
	w, err := tx.Workspace(ctx, t.Workspace)
	if err != nil {
		return err
	}
	return record(ctx, tx, w, audit.Note(time.UnixMilli(tx.Now()), policyActor, t.Workspace, "policy.approval_lapsed", targetOf(t), nil))
}
