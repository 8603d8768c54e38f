package token

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const now = int64(1_000_000)

// sound is a record of a personal token in which everything holds.
func sound() *Record {
	return &Record{
		Token: &Token{
			ID: 1, Credential: 1, Kind: Access, Workspace: "ws1", Client: "c1", Person: "u1", Grant: 7, Key: "k1",
			Scopes: Scopes{"content:write", "catalog:read"}, IssuedAt: 900_000, ExpiresAt: now + 1, Born: 5,
		},
		Workspace: &Workspace{ID: "ws1", AllScopes: true},
		Client:    &Client{ID: "c1"},
		Person:    &Person{ID: "u1", Memberships: []Membership{{Workspace: "ws1", Role: Member}}},
		Grant:     &Grant{ID: 7},
	}
}

func TestSoundTokenMayBeUsed(t *testing.T) {
	v, err := MayUse(sound(), Use{Now: now, Surface: AtVerify, Scopes: Scopes{"catalog:read"}})
	if err != nil || v.Workspace != "ws1" || v.Scopes.String() != "content:write catalog:read" {
		t.Errorf("got %+v, %v, want both scopes in ws1", v, err)
	}
}

// Each way in which a token can have lost its right, alone, is a no on every
// surface.
func TestEachLostSupportIsANo(t *testing.T) {
	for name, lose := range map[string]func(*Record){
		"ended":                 func(r *Record) { r.Token.EndedAt = 1 },
		"expired":               func(r *Record) { r.Token.ExpiresAt = now },
		"suspended":             func(r *Record) { r.Token.SuspendedAt = 1 },
		"suspended for a while": func(r *Record) { r.Token.SuspendedAt, r.Token.SuspendedUntil = 1, now+1 },
		"used up":               func(r *Record) { r.Token.MaxUses, r.Token.Uses = 2, 2 },
		"bound to a key":        func(r *Record) { r.Token.Proof = "thumbprint" },
		"workspace missing":     func(r *Record) { r.Workspace = nil },
		"workspace disabled":    func(r *Record) { r.Workspace.DisabledAt = 1 },
		"workspace cut off":     func(r *Record) { r.Workspace.Cutoffs = Cutoffs{{Position: 6}} },
		"client missing":        func(r *Record) { r.Client = nil },
		"client disabled":       func(r *Record) { r.Client.DisabledAt = 1 },
		"client cut off":        func(r *Record) { r.Client.Cutoffs = Cutoffs{{Position: 6}} },
		"person missing":        func(r *Record) { r.Person = nil },
		"person disabled":       func(r *Record) { r.Person.DisabledAt = 1 },
		"person cut off":        func(r *Record) { r.Person.Cutoffs = Cutoffs{{Position: 6}} },
		"never a member":        func(r *Record) { r.Person.Memberships = nil },
		"membership removed":    func(r *Record) { r.Person.Memberships[0].RemovedAt = 1 },
		"membership cut off":    func(r *Record) { r.Person.Memberships[0].Cutoffs = Cutoffs{{Position: 6}} },
		"grant missing":         func(r *Record) { r.Grant = nil },
		"grant ended":           func(r *Record) { r.Grant.EndedAt = 1 },
		"grant cut off":         func(r *Record) { r.Grant.Cutoffs = Cutoffs{{Position: 6}} },
		"key cut off":           func(r *Record) { r.KeyEnded = Cutoffs{{Position: 6}} },
		"issued before a date":  func(r *Record) { r.Workspace.Cutoffs = Cutoffs{{Position: 6, IssuedBefore: 900_001}} },
		"sponsor missing":       func(r *Record) { r.Token.Sponsor = "u2" },
		"sponsor left": func(r *Record) {
			r.Token.Sponsor, r.Sponsor = "u2", &Person{ID: "u2", Memberships: []Membership{{Workspace: "ws1", RemovedAt: 1}}}
		},
	} {
		for _, surface := range []Surface{AtVerify, AtIntrospect, AtAPI} {
			r := sound()
			lose(r)
			if _, err := MayUse(r, Use{Now: now, Surface: surface}); !Is(err, InvalidToken) {
				t.Errorf("%s at surface %d: got %v, want invalid_token", name, surface, err)
			}
		}
	}
}

