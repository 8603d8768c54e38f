package api

import (
	"net/http"

	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// invitationRoutes are those about people who may become members.
func (f *Face) invitationRoutes() []web.Route {
	return []web.Route{
		f.admin("POST /v1/users", token.AdminWrite, f.inviteUser),
		f.admin("GET /v1/invitations", token.AdminRead, f.listInvitations),
		f.admin("DELETE /v1/invitations/{email}", token.AdminWrite, f.withdrawInvitation),
	}
}

// An invitationView is somebody who may become a member, by the address that was
// invited. It has nothing of a person: whether there is an account is told to
// nobody before its person says so.
type invitationView struct {
	Email          string       `json:"email"`
	Role           string       `json:"role"`
	Scopes         token.Scopes `json:"scopes,omitempty"` // where the membership would be narrowed
	Teams          []string     `json:"teams,omitempty"`
	Spaces         []string     `json:"spaces,omitempty"`
	MayImpersonate bool         `json:"may_impersonate"`
	Status         string       `json:"status"` // invited
	InvitedBy      string       `json:"invited_by"`
	CreatedAt      *string      `json:"created_at"`
	ExpiresAt      *string      `json:"expires_at"`
}

func viewOfInvitation(i *token.Invitation) invitationView {
	v := invitationView{
		Email: i.Email, Role: i.Role, Teams: i.Teams, Spaces: i.Spaces, MayImpersonate: i.MayImpersonate, Status: "invited", InvitedBy: i.ByName,
		CreatedAt: instant(i.CreatedAt), ExpiresAt: instant(i.ExpiresAt),
	}
	if i.Narrowed {
		v.Scopes = i.Scopes
	}
	return v
}

// inviteUser serves POST /v1/users: it offers somebody a membership, and says
// whether a letter is on its way to them.
func (f *Face) inviteUser(c *web.Call, who *caller) error {
	var body struct {
		Email string `json:"email"`
		Name  string `json:"name"`
		Role  string `json:"role"`
	}
	if err := c.JSON(&body); err != nil {
		return err
	}
	want := identity.DeclaredMembership{Workspace: who.workspace, Role: body.Role}
	offer, invited, err := f.cfg.Identity.Invite(c.Context(), who.asPerson(), identity.Declared{Email: body.Email, Name: body.Name}, want)
	if err != nil {
		return err
	}
	return c.WriteJSON(http.StatusCreated, struct {
		User    invitationView `json:"user"`
		Invited bool           `json:"invited"`
	}{viewOfInvitation(offer), invited && f.cfg.Mail})
}

// listInvitations serves GET /v1/invitations: who has not answered yet.
func (f *Face) listInvitations(c *web.Call, who *caller) error {
	q := filterOf(c, "limit", "cursor")
	limit := q.limit()
	if q.err != nil {
		return q.err
	}
	found, err := f.cfg.Store.Invitations(c.Context(), who.workspace, q.text("cursor"), limit+1)
	if err != nil {
		return err
	}
	var views []invitationView
	for _, i := range found {
		views = append(views, viewOfInvitation(i))
	}
	return c.WriteJSON(http.StatusOK, pageOf(views, limit, func(v invitationView) string { return v.Email }))
}

// withdrawInvitation serves DELETE /v1/invitations/{email}.
func (f *Face) withdrawInvitation(c *web.Call, who *caller) error {
	email, err := c.PathValue("email")
	if err != nil {
		return err
	}
	if err := f.cfg.Identity.Withdraw(c.Context(), who.asPerson(), who.workspace, email); err != nil {
		return err
	}
	c.WriteHeader(http.StatusNoContent)
	return nil
}
