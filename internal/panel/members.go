package panel

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

type memberReads interface {
	Members(ctx context.Context, workspace, after string, limit int) ([]token.Membership, error)
}

// members is the area of who belongs to a workspace, and what roles may hold.
func (p *Panel) members() area {
	at := func(more string) string { return parted(pages.Members, more) }
	return area{name: pages.Members, admins: true, routes: append(p.memberRoutes(),
		p.shows(at(""), p.listMembers),
		p.shows(at("/add"), p.newMember),
		p.does(at("/add"), p.addMember),
		p.does(at("/invitations/withdraw"), p.withdrawInvitation),
		p.shows(at("/{id}/role"), p.editMember),
		p.does(at("/{id}/role"), p.changeMember),
		p.shows(at("/roles"), p.listRoles),
		p.does(at("/roles"), p.putRole),
		p.does(at("/roles/drop"), p.dropRole),
		p.shows(at("/scopes"), p.listScopes),
	)}
}

// listMembers shows the members of the workspace, those who left included, and
// beneath the first page who was invited.
func (p *Panel) listMembers(c *web.Call, v *visit) error {
	query, err := c.Query()
	if err != nil {
		return err
	}
	list, err := p.cfg.Store.Members(c.Context(), v.workspace.ID, query.Get("after"), pageLength+1)
	if err != nil {
		return err
	}
	list, next := cut(list, func(m token.Membership) string { return m.Person })
	view := pages.MemberList{Shell: v.shell, Now: c.Now(), Pager: pager(c, next)}
	for i := range list {
		m := &list[i]
		who, err := p.cfg.Verifier.Person(c.Context(), m.Person)
		if err != nil {
			return err
		}
		one := pages.Member{
			ID: m.Person, Role: m.Role, Impersonates: m.MayImpersonate, Narrowed: m.Narrowed, Teams: groupNames(v.workspace.Teams, m.Teams),
			Since: instantOf(m.CreatedAt), LeftAt: instantOf(m.RemovedAt), Disabled: who == nil || who.DisabledAt != 0,
		}
		if who != nil {
			one.Name, one.Email = who.Name, who.Email
		}
		view.Items = append(view.Items, one)
	}
	if !query.Has("after") {
		if err := p.waitingMembers(c, v, &view, query.Get(waitingKey)); err != nil {
			return err
		}
	}
	return p.show(c, v, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.MemberList(w, lang, view) })
}

// groupNames returns what people call teams or spaces.
func groupNames(all []token.Group, ids []string) []string {
	var names []string
	for _, id := range ids {
		name := id
		for _, g := range all {
			if g.ID == id && g.Name != "" {
				name = g.Name
			}
		}
		names = append(names, name)
	}
	return names
}

func (p *Panel) newMember(c *web.Call, v *visit) error {
	return p.drawMember(c, v, http.StatusOK, pages.MemberForm{Role: token.Member})
}

func (p *Panel) drawMember(c *web.Call, v *visit, status int, view pages.MemberForm) error {
	view.Shell = v.shell
	for _, r := range v.workspace.Roles {
		view.Roles = append(view.Roles, r.Name)
	}
	view.Teams, view.Spaces = groupsOf(v.workspace.Teams), groupsOf(v.workspace.Spaces)
	return p.showWith(c, v, status, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.MemberForm(w, lang, view) })
}

func groupsOf(all []token.Group) []pages.Group {
	var out []pages.Group
	for _, g := range all {
		out = append(out, pages.Group{ID: g.ID, Name: g.Name})
	}
	return out
}

// typedMembership reads the form of a membership.
func typedMembership(c *web.Call) (pages.MemberForm, error) {
	form, err := c.Form("team", "space")
	return pages.MemberForm{
		Email: strings.TrimSpace(form.Get("email")), Name: strings.TrimSpace(form.Get("name")), Role: form.Get("role"), Impersonate: form.Get("impersonate") != "",
		InTeams: form.All("team"), InSpaces: form.All("space"), Narrow: form.Get("narrow") != "", Scopes: form.Get("scopes"),
	}, err
}

// membershipOf declares what was typed.
func membershipOf(f pages.MemberForm, workspace string) (identity.DeclaredMembership, error) {
	scopes, err := token.MakeScopes(wordsOf(f.Scopes))
	if err != nil {
		return identity.DeclaredMembership{}, token.AtField("scopes", "%s", token.AsRefusal(err).Text)
	}
	return identity.DeclaredMembership{
		Workspace: workspace, Role: f.Role, Scopes: scopes, Narrowed: f.Narrow, Teams: f.InTeams, Spaces: f.InSpaces, MayImpersonate: f.Impersonate,
	}, nil
}

// addMember invites somebody: they are a member when they accept.
func (p *Panel) addMember(c *web.Call, v *visit) error {
	typed, err := typedMembership(c)
	if err != nil {
		return err
	}
	want, err := membershipOf(typed, v.workspace.ID)
	said := pages.InvitationMade
	if err == nil {
		var invited bool
		_, invited, err = p.cfg.Identity.Invite(c.Context(), c.Actor(), identity.Declared{Email: typed.Email, Name: typed.Name}, want)
		if invited && p.cfg.Mail {
			said = pages.MemberInvited
		}
	}
	return p.memberSaved(c, v, typed, said, err)
}

