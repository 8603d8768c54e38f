package oauth

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/keys"
	"github.com/fichadev/ficha/internal/web"
)

const jsonType = "application/json"

// The grants that the token endpoint serves.
const (
	byCode    = "authorization_code"
	byRefresh = "refresh_token"
	byClient  = "client_credentials"
)

// metadata is what RFC 8414 lets a client find out. It names what works and
// nothing else: clients choose by it.
type metadata struct {
	Issuer                   string   `json:"issuer"`
	AuthorizationEndpoint    string   `json:"authorization_endpoint"`
	TokenEndpoint            string   `json:"token_endpoint"`
	IntrospectionEndpoint    string   `json:"introspection_endpoint"`
	RevocationEndpoint       string   `json:"revocation_endpoint"`
	JWKS                     string   `json:"jwks_uri"`
	ResponseTypes            []string `json:"response_types_supported"`
	ResponseModes            []string `json:"response_modes_supported"`
	GrantTypes               []string `json:"grant_types_supported"`
	ChallengeMethods         []string `json:"code_challenge_methods_supported"`
	TokenAuthMethods         []string `json:"token_endpoint_auth_methods_supported"`
	IntrospectionAuthMethods []string `json:"introspection_endpoint_auth_methods_supported"`
	RevocationAuthMethods    []string `json:"revocation_endpoint_auth_methods_supported"`
	Iss                      bool     `json:"authorization_response_iss_parameter_supported"`
}

// describe writes the metadata of an issuer. Its addresses come from there
// alone, never from what a request calls its host.
func describe(issuer string) []byte {
	secret := []string{authority.ByBasic, authority.ByPost}
	anyone := []string{authority.ByBasic, authority.ByPost, authority.ByNone}
	text, _ := json.Marshal(metadata{ //nolint:errchkjson // texts always have JSON
		Issuer:                   issuer,
		AuthorizationEndpoint:    issuer + "/oauth2/authorize",
		TokenEndpoint:            issuer + "/oauth2/token",
		IntrospectionEndpoint:    issuer + "/oauth2/introspect",
		RevocationEndpoint:       issuer + "/oauth2/revoke",
		JWKS:                     issuer + "/oauth2/jwks",
		ResponseTypes:            []string{"code"},
		ResponseModes:            []string{"query"},
		GrantTypes:               []string{byCode, byRefresh, byClient},
		ChallengeMethods:         []string{"S256"},
		TokenAuthMethods:         anyone,
		IntrospectionAuthMethods: secret,
		RevocationAuthMethods:    anyone,
		Iss:                      true,
	})
	return text
}

func (f *Face) describe(c *web.Call) error {
	mayKeep(c, keys.JWKSMaxAge)
	return c.WriteRaw(http.StatusOK, jsonType, f.metadata)
}

// jwks answers with the public keys. Whoever keeps them no longer than this
// never meets a signature by a key that is not among them.
func (f *Face) jwks(c *web.Call) error {
	mayKeep(c, keys.JWKSMaxAge)
	return c.WriteRaw(http.StatusOK, jsonType, f.cfg.Ring.JWKS())
}

func mayKeep(c *web.Call, age time.Duration) {
	c.Header().Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(age.Seconds())))
}
