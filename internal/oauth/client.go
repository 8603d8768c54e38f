package oauth

import (
	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// client returns the client that a request comes from, proven in the way it is
// registered for and in no other (RFC 6749, 2.3). The request acts as that
// client from then on.
func (f *Face) client(c *web.Call, form web.Form) (*token.Client, error) {
	way, id, secret, err := shown(c, form)
	if err != nil {
		return nil, err
	}
	client, err := f.cfg.Authority.AuthenticateClient(c.Context(), c.Actor(), way, id, secret...)
	if err != nil {
		return nil, err
	}
	c.SetClient(client.ID)
	c.SetActor(token.Actor{Kind: token.App, ID: client.ID, Name: client.Name, Workspace: client.Workspace})
	return client, nil
}

// shown returns how a client shows who it is, and what it shows. A parameter
// without a value counts as not sent (RFC 6749, 3.2).
func shown(c *web.Call, form web.Form) (way, id string, secret []string, err error) {
	if err := keepOutOfQuery(c); err != nil {
		return "", "", nil, err
	}
	id, secret, err = c.Basic()
	if err != nil {
		return "", "", nil, err
	}
	basic := secret != nil
	named, post := form.Get("client_id"), form.Get("client_secret")
	assertion := form.Get("client_assertion") != "" || form.Get("client_assertion_type") != ""
	switch {
	case basic && post != "", basic && assertion, post != "" && assertion:
		return "", "", nil, token.Errorf(token.InvalidRequest, "the client shows who it is in two ways: use one")
	case assertion:
		return "", "", nil, token.Errorf(token.InvalidClient, "clients are not known by an assertion here: use a secret")
	case basic && named != "" && named != id:
		return "", "", nil, token.Errorf(token.InvalidRequest, "client_id is not the client of the Authorization header")
	case basic:
		return authority.ByBasic, id, secret, nil
	case post != "":
		return authority.ByPost, named, []string{post}, nil
	}
	return authority.ByNone, named, []string{""}, nil
}

// keepOutOfQuery refuses secrets in the query, where proxies and browsers keep
// them (RFC 6749, 2.3.1).
func keepOutOfQuery(c *web.Call) error {
	if c.Request.URL.RawQuery == "" {
		return nil
	}
	query, err := c.Query()
	if err != nil {
		return err
	}
	for _, name := range query.Names() {
		switch name {
		case "client_secret", "client_assertion", "code", "code_verifier", "refresh_token", "token", "access_token", "password":
			return token.Errorf(token.InvalidRequest, "%s belongs into the body, never into the query; replace it, since it may have been logged", name)
		}
	}
	return nil
}
