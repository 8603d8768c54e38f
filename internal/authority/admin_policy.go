package authority

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/policy"
	"github.com/fichadev/ficha/internal/token"
)

// PutPolicy sets the policy of a workspace, and returns the workspace as it is
// then. One with an instant of enforcement to come is warned of until it takes
// the place of the one in force. It takes a super admin of the workspace. It
// refuses with Invalid what cannot be kept, and what would close to live tokens
// without notice.
func (a *Authority) PutPolicy(ctx context.Context, who token.Actor, workspace string, p token.Policy) (*token.Workspace, error) {
	p.Next = nil
	if err := policy.Check(&p); err != nil {
		return nil, err
	}
	var w *token.Workspace
	err := a.cfg.Store.Do(ctx, func(tx Tx) (err error) {
		if err := mayAdministrate(ctx, tx, who, workspace, "change the policy"); err != nil {
			return err
		}
		if _, err := tx.LockWorkspace(ctx, workspace); err != nil {
			return err
		}
		if w, err = tx.Workspace(ctx, workspace); err != nil || w == nil {
			return orElse(err, noWorkspace())
		}
		if samePolicy(*w.Policy.Declared(), p) {
			return nil
		}
		old := w.Policy
		if w.Policy, err = adopt(&old, p, tx.Now()); err != nil {
			return err
		}
		if err := tx.PutWorkspace(ctx, w); err != nil {
			return err
		}
		return notePolicy(ctx, tx, who, w, &old)
	})
	return w, err
}

// adopt returns the policy of a workspace once another was declared.
func adopt(old *token.Policy, p token.Policy, now int64) (token.Policy, error) {
	force := *old.At(now)
	if err := policy.CheckChange(&force, &p, now); err != nil {
		return p, err
	}
	return follow(force, p, now), nil
}

// follow returns a policy, or, where it is enforced later, the one in force with
// it to come.
func follow(force, p token.Policy, now int64) token.Policy {
	force.Next = nil
	if p.EnforceFrom <= now {
		return p
	}
	force.Next = &p
	return force
}

// putTurn lets a policy take its place at its instant, and begin what follows.
func putTurn(ctx context.Context, tx Tx, w *token.Workspace) error {
	return tx.PutWalk(ctx, token.Walk{Workspace: w.ID, What: token.WalkTurn, Due: max(tx.Now(), w.Policy.Declared().EnforceFrom), Began: tx.Now()})
}

// samePolicy compares what was declared; an absent rule and an empty one are the
// same.
func samePolicy(a, b token.Policy) bool {
	a.Next, b.Next = nil, nil
	one, err := json.Marshal(a)
	other, err2 := json.Marshal(b)
	return err == nil && err2 == nil && bytes.Equal(one, other)
}

// notePolicy puts a change of policy on record and lets begin what follows from
// it: the warnings, and the turn at its instant.
func notePolicy(ctx context.Context, tx Tx, who token.Actor, w *token.Workspace, old *token.Policy) error {
	now, next := tx.Now(), w.Policy.Declared()
	if err := tx.PutWalk(ctx, token.Walk{Workspace: w.ID, What: token.WalkWarn, Due: max(now, next.WarnFrom), Began: now}); err != nil {
		return err
	}
	if err := putTurn(ctx, tx, w); err != nil {
		return err
	}
	return note(ctx, tx, who, w, "policy.changed", onWorkspace(w), map[string]any{
		"before": old.Declared(), "after": next, "enforce_from": next.EnforceFrom,
	})
}

