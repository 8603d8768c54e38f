package authority

import (
	"context"
	"net/netip"
	"strings"
	"time"
	"unicode"

	"github.com/fichadev/ficha/internal/policy"
	"github.com/fichadev/ficha/internal/token"
)

// A Form is how the secret of a token looks.
type Form uint8

// The forms. Signed is a JWT as of RFC 9068.
const (
	Opaque     Form = iota
	Signed          // JWT
	Hex             // Chronos: 72 hex digits
	Contentful      // opaque, prefix CFPAT-

	// AsRegistered is Opaque or Signed, as Target says. Only Exchange and Refresh
	// take it; they alone know whom the token is for.
	AsRegistered
)

// An Order asks for one token, and perhaps a refresh token beside it. It names
// supports by id: the mint reads them itself, again if they change meanwhile.
type Order struct {
	Kind      token.Kind
	Contract  string         // the face that asks
	Form      Form           //
	Client    string         // the client it is for; empty: a person's own
	Workspace string         // the workspace it opens; empty: wherever Person is a member
	Person    string         // whom it acts as
	Sponsor   string         // on whose rights it stands beside Person
	Actor     string         // who acts, when Person is impersonated
	Reason    string         // why
	Scopes    token.Scopes   // exactly these, or the refusal InvalidScope
	TTL       time.Duration  // 0: the default
	Name      string         // up to 200 characters
	Purpose   string         // up to 500
	Owner     string         // up to 200
	Audience  string         // resources, separated by spaces
	MaxUses   int64          // 0: any number
	Addresses []netip.Prefix // networks it may be used from; none: any that the policy allows
	Data      string         // facts of a code

	Family   *token.Grant // a family that begins with this token
	Grant    *token.Grant // or the family it joins
	Refresh  bool         // give a refresh token too
	Replaces *Replaced    // the code or refresh token that this one is given for
	Keeps    *token.Token // or the refresh token that goes on beside it
	Turn     *Turn        // the secret whose place it takes
	Retry    *Retry       // how a retry is told
}

// Replaced is a code or refresh token that ends when the order is filled.
type Replaced struct {
	Token  *token.Token
	Reason string // redeemed, rotated
	Secret string // as presented: what the sealed answer opens with
}

// supports are what an order stands on, as the judge knows them at Born.
type supports struct {
	born      int64
	client    *token.Client
	workspace *token.Workspace
	person    *token.Person
	sponsor   *token.Person
	rules     []rule // of every workspace that it opens; each holds
}

// read reads what an order stands on. Born is read first: what changes after
// it ends the token at birth, or is found by the commit.
func (a *Authority) read(ctx context.Context, o *Order) (s supports, err error) {
	s.born = a.cfg.Judge.Applied()
	if o.Client != "" {
		if s.client, err = a.liveClient(ctx, o); err != nil {
			return s, err
		}
	}
	if o.Workspace != "" {
		if s.workspace, err = a.cfg.Judge.Workspace(ctx, o.Workspace); err != nil {
			return s, err
		}
		if s.workspace == nil || s.workspace.DisabledAt != 0 {
			return s, token.Errorf(token.AccessDenied, "the workspace is not there or is disabled")
		}
	}
	if s.person, err = a.livePerson(ctx, o.Person, o); err != nil {
		return s, err
	}
	if s.sponsor, err = a.livePerson(ctx, o.Sponsor, o); err != nil {
		return s, err
	}
	return s, a.readRules(ctx, o, &s)
}

// liveClient returns the order's client. One whose home is disabled does
// nothing elsewhere either.
func (a *Authority) liveClient(ctx context.Context, o *Order) (*token.Client, error) {
	c, err := a.cfg.Judge.Client(ctx, o.Client)
	if err != nil || c == nil || c.DisabledAt != 0 {
		return nil, orElse(err, unknownClient())
	}
	if c.Workspace == o.Workspace {
		return c, nil // its state is the order's own
	}
	home, err := a.cfg.Judge.Workspace(ctx, c.Workspace)
	if err != nil || home == nil || home.DisabledAt != 0 {
		return nil, orElse(err, unknownClient())
	}
	return c, nil
}

func unknownClient() *token.Refusal {
	return token.Errorf(token.InvalidClient, "the client is not known here or is disabled")
}

func (a *Authority) livePerson(ctx context.Context, id string, o *Order) (*token.Person, error) {
	if id == "" {
		return nil, nil
	}
	p, err := a.cfg.Judge.Person(ctx, id)
	if err != nil {
		return nil, err
	}
	installed := o.Grant != nil && o.Grant.Installed
	switch {
	case p == nil, p.DisabledAt != 0 && !installed:
		return nil, token.Errorf(token.AccessDenied, "the person is not known here or is disabled")
	case o.Workspace != "" && !p.In(o.Workspace).Live() && !installed:
		return nil, token.Errorf(token.AccessDenied, "the person is not a member of this workspace")
	}
	return p, nil
}

