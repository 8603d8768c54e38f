package authority

import (
	"context"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/policy"
	"github.com/fichadev/ficha/internal/token"
)

// readRules reads the policies that hold for an order. A personal token without
// a workspace opens all of its person's, so that each of their policies holds.
func (a *Authority) readRules(ctx context.Context, o *Order, s *supports) error {
	now := a.cfg.Now().UnixMilli()
	if s.workspace != nil {
		s.rule(s.workspace, now)
	}
	if s.workspace != nil || s.person == nil || o.Kind != token.Personal {
		return nil
	}
	for _, m := range s.person.Live() {
		w, err := a.cfg.Judge.Workspace(ctx, m.Workspace)
		if err != nil {
			return err
		}
		if w != nil {
			s.rule(w, now)
		}
	}
	return nil
}

// A rule is a policy in force, and the workspace that it is of.
type rule struct {
	*token.Policy
	workspace *token.Workspace
	coming    *token.Policy // what is warned of; nil: nothing
}

func (s *supports) rule(w *token.Workspace, now int64) {
	s.rules = append(s.rules, rule{w.Policy.At(now), w, w.Policy.Coming(now)})
}

// obey refuses an order that breaks a policy in force, its lifetime aside.
func obey(o *Order, s supports) error {
	asked := token.Token{Kind: o.Kind, Purpose: o.Purpose, Owner: o.Owner, Scopes: o.Scopes, Addresses: o.Addresses}
	for _, r := range s.rules {
		for _, b := range policy.Facts(r.Policy, &asked) {
			if b.Rule == policy.AllowedScopes {
				return token.Errorf(token.InvalidScope, "%s", b.Text())
			}
			return token.AtField(b.Field(), "%s", b.Text())
		}
		if r.Approves(o.Kind) && o.Workspace == "" {
			return token.AtField("workspace", "workspace %s approves %s tokens: make one that opens a single workspace", r.workspace.ID, o.Kind)
		}
	}
	return nil
}

// narrow leaves those of a consent's scopes that a policy still allows: who
// consented before it was made gets less, and no refusal for what they did not
// ask for just now.
func narrow(o *Order, s supports) {
	if o.Kind != token.Access || o.Grant == nil {
		return
	}
	for _, r := range s.rules {
		if len(r.Scopes) > 0 {
			o.Scopes = o.Scopes.Filter(func(scope string) bool { return r.Allows(o.Kind, scope) })
		}
	}
}

// lifetime returns how long the order's token lives, 0 for ever: of several
// policies the strictest holds.
func lifetime(o *Order, s supports) (time.Duration, error) {
	if len(s.rules) == 0 {
		return ttl(o, s, nil)
	}
	life := time.Duration(0)
	for _, r := range s.rules {
		allowed, err := ttl(o, s, r.Policy)
		if err != nil {
			return 0, err
		}
		if allowed > 0 && (life == 0 || allowed < life) {
			life = allowed
		}
	}
	return life, nil
}

// quotas returns the places that an order's token takes, nil where none are
// counted.
func quotas(o *Order, s supports) []token.Quota {
	if o.Turn != nil {
		return nil // another secret of a token that has its place
	}
	var all []token.Quota
	for _, r := range s.rules {
		if most := r.MaxPerOwner[o.Kind]; most > 0 {
			all = append(all, token.Quota{Workspace: r.workspace.ID, Owner: o.Owner, Kind: o.Kind, Most: most})
		}
	}
	return all
}

// foresee warns of what a coming policy will not allow: in the answer, and, of
// tokens that are kept on purpose, on record.
func (a *Authority) foresee(who token.Actor, s supports, now time.Time, out *Issued, deed *token.Deed) error {
	for _, r := range s.rules {
		if r.coming == nil {
			continue
		}
		breaches := policy.Breaches(r.coming, out.Token)
		if len(breaches) == 0 {
			continue
		}
		from := policy.Instant(r.coming.EnforceFrom)
		rules := make([]policy.Rule, len(breaches))
		for i, b := range breaches {
			rules[i] = b.Rule
			out.Warnings = append(out.Warnings, b.Field()+": "+b.Text()+"; from "+from+" on such a token is refused")
		}
		if !policy.Governed(out.Token.Kind) {
			continue
		}
		e := audit.Note(now, who, r.workspace.ID, "policy.violated", targetOf(out.Token), map[string]any{"rules": rules, "enforce_from": r.coming.EnforceFrom})
		if err := attach(deed, r.workspace, e); err != nil {
			return err
		}
	}
	return nil
}

// attach adds an audit row and its deliveries to a deed.
func attach(deed *token.Deed, w *token.Workspace, e *token.Event) error {
	out, err := audit.Deliveries(w, e)
	deed.Events, deed.Outbox = append(deed.Events, e), append(deed.Outbox, out...)
	return err
}
