package dialect

import (
	"context"
	"net/http"
	"strings"

	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

type contentfulMembershipSys struct {
	contentfulSys
	User *contentfulLink `json:"user"`
}

type contentfulMembership struct {
	Sys    contentfulMembershipSys `json:"sys"`
	Role   string                  `json:"role"`
	Status bool                    `json:"status"` // true: those that ended are not shown
}

func contentfulMembershipOf(m *token.Membership) contentfulMembership {
	return contentfulMembership{
		Sys: contentfulMembershipSys{
			contentfulSys{"OrganizationMembership", m.ID, m.Version, contentfulTime(m.CreatedAt), contentfulTime(m.UpdatedAt)}, contentfulUser(m.Person),
		},
		Role: contentfulRole(m.Role), Status: true,
	}
}

// contentfulRole returns the word that Contentful has for a role. A role of the
// workspace's own is a member there.
func contentfulRole(role string) string {
	switch role {
	case token.SuperAdmin:
		return "owner"
	case token.Admin:
		return "admin"
	}
	return "member"
}

// listMembers lists the members for those who administrate the organisation,
// and to a member their own membership: they may leave.
func (f *Contentful) listMembers(c *web.Call) error {
	m, err := f.inside(c)
	if err != nil {
		return err
	}
	q, err := readContentfulPaging(c, "query", "include")
	if err != nil {
		return err
	}
	page, total, err := f.members(c.Context(), m, q)
	if err != nil {
		return err
	}
	items := []contentfulMembership{}
	for i := range page {
		items = append(items, contentfulMembershipOf(&page[i]))
	}
	return contentfulAnswer(c, http.StatusOK, contentfulPage(items, total, q.skip, q.limit))
}

// members returns a page of the members that somebody may see, by user id, and
// how many there are: all for an admin, else themselves.
func (f *Contentful) members(ctx context.Context, m *token.Membership, q contentfulPaging) (page []token.Membership, total int64, err error) {
	read := func(skip, limit int) ([]token.Membership, int64, error) {
		return f.cfg.Store.MembersPage(ctx, m.Workspace, skip, limit)
	}
	switch {
	case q.search != "":
		return f.searched(ctx, m, q)
	case !m.IsAdmin():
		return []token.Membership{*m}[min(1, q.skip):], 1, nil
	case q.ordered && !q.oldestFirst:
		return backwards(q.skip, q.limit, read)
	}
	return read(q.skip, q.limit)
}

// searched returns the member whose user id or e-mail address is searched for.
func (f *Contentful) searched(ctx context.Context, m *token.Membership, q contentfulPaging) (page []token.Membership, total int64, err error) {
	id := q.search
	if strings.Contains(id, "@") {
		if id, err = f.cfg.Store.PersonByEmail(ctx, identity.CanonicalEmail(id)); err != nil {
			return nil, 0, err
		}
	}
	p, err := f.cfg.Verifier.Person(ctx, id)
	if err != nil || p == nil {
		return nil, 0, err
	}
	found := p.In(m.Workspace)
	if !found.Live() || !m.IsAdmin() && p.ID != m.Person {
		return nil, 0, nil
	}
	return []token.Membership{*found}[min(1, q.skip):], 1, nil
}

// inside opens the organisation of the path for somebody who is a member of it.
func (f *Contentful) inside(c *web.Call) (*token.Membership, error) {
	b, err := f.bearer(c)
	if err != nil {
		return nil, err
	}
	m, err := f.within(c, &b)
	if err != nil {
		return nil, err
	}
	if !m.Live() {
		return nil, token.Errorf(token.Forbidden, "This token belongs to a program with nobody behind it who is a member.")
	}
	return m, nil
}

// membership returns the membership of the path that the bearer may see: any
// as an admin, else their own.
func (f *Contentful) membership(c *web.Call, self *token.Membership) (*token.Membership, error) {
	id, err := c.PathValue("id")
	if err != nil {
		return nil, err
	}
	m, err := f.cfg.Store.MembershipByID(c.Context(), self.Workspace, id)
	if err != nil {
		return nil, err
	}
	if !m.Live() || m.ID != self.ID && !self.IsAdmin() {
		return nil, contentfulNotFound()
	}
	return m, nil
}

func (f *Contentful) member(c *web.Call) error {
	self, err := f.inside(c)
	if err != nil {
		return err
	}
	m, err := f.membership(c, self)
	if err != nil {
		return err
	}
	return contentfulAnswer(c, http.StatusOK, contentfulMembershipOf(m))
}

// removeMember cuts a member off with every token that opens the organisation.
// The account and what its tokens open elsewhere stay.
func (f *Contentful) removeMember(c *web.Call) error {
	b, _, err := f.person(c)
	if err != nil {
		return err
	}
	self, err := f.within(c, &b)
	if err != nil {
		return err
	}
	m, err := f.membership(c, self)
	if err != nil {
		return err
	}
	if err := f.cfg.Identity.Remove(c.Context(), c.Actor(), m.Person, m.Workspace, "removed"); err != nil {
		return err
	}
	c.Header().Set("X-Contentful-Request-Id", c.ID())
	c.WriteHeader(http.StatusNoContent)
	return nil
}
