package authority_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

const personalHouse = `
scopes: [{name: "stock.read"}, {name: "stock.write"}, {name: "orders.read"}]
workspaces:
  - {id: ws1, scopes: ["stock.read", "stock.write"], client_tokens: ["b03ea027d73cfdb458184541012b76c0"]}
  - {id: ws2, policy: {max_ttl: {personal: 10d}}}
  - {id: ws3, policy: {require_expiry: true, max_ttl: {personal: 90d}}}
roles: [{workspace: ws1, name: reader, scopes: ["stock.read", "orders.read"]}]
users:
  - {email: one@example.test, memberships: [{workspace: ws1}]}
  - {email: capped@example.test, memberships: [{workspace: ws1}, {workspace: ws2}]}
  - {email: strict@example.test, memberships: [{workspace: ws1}, {workspace: ws2}, {workspace: ws3}]}
  - {email: reader@example.test, memberships: [{workspace: ws1, role: reader}]}
  - {email: admin@example.test, memberships: [{workspace: ws1, role: admin, scopes: ["stock.read"]}]}
`

func person(t *testing.T, h *servertest.House, email string) *token.Person {
	t.Helper()
	id, err := h.Store.PersonByEmail(t.Context(), email)
	if err != nil {
		t.Fatal(err)
	}
	p, err := h.Verifier.Person(t.Context(), id)
	if err != nil || p == nil {
		t.Fatalf("%s: %v, %v", email, p, err)
	}
	return p
}

const personalDay = 24 * time.Hour

