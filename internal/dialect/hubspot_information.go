package dialect

import (
	"net/http"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// accessToken tells whoever holds an access token what it is.
func (h *HubSpot) accessToken(c *web.Call) error { return h.tell(c, token.Access) }

// refreshToken tells whoever holds a refresh token what it is.
func (h *HubSpot) refreshToken(c *web.Call) error { return h.tell(c, token.Refresh) }

func (h *HubSpot) tell(c *web.Call, kind token.Kind) error {
	secret, err := c.PathValue("token")
	if err != nil {
		return err
	}
	r, err := h.find(c, secret, kind)
	if err != nil {
		return hubspotNotFound(err)
	}
	said, err := h.information(c, r, secret)
	if err != nil {
		return hubspotNotFound(err)
	}
	return c.WriteJSON(http.StatusOK, said)
}

// deleteRefreshToken ends a refresh token for whoever holds it: that token
// alone. What it was exchanged for lives on, and the app stays installed. One
// that has ended is no refusal, or a retry would look like a failure.
func (h *HubSpot) deleteRefreshToken(c *web.Call) error {
	secret, err := c.PathValue("token")
	if err != nil {
		return err
	}
	r, err := h.find(c, secret, token.Refresh)
	if err != nil {
		return hubspotNotFound(err)
	}
	err = h.cfg.Authority.Revoke(c.Context(), c.Actor(), r.Token, "revoked")
	if err != nil && !token.Is(err, token.Conflict) {
		return err
	}
	c.WriteHeader(http.StatusNoContent)
	return nil
}

// introspect tells an app about a token of its own. All other tokens are not
// active, and no more is said.
func (h *HubSpot) introspect(c *web.Call) error {
	client, secret, err := h.asked(c)
	if err != nil {
		return err
	}
	said, err := h.introspection(c, client, secret)
	if token.Is(err, token.InvalidToken) {
		return c.WriteJSON(http.StatusOK, map[string]bool{"active": false})
	}
	if err != nil {
		return err
	}
	return c.WriteJSON(http.StatusOK, said)
}

func (h *HubSpot) introspection(c *web.Call, client *token.Client, secret string) (*hubspotInformation, error) {
	r, err := h.cfg.Verifier.Find(c.Context(), secret)
	if err != nil {
		return nil, err
	}
	if t := r.Token; t.Client != client.ID || t.Contract != "hubspot" || t.Kind != token.Access && t.Kind != token.Refresh {
		return nil, hubspotUnknownToken()
	}
	return h.information(c, r, secret)
}

// revoke ends a token of the app that asks; a refresh token alone, without what
// it was exchanged for. Any other token is left as it is (RFC 7009, 2.2).
func (h *HubSpot) revoke(c *web.Call) error {
	client, secret, err := h.asked(c)
	if err != nil {
		return err
	}
	if err := h.cfg.Authority.RevokeSecret(c.Context(), c.Actor(), client, secret, "hubspot"); err != nil {
		return err
	}
	return c.WriteJSON(http.StatusOK, struct{}{})
}

// asked returns the client that asks about a token, and the token's secret. The
// paths for that came after v1.
func (h *HubSpot) asked(c *web.Call) (*token.Client, string, error) {
	if c.Request.PathValue("version") == "v1" {
		return nil, "", token.Errorf(token.NotFound, "v1 has no such path; it came with v3")
	}
	p, client, err := h.proven(c)
	if err != nil {
		return nil, "", err
	}
	secret := p.get("token")
	if secret == "" {
		return nil, "", token.Errorf(token.InvalidRequest, "token is missing")
	}
	return client, secret, nil
}

// find returns the token of this contract behind a secret, in whatever state,
// and makes the app that holds it the actor of the request.
func (h *HubSpot) find(c *web.Call, secret string, kind token.Kind) (*token.Record, error) {
	r, err := h.cfg.Verifier.Find(c.Context(), secret)
	if err != nil {
		return nil, err
	}
	t := r.Token
	if t.Contract != "hubspot" || t.Kind != kind || r.Client == nil {
		return nil, hubspotUnknownToken()
	}
	c.SetClient(t.Client)
	c.SetActor(token.Actor{Kind: token.App, ID: t.Client, Name: r.Client.Name, Workspace: t.Workspace, Token: t.Credential})
	return r, nil
}

func hubspotUnknownToken() *token.Refusal {
	return token.Errorf(token.InvalidToken, "the token is not known here; check that it is whole, or get a new one")
}

// hubspotNotFound turns the judge's no into the vendor's 404; the sentence still says
// what became of the token.
func hubspotNotFound(err error) error {
	if r := token.AsRefusal(err); r != nil && r.Code == token.InvalidToken {
		return token.Errorf(token.NotFound, "%s", r.Text).Because(r.Reason)
	}
	return err
}

// hubspotInformation is what the vendor tells of a token, in the fields of every
// version, with those of RFC 7662 that it lacks.
type hubspotInformation struct {
	Active    bool         `json:"active"`
	Token     string       `json:"token"`
	TokenUse  string       `json:"token_use"`  // access_token, refresh_token
	TokenType string       `json:"token_type"` // access, refresh
	HubID     int64        `json:"hub_id"`
	HubDomain string       `json:"hub_domain,omitempty"`
	AppID     int64        `json:"app_id"`
	ClientID  string       `json:"client_id"`
	UserID    int64        `json:"user_id"` // 0: a token of the app itself
	User      string       `json:"user,omitempty"`
	Scopes    token.Scopes `json:"scopes"`
	ExpiresIn int64        `json:"expires_in,omitempty"` // seconds left
	Private   bool         `json:"is_private_distribution"`

	Signed *hubspotSigned `json:"signed_access_token,omitempty"` // of access tokens

	Scope     string `json:"scope"`
	Subject   string `json:"sub"`
	IssuedAt  int64  `json:"iat"`
	ExpiresAt int64  `json:"exp,omitempty"`
}

// hubspotSigned repeats the facts of an access token as the vendor's own servers
// pass them on. The vendor signs them for itself; nobody could check a signature
// of ours, so that there is none: who wants to know asks us.
type hubspotSigned struct {
	AppID            int64  `json:"appId"`
	AppInstallID     string `json:"appInstallId"` // the grant
	Audience         string `json:"audience"`
	ExpiresAt        int64  `json:"expiresAt"` // ms
	HubID            int64  `json:"hubId"`
	Hublet           string `json:"hublet"` // the vendor's region: we have none
	InstallingUserID int64  `json:"installingUserId"`
	Private          bool   `json:"isPrivateDistribution"`
	ServiceAccount   bool   `json:"isServiceAccount"`
	UserLevel        bool   `json:"isUserLevel"`
	NewSignature     string `json:"newSignature"`
	ScopeGroups      string `json:"scopeToScopeGroupPks"`
	Scopes           string `json:"scopes"`
	Signature        string `json:"signature"`
	TrialScopeGroups string `json:"trialScopeToScopeGroupPks"`
	TrialScopes      string `json:"trialScopes"`
	UserID           int64  `json:"userId"`
}

// information judges a token and tells what it is. Looking at a token is not
// using it: nothing is noted.
func (h *HubSpot) information(c *web.Call, r *token.Record, secret string) (*hubspotInformation, error) {
	t, now := r.Token, c.Now().UnixMilli()
	v, err := h.cfg.Verifier.Weigh(c.Context(), r, token.Use{Now: now, Surface: token.AtIntrospect, Address: c.Address()})
	if err != nil {
		return nil, err
	}
	i := &hubspotInformation{
		Active: true, Token: secret, TokenUse: "refresh_token", TokenType: string(t.Kind), HubID: r.Workspace.Number, HubDomain: r.Workspace.Domain,
		AppID: r.Client.Number, ClientID: t.Client, Scopes: hubspotScopes(v.Scopes), Private: r.Client.Distribution != "public",
		Scope: v.Scopes.String(), Subject: t.Subject(), IssuedAt: t.IssuedAt / 1000, ExpiresAt: t.ExpiresAt / 1000,
	}
	if r.Person != nil {
		i.UserID, i.User = r.Person.Number, r.Person.Email
	}
	if t.ExpiresAt != 0 {
		i.ExpiresIn = (t.ExpiresAt - now + 999) / 1000 // a live token has never 0 s left
	}
	if t.Kind == token.Access {
		i.TokenUse = "access_token"
		i.Signed = i.signed(t)
	}
	return i, nil
}

func (i *hubspotInformation) signed(t *token.Token) *hubspotSigned {
	return &hubspotSigned{
		AppID: i.AppID, AppInstallID: t.Grant.String(), Audience: t.Audience, ExpiresAt: t.ExpiresAt, HubID: i.HubID,
		InstallingUserID: i.UserID, Private: i.Private, ServiceAccount: t.Person == "", Scopes: i.Scope, UserID: i.UserID,
	}
}
