package token

import (
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestNetworksHaveOneSpelling(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.0/24": "192.0.2.0/24", "192.0.2.7": "192.0.2.7/32", "2001:db8::/32": "2001:db8::/32", "2001:db8::1": "2001:db8::1/128",
		"::ffff:192.0.2.0/120": "192.0.2.0/24", "::ffff:192.0.2.7": "192.0.2.7/32", "0.0.0.0/0": "0.0.0.0/0",
		"192.0.2.1/24": "", "2001:db8::1/32": "", "::ffff:0:0/95": "", "fe80::1%eth0": "", "192.0.2.0/33": "", "localhost": "", "": "", "010.0.0.1": "",
	} {
		got, err := ParseNetwork("addresses", text)
		if want == "" {
			if !Is(err, Invalid) {
				t.Errorf("%q: got %v, %v, want a refusal", text, got, err)
			}
		} else if err != nil || got.String() != want {
			t.Errorf("%q: got %v, %v, want %s", text, got, err, want)
		}
	}
}

func TestAddressIsReachedInAnySpelling(t *testing.T) {
	office := networksOf(t, "192.0.2.0/24", "2001:db8::/32")
	for address, want := range map[string]bool{
		"192.0.2.200": true, "::ffff:192.0.2.200": true, "2001:db8:1::9": true,
		"192.0.3.1": false, "::ffff:192.0.3.1": false, "2001:db9::": false, "": false, "unknown": false,
	} {
		if got := Reaches(office, address); got != want {
			t.Errorf("%q: got %v, want %v", address, got, want)
		}
		if !Reaches(nil, address) {
			t.Errorf("%q: no networks are all of them", address)
		}
	}
}

func networksOf(t *testing.T, texts ...string) []netip.Prefix {
	t.Helper()
	all, err := ParseNetworks("addresses", texts)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestWithinIsWhatEachAddressSays: what lies within others reaches no address
// that those do not.
func TestWithinIsWhatEachAddressSays(t *testing.T) {
	network := rapid.Custom(func(t *rapid.T) netip.Prefix {
		b := rapid.SliceOfN(rapid.ByteRange(0, 3), 4, 4).Draw(t, "address")
		p, _ := netip.AddrFrom4([4]byte(b)).Prefix(rapid.IntRange(0, 32).Draw(t, "bits"))
		return p
	})
	rapid.Check(t, func(t *rapid.T) {
		narrow, wide := rapid.SliceOfN(network, 1, 3).Draw(t, "narrow"), rapid.SliceOfN(network, 1, 3).Draw(t, "wide")
		if !Within(narrow, wide) {
			return
		}
		at := netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.ByteRange(0, 3), 4, 4).Draw(t, "at"))).String()
		if Reaches(narrow, at) && !Reaches(wide, at) {
			t.Fatalf("%v lies within %v, and only it reaches %s", narrow, wide, at)
		}
	})
	one := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	if Within(nil, one) || !Within(one, nil) || !Within(nil, nil) {
		t.Error("no networks are not read as all of them")
	}
}

// TestNetworksBindAtEverySurface: the token's and the policy's, from its instant
// on, whether or not the address is known.
func TestNetworksBindAtEverySurface(t *testing.T) {
	for name, bind := range map[string]func(*Record){
		"token": func(r *Record) { r.Token.Addresses = networksOf(t, "192.0.2.0/24") },
		"policy": func(r *Record) {
			r.Workspace.Policy.Addresses = map[Kind][]netip.Prefix{Access: networksOf(t, "192.0.2.0/24")}
		},
		"both, of which one is wider": func(r *Record) {
			r.Token.Addresses = networksOf(t, "192.0.0.0/8")
			r.Workspace.Policy.Addresses = map[Kind][]netip.Prefix{Access: networksOf(t, "192.0.2.0/24")}
		},
		"policy that has come": func(r *Record) {
			r.Workspace.Policy.Next = &Policy{EnforceFrom: now, Addresses: map[Kind][]netip.Prefix{Access: networksOf(t, "192.0.2.0/24")}}
		},
	} {
		r := sound()
		bind(r)
		for _, surface := range []Surface{AtVerify, AtIntrospect, AtAPI} {
			for address, want := range map[string]bool{"192.0.2.9": true, "::ffff:192.0.2.9": true, "192.0.3.9": false, "": false} {
				_, err := MayUse(r, Use{Now: now, Surface: surface, Address: address})
				if refusal := AsRefusal(err); (err == nil) != want || err != nil && (refusal.Code != Forbidden || refusal.Reason != WrongAddress) {
					t.Errorf("%s at %d from %q: got %v", name, surface, address, err)
				}
			}
		}
		if _, err := MayUse(r, Use{Now: now, Surface: AtIntrospect, Anywhere: true}); err != nil {
			t.Errorf("%s: asked about anywhere: %v", name, err)
		}
	}
	early := sound()
	early.Workspace.Policy.Next = &Policy{EnforceFrom: now + 1, Addresses: map[Kind][]netip.Prefix{Access: networksOf(t, "192.0.2.0/24")}}
	if _, err := MayUse(early, Use{Now: now, Surface: AtVerify, Address: "192.0.3.9"}); err != nil {
		t.Errorf("a policy that has not come yet: %v", err)
	}
}

func TestPolicyCutsScopesAtUse(t *testing.T) {
	r := sound()
	r.Token.Scopes = append(r.Token.Scopes, "openid")
	r.Workspace.Policy.Scopes = map[Kind]Scopes{Access: {"catalog:read"}, Service: {}}
	v, err := MayUse(r, Use{Now: now, Surface: AtVerify})
	if err != nil || !slices.Equal(v.Scopes, Scopes{"catalog:read", "openid"}) {
		t.Errorf("got %v, %v, want what the policy allows and what the standards owe", v.Scopes, err)
	}
	if _, err := MayUse(r, Use{Now: now, Surface: AtVerify, Scopes: Scopes{"content:write"}}); !Is(err, InsufficientScope) {
		t.Errorf("got %v, want a lack of scope", err)
	}
	r.Grant.Installed = true // an install's scopes are cut as well
	if v, _ := MayUse(r, Use{Now: now, Surface: AtVerify}); v.Scopes.Has("content:write") {
		t.Error("an install keeps what the policy does not allow")
	}
}

func TestRulesThatAreAbsentCostNothing(t *testing.T) {
	r, u := sound(), Use{Now: now, Surface: AtVerify, Address: "192.0.2.1"}
	if n := testing.AllocsPerRun(100, func() { MayUse(r, u) }); n != 0 { //nolint:errcheck // only its cost is asked
		t.Errorf("a verdict allocates %v times", n)
	}
	r.Token.Addresses = networksOf(t, "192.0.2.0/24")
	if n := testing.AllocsPerRun(100, func() { MayUse(r, u) }); n != 0 { //nolint:errcheck // only its cost is asked
		t.Errorf("a verdict with networks allocates %v times", n)
	}
}

func TestWaitingTokenOpensNothing(t *testing.T) {
	r := sound()
	r.Token.Approval = ApprovalWaiting
	if _, err := MayUse(r, Use{Now: now, Surface: AtVerify}); err == nil || r.Token.Live(now) || r.Token.Status(now) != "waiting" {
		t.Errorf("got %v, %s, want a token that waits", err, r.Token.Status(now))
	}
	r.Token.Approval = "user:u2"
	if _, err := MayUse(r, Use{Now: now, Surface: AtVerify}); err != nil {
		t.Errorf("approved: %v", err)
	}
}
