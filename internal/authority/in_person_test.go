package authority_test

import (
	"slices"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

const inPersonHouse = `
scopes: [{name: "stock.read"}, {name: "stock.write"}, {name: "orders.read"}]
workspaces:
  - {id: ws1, scopes: ["stock.read", "stock.write"], policy: {max_ttl: {service: 10d}, require_purpose: true, scopes: {service: ["stock.read"]}}}
  - {id: ws2, policy: {require_expiry: true}}
users:
  - {email: boss@example.test, memberships: [{workspace: ws1, role: admin}, {workspace: ws2}]}
  - {email: mia@example.test, memberships: [{workspace: ws1}]}
`

// signed signs somebody in.
func signed(t *testing.T, h *servertest.House, email string) (token.Actor, *token.Token) {
	t.Helper()
	who := personAs(t, h, email)
	out, err := h.Authority.SignIn(t.Context(), who, personOf(t, h, email))
	if err != nil {
		t.Fatal(err)
	}
	return who, out.Token
}

func TestOfferIsWhatIssuingTakes(t *testing.T) {
	h := servertest.Start(t, inPersonHouse, nil)
	boss, mia := personOf(t, h, "boss@example.test"), personOf(t, h, "mia@example.test")
	day := 24 * time.Hour
	for name, c := range map[string]struct {
		who       *token.Person
		workspace string
		kind      token.Kind
		want      authority.Offer
	}{
		"a service token": {boss, "ws1", token.Service, authority.Offer{
			Scopes: token.Scopes{"admin:read", "admin:write", "content_management_manage", "content_management_read", "stock.read"},
			Usual:  10 * day, Most: 10 * day, NeedsPurpose: true,
		}},
		"a member's own": {mia, "ws1", token.Personal, authority.Offer{
			Scopes: token.Scopes{"content_management_manage", "content_management_read", "stock.read", "stock.write"}, NeedsPurpose: true,
		}},
		"minutes": {boss, "ws1", token.Ephemeral, authority.Offer{
			Scopes: token.Scopes{"admin:read", "admin:write", "content_management_manage", "content_management_read", "stock.read", "stock.write"},
			Usual:  5 * time.Minute, Most: time.Hour,
		}},
	} {
		got, err := h.Authority.Offer(t.Context(), c.who, c.workspace, c.kind)
		if err != nil || !slices.Equal(got.Scopes, c.want.Scopes) || got.Usual != c.want.Usual || got.Most != c.want.Most ||
			got.NeedsPurpose != c.want.NeedsPurpose || got.MustExpire || got.Waits {
			t.Errorf("%s: got %+v, %v; want %+v", name, got, err, c.want)
		}
	}
	everywhere, err := h.Authority.Offer(t.Context(), boss, "", token.Personal)
	if err != nil || !everywhere.MustExpire || !everywhere.NeedsPurpose {
		t.Errorf("a token of two workspaces: %+v, %v", everywhere, err)
	}
	if _, err := h.Authority.Offer(t.Context(), mia, "ws1", token.Service); !token.Is(err, token.Forbidden) {
		t.Errorf("a member is offered a service token: %v", err)
	}
}

func TestPeopleMakeTokensOfTheirOwnRightsAlone(t *testing.T) {
	h := servertest.Start(t, inPersonHouse, nil)
	boss, session := signed(t, h, "boss@example.test")
	mia, hers := signed(t, h, "mia@example.test")
	order := authority.Order{
		Kind: token.Service, Contract: "panel", Workspace: "ws1", Name: "bot", Purpose: "sync", Scopes: token.Scopes{"stock.read"}, TTL: time.Hour,
		Client: "somebody's", Person: mia.ID, Actor: "user:" + mia.ID,
	}
	out, err := h.Authority.IssueInPerson(t.Context(), boss, session, order)
	if err != nil || out.Token.Sponsor != boss.ID || out.Token.Person != "" || out.Token.Client != "" || out.Token.Actor != "" {
		t.Fatalf("got %+v, %v", out, err)
	}
	if _, err := h.Authority.IssueInPerson(t.Context(), mia, hers, order); !token.Is(err, token.Forbidden) {
		t.Errorf("a member makes a service token: %v", err)
	}
	if _, err := h.Authority.IssueInPerson(t.Context(), boss, hers, order); !token.Is(err, token.Forbidden) {
		t.Errorf("with somebody else's session: %v", err)
	}
	if _, err := h.Authority.IssueInPerson(t.Context(), boss, out.Token, order); !token.Is(err, token.Forbidden) {
		t.Errorf("a token issues one: %v", err)
	}
	order.Kind = token.Personal
	if out, err := h.Authority.IssueInPerson(t.Context(), mia, hers, order); err != nil || out.Token.Person != mia.ID || out.Token.Owner != mia.ID {
		t.Errorf("her own: %+v, %v", out, err)
	}
	order.Scopes = token.Scopes{token.AdminRead}
	if _, err := h.Authority.IssueInPerson(t.Context(), mia, hers, order); !token.Is(err, token.InvalidScope) {
		t.Errorf("a member's token administrates: %v", err)
	}
}

func TestPickedTokensEndTogetherAndOnlyThoseOfTheWorkspace(t *testing.T) {
	h := servertest.Start(t, inPersonHouse, nil)
	boss, session := signed(t, h, "boss@example.test")
	mia, hers := signed(t, h, "mia@example.test")
	var ids []token.ID
	for range 3 {
		out, err := h.Authority.IssueInPerson(t.Context(), boss, session, authority.Order{
			Kind: token.Service, Contract: "panel", Workspace: "ws1", Name: "bot", Purpose: "sync", Owner: boss.ID, Scopes: token.Scopes{"stock.read"},
		})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, out.Token.ID)
	}
	roams, err := h.Authority.IssueInPerson(t.Context(), mia, hers, authority.Order{
		Kind: token.Personal, Contract: "panel", Name: "mine", Purpose: "all", Scopes: token.Scopes{"stock.read"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Store.FlushUses(t.Context(), usedOnce(ids[0], h.Clock.Now().UnixMilli()-1000), func(int) {}); err != nil {
		t.Fatal(err)
	}
	b, err := h.Authority.Picked(t.Context(), "ws1", append(ids, ids[0]))
	if err != nil || b.Count != 3 || b.Day != 1 || b.Used == 0 || b.Owners[boss.ID] != 3 {
		t.Fatalf("got %+v, %v", b, err)
	}
	for name, picked := range map[string][]token.ID{"none": nil, "what opens other workspaces too": {roams.Token.ID}, "what is not there": {1 << 40}} {
		if _, err := h.Authority.RevokePicked(t.Context(), boss, "ws1", picked, "x"); token.AsRefusal(err) == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := h.Authority.RevokePicked(t.Context(), mia, "ws1", ids, "x"); !token.Is(err, token.Forbidden) {
		t.Errorf("a member ends them: %v", err)
	}
	if n, err := h.Authority.RevokePicked(t.Context(), boss, "ws1", ids, "spring cleaning"); err != nil || n != 3 {
		t.Errorf("ended %d, %v", n, err)
	}
	if b, err := h.Authority.Picked(t.Context(), "ws1", ids); err != nil || b.Count != 0 {
		t.Errorf("ended ones are counted: %+v, %v", b, err)
	}
}

// usedOnce is one use of a secret, as a node writes it down.
func usedOnce(secret token.ID, at int64) token.Uses {
	return token.Uses{Len: 1, Portions: slices.Values([][]token.Used{{{Secret: secret, Seen: token.Seen{First: at, Last: at, Count: 1}}}})}
}