// memberSaved leads to the list, or shows the form again.
func (p *Panel) memberSaved(c *web.Call, v *visit, typed pages.MemberForm, done pages.Said, err error) error {
	if said, ok := wrong(err); ok {
		typed.Wrong = said
		return p.drawMember(c, v, http.StatusUnprocessableEntity, typed)
	}
	return p.done(c, pages.Members.Path(v.workspace.ID), done, err)
}

// memberOf returns the person that the path names, if they are a member.
func (p *Panel) memberOf(c *web.Call, v *visit) (*token.Person, *token.Membership, error) {
	id, err := c.PathValue("id")
	if err != nil {
		return nil, nil, err
	}
	who, err := p.cfg.Verifier.Person(c.Context(), id)
	if err != nil {
		return nil, nil, err
	}
	if who == nil || !who.In(v.workspace.ID).Live() {
		return nil, nil, token.Errorf(token.NotFound, "there is no such member in this workspace")
	}
	return who, who.In(v.workspace.ID), nil
}

func (p *Panel) editMember(c *web.Call, v *visit) error {
	who, m, err := p.memberOf(c, v)
	if err != nil {
		return err
	}
	return p.drawMember(c, v, http.StatusOK, pages.MemberForm{
		ID: who.ID, Name: who.Name, Email: who.Email, Role: m.Role, Impersonate: m.MayImpersonate, InTeams: m.Teams, InSpaces: m.Spaces, Narrow: m.Narrowed,
		Scopes: strings.Join(m.Scopes, "\n"),
	})
}

func (p *Panel) changeMember(c *web.Call, v *visit) error {
	who, _, err := p.memberOf(c, v)
	if err != nil {
		return err
	}
	typed, err := typedMembership(c)
	if err != nil {
		return err
	}
	typed.ID, typed.Name, typed.Email = who.ID, who.Name, who.Email
	want, err := membershipOf(typed, v.workspace.ID)
	if err == nil {
		_, err = p.cfg.Identity.PutMembership(c.Context(), c.Actor(), who.ID, want, identity.Options{})
	}
	return p.memberSaved(c, v, typed, pages.MemberChanged, err)
}

// listRoles shows the roles; one that the address names is in the form.
func (p *Panel) listRoles(c *web.Call, v *visit) error {
	query, err := c.Query()
	if err != nil {
		return err
	}
	form := pages.Role{}
	for _, r := range v.workspace.Roles {
		if r.Name == query.Get("role") {
			form = pages.Role{Name: r.Name, Scopes: r.Scopes}
		}
	}
	return p.drawRoles(c, v, http.StatusOK, form, pages.Wrong{})
}

func (p *Panel) drawRoles(c *web.Call, v *visit, status int, form pages.Role, said pages.Wrong) error {
	view := pages.RoleList{Shell: v.shell, Form: form, Wrong: said, Super: v.membership.Role == token.SuperAdmin}
	for _, r := range v.workspace.Roles {
		view.Items = append(view.Items, pages.Role{Name: r.Name, Scopes: r.Scopes})
	}
	slices.SortFunc(view.Items, func(a, b pages.Role) int { return cmp.Compare(a.Name, b.Name) })
	return p.showWith(c, v, status, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.RoleList(w, lang, view) })
}

func (p *Panel) putRole(c *web.Call, v *visit) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	typed := pages.Role{Name: strings.TrimSpace(form.Get("name")), Scopes: wordsOf(form.Get("scopes"))}
	scopes, err := token.MakeScopes(typed.Scopes)
	if err != nil {
		err = token.AtField("scopes", "%s", token.AsRefusal(err).Text)
	} else {
		_, err = p.cfg.Authority.PutRole(c.Context(), c.Actor(), token.Role{Workspace: v.workspace.ID, Name: typed.Name, Scopes: scopes}, authority.Options{})
	}
	if said, ok := wrong(err); ok {
		return p.drawRoles(c, v, http.StatusUnprocessableEntity, typed, said)
	}
	return p.done(c, pages.Members.Path(v.workspace.ID, "roles"), pages.RoleSaved, err)
}

func (p *Panel) dropRole(c *web.Call, v *visit) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	err = p.cfg.Authority.DropRole(c.Context(), c.Actor(), v.workspace.ID, form.Get("name"))
	return p.done(c, pages.Members.Path(v.workspace.ID, "roles"), pages.RoleRemoved, err)
}

// mostScopes is how many scopes the catalogue's page lists; a search finds the
// others.
const mostScopes = 500

// listScopes shows the catalogue of scopes, and which of them the workspace lacks.
func (p *Panel) listScopes(c *web.Call, v *visit) error {
	query, err := c.Query()
	if err != nil {
		return err
	}
	all, err := p.cfg.Catalogue.Scopes(c.Context())
	if err != nil {
		return err
	}
	view := pages.ScopeList{Shell: v.shell, Search: strings.TrimSpace(query.Get("search"))}
	for _, s := range all {
		if len(view.Scopes) == mostScopes || !strings.Contains(s.Name, strings.ToLower(view.Search)) {
			continue
		}
		view.Scopes = append(view.Scopes, pages.Scope{Name: s.Name, Described: s.Description})
		if !v.workspace.AllScopes && !token.IsVendor(s.Name) && !token.IsAdmin(s.Name) && !v.workspace.Scopes.Has(s.Name) {
			view.Beyond = append(view.Beyond, s.Name)
		}
	}
	return p.show(c, v, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.ScopeList(w, lang, view) })
}
