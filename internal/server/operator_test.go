package server_test

import (
	"testing"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/resources"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

var authorityOptions = authority.Options{}

// A file reaches every workspace, so who applies one over the network must be
// super admin of each.
func TestOnlyASuperAdminOfEveryWorkspaceAppliesAFile(t *testing.T) {
	h := servertest.Start(t, `
workspaces: [{id: w}, {id: v}]
users:
  - email: everywhere@example.test
    memberships: [{workspace: w, role: super_admin}, {workspace: v, role: super_admin}]
  - email: half@example.test
    memberships: [{workspace: w, role: super_admin}, {workspace: v, role: admin}]
  - {email: nowhere@example.test}
`, nil)
	as := func(email string) token.Actor {
		p := person(t, h, email)
		return token.Actor{Kind: token.User, ID: p.ID, Name: p.Email, Workspace: "w", Address: "192.0.2.1"}
	}
	from := resources.Source{Name: "r.yaml", Text: []byte("workspaces: [{id: new}]\nscopes: [{name: brand.new}]")}
	for name, who := range map[string]token.Actor{
		"super admin of one": as("half@example.test"), "nobody's member": as("nowhere@example.test"), "nobody": {},
		"a program": {Kind: token.App, ID: "c", Workspace: "w"},
	} {
		if _, err := h.ApplyFile(t.Context(), who, from, resources.Options{}); !token.Is(err, token.Forbidden) {
			t.Errorf("%s: got %v, want forbidden", name, err)
		}
	}
	for range 2 { // they can apply again: the new workspace is theirs too
		if _, err := h.ApplyFile(t.Context(), as("everywhere@example.test"), from, resources.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	if m := person(t, h, "everywhere@example.test").In("new"); !m.Live() || m.Role != token.SuperAdmin {
		t.Errorf("got %+v, want a super admin of what they made", m)
	}
	rows, err := h.Store.Events(t.Context(), token.Trail{Workspace: "new", Limit: 10})
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, e := range rows {
		if a := e.Actor; a.Kind != token.System || a.ID != "apply" || a.Name != "everywhere@example.test" || a.Address != "192.0.2.1" {
			t.Errorf("%s by %+v, want apply, for and from whom", e.Action, a)
		}
	}
}
