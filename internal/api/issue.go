package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// contract is the face's name in the tokens that it issues.
const contract = "v1"

// issueBody is what POST /v1/tokens takes: name, scopes and ttl are Be CMS's,
// the others ours.
type issueBody struct {
	Name       string    `json:"name"`
	Scopes     []string  `json:"scopes"`
	TTL        *int64    `json:"ttl"` // seconds
	Type       string    `json:"type"`
	OnBehalfOf string    `json:"on_behalf_of"` // e-mail or id
	Reason     string    `json:"reason"`
	Purpose    string    `json:"purpose"`
	Owner      string    `json:"owner"` // a member's e-mail or id, or free text
	Audience   audiences `json:"audience"`
	Format     string    `json:"format"`
	MaxUses    *int64    `json:"max_uses"`
	Addresses  []string  `json:"addresses"` // networks it may be used from
}

// audiences is one string or a list of them (RFC 7519, 4.1.3).
type audiences []string

// UnmarshalJSON reads a string or a list of strings.
func (a *audiences) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		if one != "" {
			*a = audiences{one}
		}
		return nil
	}
	var many []string
	if json.Unmarshal(text, &many) != nil {
		return token.AtField("audience", "must be a string or an array of strings")
	}
	*a = many
	return nil
}

// issue serves POST /v1/tokens: a program mints a token within its own scopes.
func (f *Face) issue(c *web.Call, who *caller) error {
	if who.client == nil {
		return token.Errorf(token.Forbidden, "a token issues no tokens; use the secret of a client, or the pages")
	}
	if !who.client.Grants("client_credentials") {
		return token.Errorf(token.Forbidden, "this client is not registered for client_credentials and issues no tokens")
	}
	var body issueBody
	if err := c.JSON(&body); err != nil {
		return err
	}
	o, err := f.order(c, who, &body)
	if err != nil {
		return err
	}
	issue := f.cfg.Authority.Issue
	if o.Kind == token.Impersonated {
		issue = f.cfg.Authority.Impersonate
	}
	out, err := issue(c.Context(), who.actor, o)
	if err != nil {
		return err
	}
	view := viewOf(out.Token, f.cfg.Now().UnixMilli())
	if err := f.complete(c.Context(), &view, out.Token); err != nil {
		return err
	}
	view.Token, view.TokenType, view.Warnings = out.Secret, "Bearer", out.Warnings
	c.Header().Set("Location", "/v1/tokens/"+view.ID)
	return c.WriteJSON(http.StatusCreated, view)
}

// order turns a body into what the authority is asked for.
func (f *Face) order(c *web.Call, who *caller, body *issueBody) (authority.Order, error) {
	o := authority.Order{
		Contract: contract, Form: authority.Signed, Client: who.client.ID, Workspace: who.workspace,
		Name: body.Name, Purpose: body.Purpose, Audience: authority.AudienceOf(body.Audience),
	}
	if err := body.check(&o); err != nil {
		return o, err
	}
	var err error
	if o.Addresses, err = token.ParseNetworks("addresses", body.Addresses); err != nil {
		return o, err
	}
	if o.Scopes, err = f.scopes(body.Scopes); err != nil {
		return o, err
	}
	if o.Owner, err = f.owner(c, who.workspace, body.Owner); err != nil {
		return o, err
	}
	if o.Kind == token.Impersonated {
		o.Actor, o.Reason = "client:"+who.client.ID, body.Reason
		if o.Person, err = f.personID(c, body.OnBehalfOf); err != nil {
			return o, err
		}
	}
	o.Retry, err = retry(c, who)
	return o, err
}

// check reads the fields that need nothing but themselves.
func (b *issueBody) check(o *authority.Order) error {
	if strings.TrimSpace(b.Name) == "" {
		return token.AtField("name", "is required: it is how people find the token")
	}
	switch b.Type {
	case "", string(token.Service):
		o.Kind = token.Service
	case string(token.Ephemeral), string(token.Impersonated):
		o.Kind = token.Kind(b.Type)
	default:
		return token.AtField("type", "must be service, ephemeral or impersonated")
	}
	switch b.Format {
	case "", "jwt":
	case "opaque":
		o.Form = authority.Opaque
	default:
		return token.AtField("format", "must be jwt or opaque")
	}
	for _, one := range b.Audience {
		if one == "" || strings.ContainsFunc(one, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			return token.AtField("audience", "must be an identifier without spaces, such as a URL")
		}
	}
	if err := b.checkImpersonation(o.Kind); err != nil {
		return err
	}
	return b.checkLimits(o)
}

