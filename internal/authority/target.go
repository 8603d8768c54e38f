package authority

import (
	"context"
	"slices"
	"strings"

	"github.com/fichadev/ficha/internal/token"
)

// A Target is whom an access token is for, and what follows from that.
type Target struct {
	Audience  string       // the resources, separated by spaces; empty: any of the workspace
	Scopes    token.Scopes // of those asked for, the ones that the resources take
	Form      Form         // Opaque or Signed
	Workspace string       // the one it can open; empty: not bound to one
}

// mostAudience is the longest list of resources, in bytes.
const mostAudience = 1024

// AudienceOf returns resources as an order holds them, each once however often it
// was named.
func AudienceOf(resources []string) string {
	var once []string
	for _, r := range resources {
		if !slices.Contains(once, r) {
			once = append(once, r)
		}
	}
	return strings.Join(once, " ")
}

// Target aims a token of a client in a workspace, or in one not chosen yet
// (empty), at the resources that it names (RFC 8707). It refuses with
// InvalidTarget those that are unknown or foreign: of another workspace than
// the token's and the client's own. Resources narrow the scopes to theirs,
// unless they list none; OpenID Connect's are about the person and stay.
// InvalidScope says that nothing is left. A token is signed where a resource
// says so, opaque where those that say anything say that, and else as its
// client is registered.
func (a *Authority) Target(ctx context.Context, c *token.Client, workspace string, resources []string, scopes token.Scopes) (Target, error) {
	t := Target{Audience: AudienceOf(resources), Scopes: scopes, Workspace: workspace}
	if len(t.Audience) > mostAudience {
		return Target{}, token.Errorf(token.InvalidTarget, "the resources are over %d bytes together", mostAudience)
	}
	formats := map[string]bool{}
	var theirs token.Scopes
	all := false
	for _, identifier := range resources {
		r, err := a.resource(ctx, c, identifier, &t)
		if err != nil {
			return Target{}, err
		}
		formats[r.TokenFormat] = true
		theirs = theirs.Union(r.Scopes)
		all = all || len(r.Scopes) == 0
	}
	if len(resources) > 0 && !all {
		t.Scopes = scopes.Filter(func(s string) bool { return theirs.Has(s) || token.IsOpenID(s) })
	}
	if len(t.Scopes) == 0 && len(scopes) > 0 {
		return Target{}, token.Errorf(token.InvalidScope, "the resource takes none of the scopes asked for")
	}
	if formats["jwt"] || !formats["opaque"] && c.AccessFormat == "jwt" {
		t.Form = Signed
	}
	return t, nil
}

// resource reads one resource, and binds the target to its workspace where that
// is not the client's.
func (a *Authority) resource(ctx context.Context, c *token.Client, identifier string, t *Target) (*token.Resource, error) {
	r, err := a.cfg.Store.Resource(ctx, identifier)
	if err != nil {
		return nil, err
	}
	foreign := token.Errorf(token.InvalidTarget, "a resource is not known here, or not to this client")
	switch {
	case r == nil:
		return nil, foreign
	case r.Workspace == c.Workspace, r.Workspace == t.Workspace:
		return r, nil
	case t.Workspace == "" && c.MayOpen(r.Workspace):
		t.Workspace = r.Workspace
		return r, nil
	}
	return nil, foreign
}

// checkAudience refuses a token for a resource that another workspace declared:
// its servers would take it for one that their own workspace gave. What nobody
// declared may be named. Target has looked at what other grants ask for.
func (a *Authority) checkAudience(ctx context.Context, o *Order, s supports) error {
	if o.Turn != nil || !needsScopes(o.Kind) {
		return nil
	}
	for _, identifier := range strings.Fields(o.Audience) {
		r, err := a.cfg.Store.Resource(ctx, identifier)
		if err != nil {
			return err
		}
		if r != nil && r.Workspace != o.Workspace && (s.client == nil || r.Workspace != s.client.Workspace) {
			return token.AtField("audience", "names a resource that is not known here, or not to this client")
		}
	}
	return nil
}

// aim is Target for what a code or refresh token is worth: the resources that
// it was given for, or those of them that are asked for (RFC 8707, 2.2). A form
// other than AsRegistered has its way.
func (a *Authority) aim(ctx context.Context, c *token.Client, t *token.Token, scopes token.Scopes, resources []string, form Form) (Target, error) {
	given := strings.Fields(t.Audience)
	if len(resources) == 0 {
		resources = given
	}
	for _, r := range resources {
		if len(given) > 0 && !slices.Contains(given, r) {
			return Target{}, token.Errorf(token.InvalidTarget, "a resource was not asked for in the authorization request")
		}
	}
	to, err := a.Target(ctx, c, t.Workspace, resources, scopes)
	if form != AsRegistered {
		to.Form = form
	}
	return to, err
}

// Own asks for a token of a client itself.
type Own struct {
	Contract  string
	Scopes    token.Scopes // nil: as DefaultScopes says
	Resources []string
}

// IssueOwn gives a client a token of its own in its home workspace (RFC 6749,
// 4.4). There is no refresh token beside it: the secret renews it (4.4.3).
func (a *Authority) IssueOwn(ctx context.Context, who token.Actor, c *token.Client, ask Own) (*Issued, error) {
	if c.Public() || !c.Grants("client_credentials") {
		return nil, token.Errorf(token.UnauthorizedClient, "the client is not registered for client_credentials with a secret")
	}
	scopes := ask.Scopes
	if scopes == nil {
		var err error
		if scopes, err = a.DefaultScopes(ctx, c, c.Workspace); err != nil {
			return nil, err
		}
	}
	if len(scopes) == 0 {
		return nil, token.Errorf(token.InvalidScope, "name at least one scope: the client has none by itself")
	}
	to, err := a.Target(ctx, c, c.Workspace, ask.Resources, scopes)
	if err != nil {
		return nil, err
	}
	return a.Issue(ctx, who, Order{
		Kind: token.Access, Contract: ask.Contract, Form: to.Form, Client: c.ID, Workspace: c.Workspace, Scopes: to.Scopes, Audience: to.Audience,
	})
}
