package authority_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/policy"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

const policyHouse = `
scopes: [{name: "stock.read"}, {name: "stock.write"}]
workspaces: [{id: ws1}, {id: ws2}]
users:
  - {email: super@example.test, memberships: [{workspace: ws1, role: super_admin}]}
  - {email: admin@example.test, memberships: [{workspace: ws1, role: admin}]}
  - {email: one@example.test, memberships: [{workspace: ws1}, {workspace: ws2}]}
clients:
  - {client_id: ci, client_secret: a-secret-of-the-ci-client, workspace: ws1, grant_types: [client_credentials], scope: "stock.read stock.write"}
`

// A policed is a house with one workspace whose policy is tried.
type policed struct {
	*servertest.House
	t *testing.T
}

func startPoliced(t *testing.T) *policed {
	t.Helper()
	return &policed{servertest.Start(t, policyHouse, nil), t}
}

func (h *policed) as(email string) token.Actor {
	h.t.Helper()
	return token.Actor{Kind: token.User, ID: person(h.t, h.House, email).ID, Name: email}
}

func (h *policed) now() int64 { return h.Clock.Now().UnixMilli() }

func (h *policed) put(p token.Policy) {
	h.t.Helper()
	if _, err := h.Authority.PutPolicy(h.t.Context(), h.as("super@example.test"), "ws1", p, ""); err != nil {
		h.t.Fatal(err)
	}
}

// keep lets happen what the policies ask for by now.
func (h *policed) keep() {
	h.t.Helper()
	if err := h.Authority.KeepPolicies(h.t.Context(), h.Clock.Now()); err != nil {
		h.t.Fatal(err)
	}
}

func service(change func(*authority.Order)) authority.Order {
	o := authority.Order{Kind: token.Service, Contract: "test", Client: "ci", Workspace: "ws1", Name: "deploy", Scopes: token.Scopes{"stock.read"}}
	if change != nil {
		change(&o)
	}
	return o
}

