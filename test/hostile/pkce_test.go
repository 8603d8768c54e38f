package hostile_test

import "testing"

// A client without a secret is not let out of PKCE by a contract that does not
// ask everybody for it.
func TestPublicClientCannotBeginWithoutPKCEAnywhere(t *testing.T) {
	p := start(t)
	ana := p.signedIn(t, "ana@acme.example")
	for name, path := range map[string]string{
		"hubspot":  hubspot("spa", "catalog:read catalog:write", "https://spa.example/cb"),
		"standard": standard("spa", "catalog:read", "https://spa.example/cb", "code_challenge", ""),
	} {
		if id, a := p.asked(t, ana, path); id != "" {
			t.Errorf("%s: went on to the consent page: %s", name, a)
		}
	}
}