func TestPersonalTokenLivesByTheStrictestWorkspaceItOpens(t *testing.T) {
	h := servertest.Start(t, personalHouse, nil)
	for _, c := range []struct {
		email     string
		workspace string
		asked     time.Duration
		want      time.Duration // -1: refused
	}{
		{"one@example.test", "", 0, 0},
		{"one@example.test", "", 1000 * personalDay, 1000 * personalDay},
		{"capped@example.test", "", 0, 10 * personalDay},
		{"capped@example.test", "", personalDay, personalDay},
		{"capped@example.test", "", 11 * personalDay, -1},
		{"capped@example.test", "ws1", 0, 0},
		{"strict@example.test", "", 0, -1},
		{"strict@example.test", "", 10 * personalDay, 10 * personalDay},
		{"strict@example.test", "", 80 * personalDay, -1},
		{"strict@example.test", "ws3", 80 * personalDay, 80 * personalDay},
	} {
		out, err := h.Authority.Issue(t.Context(), token.Actor{}, authority.Order{
			Kind: token.Personal, Contract: "test", Name: "x", Person: person(t, h, c.email).ID, Workspace: c.workspace,
			Scopes: token.Scopes{token.ReadContent}, TTL: c.asked,
		})
		if c.want < 0 {
			if !token.Is(err, token.Invalid) || token.AsRefusal(err).Fields[0].Name != "ttl" {
				t.Errorf("%+v: got %v, want a refusal of ttl", c, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		got := time.Duration(0)
		if out.Token.ExpiresAt != 0 {
			got = time.Duration(out.Token.ExpiresAt-out.Token.IssuedAt) * time.Millisecond
		}
		if got != c.want {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}

// A policy that came after the parent bounds what the parent makes, and refuses
// no lifetime that nobody asked for.
func TestLifetimeThatNobodyAskedForIsNeverRefused(t *testing.T) {
	h := &policed{servertest.Start(t, strings.Replace(policyHouse, "role: admin}", "role: admin, may_impersonate: true}", 1), nil), t}
	one, admin := h.as("one@example.test"), h.as("admin@example.test")
	const quarter = 90 * personalDay
	parentOf := func(who token.Actor) authority.Parent {
		t.Helper()
		out := h.issue(authority.Order{Kind: token.Personal, Contract: "test", Name: "x", Person: who.ID, Workspace: "ws1", Scopes: token.Scopes{"stock.read"}, TTL: quarter})
		r, v, err := h.Verifier.Judge(t.Context(), out.Secret, token.Use{Now: h.now(), Surface: token.AtAPI})
		if err != nil {
			t.Fatal(err)
		}
		return authority.Parent{Record: r, Opens: v}
	}
	mine, theirs := parentOf(one), parentOf(admin)
	for _, c := range []struct {
		policy     token.Policy
		made, lent time.Duration
	}{
		{token.Policy{}, quarter, 15 * time.Minute},
		{token.Policy{RequireExpiry: true}, quarter, 15 * time.Minute},
		{token.Policy{MaxTTL: map[token.Kind]int64{token.Personal: 10 * 86400, token.Impersonated: 300}}, 10 * personalDay, 5 * time.Minute},
		{token.Policy{RequireExpiry: true, MaxTTL: map[token.Kind]int64{token.Personal: 10 * 86400}}, 10 * personalDay, 15 * time.Minute},
		{token.Policy{DefaultTTL: map[token.Kind]int64{token.Personal: 86400, token.Impersonated: 60}}, personalDay, time.Minute},
	} {
		h.put(c.policy)
		made, err := h.Authority.IssueFrom(t.Context(), one, mine, authority.Order{Contract: "test", Name: "y", Scopes: token.Scopes{"stock.read"}})
		if err != nil || made.Token.ExpiresAt-made.Token.IssuedAt != c.made.Milliseconds() {
			t.Errorf("%+v: made %+v, %v, want one of %v", c.policy, made, err, c.made)
		}
		lent, err := h.Authority.ImpersonateAs(t.Context(), admin, theirs, authority.Order{Contract: "test", Person: one.ID, Workspace: "ws1", Reason: "support"})
		if err != nil || lent.Token.ExpiresAt-lent.Token.IssuedAt != c.lent.Milliseconds() {
			t.Errorf("%+v: lent %+v, %v, want one of %v", c.policy, lent, err, c.lent)
		}
	}
}

func TestTokenThatIsAboutToEndMakesNone(t *testing.T) {
	h := servertest.Start(t, personalHouse, nil)
	p := person(t, h, "one@example.test")
	order := authority.Order{Kind: token.Personal, Contract: "test", Name: "x", Person: p.ID, Scopes: token.Scopes{token.ManageContent}, TTL: time.Minute}
	parent, err := h.Authority.Issue(t.Context(), token.Actor{}, order)
	if err != nil {
		t.Fatal(err)
	}
	h.Clock.Move(time.Minute - 1500*time.Millisecond)
	judged := func() authority.Parent {
		t.Helper()
		use := token.Use{Now: h.Clock.Now().UnixMilli(), Surface: token.AtAPI, AnyWorkspace: true}
		r, v, err := h.Verifier.Judge(t.Context(), parent.Secret, use)
		if err != nil {
			t.Fatal(err)
		}
		return authority.Parent{Record: r, Opens: v}
	}
	ask := authority.Order{Contract: "test", Name: "child", Scopes: token.Scopes{token.ReadContent}}
	child, err := h.Authority.IssueFrom(t.Context(), token.Actor{}, judged(), ask)
	if err != nil || child.Token.ExpiresAt > parent.Token.ExpiresAt || child.Token.Kind != token.Personal || child.Token.Person != p.ID {
		t.Errorf("got %+v, %v; want a child that ends before its parent", child, err)
	}
	h.Clock.Move(time.Second)
	if _, err := h.Authority.IssueFrom(t.Context(), token.Actor{}, judged(), ask); !token.Is(err, token.Invalid) {
		t.Errorf("in the last second: got %v, want a refusal", err)
	}
	ask.Scopes = token.Scopes{"stock.read"}
	if _, err := h.Authority.IssueFrom(t.Context(), token.Actor{}, judged(), ask); !token.Is(err, token.InsufficientScope) {
		t.Errorf("a scope that the parent lacks: got %v, want a refusal", err)
	}
}

func TestChildOfAPersonalTokenIsForTheSameAudience(t *testing.T) {
	h := servertest.Start(t, personalHouse, nil)
	p := person(t, h, "one@example.test")
	parent, err := h.Authority.Issue(t.Context(), token.Actor{}, authority.Order{
		Kind: token.Personal, Contract: "test", Name: "x", Person: p.ID, Scopes: token.Scopes{token.ManageContent}, Audience: "https://a.test https://b.test",
	})
	if err != nil {
		t.Fatal(err)
	}
	r, v, err := h.Verifier.Judge(t.Context(), parent.Secret, token.Use{Now: h.Clock.Now().UnixMilli(), Surface: token.AtAPI})
	if err != nil {
		t.Fatal(err)
	}
	ask := authority.Order{Contract: "test", Name: "child", Scopes: token.Scopes{token.ReadContent}}
	child, err := h.Authority.IssueFrom(t.Context(), token.Actor{}, authority.Parent{Record: r, Opens: v}, ask)
	if err != nil || child.Token.Audience != parent.Token.Audience {
		t.Errorf("got %+v, %v; want a child for the same audience", child, err)
	}
}

func TestAllScopesAreTheOrdinaryOnesThatTheMemberMayHold(t *testing.T) {
	h := servertest.Start(t, personalHouse, nil)
	for email, want := range map[string]token.Scopes{
		"one@example.test": {"stock.read", "stock.write"}, "reader@example.test": {"stock.read"}, "admin@example.test": {"stock.read"},
	} {
		got, err := h.Authority.AllScopes(t.Context(), "ws1", person(t, h, email).In("ws1"))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v; want %v", email, got, err, want)
		}
	}
	one := person(t, h, "one@example.test")
	for what, c := range map[string]struct {
		workspace string
		m         *token.Membership
	}{"no member": {"ws1", nil}, "no workspace": {"nowhere", one.In("ws1")}} {
		if got, err := h.Authority.AllScopes(t.Context(), c.workspace, c.m); err != nil || got != nil {
			t.Errorf("%s: got %v, %v; want none", what, got, err)
		}
	}
}

func TestClientTokenStandsForItsWorkspaceAlone(t *testing.T) {
	h := servertest.Start(t, personalHouse, nil)
	for secret, want := range map[string]string{"b03ea027d73cfdb458184541012b76c0": "ws1", "B03EA027D73CFDB458184541012B76C0": "", "": "", "x": ""} {
		if got, err := h.Authority.ClientTokenWorkspace(t.Context(), token.Actor{}, secret); err != nil || got != want {
			t.Errorf("%q: got %q, %v; want %q", secret, got, err, want)
		}
	}
}
