package dialect

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/verifier"
	"github.com/fichadev/ficha/internal/web"
)

// ContentfulStore is the memory that Contentful's lists are read from. What is
// missing is nil, never an error.
type ContentfulStore interface {
	PersonalTokens(ctx context.Context, q token.PersonalQuery) (page []token.PersonalToken, total int64, err error)
	Token(ctx context.Context, id token.ID) (*token.Token, error)
	MembersPage(ctx context.Context, workspace string, skip, limit int) (page []token.Membership, total int64, err error)
	PersonByEmail(ctx context.Context, email string) (string, error)
	MembershipByID(ctx context.Context, workspace, id string) (*token.Membership, error)
}

// ContentfulConfig is what Contentful's contract works with. All of it is
// required.
type ContentfulConfig struct {
	Authority *authority.Authority
	Identity  *identity.Identity
	Verifier  *verifier.Verifier
	Store     ContentfulStore
}

// Contentful is the contract of Contentful's personal access tokens, with what
// its SDK asks of users, organisations and memberships around them. It is safe
// for use by many at once.
type Contentful struct{ cfg ContentfulConfig }

// NewContentful returns the face of Contentful's contract.
func NewContentful(cfg ContentfulConfig) *Contentful { return &Contentful{cfg} }

// contentfulType is the media type of answers; requests may have it too, also
// those without a body.
const contentfulType = "application/vnd.contentful.management.v1+json"

// Routes returns the routes of Contentful's contract.
func (f *Contentful) Routes() []web.Route {
	// Who people are and what they hold is for no cache: one that knows
	// Authorization need not know AccessToken.
	read := web.Rule{Auth: web.AuthBearer, Scope: token.Scopes{token.ReadContent}, Body: web.NoBody, Secret: true, Shape: contentfulError}
	write := read
	write.Scope, write.Mutates = token.Scopes{token.ManageContent}, true
	create := write
	create.Body, create.Media = 0, []string{contentfulType, "application/json"}
	routes := []web.Route{
		{Pattern: "GET /users/me", Rule: read, Handle: f.me},
		{Pattern: "GET /users/me/access_tokens", Rule: read, Handle: f.listOwn},
		{Pattern: "POST /users/me/access_tokens", Rule: create, Handle: f.create},
		{Pattern: "GET /users/me/access_tokens/{id}", Rule: read, Handle: f.get},
		{Pattern: "PUT /users/me/access_tokens/{id}/revoked", Rule: write, Handle: f.revoke},
		{Pattern: "GET /organizations", Rule: read, Handle: f.organizations},
		{Pattern: "GET /organizations/{org}/access_tokens", Rule: read, Handle: f.listOfOrganization},
		{Pattern: "GET /organizations/{org}/organization_memberships", Rule: read, Handle: f.listMembers},
		{Pattern: "GET /organizations/{org}/organization_memberships/{id}", Rule: read, Handle: f.member},
		{Pattern: "DELETE /organizations/{org}/organization_memberships/{id}", Rule: write, Handle: f.removeMember},
	}
	// What else there is at Contentful is not found here, in its own shape.
	nowhere := web.Rule{Auth: web.AuthNone, Body: web.NoBody, Shape: contentfulError}
	for _, path := range []string{"/users/me", "/users/me/", "/organizations", "/organizations/"} {
		routes = append(routes, web.Route{Pattern: path, Rule: nowhere, Handle: func(*web.Call) error { return contentfulNotFound() }})
	}
	return routes
}

func contentfulNotFound() error {
	return token.Errorf(token.NotFound, "The resource could not be found.")
}

// A contentfulBearer is who calls: a token with what it opens.
type contentfulBearer struct {
	record *token.Record
	opens  token.Verdict
	use    token.Use
}

// bearer judges the token of a call by the scope of its route. The routes are
// about the person, so no organisation is opened yet.
func (f *Contentful) bearer(c *web.Call) (b contentfulBearer, err error) {
	secret, err := c.Bearer()
	if err != nil {
		return b, err
	}
	b.use = token.Use{
		Now: c.Now().UnixMilli(), Surface: token.AtAPI, AnyWorkspace: true, Audience: f.cfg.Authority.Issuer(), Scopes: c.Rule().Scope,
		Address: c.Address(), Agent: c.Agent(), Route: c.Pattern(),
	}
	b.record, b.opens, err = f.cfg.Verifier.Judge(c.Context(), secret, b.use)
	if err != nil {
		return b, err
	}
	c.SetActor(token.ActorOf(b.record, b.opens))
	return b, nil
}

