package resources

import (
	"cmp"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/fichadev/ficha/internal/token"
)

const (
	authorizationCode = "authorization_code"
	clientCredentials = "client_credentials"
)

func readClient(v value) Client {
	o, ok := v.objectOr(clientKeys, inLanguage)
	if !ok {
		return Client{}
	}
	c := Client{
		Entry:    o.entry(),
		ID:       o.clientID("client_id"),
		Secret:   o.secret("client_secret", minSecret),
		Metadata: o.metadata(),
	}
	o.require("client_id")
	c.readRegistration(o)
	c.readOurs(o)
	o.checkClient(&c)
	return c
}

// readRegistration fills the fields of the standards that the server acts on.
func (c *Client) readRegistration(o object) {
	c.Name = o.text("client_name")
	c.AuthMethod = cmp.Or(o.word("token_endpoint_auth_method", authMethods...), "client_secret_basic")
	c.RedirectURIs = c.listed("redirect_uris")
	c.Scope = o.scopeText("scope")
	c.GrantTypes = c.listed("grant_types")
	// RFC 7591, 2 defaults to the code grant; without a place to come back to
	// it could never be used, so such a client has none until it names one.
	if _, given := o.fields["grant_types"]; !given && len(c.RedirectURIs) > 0 {
		c.GrantTypes = []string{authorizationCode}
	}
}

func (c *Client) listed(key string) []string {
	list, _ := c.Metadata[key].([]string)
	return slices.Clone(list)
}

func (c *Client) readOurs(o object) {
	c.Workspace = o.id("workspace")
	c.Number = o.number("number")
	if v, given := o.fields["description"]; given {
		c.Description, _ = v.prose()
	}
	c.OptionalScope = o.scopeText("optional_scope")
	c.Distribution, c.Workspaces = readDistribution(o)
	c.InstallableBy = o.word("installable_by", token.SuperAdmin, token.Admin, token.Member)
	c.Introspect = cmp.Or(o.word("introspect", "own", "workspace"), "own")
	c.MayImpersonate = o.yes("may_impersonate")
	c.AccessTTL = o.seconds("access_token_ttl")
	c.AccessFormat = o.word("access_token_format", "opaque", "jwt")
	c.SigningAlg = o.word("access_token_signing_alg", "ES256", "EdDSA", "RS256")
	c.RefreshPolicy = o.word("refresh_token_policy", "rotate", "keep")
	c.RefreshTTL = o.seconds("refresh_token_ttl")
	c.RefreshIdleTTL = o.seconds("refresh_token_idle_ttl")
}

// readDistribution reads a word or a list of workspaces.
func readDistribution(o object) (string, []string) {
	v, given := o.fields["distribution"]
	if !given {
		return "private", nil
	}
	if v.node.Kind != yaml.SequenceNode {
		word, ok := v.text()
		if ok && word != "private" && word != "public" {
			v.fail("is not known; use private, public or a list of workspace ids")
		}
		return word, nil
	}
	ids := o.ids("distribution")
	if len(v.node.Content) == 0 {
		v.fail("the list names no workspace; name one, or write private")
	}
	return "listed", ids
}