func TestCutoffSparesWhatWasBornAfterIt(t *testing.T) {
	for _, tc := range []struct {
		Cutoff
		ends bool
	}{
		{Cutoff{Position: 4}, false}, {Cutoff{Position: 5}, false}, {Cutoff{Position: 6}, true},
		{Cutoff{Position: 6, IssuedBefore: sound().Token.IssuedAt}, false}, {Cutoff{Position: 6, IssuedBefore: sound().Token.IssuedAt + 1}, true},
	} {
		r := sound()
		r.Workspace.Cutoffs = Cutoffs{tc.Cutoff}
		if _, err := MayUse(r, Use{Now: now, Surface: AtVerify}); Is(err, InvalidToken) != tc.ends || !tc.ends && err != nil {
			t.Errorf("%+v: got %v, want it ended %v", tc.Cutoff, err, tc.ends)
		}
	}
}

func TestInstallSurvivesItsInstaller(t *testing.T) {
	r := sound()
	r.Grant.Installed = true
	r.Person.Memberships[0].RemovedAt = 1
	if v, err := MayUse(r, Use{Now: now, Surface: AtVerify}); err != nil || len(v.Scopes) != 2 {
		t.Errorf("got %+v, %v, want yes with both scopes", v, err)
	}
	r.Grant.EndedAt = 1
	if _, err := MayUse(r, Use{Now: now, Surface: AtVerify}); !Is(err, InvalidToken) {
		t.Errorf("uninstalled: got %v, want invalid_token", err)
	}
}

func TestInstallActsAsNobody(t *testing.T) {
	r := sound()
	if v, _ := MayUse(r, Use{Now: now, Surface: AtAPI}); r.ActsAs() != r.Person || v.Membership == nil || ActorOf(r, v).Kind != User {
		t.Errorf("got %+v; want the person with their membership", v)
	}
	r.Grant.Installed = true
	v, err := MayUse(r, Use{Now: now, Surface: AtAPI})
	if who := ActorOf(r, v); err != nil || r.ActsAs() != nil || v.Membership != nil || who.Kind != App || who.ID != "c1" {
		t.Errorf("got %+v by %+v, %v; want the program alone", v, who, err)
	}
}

func TestKindsKeepToTheirSurfaces(t *testing.T) {
	allowed := map[Kind][]Surface{
		Access: {AtVerify, AtIntrospect, AtAPI}, Service: {AtVerify, AtIntrospect, AtAPI}, Personal: {AtVerify, AtIntrospect, AtAPI},
		Ephemeral: {AtVerify, AtIntrospect, AtAPI}, Impersonated: {AtVerify, AtIntrospect, AtAPI},
		Refresh: {AtToken, AtIntrospect}, AuthCode: {AtToken}, Session: {AtPages}, ClientSecret: nil,
	}
	for kind, surfaces := range allowed {
		for _, s := range []Surface{AtVerify, AtIntrospect, AtAPI, AtToken, AtPages} {
			r := sound()
			r.Token.Kind, r.Client.MayImpersonate = kind, true
			_, err := MayUse(r, Use{Now: now, Surface: s})
			if want := slices.Contains(surfaces, s); (err == nil) != want {
				t.Errorf("%s at surface %d: got %v, want allowed %v", kind, s, err, want)
			}
		}
	}
}

