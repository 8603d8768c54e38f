package api

import (
	"net/http"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// A memberView is a person inside the caller's workspace; of their other
// workspaces nothing is said.
type memberView struct {
	ID             string       `json:"id"`
	Email          string       `json:"email"`
	Name           string       `json:"name"`
	Role           string       `json:"role"`
	Scopes         token.Scopes `json:"scopes,omitempty"` // where the membership is narrowed
	Teams          []string     `json:"teams,omitempty"`
	Spaces         []string     `json:"spaces,omitempty"`
	MayImpersonate bool         `json:"may_impersonate"`
	Status         string       `json:"status"` // active | disabled | removed
	CreatedAt      *string      `json:"created_at"`
	RemovedAt      *string      `json:"removed_at,omitempty"`
}

// listUsers serves GET /v1/users: the members of the workspace, those who left
// included.
func (f *Face) listUsers(c *web.Call, who *caller) error {
	q := filterOf(c, "limit", "cursor")
	limit := q.limit()
	if q.err != nil {
		return q.err
	}
	members, err := f.cfg.Store.Members(c.Context(), who.workspace, q.text("cursor"), limit+1)
	if err != nil {
		return err
	}
	var views []memberView
	for i := range members {
		p, err := f.cfg.Verifier.Person(c.Context(), members[i].Person)
		if err != nil {
			return err
		}
		views = append(views, viewOfMember(&members[i], p))
	}
	return c.WriteJSON(http.StatusOK, pageOf(views, limit, func(v memberView) string { return v.ID }))
}

func viewOfMember(m *token.Membership, p *token.Person) memberView {
	v := memberView{
		ID: m.Person, Role: m.Role, Teams: m.Teams, Spaces: m.Spaces, MayImpersonate: m.MayImpersonate, Status: "active",
		CreatedAt: instant(m.CreatedAt), RemovedAt: instant(m.RemovedAt),
	}
	if m.Narrowed {
		v.Scopes = m.Scopes
	}
	if p != nil {
		v.Email, v.Name = p.Email, p.Name
	}
	switch {
	case !m.Live():
		v.Status = "removed"
	case p == nil || p.DisabledAt != 0:
		v.Status = "disabled"
	}
	return v
}

// removeUser serves DELETE /v1/users/{id}: the person stays, but opens nothing
// in the caller's workspace any more.
func (f *Face) removeUser(c *web.Call, who *caller) error {
	q := filterOf(c, "reason")
	if q.err != nil {
		return q.err
	}
	id, err := f.named(c)
	if err != nil {
		return err
	}
	if err := f.cfg.Identity.Remove(c.Context(), who.asPerson(), id, who.workspace, q.text("reason")); err != nil {
		return err
	}
	c.WriteHeader(http.StatusNoContent)
	return nil
}
