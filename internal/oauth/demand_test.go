package oauth_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/fichadev/ficha/internal/server/servertest"
)

// A client that was registered for more safety than is served yet is refused
// rather than served with less.
func TestClientThatDemandsMoreIsRefused(t *testing.T) {
	h := servertest.Start(t, `
workspaces: [{id: ws1, name: Acme}]
clients:
  - {client_id: bound, client_secret: secret-of-bound-client, workspace: ws1, grant_types: [client_credentials], scope: "catalog:read", dpop_bound_access_tokens: true}
  - {client_id: cert, client_secret: secret-of-cert-client, workspace: ws1, grant_types: [client_credentials], scope: "catalog:read", tls_client_certificate_bound_access_tokens: true}
  - {client_id: plain, client_secret: secret-of-plain-client, workspace: ws1, grant_types: [client_credentials], scope: "catalog:read"}
`, nil)
	for client, want := range map[string]int{"bound": http.StatusBadRequest, "cert": http.StatusBadRequest, "plain": http.StatusOK} {
		got := h.Request("POST", "/oauth2/token", url.Values{
			"grant_type": {"client_credentials"}, "client_id": {client}, "client_secret": {"secret-of-" + client + "-client"},
		})
		if got.Status == http.StatusUnauthorized {
			got = h.Request("POST", "/oauth2/token", url.Values{"grant_type": {"client_credentials"}}, "Authorization", basic(client, "secret-of-"+client+"-client"))
		}
		if got.Status != want {
			t.Errorf("%s: got %d %s, want %d", client, got.Status, got.Body, want)
		}
	}
}