func TestPersonalTokenOpensWhereItsPersonIsAMemberNow(t *testing.T) {
	personal := func(memberships ...Membership) *Record {
		return &Record{
			Token:  &Token{Kind: Personal, Person: "u1", Scopes: Scopes{ManageContent}, Born: 5},
			Person: &Person{ID: "u1", Memberships: memberships},
		}
	}
	one, two := Membership{Workspace: "ws1", Role: Member}, Membership{Workspace: "ws2", Role: Member}
	gone := Membership{Workspace: "ws1", Role: Member, RemovedAt: 1}
	back := Membership{Workspace: "ws1", Role: Member, Cutoffs: Cutoffs{{Position: 9}}}
	for _, test := range []struct {
		name    string
		members []Membership
		use     Use
		opened  string
		want    Code
	}{
		{"the only one is inferred", []Membership{one}, Use{}, "ws1", ""},
		{"one of two must be named", []Membership{one, two}, Use{}, "", WorkspaceRequired},
		{"named", []Membership{one, two}, Use{Workspace: "ws2"}, "ws2", ""},
		{"named but not a member", []Membership{one}, Use{Workspace: "ws2"}, "", InvalidToken},
		{"removed", []Membership{gone}, Use{}, "", InvalidToken},
		{"removed from one, still in the other", []Membership{gone, two}, Use{}, "ws2", ""},
		{"removed and added again", []Membership{back}, Use{Workspace: "ws1"}, "", InvalidToken},
		{"about the person", []Membership{one, two}, Use{AnyWorkspace: true}, "", ""},
		{"no workspace left", nil, Use{AnyWorkspace: true}, "", InvalidToken},
	} {
		r := personal(test.members...)
		if test.opened != "" {
			r.Opened = &Workspace{ID: test.opened, AllScopes: true}
		}
		test.use.Now, test.use.Surface = now, AtAPI
		v, err := MayUse(r, test.use)
		if test.want == "" && (err != nil || v.Workspace != test.opened) || test.want != "" && !Is(err, test.want) {
			t.Errorf("%s: got %+v, %v, want %q in %q", test.name, v, err, test.want, test.opened)
		}
	}
}

func TestTokenShrinksWithItsPerson(t *testing.T) {
	r := sound()
	r.Person.Memberships[0].Narrowed, r.Person.Memberships[0].Scopes = true, Scopes{"catalog:read"}
	v, err := MayUse(r, Use{Now: now, Surface: AtVerify})
	if err != nil || v.Scopes.String() != "catalog:read" {
		t.Errorf("got %v, %v, want catalog:read alone", v.Scopes, err)
	}
	_, err = MayUse(r, Use{Now: now, Surface: AtVerify, Scopes: Scopes{"content:write"}})
	if refusal := AsRefusal(err); refusal == nil || refusal.Code != InsufficientScope || refusal.Scope.String() != "content:write" {
		t.Errorf("got %v, want insufficient_scope that names content:write", err)
	}
}

func TestImpersonationNeverExceedsItsActor(t *testing.T) {
	r := sound()
	r.Token.Kind, r.Token.Sponsor, r.Token.Actor = Impersonated, "u2", "user:u2"
	r.Sponsor = &Person{ID: "u2", Memberships: []Membership{{Workspace: "ws1", Role: Member, Narrowed: true, Scopes: Scopes{"catalog:read"}, MayImpersonate: true}}}
	if v, err := MayUse(r, Use{Now: now, Surface: AtVerify}); err != nil || v.Scopes.String() != "catalog:read" {
		t.Errorf("got %v, %v, want what both hold", v.Scopes, err)
	}
}

// TestImpersonationNeedsTheRightAtEachUse, of a client as of a person, and a
// workspace that lets anybody.
func TestImpersonationNeedsTheRightAtEachUse(t *testing.T) {
	for name, take := range map[string]func(r *Record){
		"nothing taken":   func(*Record) {},
		"the person's":    func(r *Record) { r.Sponsor.Memberships[0].MayImpersonate = false },
		"the membership":  func(r *Record) { r.Sponsor.Memberships[0].RemovedAt = 5 },
		"the person":      func(r *Record) { r.Sponsor = nil },
		"by policy":       func(r *Record) { r.Workspace.Policy.Impersonation = ImpersonationOff },
		"the client's":    func(r *Record) { r.Token.Sponsor, r.Client.MayImpersonate = "", false },
		"the client":      func(r *Record) { r.Token.Sponsor, r.Token.Client = "", ""; r.Client = nil },
		"of another kind": func(r *Record) { r.Token.Kind = Ephemeral; r.Sponsor.Memberships[0].MayImpersonate = false },
	} {
		r := sound()
		r.Token.Kind, r.Token.Sponsor, r.Token.Actor = Impersonated, "u2", "user:u2"
		r.Sponsor = &Person{ID: "u2", Memberships: []Membership{{Workspace: "ws1", Role: Member, MayImpersonate: true}}}
		r.Client.MayImpersonate = true
		take(r)
		_, err := MayUse(r, Use{Now: now, Surface: AtVerify})
		if want := name == "nothing taken" || name == "of another kind"; (err == nil) != want || !want && !Is(err, InvalidToken) {
			t.Errorf("%s: got %v, want allowed %v", name, err, want)
		}
	}
}