// check refuses an order for more than its client, its people, its workspace
// and its family allow. This is the one place where that is decided.
func (a *Authority) check(o *Order, s supports) error {
	if s.client != nil && (s.client.Demands.DPoP || s.client.Demands.Cert) {
		return token.Errorf(token.UnauthorizedClient, "the client is registered for tokens bound to a key, which are not served yet")
	}
	if narrow(o, s); len(o.Scopes) == 0 && needsScopes(o.Kind) {
		return token.Errorf(token.InvalidScope, "name at least one scope")
	}
	if o.Kind == token.Impersonated {
		if err := a.mayActAs(o, s); err != nil {
			return err
		}
	}
	for _, scope := range o.Scopes {
		if err := a.allowed(o, s, scope); err != nil {
			return err
		}
	}
	if err := obey(o, s); err != nil {
		return err
	}
	for _, f := range []struct {
		name, value string
		most        int
	}{{"name", o.Name, 200}, {"purpose", o.Purpose, 500}, {"owner", o.Owner, 200}, {"reason", o.Reason, 500}, {"audience", o.Audience, 1024}} {
		if err := CheckText(f.name, f.value, f.most); err != nil {
			return err
		}
	}
	return nil
}

func needsScopes(k token.Kind) bool {
	switch k {
	case token.Service, token.Ephemeral, token.Impersonated, token.Personal:
		return true
	}
	return false
}

// governed tells the kinds that are held on purpose from the routine ones.
func governed(k token.Kind) bool { return policy.Governed(k) }

// allowed refuses one scope that the order may not hold.
func (a *Authority) allowed(o *Order, s supports, scope string) error {
	if !a.Known(scope) {
		return token.Errorf(token.InvalidScope, "scope %s is not known here", scope)
	}
	if s.client != nil && !s.client.Scope.Has(scope) && !s.client.OptionalScope.Has(scope) {
		return token.Errorf(token.InvalidScope, "scope %s is not allowed for this client", scope).Because(token.ScopesMismatch)
	}
	if s.workspace != nil && !s.workspace.Has(scope) {
		return token.Errorf(token.InvalidScope, "the workspace does not have scope %s", scope)
	}
	if o.Grant != nil && !o.Grant.Scopes.Has(scope) {
		return token.Errorf(token.InvalidScope, "scope %s was not granted", scope)
	}
	if o.Grant != nil && o.Grant.Installed {
		return nil // its installer's scopes were needed at consent only
	}
	if token.IsAdmin(scope) && s.person == nil && s.sponsor == nil {
		return token.Errorf(token.InvalidScope, "scope %s is held by administrators, not by programs of their own", scope)
	}
	for _, p := range []*token.Person{s.person, s.sponsor} {
		if p != nil && !mayHold(s.workspace, p, scope) {
			return token.Errorf(token.InvalidScope, "the role or membership does not allow scope %s", scope)
		}
	}
	return nil
}

// DefaultScopes returns what a client gets of its own in a workspace where it
// names no scope: all that it is registered for, as far as the catalogue and
// the workspace have it. Administration is never held by programs, and OpenID
// Connect's scopes are about a person.
func (a *Authority) DefaultScopes(ctx context.Context, c *token.Client, workspace string) (token.Scopes, error) {
	w, err := a.cfg.Judge.Workspace(ctx, workspace)
	if err != nil {
		return nil, err
	}
	now := a.cfg.Now().UnixMilli()
	return c.Scope.Filter(func(s string) bool {
		return a.Known(s) && !token.IsAdmin(s) && !token.IsOpenID(s) && (w == nil || w.Has(s) && w.Policy.At(now).Allows(token.Access, s))
	}), nil
}

// mayHold reports whether a person may hold a scope: in the workspace, or, for
// a token that opens all of theirs, anywhere as far as this can be said now;
// the judge asks again at each use.
func mayHold(w *token.Workspace, p *token.Person, scope string) bool {
	if w != nil {
		return w.MayHold(p.In(w.ID), scope)
	}
	if !token.IsAdmin(scope) {
		return true
	}
	for _, m := range p.Live() {
		if m.IsAdmin() {
			return true
		}
	}
	return false
}

// ttl returns the lifetime of the order's token under a policy, nil for none; 0
// is for ever.
func ttl(o *Order, s supports, p *token.Policy) (time.Duration, error) {
	asked := o.TTL
	if o.Kind == token.Access && asked == 0 {
		asked = promised(o.Contract, s.client)
		if p != nil {
			if most := p.MaxTTL[token.Access]; most > 0 {
				asked = min(asked, time.Duration(most)*time.Second)
			}
		}
	}
	return policy.TTL(o.Kind, p, asked)
}

// promised returns how long an access token lives where nobody asks: as its
// client is registered, else as its contract says, also for what is refreshed;
// 0: the default of the kind.
func promised(contract string, c *token.Client) time.Duration {
	if c != nil && c.AccessTTL != 0 {
		return time.Duration(min(c.AccessTTL, token.MostAccess)) * time.Second
	}
	return policy.TermsOf(contract).Access
}

// CheckText refuses text that is too long, or holds control characters, for a
// named field. Anything else is kept as it is and shown as text.
func CheckText(field, value string, most int) error {
	if len(value) > 4*most || len([]rune(value)) > most {
		return token.AtField(field, "may have at most %d characters", most)
	}
	if strings.ContainsFunc(value, func(r rune) bool { return unicode.IsControl(r) || r == '\uFFFD' }) {
		return token.AtField(field, "may not hold control characters")
	}
	return nil
}
