package api

import (
	"net/http"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// A clientView is a client as every answer shows it. Field names are those of
// RFC 7591 where it has one.
type clientView struct {
	ID             string       `json:"client_id"`
	Name           string       `json:"client_name"`
	Description    string       `json:"description,omitempty"`
	Workspace      string       `json:"workspace"`
	Number         int64        `json:"number,omitempty"`
	AuthMethod     string       `json:"token_endpoint_auth_method"`
	GrantTypes     []string     `json:"grant_types"`
	RedirectURIs   []string     `json:"redirect_uris,omitempty"`
	Scope          string       `json:"scope"`
	OptionalScope  string       `json:"optional_scope,omitempty"`
	Distribution   string       `json:"distribution,omitempty"`
	Introspect     string       `json:"introspect,omitempty"`
	MayImpersonate bool         `json:"may_impersonate"`
	Status         string       `json:"status"` // active | disabled
	CreatedAt      *string      `json:"created_at"`
	DisabledAt     *string      `json:"disabled_at,omitempty"`
	Secrets        []secretView `json:"secrets,omitempty"` // of one client, not in lists
}

// A secretView is a client's secret. Its text stands in the answer that makes it
// and nowhere else.
type secretView struct {
	Secret    string  `json:"client_secret,omitempty"`
	ID        string  `json:"id"`
	LastFour  string  `json:"last_four"`
	Status    string  `json:"status"` // active | pending | retiring | expired | ended
	CreatedAt *string `json:"created_at"`
	ExpiresAt *string `json:"expires_at"`
	EndedAt   *string `json:"ended_at,omitempty"`
}

func viewOfClient(c *token.Client) clientView {
	v := clientView{
		ID: c.ID, Name: c.Name, Description: c.Description, Workspace: c.Workspace, Number: c.Number, AuthMethod: c.AuthMethod,
		GrantTypes: c.GrantTypes, RedirectURIs: c.RedirectURIs, Scope: c.Scope.String(), OptionalScope: c.OptionalScope.String(),
		Distribution: c.Distribution, Introspect: c.Introspect, MayImpersonate: c.MayImpersonate,
		Status: "active", CreatedAt: instant(c.CreatedAt), DisabledAt: instant(c.DisabledAt),
	}
	if c.DisabledAt != 0 {
		v.Status = "disabled"
	}
	if v.GrantTypes == nil {
		v.GrantTypes = []string{}
	}
	return v
}

func viewOfSecret(s token.Secret, now int64) secretView {
	v := secretView{
		ID: s.ID.String(), LastFour: s.LastFour, Status: "active",
		CreatedAt: instant(s.CreatedAt), ExpiresAt: instant(s.ExpiresAt), EndedAt: instant(s.EndedAt),
	}
	switch {
	case s.EndedAt != 0:
		v.Status = "ended"
	case !s.Live(now):
		v.Status = "expired"
	case s.RetiresAt != 0:
		v.Status = "retiring"
	case s.Replaces != 0:
		v.Status = "pending"
	}
	return v
}

// listClients serves GET /v1/clients.
func (f *Face) listClients(c *web.Call, who *caller) error {
	q := filterOf(c, "limit", "cursor")
	limit := q.limit()
	if q.err != nil {
		return q.err
	}
	clients, err := f.cfg.Store.Clients(c.Context(), who.workspace, q.text("cursor"), limit+1)
	if err != nil {
		return err
	}
	var views []clientView
	for _, one := range clients {
		views = append(views, viewOfClient(one))
	}
	return c.WriteJSON(http.StatusOK, pageOf(views, limit, func(v clientView) string { return v.ID }))
}

// getClient serves GET /v1/clients/{id}.
func (f *Face) getClient(c *web.Call, who *caller) error {
	id, err := c.PathValue("id")
	if err != nil {
		return err
	}
	return f.writeClient(c, who, id)
}

func (f *Face) writeClient(c *web.Call, who *caller, id string) error {
	one, err := f.cfg.Verifier.Client(c.Context(), id)
	if err != nil {
		return err
	}
	if one == nil || one.Workspace != who.workspace {
		return notFound("client")
	}
	view := viewOfClient(one)
	for _, s := range one.Secrets {
		view.Secrets = append(view.Secrets, viewOfSecret(s, c.Now().UnixMilli()))
	}
	return c.WriteJSON(http.StatusOK, view)
}

// disableClient serves POST /v1/clients/{id}/disable.
func (f *Face) disableClient(c *web.Call, who *caller) error {
	id, err := c.PathValue("id")
	if err != nil {
		return err
	}
	why, err := reasonOf(c)
	if err != nil {
		return err
	}
	if err := f.cfg.Authority.DisableClient(c.Context(), who.actor, who.workspace, id, why.Reason); err != nil {
		return err
	}
	return f.writeClient(c, who, id)
}

// enableClient serves POST /v1/clients/{id}/enable.
func (f *Face) enableClient(c *web.Call, who *caller) error {
	id, err := c.PathValue("id")
	if err != nil {
		return err
	}
	if err := f.cfg.Authority.EnableClient(c.Context(), who.actor, who.workspace, id); err != nil {
		return err
	}
	return f.writeClient(c, who, id)
}

// addSecret serves POST /v1/clients/{id}/secrets.
func (f *Face) addSecret(c *web.Call, who *caller) error {
	id, err := c.PathValue("id")
	if err != nil {
		return err
	}
	made, secret, err := f.cfg.Authority.AddSecret(c.Context(), who.asPerson(), who.workspace, id)
	if err != nil {
		return err
	}
	view := viewOfSecret(made, c.Now().UnixMilli())
	view.Secret = secret
	return c.WriteJSON(http.StatusCreated, view)
}

// endSecret serves DELETE /v1/clients/{id}/secrets/{secret}.
func (f *Face) endSecret(c *web.Call, who *caller) error {
	client, err := c.PathValue("id")
	if err != nil {
		return err
	}
	text, err := c.PathValue("secret")
	if err != nil {
		return err
	}
	id, ok := token.ParseID(text)
	if !ok {
		return notFound("secret")
	}
	if err := f.cfg.Authority.EndSecret(c.Context(), who.actor, who.workspace, client, id); err != nil {
		return err
	}
	c.WriteHeader(http.StatusNoContent)
	return nil
}
