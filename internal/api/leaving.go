package api

import (
	"net/http"

	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// leavingRoutes are those about members who leave, and what they leave behind.
func (f *Face) leavingRoutes() []web.Route {
	return []web.Route{
		f.admin("GET /v1/users/{id}/leaving", token.AdminRead, f.leaving),
		f.admin("POST /v1/users/{id}/removal", token.AdminWrite, f.removal),
		f.admin("POST /v1/users/{id}/transfer", token.AdminWrite, f.transfer),
	}
}

// A leftView is a service token of somebody, and what becomes of it when they are
// removed and nothing is said of it.
type leftView struct {
	Token    tokenView `json:"token"`
	StandsOn string    `json:"stands_on"` // user, or client
	Then     string    `json:"then"`      // ends, or stays
}

// leaving serves GET /v1/users/{id}/leaving: the live service tokens that stand
// on a member's rights, or are theirs to answer for. Two secrets of one appear
// while it rotates.
func (f *Face) leaving(c *web.Call, who *caller) error {
	q := filterOf(c, "limit", "cursor")
	limit, after := q.limit(), q.id("cursor")
	if q.err != nil {
		return q.err
	}
	id, err := f.named(c)
	if err != nil {
		return err
	}
	p, err := f.cfg.Verifier.Person(c.Context(), id)
	if err != nil {
		return err
	}
	if p == nil || p.In(who.workspace) == nil {
		return notFound("user")
	}
	found, err := f.cfg.Store.LeftBehind(c.Context(), who.workspace, id, after, limit+1)
	if err != nil {
		return err
	}
	views, err := f.views(c, found)
	if err != nil {
		return err
	}
	left := make([]leftView, len(views))
	for i, v := range views {
		left[i] = leftView{v, "client", "stays"}
		if found[i].Sponsor == id {
			left[i].StandsOn, left[i].Then = "user", "ends"
		}
	}
	return c.WriteJSON(http.StatusOK, pageOf(left, limit, func(v leftView) string { return v.Token.SecretID }))
}

// named returns the user that the path names, by e-mail or id.
func (f *Face) named(c *web.Call) (string, error) {
	text, err := c.PathValue("id")
	if err != nil {
		return "", err
	}
	return f.personID(c, text)
}

// A removalBody says what becomes of service tokens.
type removalBody struct {
	Reason        string `json:"reason"`
	ServiceTokens struct {
		MoveTo    string  `json:"move_to"` // a member's e-mail or id
		LiveUntil *string `json:"live_until"`
		End       bool    `json:"end"`
	} `json:"service_tokens"`
}

// A dealtView is how many secrets of service tokens a deed dealt with.
type dealtView struct {
	User          string `json:"user"`
	ServiceTokens int    `json:"service_tokens"`
}

// removal serves POST /v1/users/{id}/removal: DELETE /v1/users/{id} with a say in
// what becomes of service tokens.
func (f *Face) removal(c *web.Call, who *caller) error {
	id, err := f.named(c)
	if err != nil {
		return err
	}
	var body removalBody
	if err := c.JSON(&body); err != nil {
		return err
	}
	l := identity.Leaving{Reason: body.Reason, End: body.ServiceTokens.End}
	if l.Until, err = instantAt("live_until", body.ServiceTokens.LiveUntil); err != nil {
		return err
	}
	if l.To, err = f.personID(c, body.ServiceTokens.MoveTo); err != nil {
		return err
	}
	n, err := f.cfg.Identity.Leave(c.Context(), who.asPerson(), id, who.workspace, l)
	if err != nil {
		return err
	}
	return c.WriteJSON(http.StatusOK, dealtView{id, n})
}

// transfer serves POST /v1/users/{id}/transfer: who answered for service tokens
// stays a member, or has left before.
func (f *Face) transfer(c *web.Call, who *caller) error {
	id, err := f.named(c)
	if err != nil {
		return err
	}
	var body struct {
		To string `json:"to"`
	}
	if err := c.JSON(&body); err != nil {
		return err
	}
	to, err := f.personID(c, body.To)
	if err != nil {
		return err
	}
	n, err := f.cfg.Identity.Transfer(c.Context(), who.asPerson(), id, who.workspace, to)
	if err != nil {
		return err
	}
	return c.WriteJSON(http.StatusOK, dealtView{to, n})
}
