package authority

import (
	"context"
	"slices"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// sweep checks a sweep and finds what it is about.
func (a *Authority) sweep(ctx context.Context, who token.Actor, s Sweep) (*swept, error) {
	if s.Reason == "" && s.Act == token.Revoke {
		s.Reason = "revoked"
	}
	if err := s.check(a.cfg.Now().UnixMilli()); err != nil {
		return nil, err
	}
	w := &swept{Sweep: s, who: who, filter: s.filter(a.cfg.Now())}
	if err := a.resolve(ctx, w); err != nil {
		return nil, err
	}
	if s.Act == token.Revoke {
		w.support, w.cutoff = s.By.Support(w.filter.Grant, s.Workspace)
	}
	if w.cutoff && w.support.Kind == token.OnClient {
		if err := a.ownClient(ctx, w); err != nil {
			return nil, err
		}
	}
	if w.cutoff && w.support.Kind == token.OnMembership {
		w.filter.Bound = false // what roams opens this workspace no more
	}
	if w.key && !w.cutoff {
		return nil, token.AtField("by", "name a key alone: it is cut off on the whole server")
	}
	return w, nil
}

// check refuses what could be meant otherwise.
func (s *Sweep) check(now int64) error {
	p := s.By
	if err := CheckText("reason", s.Reason, 200); err != nil {
		return err
	}
	all := p
	all.IssuedBefore = 0
	switch {
	case s.Act != token.Revoke && s.Act != token.Suspend && s.Act != token.Resume:
		return token.AtField("act", "must be revoke, suspend or resume")
	case all == token.Predicate{}:
		return token.AtField("by", "say which tokens: name a token, family, client, user, workspace, scope, key, kind, owner, contract or idle_days")
	case (s.Act == token.Resume) != (p.Run != "") || p.Run != "" && p != token.Predicate{Run: p.Run}:
		return token.AtField("by", "resume takes the id of the run that suspended, {\"run\": …}, and nothing else")
	case p.Workspace != "" && p.Workspace != s.Workspace:
		return token.AtField("by", "the workspace is not the one that you act in")
	case p.Kind != "" && !slices.Contains(token.Kinds, p.Kind):
		return token.AtField("by", "is no kind of token; secrets of clients and subscriptions are ended where they are kept")
	case p.IdleDays < 0 || p.IdleDays > 36500:
		return token.AtField("by", "idle_days is a number of days above 0")
	case p.IssuedBefore < 0:
		return token.AtField("issued_before", "must be an instant")
	case s.Until != 0 && (s.Act != token.Suspend || s.Until <= now):
		return token.AtField("until", "goes with act suspend and is an instant to come")
	}
	return nil
}

// filter returns the inventory that the predicate is true of, but for what must
// be looked up.
func (s *Sweep) filter(now time.Time) token.Inventory {
	p := s.By
	i := token.Inventory{
		Workspace: s.Workspace, Kinds: token.Kinds, Status: token.StatusLive, Client: p.Client, Behind: p.User, Scope: p.Scope, Owner: p.Owner,
		Contract: p.Contract, Key: p.Key, CreatedBefore: p.IssuedBefore, Bound: true, Thorough: true,
	}
	if p.Kind != "" {
		i.Kinds = []token.Kind{p.Kind}
	}
	if p.IdleDays > 0 {
		i.IdleSince = idleSince(now, p.IdleDays)
	}
	return i
}

func idleSince(now time.Time, days int64) int64 { return now.AddDate(0, 0, -int(days)).UnixMilli() }

// resolve looks up what the predicate names by id. What is another workspace's
// is not found.
func (a *Authority) resolve(ctx context.Context, w *swept) error {
	p := w.By
	if p.Token != "" {
		id, _ := token.ParseID(p.Token)
		t, err := a.bound(ctx, id, w.Workspace)
		if err != nil {
			return err
		}
		w.filter.Credential = t.Credential
	}
	if p.Family != "" {
		id, _ := token.ParseID(p.Family)
		g, err := a.cfg.Store.Grant(ctx, id)
		if err != nil || g == nil || g.Workspace != w.Workspace {
			return orElse(err, token.Errorf(token.NotFound, "there is no such family in this workspace"))
		}
		w.filter.Grant = id
	}
	if p.User != "" {
		person, err := a.cfg.Judge.Person(ctx, p.User)
		if err != nil || person == nil || person.In(w.Workspace) == nil {
			return orElse(err, token.Errorf(token.NotFound, "there is and was no such member in this workspace"))
		}
	}
	if p.Run != "" {
		id, _ := token.ParseID(p.Run)
		run, err := a.cfg.Store.Revocation(ctx, w.Workspace, id)
		if err != nil || run == nil || run.Act != token.Suspend {
			return orElse(err, token.Errorf(token.NotFound, "there is no such run in this workspace that suspended anything"))
		}
		w.filter.Status, w.filter.SuspendedAt = "suspended", run.At()
	}
	if p.Key != "" {
		return a.operatorsKey(ctx, w)
	}
	return nil
}

// bound returns a token that is this workspace's to end.
func (a *Authority) bound(ctx context.Context, id token.ID, workspace string) (*token.Token, error) {
	r, err := a.cfg.Judge.Record(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case r == nil || !slices.Contains(token.Kinds, r.Token.Kind):
	case r.Token.Workspace == workspace:
		return r.Token, nil
	case r.Roams(workspace):
		return nil, token.AtField("by", "the token opens other workspaces too; name its user, which ends it in this one")
	}
	return nil, token.Errorf(token.NotFound, "there is no such token in this workspace")
}

// operatorsKey lets nobody but an operator cut off a key: every workspace has
// tokens that it signed.
func (a *Authority) operatorsKey(ctx context.Context, w *swept) error {
	if _, err := a.Operator(ctx, w.who); err != nil {
		return err
	}
	rows, err := a.cfg.Keeper.Store.Keys(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(rows, func(k token.SigningKey) bool { return k.ID == w.By.Key }) {
		return token.Errorf(token.NotFound, "there is no such signing key")
	}
	w.key, w.beyond = true, true
	return nil
}

// ownClient leaves a cutoff of a client to its home: where it is installed only
// the tokens of that workspace are ended, one by one.
func (a *Authority) ownClient(ctx context.Context, w *swept) error {
	c, err := a.cfg.Judge.Client(ctx, w.By.Client)
	if err != nil || c == nil || !c.MayOpen(w.Workspace) {
		return orElse(err, token.Errorf(token.NotFound, "there is no such client in this workspace"))
	}
	w.cutoff = c.Workspace == w.Workspace
	w.beyond = w.cutoff && (c.Distribution == "public" || len(c.Workspaces) > 0)
	return nil
}
