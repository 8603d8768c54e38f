package authority

import (
	"context"

	"github.com/fichadev/ficha/internal/policy"
	"github.com/fichadev/ficha/internal/token"
)

// A Warning is a rule of a policy that a live token breaks.
type Warning struct {
	Rule string // its key in the policy
	From int64  // ms: when a coming policy makes it a rule; 0: it is one
}

// Warnings returns the rules of its workspace that a token breaks by what it is
// and how it was last used, those in force first.
func (a *Authority) Warnings(ctx context.Context, t *token.Token, last token.Seen) ([]Warning, error) {
	w, err := a.cfg.Judge.Workspace(ctx, t.Workspace)
	if err != nil || w == nil {
		return nil, err
	}
	now := a.cfg.Now().UnixMilli()
	all := warnings(w.Policy.At(now), t, last, now, 0)
	if next := w.Policy.Coming(now); next != nil {
		all = append(all, warnings(next, t, last, now, next.EnforceFrom)...)
	}
	return all, nil
}

func warnings(p *token.Policy, t *token.Token, last token.Seen, now, from int64) (all []Warning) {
	for _, b := range append(policy.Breaches(p, t), policy.Used(p, t, last, now)...) {
		all = append(all, Warning{string(b.Rule), from})
	}
	return all
}
