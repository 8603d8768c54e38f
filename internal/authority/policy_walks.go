package authority

import (
	"context"
	"strconv"
	"time"

	"github.com/fichadev/ficha/internal/policy"
	"github.com/fichadev/ficha/internal/token"
)

// policyActor is who acts where a policy does.
var policyActor = token.Actor{Kind: token.System, ID: "policy"}

// mostWarned is how many tokens one step of a walk deals with.
const mostWarned = 100

// KeepPolicies does what the policies of all workspaces ask for by this moment,
// a bounded number of tokens in each commit. If we die between two, the next
// run goes on where this one was.
func (a *Authority) KeepPolicies(ctx context.Context, now time.Time) error {
	if err := a.Lapse(ctx, now); err != nil {
		return err
	}
	for ctx.Err() == nil {
		due, err := a.cfg.Store.DueWalks(ctx, a.cfg.Now(), 10)
		if err != nil || len(due) == 0 {
			return err
		}
		for _, walk := range due {
			if err := a.walk(ctx, walk); err != nil {
				return err
			}
		}
	}
	return nil
}

// walk takes one step of a walk: what it writes and how far it came are one
// commit.
func (a *Authority) walk(ctx context.Context, walk token.Walk) error {
	if walk.What == token.WalkTurn {
		return a.cfg.Store.Do(ctx, func(tx Tx) error { return turnPolicy(ctx, tx, walk) })
	}
	page, next, err := a.cfg.Store.Survey(ctx, walk.Workspace, walk.Place, true, mostWarned)
	if err != nil {
		return err
	}
	for i, t := range page {
		if seen, ok := a.cfg.Judge.Seen(t.ID); ok && seen.Last >= t.LastAt {
			page[i].LastAt, page[i].LastAddress = seen.Last, seen.Address
		}
	}
	return a.cfg.Store.Do(ctx, func(tx Tx) error {
		w, err := tx.Workspace(ctx, walk.Workspace)
		if err != nil {
			return err
		}
		goesOn, err := moveWalk(ctx, tx, walk, w, next)
		if err != nil || !goesOn {
			return err
		}
		step := step{a: a, tx: tx, w: w, walk: walk, told: map[string]bool{}, asked: asked{}}
		for i := range page {
			if !page[i].Live(tx.Now()) {
				continue
			}
			if err := step.take(ctx, &page[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// moveWalk notes how far a walk comes with this step, and what follows its last
// one: after the warnings, where the policy says so, the ends; after a day,
// looking again for what is not used. It reports false if nothing is to be done.
func moveWalk(ctx context.Context, tx Tx, walk token.Walk, w *token.Workspace, next *token.Place) (bool, error) {
	switch {
	case w == nil, walk.What == token.WalkIdle && len(w.Policy.At(tx.Now()).IdleExpiry) == 0, walk.What != token.WalkIdle && w.DisabledAt != 0:
		_, err := tx.DropWalk(ctx, walk)
		return false, err
	case w.DisabledAt != 0: // nothing of it lives; what is issued once it is enabled again is looked at
		_, err := tx.MoveWalk(ctx, walk, tx.Now()+day, token.Place{})
		return false, err
	}
	if next != nil {
		return tx.MoveWalk(ctx, walk, walk.Due, *next)
	}
	if walk.What == token.WalkIdle {
		return tx.MoveWalk(ctx, walk, tx.Now()+day, token.Place{})
	}
	won, err := tx.DropWalk(ctx, walk)
	if p := w.Policy.Declared(); err == nil && won && walk.What == token.WalkWarn && p.Existing == token.EndExisting {
		// Whoever was told late, since nobody was there to tell, has a day left.
		err = tx.PutWalk(ctx, token.Walk{Workspace: w.ID, What: token.WalkEnd, Due: max(p.EnforceFrom, tx.Now()+day), Began: walk.Began})
	}
	return won, err
}

const day = 24 * int64(time.Hour/time.Millisecond)

// A step is what one commit of a walk does.
type step struct {
	a     *Authority
	tx    Tx
	w     *token.Workspace
	walk  token.Walk
	told  map[string]bool // who has a letter of this step
	asked asked
}

func rowOf(t *token.Surveyed) *token.Token {
	row := t.Token()
	return &row
}

// take deals with one live token.
func (s *step) take(ctx context.Context, t *token.Surveyed) error {
	switch s.walk.What {
	case token.WalkWarn:
		return s.warn(ctx, t)
	case token.WalkEnd:
		if p := s.w.Policy.At(s.tx.Now()); p.Existing == token.EndExisting && len(policy.Breaches(p, rowOf(t))) > 0 {
			return s.end(ctx, t, "policy")
		}
	case token.WalkIdle:
		return s.idle(ctx, t)
	}
	return nil
}

// warn tells who answers for a token that it breaks the policy that was set.
// What is over by then, or was issued since with a warning, needs none.
func (s *step) warn(ctx context.Context, t *token.Surveyed) error {
	p, row := s.w.Policy.Declared(), rowOf(t)
	if row.IssuedAt > s.walk.Began || !t.Live(p.EnforceFrom) {
		return nil
	}
	breaches := policy.Breaches(p, row)
	if t.LastAddress != "" && !token.Reaches(p.Addresses[t.Kind], t.LastAddress) {
		breaches = append(breaches, policy.Breach{Rule: policy.Networks})
	}
	if len(breaches) == 0 {
		return nil
	}
	rules := make([]policy.Rule, len(breaches))
	for i, b := range breaches {
		rules[i] = b.Rule
	}
	return s.tell(ctx, t.ID, rules, max(p.EnforceFrom, s.walk.Began), p.Existing == token.EndExisting)
}

// tell records a warning, and writes to who answers for the token, once in a
// step.
func (s *step) tell(ctx context.Context, id token.ID, rules []policy.Rule, at int64, ends bool) error {
	t, err := s.tx.Token(ctx, id)
	if err != nil || t == nil || t.EndedAt != 0 {
		return err
	}
	err = note(ctx, s.tx, policyActor, s.w, "policy.warning", targetOf(t), map[string]any{"rules": rules, "enforce_from": at, "ends": ends})
	if err != nil {
		return err
	}
	to, err := s.a.answerable(ctx, t, s.asked)
	if err != nil {
		return err
	}
	for _, id := range to {
		if s.told[id] {
			continue
		}
		s.told[id] = true
		err := s.tx.Post(ctx, token.Letter{To: id, Kind: token.LetterPolicyWarning, Workspace: s.w.ID, Data: map[string]string{
			"token": t.Credential.String(), "name": t.Name, "last_four": t.LastFour, "rule": string(rules[0]), "enforced_at": strconv.FormatInt(at, 10),
		}})
		if err != nil {
			return err
		}
	}
	return nil
}

// idle ends a token that is not used, a week after who answers for it was told.
// A use in between makes the notice void.
func (s *step) idle(ctx context.Context, t *token.Surveyed) error {
	now, end := s.tx.Now(), policy.IdleEnd(s.w.Policy.At(s.tx.Now()), rowOf(t), t.LastAt)
	if end == 0 {
		return nil
	}
	told, err := s.tx.IdleNotice(ctx, t.ID)
	notice := policy.NoticeOf.Milliseconds()
	switch {
	case err != nil:
		return err
	case now < end-notice && told != 0:
		return s.tx.DropIdleNotice(ctx, t.ID)
	case now < end-notice:
		return nil
	case told == 0:
		if err := s.tx.PutIdleNotice(ctx, t.ID); err != nil {
			return err
		}
		return s.tell(ctx, t.ID, []policy.Rule{policy.Idle}, max(end, now+notice), true)
	case now < max(end, told+notice):
		return nil
	}
	if err := s.tx.DropIdleNotice(ctx, t.ID); err != nil {
		return err
	}
	return s.end(ctx, t, "idle")
}

// end ends a token, unless it has ended meanwhile.
func (s *step) end(ctx context.Context, t *token.Surveyed, reason string) error {
	row, err := s.tx.Token(ctx, t.ID)
	if err != nil || row == nil {
		return err
	}
	won, err := s.tx.End(ctx, token.Ending{ID: t.ID, At: s.tx.Now(), Reason: reason, By: by(policyActor)})
	if err != nil || !won {
		return err
	}
	return note(ctx, s.tx, policyActor, s.w, "token.revoked", targetOf(row), map[string]any{"kind": t.Kind, "reason": reason})
}