// checkImpersonation keeps the fields of one type out of the others, so that
// nobody believes to have asked for what was not read.
func (b *issueBody) checkImpersonation(kind token.Kind) error {
	switch impersonated := kind == token.Impersonated; {
	case impersonated && b.OnBehalfOf == "":
		return token.AtField("on_behalf_of", "is required with type impersonated: a member's e-mail or id")
	case impersonated && strings.TrimSpace(b.Reason) == "":
		return token.AtField("reason", "is required with type impersonated: it stands in the audit beside every use")
	case !impersonated && b.OnBehalfOf != "":
		return token.AtField("on_behalf_of", "goes with type impersonated only")
	case !impersonated && b.Reason != "":
		return token.AtField("reason", "goes with type impersonated only; say what a token is for in purpose")
	}
	return nil
}

// mostTTL keeps seconds within what a duration can hold; every policy is far
// below.
const mostTTL = 1 << 32

const mostUses = 1000

func (b *issueBody) checkLimits(o *authority.Order) error {
	if b.TTL != nil {
		if *b.TTL < 1 || *b.TTL > mostTTL {
			return token.AtField("ttl", "must be a whole number of seconds, at least 1")
		}
		o.TTL = time.Duration(*b.TTL) * time.Second
	}
	if b.MaxUses == nil {
		return nil
	}
	switch {
	case o.Kind != token.Ephemeral:
		return token.AtField("max_uses", "goes with type ephemeral only")
	case *b.MaxUses < 1 || *b.MaxUses > mostUses:
		return token.AtField("max_uses", "must be a whole number from 1 to %d", mostUses)
	}
	o.MaxUses = *b.MaxUses
	return nil
}

// scopes refuses a list that is empty, malformed or names what nobody knows.
// Whether the client may have them is the authority's to say.
func (f *Face) scopes(names []string) (token.Scopes, error) {
	if len(names) == 0 {
		return nil, badScope("name at least one scope")
	}
	scopes, err := token.MakeScopes(names)
	if r := token.AsRefusal(err); r != nil {
		return nil, badScope(r.Text)
	}
	if at := slices.IndexFunc(scopes, func(s string) bool { return !f.cfg.Authority.Known(s) }); at >= 0 {
		return nil, badScope("scope " + scopes[at] + " is not known here; GET /v1/scopes lists those that are")
	}
	return scopes, err
}

// owner returns the id of the member whom an e-mail or id names, or the text as
// it is: a team may answer for a token as well.
func (f *Face) owner(c *web.Call, workspace, named string) (string, error) {
	if named == "" {
		return "", nil
	}
	id, err := f.personID(c, named)
	if err != nil {
		return "", err
	}
	p, err := f.cfg.Verifier.Person(c.Context(), id)
	if err != nil || p == nil || !p.In(workspace).Live() {
		return named, err
	}
	return p.ID, nil
}

// personID returns the id behind an e-mail; what is no known e-mail is returned
// as it is, and is either an id or nobody.
func (f *Face) personID(c *web.Call, named string) (string, error) {
	if !strings.Contains(named, "@") || len(named) > 254 {
		return named, nil
	}
	id, err := f.cfg.Store.PersonByEmail(c.Context(), identity.CanonicalEmail(named))
	if err != nil || id == "" {
		return named, err
	}
	return id, nil
}

// retry reads how a repeated request is told; nil if the caller does not say.
func retry(c *web.Call, who *caller) (*authority.Retry, error) {
	lines := c.Request.Header["Idempotency-Key"]
	switch len(lines) {
	case 0:
		return nil, nil
	case 1:
	default:
		return nil, token.Errorf(token.InvalidRequest, "the header Idempotency-Key stands more than once")
	}
	body, err := c.Body()
	if err != nil {
		return nil, err
	}
	// Who works in several workspaces makes another request in each.
	route := c.Pattern() + " " + who.workspace + " " + c.Request.PathValue("id")
	return &authority.Retry{Caller: who.name(), Route: route, Key: lines[0], Body: body}, nil
}
