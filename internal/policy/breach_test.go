package policy

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

func rulesOf(all []Breach) (rules []Rule) {
	for _, b := range all {
		rules = append(rules, b.Rule)
	}
	return rules
}

func TestEachRuleIsBrokenAlone(t *testing.T) {
	office := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	elsewhere := []netip.Prefix{netip.MustParsePrefix("192.0.3.0/24")}
	days := func(n int64) int64 { return n * 86_400_000 }
	for name, test := range map[string]struct {
		p    token.Policy
		t    token.Token
		want []Rule
	}{
		"nothing asked":          {t: token.Token{Kind: token.Personal}},
		"too long":               {token.Policy{MaxTTL: map[token.Kind]int64{token.Service: 86400}}, token.Token{Kind: token.Service, ExpiresAt: days(2)}, []Rule{MaxTTL}},
		"long enough":            {token.Policy{MaxTTL: map[token.Kind]int64{token.Service: 86400}}, token.Token{Kind: token.Service, ExpiresAt: days(1)}, nil},
		"another kind":           {token.Policy{MaxTTL: map[token.Kind]int64{token.Service: 86400}}, token.Token{Kind: token.Personal}, nil},
		"for ever over a limit":  {token.Policy{MaxTTL: map[token.Kind]int64{token.Personal: 86400}}, token.Token{Kind: token.Personal}, []Rule{MaxTTL}},
		"for ever":               {token.Policy{RequireExpiry: true}, token.Token{Kind: token.Personal}, []Rule{RequireExpiry}},
		"no purpose":             {token.Policy{RequirePurpose: true}, token.Token{Kind: token.Service}, []Rule{RequirePurpose}},
		"a routine token":        {token.Policy{RequirePurpose: true, RequireOwner: true}, token.Token{Kind: token.Access}, nil},
		"no owner":               {token.Policy{RequireOwner: true}, token.Token{Kind: token.Service}, []Rule{RequireOwner}},
		"no owner to count":      {token.Policy{MaxPerOwner: map[token.Kind]int64{token.Ephemeral: 2}}, token.Token{Kind: token.Ephemeral}, []Rule{RequireOwner}},
		"a scope":                {token.Policy{Scopes: map[token.Kind]token.Scopes{token.Service: {"a:b"}}}, token.Token{Kind: token.Service, Scopes: token.Scopes{"a:b", "c:d"}}, []Rule{AllowedScopes}},
		"a vendor's scope":       {token.Policy{Scopes: map[token.Kind]token.Scopes{token.Access: {}}}, token.Token{Kind: token.Access, Scopes: token.Scopes{"openid"}}, nil},
		"other networks":         {token.Policy{Addresses: map[token.Kind][]netip.Prefix{token.Service: office}}, token.Token{Kind: token.Service, Addresses: elsewhere}, []Rule{Networks}},
		"no networks of its own": {token.Policy{Addresses: map[token.Kind][]netip.Prefix{token.Service: office}}, token.Token{Kind: token.Service}, nil},
	} {
		if name != "too long" && test.t.ExpiresAt == 0 && test.t.Kind != token.Personal {
			test.t.ExpiresAt = 1000
		}
		if got := rulesOf(Breaches(&test.p, &test.t)); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

func TestUseAndAgeAreCountedFromTheirBeginning(t *testing.T) {
	p := &token.Policy{
		IdleExpiry: map[token.Kind]int64{token.Service: 30 * 86400}, RotateAfter: map[token.Kind]int64{token.Service: 60 * 86400},
		Addresses: map[token.Kind][]netip.Prefix{token.Service: {netip.MustParsePrefix("192.0.2.0/24")}},
	}
	k := &token.Token{Kind: token.Service, IssuedAt: 1000}
	at := func(days int64) int64 { return 1000 + days*86_400_000 }
	for _, test := range []struct {
		last token.Seen
		now  int64
		want []Rule
	}{
		{token.Seen{}, at(30) - 1, nil},
		{token.Seen{}, at(30), []Rule{Idle}},
		{token.Seen{Last: at(10)}, at(40) - 1, nil},
		{token.Seen{Last: at(10)}, at(40), []Rule{Idle}},
		{token.Seen{Last: at(59), Address: "198.51.100.1"}, at(60), []Rule{Networks, Age}},
		{token.Seen{Last: at(59), Address: "192.0.2.1"}, at(60), []Rule{Age}},
	} {
		if got := rulesOf(Used(p, k, test.last, test.now)); !slices.Equal(got, test.want) {
			t.Errorf("%+v at %v: got %v, want %v", test.last, time.Duration(test.now-1000)*time.Millisecond, got, test.want)
		}
	}
	if IdleEnd(p, &token.Token{Kind: token.Access}, 5) != 0 || rotateBy(p, &token.Token{Kind: token.Access}) != 0 {
		t.Error("a kind that is not named is limited")
	}
}

// TestNothingLiveDiesWithoutNotice: what closes to live tokens names its
// instant, and what ends them leaves a week.
func TestNothingLiveDiesWithoutNotice(t *testing.T) {
	const now = int64(1_800_000_000_000)
	week := NoticeOf.Milliseconds()
	narrow := map[token.Kind]token.Scopes{token.Service: {"a:b"}}
	old := &token.Policy{Scopes: map[token.Kind]token.Scopes{token.Service: {"a:b", "c:d"}}}
	office := map[token.Kind][]netip.Prefix{token.Service: {netip.MustParsePrefix("192.0.2.0/24")}}
	for name, test := range map[string]struct {
		next token.Policy
		ok   bool
	}{
		"shorter lives":             {token.Policy{MaxTTL: map[token.Kind]int64{token.Service: 60}, Scopes: old.Scopes}, true},
		"fewer scopes at once":      {token.Policy{Scopes: narrow}, false},
		"fewer scopes from now":     {token.Policy{Scopes: narrow, EnforceFrom: now}, true},
		"another kind's scopes":     {token.Policy{Scopes: map[token.Kind]token.Scopes{token.Access: {"a:b"}}}, false},
		"networks at once":          {token.Policy{Addresses: office}, false},
		"networks from now":         {token.Policy{Addresses: office, EnforceFrom: now}, true},
		"ends at once":              {token.Policy{Existing: token.EndExisting}, false},
		"ends in six days":          {token.Policy{Existing: token.EndExisting, EnforceFrom: now + week - 1}, false},
		"ends in a week":            {token.Policy{Existing: token.EndExisting, EnforceFrom: now + week}, true},
		"warns too late of the end": {token.Policy{Existing: token.EndExisting, WarnFrom: now + 1, EnforceFrom: now + week}, false},
	} {
		if err := CheckChange(old, &test.next, now); (err == nil) != test.ok || err != nil && !token.Is(err, token.Invalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := CheckChange(&token.Policy{Addresses: office}, &token.Policy{Addresses: map[token.Kind][]netip.Prefix{token.Service: {netip.MustParsePrefix("192.0.0.0/16")}}}, now); err != nil {
		t.Errorf("wider networks: %v", err)
	}
}

func TestPolicyThatCannotBeKeptIsRefused(t *testing.T) {
	for key, p := range map[string]token.Policy{
		"max_ttl":       {MaxTTL: map[token.Kind]int64{token.Session: 5}},
		"default_ttl":   {DefaultTTL: map[token.Kind]int64{token.Refresh: 5}},
		"max_per_owner": {MaxPerOwner: map[token.Kind]int64{token.Service: 0}},
		"idle_expiry":   {IdleExpiry: map[token.Kind]int64{token.Service: 7 * 86400}},
		"rotate_after":  {RotateAfter: map[token.Kind]int64{token.Access: 5}},
		"scopes":        {Scopes: map[token.Kind]token.Scopes{token.Service: {"two words"}}},
		"addresses":     {Addresses: map[token.Kind][]netip.Prefix{token.Service: nil}},
		"approval":      {Approval: []token.Kind{token.Access}},
		"existing":      {Existing: "burn"},
		"registration":  {Registration: "closed"},
		"warn_from":     {WarnFrom: 5, EnforceFrom: 5},
	} {
		r := token.AsRefusal(Check(&p))
		if r == nil || len(r.Fields) != 1 || r.Fields[0].Name != key {
			t.Errorf("%s: got %v", key, r)
		}
	}
	if err := Check(&token.Policy{}); err != nil {
		t.Errorf("no policy: %v", err)
	}
}