// person judges the token of a call and returns the user that it stands for. A
// program's token has none.
func (f *Contentful) person(c *web.Call) (b contentfulBearer, p *token.Person, err error) {
	b, err = f.bearer(c)
	if err != nil {
		return b, nil, err
	}
	p = b.record.ActsAs()
	if p == nil {
		return b, nil, token.Errorf(token.Forbidden, "This token belongs to a program and has no user; use a personal access token.")
	}
	if c.Rule().Mutates && b.record.Token.Actor != "" {
		return b, nil, token.Errorf(token.Forbidden, "A token that acts for somebody else may not change what is theirs.")
	}
	return b, p, nil
}

// within opens the organisation of the path and returns the membership in it of
// the bearer's person, nil for a program with nobody behind it. One that the
// token does not open is not found, as if there were none.
func (f *Contentful) within(c *web.Call, b *contentfulBearer) (m *token.Membership, err error) {
	org, err := c.PathValue("org")
	if err != nil {
		return nil, err
	}
	b.use.Workspace = org
	b.opens, err = f.cfg.Verifier.Weigh(c.Context(), b.record, b.use)
	if token.Is(err, token.InvalidToken) {
		return nil, contentfulNotFound()
	}
	if err != nil {
		return nil, err
	}
	c.SetActor(token.ActorOf(b.record, b.opens))
	if b.record.Person == nil && b.record.Sponsor != nil {
		return b.record.Sponsor.In(org), nil
	}
	return b.opens.Membership, nil
}

// me answers who the bearer is.
func (f *Contentful) me(c *web.Call) error {
	_, p, err := f.person(c)
	if err != nil {
		return err
	}
	first, last, _ := strings.Cut(p.Name, " ")
	return contentfulAnswer(c, http.StatusOK, struct {
		Sys       contentfulSys `json:"sys"`
		Email     string        `json:"email"`
		FirstName string        `json:"firstName"`
		LastName  string        `json:"lastName"`
		AvatarURL string        `json:"avatarUrl"`
		Activated bool          `json:"activated"`
		Confirmed bool          `json:"confirmed"`
	}{contentfulSys{"User", p.ID, p.Version, contentfulTime(p.CreatedAt), contentfulTime(p.UpdatedAt)}, p.Email, first, last, "", true, true})
}

type contentfulOrganization struct {
	Sys  contentfulSys `json:"sys"`
	Name string        `json:"name"`
}

// organizations lists the workspaces that the token opens.
func (f *Contentful) organizations(c *web.Call) error {
	b, err := f.bearer(c)
	if err != nil {
		return err
	}
	page, err := readContentfulPaging(c)
	if err != nil {
		return err
	}
	items := []contentfulOrganization{}
	for _, id := range b.workspaces() {
		w, err := f.opened(c.Context(), b, id)
		if err != nil {
			return err
		}
		if w != nil { // a workspace has neither version nor changes of its own to tell
			at := contentfulTime(w.CreatedAt)
			items = append(items, contentfulOrganization{contentfulSys{"Organization", w.ID, 1, at, at}, w.Name})
		}
	}
	if page.ordered {
		slices.SortStableFunc(items, func(a, b contentfulOrganization) int {
			return cmp.Or(strings.Compare(a.Sys.CreatedAt, b.Sys.CreatedAt), strings.Compare(a.Sys.ID, b.Sys.ID))
		})
		if !page.oldestFirst {
			slices.Reverse(items)
		}
	}
	total := len(items)
	from := min(page.skip, total)
	items = items[from:min(from+page.limit, total)]
	return contentfulAnswer(c, http.StatusOK, contentfulPage(items, int64(total), page.skip, page.limit))
}

// workspaces are those that the bearer may open, by id.
func (b *contentfulBearer) workspaces() []string {
	if b.record.Token.Workspace != "" {
		return []string{b.record.Token.Workspace}
	}
	var ids []string
	for _, m := range b.record.Person.Live() {
		ids = append(ids, m.Workspace)
	}
	slices.Sort(ids)
	return ids
}

// opened returns a workspace if the bearer opens it now, else nil.
func (f *Contentful) opened(ctx context.Context, b contentfulBearer, id string) (*token.Workspace, error) {
	b.use.Workspace = id
	_, err := f.cfg.Verifier.Weigh(ctx, b.record, b.use)
	if token.Is(err, token.InvalidToken) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return f.cfg.Verifier.Workspace(ctx, id)
}
