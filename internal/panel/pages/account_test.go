package pages

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

// accountSamples are the pages of signing in and of the account.
func accountSamples() []sample {
	asked := &Ceremony{Options: `{"challenge":"c"}`, Kept: "sealed"}
	shell := fullShell("")
	shell.Said = PasskeyAdded
	return []sample{
		login("login_passkey", Login{Here: "/panel/login", Next: "/panel/", Nonce: "n0nce", Asked: asked, Mail: true, Said: PasswordReset}),
		login("login_upstream", Login{Here: "/panel/login", Next: "/panel/", Upstream: "Acme ID", Anew: true}),
		login("login_waiting", Login{Here: "/panel/login", Next: "/panel/", Upstream: "Acme ID", Waiting: "ana@acme.example", Email: "ana@acme.example"}),
		login("login_unknown", Login{Here: "/panel/login", Next: "/panel/", Upstream: "Acme ID", Error: UpstreamUnknown, Address: "ana@acme.example"}),
		login("login_other", Login{Here: "/panel/login", Next: "/panel/", Upstream: "Acme ID", Error: UpstreamOther, Address: "ana@acme.example"}),
		login("login_down", Login{Here: "/panel/login", Next: "/panel/", Upstream: "Acme ID", Error: UpstreamDown}),
		security("security_linked", Security{Shell: fullShell(""), Fresh: true, HasPassword: true, Upstream: &Upstream{Name: "Acme ID", Email: "ana@acme.example"}}),
		security("security_owed", Security{Shell: fullShell(""), Fresh: true, HasPassword: true, Owed: "Acme"}),
		security("security_only", Security{Shell: fullShell(""), Fresh: true, Upstream: &Upstream{Name: "Acme ID", Email: "ana@acme.example", Only: true}}),
		security("security_link_waits", Security{Shell: fullShell(""), Fresh: true, HasPassword: true, Upstream: &Upstream{Name: "Acme ID", Waiting: "zoe@other.example"}}),
		security("security_unlinked", Security{Shell: fullShell(""), Fresh: true, HasPassword: true, Upstream: &Upstream{Name: "Acme ID"}}),
		second("second", Second{Here: "/panel/login/second", Next: "/panel/", Nonce: "n0nce", Asked: asked}),
		second("second_wrong", Second{Wrong: true}),
		second("second_many", Second{Many: true}),
		found("found", Found{Here: "/panel/found"}), found("found_done", Found{Here: "/panel/found?done=1", Done: true}),
		found("found_wrong", Found{Here: "/panel/found", URL: "https://paste.example/?a=<b>", Wrong: Wrong{Fields: map[string]string{"token": ""}}}),
		forgot("forgot", Forgot{Here: "/panel/forgot"}),
		forgot("forgot_sent", Forgot{Here: "/panel/forgot?sent=1", Sent: true}),
		forgot("forgot_many", Forgot{Many: true}),
		reset("reset", Reset{Token: "one-time", MinPassword: 12}),
		reset("reset_short", Reset{Token: "one-time", MinPassword: 12, Errors: map[string]FieldError{"password": FieldShort}}),
		reset("reset_over", Reset{Over: true}),
		security("security", fullSecurity(shell)),
		security("security_plain", Security{Shell: Shell{Here: "/panel/security", Person: ana}, Fresh: true, HasPassword: true, MinPassword: 12}),
		security("security_stale", Security{Shell: fullShell(""), Possible: true}),
		security("security_errors", Security{Shell: fullShell(""), HasPassword: true, Errors: map[string]FieldError{
			"old_password": FieldWrong, "new_password": FieldShort, "credential": FieldInvalid}}),
		{"app_setup", func(s *Set, w io.Writer, l Lang) error {
			return s.AppSetup(w, l, AppSetup{Shell: fullShell(""), Secret: "GEZDGNBVGY3TQOJQ", Errors: map[string]FieldError{"code": FieldWrong}})
		}},
		{"recovery_codes", func(s *Set, w io.Writer, l Lang) error {
			return s.RecoveryCodes(w, l, RecoveryCodes{Shell: fullShell(""), Codes: []string{"aaaa-bbbb-cccc-dddd", "eeee-ffff-gggg-hhhh"}})
		}},
		{"lost_factors", func(s *Set, w io.Writer, l Lang) error {
			return s.LostFactors(w, l, LostFactors{Shell: fullShell(Members), Member: ana, Post: "/panel/w/ws1/members/u1/factors", Errors: map[string]FieldError{"reason": FieldMissing}})
		}},
		of("invitations", (*Set).Invitations, Invitations{Shell: shell, Now: atNoon, Items: []Invitation{
			{Workspace: Workspace{ID: "ws2", Name: "Basin"}, Role: "admin", Impersonates: true, By: "berta@basin.example", Until: atNoon.Add(100 * time.Hour)},
			{Workspace: Workspace{ID: "ws3", Name: "Clay"}, Role: "reader", By: "carl@clay.example", Until: atNoon.Add(time.Hour)},
		}}),
		of("invitations_none", (*Set).Invitations, Invitations{Shell: Shell{Here: "/panel/invitations", Person: ana}}),
		home("home_invited", Home{Shell: fullShell(""), Invited: 1}), home("home_invited_twice", Home{Shell: fullShell(""), Invited: 2}),
		home("home_wrong", Home{Shell: fullShell(""), Locale: "de", Errors: map[string]FieldError{"name": FieldInvalid}}),
	}
}