func (h *policed) issue(o authority.Order) *authority.Issued {
	h.t.Helper()
	out, err := h.Authority.Issue(h.t.Context(), token.Actor{Kind: token.App, ID: "ci", Workspace: "ws1"}, o)
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

func (h *policed) judge(secret, address string) error {
	_, _, err := h.Verifier.Judge(h.t.Context(), secret, token.Use{Now: h.now(), Surface: token.AtVerify, Address: address})
	return err
}

// told returns the targets of an action in the ledger of ws1, sorted.
func (h *policed) told(action string) (on []string) {
	h.t.Helper()
	all, err := h.Store.Events(h.t.Context(), token.Trail{Workspace: "ws1", Action: action})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range all {
		on = append(on, e.Target)
	}
	slices.Sort(on)
	return on
}

func targets(all ...*authority.Issued) (sorted []string) {
	for _, out := range all {
		sorted = append(sorted, "token:"+out.Token.Credential.String())
	}
	slices.Sort(sorted)
	return sorted
}

func hours(n int) int64 { return int64(n) * 3_600_000 }

func TestComingPolicyWarnsAndThenRefuses(t *testing.T) {
	h := startPoliced(t)
	h.put(token.Policy{RequirePurpose: true, MaxTTL: map[token.Kind]int64{token.Service: 86400}, WarnFrom: h.now() + hours(24), EnforceFrom: h.now() + hours(48)})
	if out := h.issue(service(nil)); out.Warnings != nil {
		t.Errorf("warned before its time: %q", out.Warnings)
	}
	h.Clock.Move(24 * time.Hour)
	out := h.issue(service(nil))
	want := []string{
		"purpose: this workspace requires a purpose; from 2026-11-24T12:00:00Z on such a token is refused",
		"ttl: it may live at most 1 day; from 2026-11-24T12:00:00Z on such a token is refused",
	}
	if !slices.Equal(out.Warnings, want) {
		t.Errorf("got %q, want %q", out.Warnings, want)
	}
	if got := h.told("policy.violated"); !slices.Equal(got, targets(out)) {
		t.Errorf("on record are %v, want %v", got, targets(out))
	}
	h.Clock.Move(24*time.Hour - time.Millisecond)
	h.issue(service(nil))
	h.Clock.Move(time.Millisecond) // no job has run
	if _, err := h.Authority.Issue(t.Context(), token.Actor{}, service(nil)); !token.Is(err, token.Invalid) {
		t.Errorf("got %v, want a refusal from the instant on", err)
	}
	h.keep()
	out = h.issue(service(func(o *authority.Order) { o.Purpose = "deploys" }))
	if out.Warnings != nil || out.Token.ExpiresAt-out.Token.IssuedAt != hours(24) {
		t.Errorf("got %+v", out.Token)
	}
	w, err := h.Store.Workspace(t.Context(), "ws1")
	if err != nil || w.Policy.Next != nil || !w.Policy.RequirePurpose || len(h.told("policy.enforced")) != 1 {
		t.Errorf("the policy has not taken its place: %+v, %v", w.Policy, err)
	}
}

// A token that opens all workspaces of its person breaks the coming policy of one
// of them: that one's webhooks hear of it, as its ledger does.
func TestWorkspaceHearsOfARoamingTokenThatBreaksItsComingPolicy(t *testing.T) {
	h := startPoliced(t)
	hook, _, _, err := h.Authority.PutWebhook(t.Context(), apply, token.Webhook{Workspace: "ws1", URL: "https://hooks.ws1.test/", Events: []string{"policy.violated"}}, "", authority.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h.put(token.Policy{RequirePurpose: true, WarnFrom: h.now(), EnforceFrom: h.now() + hours(48)})
	out := h.issue(authority.Order{Kind: token.Personal, Contract: "test", Person: h.as("one@example.test").ID, Name: "roams", Scopes: token.Scopes{"stock.read"}})
	if got := h.told("policy.violated"); !slices.Equal(got, targets(out)) {
		t.Errorf("on record are %v, want %v", got, targets(out))
	}
	sent, err := h.Store.Shipments(t.Context(), hook.ID, "", 0, 10)
	if err != nil || len(sent) != 1 {
		t.Errorf("the webhook is sent %+v, %v, want one delivery", sent, err)
	}
}

// TestLiveTokensAreToldAndThenEnd: each is told of once, ended once, and those
// that keep the policy live on, also after a run that came late.
func TestLiveTokensAreToldAndThenEnd(t *testing.T) {
	h := startPoliced(t)
	bad := h.issue(service(nil))
	good := h.issue(service(func(o *authority.Order) { o.Purpose = "deploys" }))
	brief := h.issue(service(func(o *authority.Order) { o.TTL = time.Hour }))
	mine, err := h.Authority.Issue(t.Context(), h.as("one@example.test"), authority.Order{
		Kind: token.Personal, Contract: "test", Name: "laptop", Person: h.as("one@example.test").ID, Scopes: token.Scopes{"stock.read"}})
	if err != nil {
		t.Fatal(err)
	}
	h.put(token.Policy{RequirePurpose: true, EnforceFrom: h.now() + hours(8*24), Existing: token.EndExisting})
	h.Clock.Move(time.Hour)
	h.keep()
	h.keep()
	if got, want := h.told("policy.warning"), targets(bad, mine); !slices.Equal(got, want) {
		t.Errorf("told of %v, want %v", got, want)
	}
	if err := h.judge(bad.Secret, ""); err != nil {
		t.Errorf("ended before its time: %v", err)
	}
	h.Clock.Move(40 * 24 * time.Hour / 5)
	h.keep()
	h.keep()
	if got, want := h.told("token.revoked"), targets(bad, mine); !slices.Equal(got, want) {
		t.Errorf("ended %v, want %v", got, want)
	}
	if err := h.judge(good.Secret, ""); err != nil || h.judge(bad.Secret, "") == nil || h.judge(brief.Secret, "") == nil {
		t.Errorf("one that keeps the policy: %v", err)
	}
}

// TestLateWarningsLeaveADay: nobody was there to warn, so that nothing ends when
// the policy says it would.
func TestLateWarningsLeaveADay(t *testing.T) {
	h := startPoliced(t)
	bad := h.issue(service(nil))
	h.put(token.Policy{RequirePurpose: true, EnforceFrom: h.now() + hours(8*24), Existing: token.EndExisting})
	h.Clock.Move(10 * 24 * time.Hour)
	h.keep()
	if err := h.judge(bad.Secret, ""); err != nil || len(h.told("policy.warning")) != 1 {
		t.Errorf("it ended unwarned: %v", err)
	}
	h.Clock.Move(24 * time.Hour)
	h.keep()
	if h.judge(bad.Secret, "") == nil {
		t.Error("it lives on")
	}
}

func TestUnusedTokenEndsAWeekAfterItsOwnerWasTold(t *testing.T) {
	h := startPoliced(t)
	idle := h.issue(service(func(o *authority.Order) { o.TTL = 80 * 24 * time.Hour }))
	used := h.issue(service(func(o *authority.Order) { o.TTL = 80 * 24 * time.Hour }))
	h.Clock.Move(30 * 24 * time.Hour) // idle for longer than the policy will allow
	h.put(token.Policy{IdleExpiry: map[token.Kind]int64{token.Service: 20 * 86400}})
	h.keep()
	h.keep()
	if got, want := h.told("policy.warning"), targets(idle, used); !slices.Equal(got, want) {
		t.Fatalf("told of %v, want %v", got, want)
	}
	if err := h.judge(used.Secret, ""); err != nil { // which makes its notice void
		t.Fatal(err)
	}
	for range 6 {
		h.Clock.Move(24 * time.Hour)
		h.keep()
	}
	if err := h.Verifier.Standing(t.Context(), idle.Token); err != nil {
		t.Errorf("it ended within a week of the notice: %v", err)
	}
	h.Clock.Move(25 * time.Hour)
	h.keep()
	if got := h.told("token.revoked"); !slices.Equal(got, targets(idle)) {
		t.Errorf("ended %v, want %v", got, targets(idle))
	}
	for range 13 {
		h.Clock.Move(24 * time.Hour)
		h.keep()
	}
	if got := h.told("policy.warning"); len(got) != 3 {
		t.Errorf("the one that was used is told of anew, and once: %v", got)
	}
}

// A workspace that was disabled and enabled again has the policy that it had.
func TestIdleExpiryOutlivesADisabledWorkspace(t *testing.T) {
	h := startPoliced(t)
	h.put(token.Policy{IdleExpiry: map[token.Kind]int64{token.Service: 20 * 86400}})
	h.keep()
	operator := token.Actor{Kind: token.System}
	if err := h.Authority.DisableWorkspace(t.Context(), operator, "ws1", "unpaid"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		h.Clock.Move(24 * time.Hour)
		h.keep()
	}
	if err := h.Authority.EnableWorkspace(t.Context(), operator, "ws1", "paid"); err != nil {
		t.Fatal(err)
	}
	idle := h.issue(service(func(o *authority.Order) { o.TTL = 80 * 24 * time.Hour }))
	for range 30 {
		h.Clock.Move(24 * time.Hour)
		h.keep()
	}
	if got := h.told("token.revoked"); !slices.Equal(got, targets(idle)) {
		t.Errorf("ended %v, want %v", got, targets(idle))
	}
}

func TestTokenWaitsForSomebodyElse(t *testing.T) {
	h := startPoliced(t)
	h.put(token.Policy{Approval: []token.Kind{token.Service}})
	admin, super := h.as("admin@example.test"), h.as("super@example.test")
	out := h.issue(service(func(o *authority.Order) { o.Sponsor = admin.ID }))
	opens := func() bool { return h.judge(out.Secret, "") == nil }
	if opens() || out.Token.Status(h.now()) != "waiting" || len(h.told("policy.approval_wanted")) != 1 {
		t.Fatalf("it does not wait: %+v", out.Token)
	}
	if err := h.Authority.Resume(t.Context(), super, out.Token); !token.Is(err, token.Conflict) || opens() {
		t.Errorf("resumed: %v", err)
	}
	for name, who := range map[string]token.Actor{
		"its maker": admin, "a member": h.as("one@example.test"), "a program": {Kind: token.App, ID: "ci", Workspace: "ws1"},
		"who is impersonated": {Kind: token.User, ID: super.ID, For: admin.ID}, "nobody": {},
	} {
		if err := h.Authority.ApproveToken(t.Context(), who, out.Token); !token.Is(err, token.Forbidden) || opens() {
			t.Errorf("%s approves: %v", name, err)
		}
	}
	if err := h.Authority.ApproveToken(t.Context(), super, out.Token); err != nil || !opens() {
		t.Fatalf("approved: %v", err)
	}
	if err := h.Authority.DenyToken(t.Context(), super, out.Token, ""); !token.Is(err, token.Conflict) || !opens() {
		t.Errorf("denied after a yes: %v", err)
	}
	denied, left := h.issue(service(nil)), h.issue(service(nil))
	if err := h.Authority.DenyToken(t.Context(), super, denied.Token, "not needed"); err != nil {
		t.Fatal(err)
	}
	h.Clock.Move(policy.UnansweredFor - time.Second)
	h.keep()
	if got := h.told("policy.approval_lapsed"); got != nil {
		t.Errorf("lapsed too soon: %v", got)
	}
	h.Clock.Move(2 * time.Second)
	h.keep()
	if got := h.told("policy.approval_lapsed"); !slices.Equal(got, targets(left)) || !opens() {
		t.Errorf("lapsed: %v, want %v", got, targets(left))
	}
	if err := h.Authority.ApproveToken(t.Context(), super, left.Token); !token.Is(err, token.Conflict) {
		t.Errorf("approved after a week: %v", err)
	}
}

func TestRacersForTheLastPlaceHaveOneWinner(t *testing.T) {
	h := startPoliced(t)
	h.put(token.Policy{MaxPerOwner: map[token.Kind]int64{token.Service: 3}})
	o := service(func(o *authority.Order) { o.Owner = "platform" })
	first := h.issue(o)
	var wg sync.WaitGroup
	errs := make([]error, 12)
	for i := range errs {
		wg.Go(func() { _, errs[i] = h.Authority.Issue(context.Background(), token.Actor{}, o) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !token.Is(err, token.Invalid) || token.AsRefusal(err).Fields[0].Name != "owner":
			t.Errorf("got %v, want a refusal of the owner", err)
		}
	}
	if won != 2 {
		t.Errorf("%d of the racers won, want 2", won)
	}
	h.issue(service(func(o *authority.Order) { o.Owner = "another" }))
	if _, err := h.Authority.Issue(t.Context(), token.Actor{}, service(nil)); !token.Is(err, token.Invalid) {
		t.Errorf("one of nobody: %v", err)
	}
	if err := h.Authority.Revoke(t.Context(), token.Actor{}, first.Token, ""); err != nil {
		t.Fatal(err)
	}
	h.issue(o) // an ended one gives its place up, and an expired one
	h.Clock.Move(31 * 24 * time.Hour)
	h.issue(o)
}

func TestSimulationSaysWhatEnforcementRefuses(t *testing.T) {
	h := startPoliced(t)
	bad := h.issue(service(func(o *authority.Order) { o.Scopes = token.Scopes{"stock.read", "stock.write"} }))
	h.issue(service(func(o *authority.Order) { o.Purpose, o.Owner = "deploys", "platform" }))
	p := token.Policy{
		RequirePurpose: true, Scopes: map[token.Kind]token.Scopes{token.Service: {"stock.read"}}, EnforceFrom: h.now() + hours(24),
		Addresses: map[token.Kind][]netip.Prefix{token.Service: {netip.MustParsePrefix("192.0.2.0/24")}},
	}
	if err := h.judge(bad.Secret, "198.51.100.9"); err != nil {
		t.Fatal(err)
	}
	if err := h.Verifier.WriteUses(t.Context(), h.Store.FlushUses); err != nil {
		t.Fatal(err)
	}
	before, err := h.Store.Position(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, err := h.Authority.Simulate(t.Context(), "ws1", p, false)
	if err != nil {
		t.Fatal(err)
	}
	after, err := h.Store.Position(t.Context())
	if err != nil || before != after || len(h.told("policy.warning")) != 0 {
		t.Errorf("it wrote something: %v, %v, %v", before, after, err)
	}
	if s.Refused != 1 || s.Looked != 2 || !s.Whole || len(s.First) != 1 || s.First[0].Token.ID != bad.Token.ID ||
		s.ByRule[policy.RequirePurpose] != 1 || s.ByRule[policy.AllowedScopes] != 1 || s.ByRule[policy.Networks] != 1 ||
		!slices.Equal(s.Owners, []authority.OwnerCount{{Owner: "", Count: 1}}) {
		t.Errorf("got %+v", s)
	}
}

// TestWholeSimulationCountsEveryToken, of which a quick one says that there are
// more.
func TestWholeSimulationCountsEveryToken(t *testing.T) {
	h := startPoliced(t)
	const many = 50_500
	for from := 0; from < many; from += 500 {
		deed := &token.Deed{}
		for i := range 500 {
			id := token.MakeID(h.Clock.Now().Add(time.Duration(from)*time.Millisecond), token.Long, uint32(i))
			deed.Issue = append(deed.Issue, &token.Token{
				ID: id, Credential: id, Kind: token.Service, Contract: "test", Hash: token.HashOf(id.String()), Name: "robot", Owner: "platform", Workspace: "ws1", Client: "ci", Born: 1 << 40,
			})
		}
		if err := h.Store.Commit(t.Context(), deed); err != nil {
			t.Fatal(err)
		}
	}
	p := token.Policy{RequirePurpose: true, MaxPerOwner: map[token.Kind]int64{token.Service: 10_000}, EnforceFrom: h.now()}
	for _, try := range []struct{ whole bool }{{false}, {true}} {
		s, err := h.Authority.Simulate(t.Context(), "ws1", p, try.whole)
		if err != nil {
			t.Fatal(err)
		}
		if s.Whole != try.whole || try.whole && (s.Looked != many || s.Refused != many || s.ByRule[policy.PerOwner] != many-10_000) || !try.whole && s.Looked >= many {
			t.Errorf("whole %v: looked at %d, would refuse %d, %v", s.Whole, s.Looked, s.Refused, s.ByRule)
		}
	}
}

// TestNoOrderPassesWhatItsPolicyForbids: whatever is asked under whatever
// policy, a token that is made breaks none of its rules.
func TestNoOrderPassesWhatItsPolicyForbids(t *testing.T) {
	h := startPoliced(t)
	one := h.as("one@example.test").ID
	networks := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.0.0.0/16"), netip.MustParsePrefix("198.51.100.0/24")}
	scopes := []token.Scopes{{"stock.read"}, {"stock.write"}, {"stock.read", "stock.write"}}
	kinds := []token.Kind{token.Service, token.Ephemeral, token.Personal}
	rapid.Check(t, func(r *rapid.T) {
		days := rapid.Int64Range(1, 80)
		kind := rapid.SampledFrom(kinds).Draw(r, "kind")
		p := token.Policy{
			RequirePurpose: rapid.Bool().Draw(r, "purpose"), RequireOwner: rapid.Bool().Draw(r, "owner"), RequireExpiry: rapid.Bool().Draw(r, "expiry"),
			EnforceFrom: h.now(),
		}
		if rapid.Bool().Draw(r, "limits") {
			p.MaxTTL = map[token.Kind]int64{kind: days.Draw(r, "most") * 86400}
			p.DefaultTTL = map[token.Kind]int64{kind: days.Draw(r, "default") * 86400}
		}
		if rapid.Bool().Draw(r, "bounds") {
			p.Scopes = map[token.Kind]token.Scopes{kind: rapid.SampledFrom(scopes).Draw(r, "allowed")}
			p.Addresses = map[token.Kind][]netip.Prefix{kind: {rapid.SampledFrom(networks).Draw(r, "network")}}
		}
		h.put(p)
		o := authority.Order{
			Kind: kind, Contract: "test", Workspace: "ws1", Name: "x", Scopes: rapid.SampledFrom(scopes).Draw(r, "scopes"),
			TTL: time.Duration(rapid.Int64Range(0, 100).Draw(r, "ttl")) * time.Hour, Purpose: rapid.SampledFrom([]string{"", "why"}).Draw(r, "why"),
			Owner: rapid.SampledFrom([]string{"", "platform"}).Draw(r, "who"),
		}
		if kind == token.Personal {
			o.Person = one
		} else {
			o.Client = "ci"
		}
		if rapid.Bool().Draw(r, "bound") {
			o.Addresses = []netip.Prefix{rapid.SampledFrom(networks).Draw(r, "from")}
		}
		out, err := h.Authority.Issue(context.Background(), token.Actor{}, o)
		if err != nil {
			if token.AsRefusal(err) == nil {
				r.Fatal(err)
			}
			return
		}
		if broken := policy.Breaches(&p, out.Token); broken != nil {
			r.Fatalf("a token passed that breaks %+v", broken)
		}
	})
}

func TestChildIsBoundToItsParentsNetworks(t *testing.T) {
	h := startPoliced(t)
	one := h.as("one@example.test")
	wide, narrow, other := netip.MustParsePrefix("192.0.0.0/16"), netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24")
	order := func(from ...netip.Prefix) authority.Order {
		return authority.Order{Kind: token.Personal, Contract: "test", Name: "x", Person: one.ID, Workspace: "ws1", Scopes: token.Scopes{"stock.read"}, Addresses: from}
	}
	parent, err := h.Authority.Issue(t.Context(), one, order(wide))
	if err != nil {
		t.Fatal(err)
	}
	r, v, err := h.Verifier.Judge(t.Context(), parent.Secret, token.Use{Now: h.now(), Surface: token.AtAPI, Address: "192.0.9.9"})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		asked, want []netip.Prefix
	}{{nil, []netip.Prefix{wide}}, {[]netip.Prefix{narrow}, []netip.Prefix{narrow}}, {[]netip.Prefix{narrow, other}, nil}} {
		out, err := h.Authority.IssueFrom(t.Context(), one, authority.Parent{Record: r, Opens: v}, order(test.asked...))
		if test.want == nil {
			if !token.Is(err, token.Invalid) {
				t.Errorf("%v: got %v, want a refusal", test.asked, err)
			}
			continue
		}
		if err != nil || fmt.Sprint(out.Token.Addresses) != fmt.Sprint(test.want) {
			t.Errorf("%v: got %v, %v, want %v", test.asked, out, err, test.want)
		}
	}
}
