package resources

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/fichadev/ficha/internal/token"
)

func TestEveryRuleOfAPolicyIsRead(t *testing.T) {
	f, _ := mustRead(t, `workspaces:
- id: a
  policy:
    max_ttl: {service: 90d, personal: 180d}
    default_ttl: {service: 30d}
    scopes: {service: [content:write, catalog:read], ephemeral: []}
    addresses: {service: [192.0.2.0/24, '2001:db8::/32', 198.51.100.7]}
    max_per_owner: {personal: 10}
    idle_expiry: {service: 60d}
    rotate_after: {service: 45d}
    approval: [service]
    require_purpose: true
    require_owner: true
    require_expiry: true
    warn_from: 2027-01-01
    enforce_from: 2027-02-01T12:00:00Z
    existing: end
    registration: {mode: token, require_pkce: true}
`)
	const day = 86400
	want := token.Policy{
		MaxTTL:      map[token.Kind]int64{token.Service: 90 * day, token.Personal: 180 * day},
		DefaultTTL:  map[token.Kind]int64{token.Service: 30 * day},
		Scopes:      map[token.Kind]token.Scopes{token.Service: {"content:write", "catalog:read"}, token.Ephemeral: {}},
		Addresses:   map[token.Kind][]netip.Prefix{token.Service: {netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("198.51.100.7/32")}},
		MaxPerOwner: map[token.Kind]int64{token.Personal: 10}, IdleExpiry: map[token.Kind]int64{token.Service: 60 * day},
		RotateAfter: map[token.Kind]int64{token.Service: 45 * day}, Approval: []token.Kind{token.Service},
		RequirePurpose: true, RequireOwner: true, RequireExpiry: true, Registration: "token", RequirePKCE: true,
		WarnFrom: 1798761600000, EnforceFrom: 1801483200000, Existing: token.EndExisting,
	}
	same := cmp.Options{cmpopts.EquateEmpty(), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })}
	if diff := cmp.Diff(want, f.Workspaces[0].Policy, same); diff != "" {
		t.Errorf("the policy differs (-want +got):\n%s", diff)
	}
	if _, limited := f.Workspaces[0].Policy.Scopes[token.Ephemeral]; !limited {
		t.Error("no scopes are read as all of them")
	}
}

func TestPolicyMayStandAlone(t *testing.T) {
	p, named, err := ParsePolicy("p.yaml", []byte("max_ttl:\n  service: 90d\nrequire_owner: true\nrequire_expiry: false\nregistration: {mode: open, require_pkce: false}\n"))
	if err != nil || p.MaxTTL[token.Service] != 90*86400 || !p.RequireOwner {
		t.Errorf("got %+v, %v", p, err)
	}
	if want := []string{"max_ttl", "require_owner", "require_expiry", "registration", "mode", "require_pkce"}; !slices.Equal(named, want) {
		t.Errorf("it names %v, want %v", named, want)
	}
	if _, _, err := ParsePolicy("p.yaml", []byte("max_ttl:\n  service: 90\nmax_age: 5\n")); err == nil || !strings.HasPrefix(err.Error(), `p.yaml:3: unknown key "max_age"`) {
		t.Errorf("got %v, want a problem with its line", err)
	}
}
