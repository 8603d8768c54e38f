package resources

import (
	"net/url"
	"slices"
	"strings"

	"github.com/fichadev/ficha/internal/token"
)

const public = "none" // the authentication method of a client without a secret

var authMethods = []string{
	"client_secret_basic", "client_secret_post", public, "private_key_jwt",
	"client_secret_jwt", "tls_client_auth", "self_signed_tls_client_auth",
}

var namedGrants = []string{authorizationCode, "refresh_token", clientCredentials, "implicit", "password"}

var subjectNames = []string{
	"tls_client_auth_subject_dn", "tls_client_auth_san_dns", "tls_client_auth_san_uri",
	"tls_client_auth_san_ip", "tls_client_auth_san_email",
}

// checkClient reports what no client can be.
func (o object) checkClient(c *Client) {
	o.word("application_type", "web", "native")
	o.word("subject_type", "public", "pairwise")
	o.checkGrants(c)
	o.checkResponses(c)
	o.checkKeys(c)
	if c.AuthMethod == public {
		o.checkPublic(c)
	}
	if c.AccessTTL > token.MostAccess {
		o.failAt("access_token_ttl", "may be at most 90d; no access token lives longer")
	}
	if c.RefreshTTL > 0 && c.RefreshIdleTTL > c.RefreshTTL {
		o.failAt("refresh_token_idle_ttl", "is longer than refresh_token_ttl; shorten it")
	}
	if strings.Contains(c.ID, ":") {
		o.fields["client_id"].warn("holds a colon, which programs that do not encode it in HTTP Basic send wrongly")
	}
}

// checkGrants knows the names without a colon; the others are URIs that anyone
// may coin.
func (o object) checkGrants(c *Client) {
	for i, v := range o.list("grant_types") {
		if i >= len(c.GrantTypes) {
			return
		}
		g := c.GrantTypes[i]
		if u, err := url.Parse(g); !slices.Contains(namedGrants, g) && (err != nil || !u.IsAbs()) {
			v.fail("is not a grant type; %s", meant(g, namedGrants))
		}
	}
	if slices.Contains(c.GrantTypes, authorizationCode) && len(c.RedirectURIs) == 0 {
		o.failAt("grant_types", "authorization_code needs redirect_uris; add one")
	}
}

// checkResponses keeps response_types to what the grant types allow (RFC
// 7591, 2.1). The words of a response type stand in any order.
func (o object) checkResponses(c *Client) {
	for _, v := range o.list("response_types") {
		s, _ := v.text()
		for _, word := range strings.Fields(s) {
			grant := "implicit"
			switch word {
			case "code":
				grant = authorizationCode
			case "none":
				continue
			case "token", "id_token":
			default:
				v.fail("is not a response type; use code")
				continue
			}
			if !slices.Contains(c.GrantTypes, grant) {
				v.fail("%s needs the grant type %s; add it to grant_types", word, grant)
			}
		}
	}
}

// checkKeys asks for what a client proves itself with.
func (o object) checkKeys(c *Client) {
	_, inline := o.fields["jwks"]
	_, remote := o.fields["jwks_uri"]
	if inline && remote {
		o.failAt("jwks_uri", "stands beside jwks; keep one of them (RFC 7591, 2)")
	}
	switch c.AuthMethod {
	case "private_key_jwt", "self_signed_tls_client_auth":
		if !inline && !remote {
			o.failAt("token_endpoint_auth_method", "%s needs jwks or jwks_uri; add one", c.AuthMethod)
		}
	case "tls_client_auth":
		if o.count(subjectNames) != 1 {
			o.failAt("token_endpoint_auth_method", "tls_client_auth needs exactly one of %s (RFC 8705, 2.1.2)", strings.Join(subjectNames, ", "))
		}
	}
	if o.text("token_endpoint_auth_signing_alg") == "none" {
		o.failAt("token_endpoint_auth_signing_alg", "none proves nothing; use ES256, EdDSA or RS256")
	}
}

func (o object) count(keys []string) int {
	n := 0
	for _, key := range keys {
		if _, given := o.fields[key]; given {
			n++
		}
	}
	return n
}

// checkPublic reports what a client that cannot prove itself may not have.
func (o object) checkPublic(c *Client) {
	if c.Secret != "" {
		o.failAt("client_secret", "a public client (token_endpoint_auth_method: none) has no secret; remove one of the two")
	}
	if slices.Contains(c.GrantTypes, clientCredentials) {
		o.failAt("grant_types", "a public client (token_endpoint_auth_method: none) has no credentials for client_credentials; remove one of the two")
	}
	if c.Introspect != "own" {
		o.failAt("introspect", "a public client (token_endpoint_auth_method: none) cannot prove who asks; remove one of the two")
	}
	if c.MayImpersonate {
		o.failAt("may_impersonate", "a public client (token_endpoint_auth_method: none) cannot prove who asks; remove one of the two")
	}
}
