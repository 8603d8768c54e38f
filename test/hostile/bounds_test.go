package hostile_test

import (
	"strings"
	"testing"
)

// A token of one workspace stays inside it, whoever stands behind it: a file
// would reach into every other.
func TestTokenOfOneWorkspaceAppliesNoFile(t *testing.T) {
	p := start(t)
	const file = `{"workspaces":[{"id":"globex","name":"Taken over"}]}`
	if a := p.call(t, "POST", "/v1/apply", file, bearer("canary-pat-root-acme-0000")); a.code != 403 {
		t.Errorf("bound to acme: %s", a)
	}
	if a := p.call(t, "POST", "/v1/apply", file, bearer("canary-pat-ana-admin-000")); a.code != 403 {
		t.Errorf("a super admin of one workspace: %s", a)
	}
	a := p.call(t, "GET", "/organizations", nil, bearer("canary-pat-gus-admin-000"))
	if a.code != 200 || strings.Contains(a.body, "Taken over") {
		t.Errorf("the other workspace was changed: %s", a)
	}
	if a := p.call(t, "POST", "/v1/apply", file, bearer("canary-pat-root-all-00000", "X-Workspace-Id", "acme")); a.code != 200 {
		t.Errorf("a super admin of all, with a token for all: %s", a)
	}
}

// What a workspace sets as the longest life holds for what its programs get by
// every contract.
func TestWorkspaceBoundsTheLifeOfRefreshTokens(t *testing.T) {
	p := start(t)
	made := p.asClient(t, "/api/token", "fan-strict", "fan-strict-canary-secret", form("grant_type", "client_credentials"))
	said := p.call(t, "POST", "/v1/tokens/introspect", `{"token":"`+made.json("refresh_token")+`"}`, bearer("fan-strict-canary-secret", "X-Workspace-Id", "strict"))
	var from, to float64
	if !said.number("iat", &from) || !said.number("exp", &to) || to-from > 3600 {
		t.Errorf("lives %v s, want an hour at most: %s", to-from, said)
	}
}