func fullSecurity(shell Shell) Security {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	return Security{
		Shell: shell, Now: now, Fresh: true, HasPassword: true, MinPassword: 12, App: true, Codes: 1, Possible: true,
		Asked: &Ceremony{Options: `{"challenge":"c"}`, Kept: "sealed"},
		Passkeys: []Passkey{{ID: "6b31", Name: "Phone", Made: now.Add(-48 * time.Hour), Used: now.Add(-time.Hour)},
			{ID: "6b32", Name: "Laptop", Made: now}},
		Sessions: []SignedIn{{ID: "s1", Address: "192.0.2.7", Agent: "Firefox", Since: now, Current: true}, {ID: "s2", Address: "2001:db8::7", Agent: "Safari", Since: now}},
	}
}

func hostileAccount(shell Shell) []sample {
	asked := &Ceremony{Options: hostile, Kept: hostile}
	return []sample{
		login("login_waiting", Login{Next: hostile, Upstream: hostile, Waiting: hostile}),
		login("login_upstream", Login{Next: hostile, Upstream: hostile, Address: hostile, Error: UpstreamOther}),
		security("security_linked", Security{Shell: shell, Fresh: true, Upstream: &Upstream{Name: hostile, Email: hostile}}),
		security("security_link_waits", Security{Shell: shell, Fresh: true, Upstream: &Upstream{Name: hostile, Waiting: hostile}}),
		second("second", Second{Here: hostile, Next: hostile, Asked: asked}),
		reset("reset", Reset{Token: hostile}),
		security("security", Security{Shell: shell, Fresh: true, Possible: true, Asked: asked,
			Passkeys: []Passkey{{ID: "6b31", Name: hostile}}, Sessions: []SignedIn{{ID: "s1", Address: hostile, Agent: hostile}}}),
	}
}

func second(name string, v Second) sample {
	return sample{name, func(s *Set, w io.Writer, l Lang) error { return s.Second(w, l, v) }}
}

func found(name string, v Found) sample {
	return sample{name, func(s *Set, w io.Writer, l Lang) error { return s.Found(w, l, v) }}
}

func forgot(name string, v Forgot) sample {
	return sample{name, func(s *Set, w io.Writer, l Lang) error { return s.Forgot(w, l, v) }}
}

func reset(name string, v Reset) sample {
	return sample{name, func(s *Set, w io.Writer, l Lang) error { return s.Reset(w, l, v) }}
}

func security(name string, v Security) sample {
	return sample{name, func(s *Set, w io.Writer, l Lang) error { return s.Security(w, l, v) }}
}

func TestResetTokenIsInNoLink(t *testing.T) {
	html := reset("", Reset{Token: "one-time-secret"}).html(t, newSet(t), English)
	if n := strings.Count(html, "one-time-secret"); n != 1 {
		t.Errorf("the token is there %d times, want once", n)
	}
}

func TestFirstButtonOfTheSignInTakesThePassword(t *testing.T) {
	doc := mustParse(t, accountSamples()[0].html(t, newSet(t), English))
	first := doc.all("form")[0]
	if first.attr["action"] != loginPath || len(first.all("button")) != 1 || !slices.Contains([]string{"email"}, first.all("input")[1].attr["name"]) {
		t.Errorf("the first form is %v", first.attr)
	}
	passkey := doc.all("form")[1]
	if _, hidden := passkey.attr["hidden"]; !hidden || passkey.attr["data-options"] == "" {
		t.Errorf("a form that needs a script is shown without one: %v", passkey.attr)
	}
}

func TestWaysToSignInAreChangedOnlyFreshlySignedIn(t *testing.T) {
	v := fullSecurity(fullShell(""))
	v.Fresh, v.Asked = false, nil
	doc := mustParse(t, security("", v).html(t, newSet(t), English))
	for _, f := range doc.all("form") {
		if to := f.attr["action"]; strings.Contains(to, "passkeys") || strings.Contains(to, "/app") || strings.Contains(to, "codes") {
			t.Errorf("a form posts to %s", to)
		}
	}
}