// turnPolicy lets a policy that was warned of take the place of the one in
// force, once, and the walks begin that it asks for.
func turnPolicy(ctx context.Context, tx Tx, walk token.Walk) error {
	if _, err := tx.LockWorkspace(ctx, walk.Workspace); err != nil {
		return err
	}
	w, err := tx.Workspace(ctx, walk.Workspace)
	if err != nil || w == nil {
		return err
	}
	if next := w.Policy.Next; next != nil && tx.Now() < next.EnforceFrom {
		return putTurn(ctx, tx, w) // our clock is behind the one that woke us
	}
	if won, err := tx.DropWalk(ctx, walk); err != nil || !won {
		return err
	}
	if next := w.Policy.Next; next != nil {
		w.Policy = *next
		if err := tx.PutWorkspace(ctx, w); err != nil {
			return err
		}
		if err := note(ctx, tx, policyActor, w, "policy.enforced", onWorkspace(w), nil); err != nil {
			return err
		}
	}
	if len(w.Policy.IdleExpiry) == 0 {
		return nil
	}
	return tx.PutWalk(ctx, token.Walk{Workspace: w.ID, What: token.WalkIdle, Due: tx.Now(), Began: tx.Now()})
}

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
	page, next, err := a.cfg.Store.Survey(ctx, walk.Workspace, walk.Place, mostWarned)
	if err != nil {
		return err
	}
	for _, t := range page {
		if seen, ok := a.cfg.Judge.Seen(t.ID); ok {
			t.Last = t.Last.And(seen)
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
		step := step{a: a, tx: tx, w: w, walk: walk, told: map[string]bool{}}
		for _, t := range page {
			if err := step.take(ctx, t); err != nil {
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
	if w == nil || w.DisabledAt != 0 || walk.What == token.WalkIdle && len(w.Policy.At(tx.Now()).IdleExpiry) == 0 {
		_, err := tx.DropWalk(ctx, walk)
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
	a    *Authority
	tx   Tx
	w    *token.Workspace
	walk token.Walk
	told map[string]bool // who has a letter of this step
}

// take deals with one token, if it lives.
func (s *step) take(ctx context.Context, t *token.Surveyed) error {
	now := s.tx.Now()
	if t.EndedAt != 0 || t.RetiresAt != 0 || t.ExpiresAt != 0 && now >= t.ExpiresAt {
		return nil
	}
	switch s.walk.What {
	case token.WalkWarn:
		return s.warn(ctx, t)
	case token.WalkEnd:
		if p := s.w.Policy.At(now); p.Existing == token.EndExisting && len(policy.Breaches(p, &t.Token)) > 0 {
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
	p := s.w.Policy.Declared()
	if t.IssuedAt > s.walk.Began || t.ExpiresAt != 0 && t.ExpiresAt <= p.EnforceFrom {
		return nil
	}
	breaches := policy.Breaches(p, &t.Token)
	if t.Last.Address != "" && !token.Reaches(p.Addresses[t.Kind], t.Last.Address) {
		breaches = append(breaches, policy.Breach{Rule: policy.Networks})
	}
	if len(breaches) == 0 {
		return nil
	}
	rules := make([]policy.Rule, len(breaches))
	for i, b := range breaches {
		rules[i] = b.Rule
	}
	return s.tell(ctx, t, rules, max(p.EnforceFrom, s.walk.Began), p.Existing == token.EndExisting)
}

// tell records a warning, and writes to who answers for the token, once in a
// step.
func (s *step) tell(ctx context.Context, t *token.Surveyed, rules []policy.Rule, at int64, ends bool) error {
	err := note(ctx, s.tx, policyActor, s.w, "policy.warning", targetOf(&t.Token), map[string]any{"rules": rules, "enforce_from": at, "ends": ends})
	if err != nil {
		return err
	}
	to, err := s.a.answerFor(ctx, &t.Token)
	if err != nil {
		return err
	}
	for _, p := range to {
		if s.told[p.ID] {
			continue
		}
		s.told[p.ID] = true
		err := s.tx.Post(ctx, token.Letter{To: p.ID, Kind: token.LetterPolicyWarning, Workspace: s.w.ID, Data: map[string]string{
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
	now, end := s.tx.Now(), policy.IdleEnd(s.w.Policy.At(s.tx.Now()), &t.Token, t.Last.Last)
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
		return s.tell(ctx, t, []policy.Rule{policy.Idle}, max(end, now+notice), true)
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
	won, err := s.tx.End(ctx, token.Ending{ID: t.ID, At: s.tx.Now(), Reason: reason, By: by(policyActor)})
	if err != nil || !won {
		return err
	}
	return note(ctx, s.tx, policyActor, s.w, "token.revoked", audit.Target{Kind: "token", ID: t.Credential.String(), Name: t.Name},
		map[string]any{"kind": t.Kind, "reason": reason})
}
