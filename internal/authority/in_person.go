package authority

import (
	"context"
	"slices"
	"time"

	"github.com/fichadev/ficha/internal/policy"
	"github.com/fichadev/ficha/internal/token"
)

// An Offer is what somebody may order of one kind of token, for a page that
// asks them. Issue decides anew.
type Offer struct {
	Scopes       token.Scopes  // sorted
	Usual, Most  time.Duration // lifetimes; 0: for ever
	MustExpire   bool          // Usual is no choice: an expiry has to be named
	NeedsPurpose bool
	NeedsOwner   bool
	Waits        bool // an administrator approves it before it opens anything
}

// inPerson are the kinds that people make for themselves on the pages.
var inPerson = []token.Kind{token.Personal, token.Service, token.Ephemeral}

// InPerson lists the kinds of token that somebody may order in a workspace: a
// member a personal one, an administrator also those that stand on their rights.
func InPerson(p *token.Person, workspace string) []token.Kind {
	switch m := p.In(workspace); {
	case m.IsAdmin():
		return slices.Clone(inPerson)
	case m.Live():
		return []token.Kind{token.Personal}
	}
	return nil
}

// Offer returns what a person may order of a kind. Without a workspace it is
// about a token that opens all of theirs. Forbidden says that the kind is not
// for them.
func (a *Authority) Offer(ctx context.Context, p *token.Person, workspace string, kind token.Kind) (*Offer, error) {
	o := Order{Kind: kind, Workspace: workspace}
	if err := ownedBy(&o, p, workspace); err != nil {
		return nil, err
	}
	s, err := a.read(ctx, &o)
	if err != nil {
		return nil, err
	}
	offer := &Offer{Scopes: a.offered(&o, s, p)}
	for _, r := range s.rules {
		offer.NeedsPurpose = offer.NeedsPurpose || r.RequirePurpose && governed(kind)
		offer.NeedsOwner = offer.NeedsOwner || r.RequireOwner && governed(kind)
		offer.Waits = offer.Waits || r.Approves(kind)
	}
	o.TTL = 0
	if offer.Usual, err = lifetime(&o, s); err != nil {
		offer.MustExpire = true
	}
	offer.Most = longest(&o, s)
	return offer, nil
}

// offered returns the scopes that nothing keeps the order from.
func (a *Authority) offered(o *Order, s supports, p *token.Person) token.Scopes {
	names := token.Scopes{token.ReadContent, token.ManageContent, token.AdminRead, token.AdminWrite}
	for name := range *a.known.Load() {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names).Filter(func(name string) bool {
		allowed := !token.IsOpenID(name) && name != token.HubSpotBasic && a.allowed(o, s, name) == nil && mayHold(s.workspace, p, name)
		return allowed && !slices.ContainsFunc(s.rules, func(r rule) bool { return !r.Allows(o.Kind, name) })
	})
}

// IssueInPerson makes the token that somebody who is signed in asks for: a
// personal one of their own or, for an administrator of the workspace, one that
// stands on their rights and ends with them. It refuses with Forbidden who is
// not signed in, or whom the kind is not for, and as Issue.
func (a *Authority) IssueInPerson(ctx context.Context, who token.Actor, session *token.Token, o Order) (*Issued, error) {
	if session.Kind != token.Session || who.Kind != token.User || who.For != "" || who.ID != session.Person {
		return nil, token.Errorf(token.Forbidden, "sign in to make a token; a token issues none")
	}
	p, err := a.cfg.Judge.Person(ctx, who.ID)
	if err != nil {
		return nil, err
	}
	if err := ownedBy(&o, p, o.Workspace); err != nil {
		return nil, err
	}
	return a.Issue(ctx, who, o)
}

// ownedBy makes an order one of a person.
func ownedBy(o *Order, p *token.Person, workspace string) error {
	home := workspace
	if home == "" && p != nil && len(p.Live()) > 0 {
		home = p.Live()[0].Workspace
	}
	if p == nil || !slices.Contains(InPerson(p, home), o.Kind) || workspace == "" && o.Kind != token.Personal {
		return token.Errorf(token.Forbidden, "tokens of kind %s are made by administrators of a workspace", o.Kind)
	}
	o.Client, o.Person, o.Sponsor, o.Actor = "", "", "", ""
	if o.Kind == token.Personal {
		o.Person, o.Owner = p.ID, p.ID
		return nil
	}
	o.Sponsor = p.ID
	return nil
}

// A Care says what a person may do with a credential on the pages.
type Care struct {
	See    bool
	Change bool // suspend, resume, end
	Rotate bool // and the steps of a rotation
	Decide bool // approve it, or deny that
}

// CareOf returns what a person may do with a credential from within a
// workspace: all with a personal one of their own; as an administrator all with
// those of the workspace but the secrets of other people's. Who answers for a
// token, or whose rights it stands on, sees it.
func CareOf(r *token.Record, p *token.Person, workspace string) Care {
	t, m := r.Token, p.In(workspace)
	if !slices.Contains(token.Kinds, t.Kind) || !m.Live() {
		return Care{}
	}
	own := t.Kind == token.Personal && t.Person == p.ID
	if own {
		return Care{See: true, Change: true, Rotate: true}
	}
	if t.Workspace == workspace {
		return Care{
			See: m.IsAdmin() || made(t, p.ID), Change: m.IsAdmin(), Rotate: m.IsAdmin() && t.Kind == token.Service,
			Decide: m.IsAdmin() && !made(t, p.ID),
		}
	}
	return Care{See: r.Roams(workspace) && m.IsAdmin()}
}

// longest returns the longest life that every rule of an order allows, 0 for
// ever.
func longest(o *Order, s supports) time.Duration {
	most := policy.Of(o.Kind).Most
	for i, r := range s.rules {
		allowed := policy.Longest(o.Kind, &token.Workspace{Policy: *r.Policy})
		if i == 0 || allowed > 0 && (most == 0 || allowed < most) {
			most = allowed
		}
	}
	return most
}
