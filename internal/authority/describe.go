package authority

import (
	"cmp"
	"context"
	"slices"

	"github.com/fichadev/ficha/internal/policy"
	"github.com/fichadev/ficha/internal/token"
)

// Describe changes what people say about a token: its name, its purpose, who
// answers for it. What is nil stays. Nothing else of a token can be changed:
// what opens less, or for another time, is another secret. Who answers for it
// now is written to. It takes an admin of the workspace, and refuses with Invalid
// what the mint would, with Conflict a token that has ended.
func (a *Authority) Describe(ctx context.Context, who token.Actor, t *token.Token, d token.Description) error {
	if err := checkDescription(d); err != nil {
		return err
	}
	_, err := a.describeAll(ctx, who, t.Workspace, []*token.Token{t}, d)
	return err
}

// GivePicked makes somebody else answer for the tokens that Picked finds, all of
// them or none, and returns how many were another's before. Whose rights they
// stand on stays. It refuses as Describe does.
func (a *Authority) GivePicked(ctx context.Context, who token.Actor, workspace string, secrets []token.ID, owner string) (int, error) {
	d := token.Description{Owner: &owner}
	if err := checkDescription(d); err != nil {
		return 0, err
	}
	b, err := a.Picked(ctx, workspace, secrets)
	if err != nil {
		return 0, err
	}
	others := slices.DeleteFunc(b.First, func(t *token.Token) bool { return t.Owner == owner })
	return a.describeAll(ctx, who, workspace, others, d)
}

// describeAll changes what is said of tokens in one commit, and returns how many
// came to somebody else.
func (a *Authority) describeAll(ctx context.Context, who token.Actor, workspace string, all []*token.Token, d token.Description) (given int, err error) {
	err = a.cfg.Store.Do(ctx, func(tx Tx) error {
		if err := mayAdministrate(ctx, tx, who, workspace, ""); err != nil {
			return err
		}
		w, err := tx.Workspace(ctx, workspace)
		if err != nil || w == nil {
			return orElse(err, noWorkspace())
		}
		var came []*token.Token
		for _, t := range inLine(all) {
			before, err := describe(ctx, tx, who, w, t, d)
			if err != nil {
				return err
			}
			if d.Owner != nil && before.Owner != *d.Owner {
				came = append(came, before)
			}
		}
		given = len(came)
		return tellOwner(ctx, tx, who, w, came, d.Owner)
	})
	return given, err
}

// inLine puts tokens into the order in which everybody locks them.
func inLine(all []*token.Token) []*token.Token {
	return slices.SortedFunc(slices.Values(all), func(a, b *token.Token) int { return cmp.Compare(a.Credential, b.Credential) })
}

// describe changes what is said of one token and returns it as it was. It locks
// the token first: of two who give it away at once, each records whose it was.
func describe(ctx context.Context, tx Tx, who token.Actor, w *token.Workspace, t *token.Token, d token.Description) (*token.Token, error) {
	ended := token.Errorf(token.Conflict, "the token has already ended").Because(token.Lost)
	if _, err := tx.LockToken(ctx, t.Credential); err != nil {
		return nil, err
	}
	before, err := tx.Token(ctx, t.ID)
	if err != nil || before == nil {
		return nil, orElse(err, ended)
	}
	if d.Owner != nil && before.Approval == token.ApprovalWaiting && *d.Owner != before.Owner {
		return nil, token.Errorf(token.Conflict, "the token waits to be approved, not by its owner: give it away when that is decided")
	}
	rules := w.Policy.At(tx.Now())
	if err := mayBecome(rules, before, d); err != nil {
		return nil, err
	}
	if err := takePlace(ctx, tx, rules, before, d.Owner); err != nil {
		return nil, err
	}
	described, err := tx.DescribeToken(ctx, before.Credential, d)
	if err != nil || !described {
		return nil, orElse(err, ended)
	}
	detail := d.Fields()
	if d.Owner != nil && before.Owner != *d.Owner {
		detail["former_owner"] = before.Owner
	}
	return before, note(ctx, tx, who, w, "token.changed", targetOf(before), detail)
}

// takePlace refuses a live token that its next owner has no place for.
func takePlace(ctx context.Context, tx Tx, rules *token.Policy, t *token.Token, owner *string) error {
	if owner == nil || *owner == t.Owner || rules.MaxPerOwner[t.Kind] == 0 || !t.Live(tx.Now()) {
		return nil
	}
	place := token.Quota{Workspace: t.Workspace, Owner: *owner, Kind: t.Kind, Most: rules.MaxPerOwner[t.Kind]}
	free, err := tx.TakePlace(ctx, place)
	if err != nil || free {
		return err
	}
	return place.Full()
}

// tellOwner writes to a member who answers for tokens now, unless they did that
// themselves.
func tellOwner(ctx context.Context, tx Tx, who token.Actor, w *token.Workspace, came []*token.Token, owner *string) error {
	if len(came) == 0 || *owner == who.ID {
		return nil
	}
	heir, err := tx.Person(ctx, *owner)
	if err != nil || heir == nil || !heir.In(w.ID).Live() {
		return err
	}
	from := came[0].Owner
	if slices.ContainsFunc(came, func(t *token.Token) bool { return t.Owner != from }) {
		from = ""
	}
	former, err := tx.Person(ctx, from)
	if err != nil {
		return err
	}
	if former != nil {
		from = cmp.Or(former.Name, former.Email)
	}
	return tx.Post(ctx, token.Received(heir.ID, w.ID, cmp.Or(who.Name, who.ID), from, came))
}

// mayBecome refuses what the mint would of the facts that a description changes.
func mayBecome(p *token.Policy, t *token.Token, d token.Description) error {
	after := *t
	if d.Purpose != nil {
		after.Purpose = *d.Purpose
	}
	if d.Owner != nil {
		after.Owner = *d.Owner
	}
	for _, b := range policy.Facts(p, &after) {
		if b.Rule == policy.RequirePurpose && d.Purpose != nil || b.Rule == policy.RequireOwner && d.Owner != nil {
			return token.AtField(b.Field(), "%s", b.Text())
		}
	}
	return nil
}

func checkDescription(d token.Description) error {
	if d.Name != nil && *d.Name == "" {
		return token.AtField("name", "may not be empty: it is how people find the token")
	}
	for _, f := range []struct {
		name  string
		value *string
		most  int
	}{{"name", d.Name, 200}, {"purpose", d.Purpose, 500}, {"owner", d.Owner, 200}} {
		if f.value == nil {
			continue
		}
		if err := CheckText(f.name, *f.value, f.most); err != nil {
			return err
		}
	}
	return nil
}