// What was made for no resource in particular passes where none is asked for,
// or this server itself is; a resource that asks by name hears no (RFC 9068, 4).
func TestTokenForNobodyInParticularIsForThisServer(t *testing.T) {
	for audience, want := range map[string]bool{"": true, "https://tokens.test": true, "https://a.test/": false} {
		_, err := MayUse(sound(), Use{Now: now, Surface: AtVerify, Audience: audience, Issuer: "https://tokens.test"})
		if (err == nil) != want {
			t.Errorf("%q: got %v, want allowed %v", audience, err, want)
		}
	}
}

func TestAudienceIsHeld(t *testing.T) {
	r := sound()
	r.Token.Audience = "https://a.test/ https://b.test/"
	for audience, want := range map[string]bool{"": true, "https://a.test/": true, "https://b.test/": true, "https://a.test": false, "https://c.test/": false} {
		if _, err := MayUse(r, Use{Now: now, Surface: AtVerify, Audience: audience}); (err == nil) != want {
			t.Errorf("%q: got %v, want allowed %v", audience, err, want)
		}
	}
}

// Whatever is taken from a record or asked more of it, the verdict never grows.
func TestVerdictNeverGrows(t *testing.T) {
	pool := []string{"content:write", "catalog:read", AdminRead, AdminWrite, "openid", ReadContent, ManageContent}
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.SliceOfDistinct(rapid.SampledFrom(pool), func(s string) string { return s })
		r := sound()
		r.Token.Scopes = some.Draw(t, "token")
		r.Workspace.AllScopes = rapid.Bool().Draw(t, "all")
		r.Workspace.Scopes = some.Draw(t, "workspace")
		m := &r.Person.Memberships[0]
		m.Role = rapid.SampledFrom([]string{Member, Admin, SuperAdmin, "reader", "unknown"}).Draw(t, "role")
		m.Narrowed, m.Scopes = rapid.Bool().Draw(t, "narrowed"), some.Draw(t, "membership")
		r.Workspace.Roles = []Role{{Name: "reader", Scopes: some.Draw(t, "reader")}}
		asked := some.Draw(t, "asked")
		v, err := MayUse(r, Use{Now: now, Surface: AtVerify, Scopes: asked})
		for _, s := range v.Scopes {
			if !slices.Contains(r.Token.Scopes, s) {
				t.Fatalf("%s is not in the token", s)
			}
			if !r.Workspace.MayHold(m, s) {
				t.Fatalf("%s may not be held", s)
			}
			if IsAdmin(s) && !m.IsAdmin() {
				t.Fatalf("%s is held by %s", s, m.Role)
			}
		}
		if err == nil && v.Scopes.Missing(asked) != nil {
			t.Fatalf("yes without %v", v.Scopes.Missing(asked))
		}
	})
}

func TestEnablingAWorkspaceRevivesNoTokenForAll(t *testing.T) {
	r := sound()
	r.Token.Workspace, r.Token.Client, r.Token.Grant, r.Workspace, r.Client, r.Grant = "", "", 0, nil, nil, nil
	for _, test := range []struct {
		name    string
		cutoffs Cutoffs
		want    Code
	}{
		{"never disabled", nil, ""},
		{"disabled before the token was made", Cutoffs{{Position: r.Token.Born}}, ""},
		{"disabled and enabled again", Cutoffs{{Position: r.Token.Born + 1}}, InvalidToken},
	} {
		r.Opened = &Workspace{ID: "ws1", AllScopes: true, Cutoffs: test.cutoffs}
		_, err := MayUse(r, Use{Now: now, Surface: AtVerify, Workspace: "ws1"})
		if test.want == "" && err != nil || test.want != "" && !Is(err, test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
}

func TestNamesArePlain(t *testing.T) {
	for name, want := range map[string]bool{
		"ws1": true, "A.b_c:d-9": true, strings.Repeat("a", 128): true,
		"": false, "a b": false, "a/b": false, "é": false, "a\n": false, "a%": false, strings.Repeat("a", 129): false,
	} {
		if got := IsName(name); got != want {
			t.Errorf("%q: got %v, want %v", name, got, want)
		}
	}
}
