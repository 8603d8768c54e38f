package panel_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
)

const policyPath = "/panel/w/ws1/policies"

// personal makes a personal token of ana's that never ends.
func (b *browser) personal(name string) *token.Token {
	b.t.Helper()
	out, err := b.h.Authority.Issue(b.t.Context(), token.Actor{Kind: token.System, ID: "test"}, authority.Order{
		Kind: token.Personal, Name: name, Person: b.session().Person, Owner: b.session().Person, Workspace: "ws1", Scopes: token.Scopes{"catalog:read"},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return out.Token
}

func TestPolicyIsTriedBeforeItIsSaved(t *testing.T) {
	b := administrator(t, nil)
	b.personal("deploy forever")
	page := b.open(policyPath).says(200, "No rule of this workspace's own")
	form := page.form(policyPath).fill("max_ttl.personal", "30d", "require_purpose", "yes")
	tried := form.post("action", "try").says(200, "1 of the 1 tokens that live", "deploy forever", "Longest lifetime", "A purpose is required", "ana@acme.example", "No rule of this workspace's own")
	again := tried.form(policyPath)
	if again.fields.Get("max_ttl.personal") != "30d" || again.fields.Get("require_purpose") != "yes" {
		t.Fatalf("what was typed is lost: %v", again.fields)
	}
	saved := again.post("action", "save").says(200, "The policy was saved", "Personal tokens: 30d")
	if f := saved.form(policyPath); f.fields.Get("max_ttl.personal") != "30d" {
		t.Errorf("the form has %v", f.fields)
	}
	b.open("/panel/w/ws1/audit?action=policy.*").says(200, "ana@acme.example changed the policy")
}

// What the form does not have is not undone by saving it.
func TestSavingAPolicyLeavesWhatIsNotOnItsForm(t *testing.T) {
	b := administrator(t, nil)
	who := token.Actor{Kind: token.System, ID: "test"}
	if _, err := b.h.Authority.PutPolicy(t.Context(), who, "ws1", token.Policy{Impersonation: token.ImpersonationOff, Registration: "token"}, ""); err != nil {
		t.Fatal(err)
	}
	if _, shown := b.open(policyPath).form(policyPath).fields["registration"]; shown {
		t.Error("the form has a rule that nothing heeds")
	}
	b.open(policyPath).form(policyPath).fill("require_purpose", "yes").post("action", "save").says(200, "The policy was saved")
	w, err := b.h.Store.Workspace(t.Context(), "ws1")
	if err != nil || w.Policy.Impersonation != token.ImpersonationOff || w.Policy.Registration != "token" || !w.Policy.RequirePurpose {
		t.Errorf("%+v, %v", w.Policy, err)
	}
}

func TestEveryRuleOfAPolicyIsTypedAndKept(t *testing.T) {
	b := administrator(t, nil)
	want := map[string]string{
		"max_ttl.service": "90d", "default_ttl.access": "45m", "rotate_after.personal": "12h", "idle_expiry.service": "60d", "max_per_owner.personal": "10",
		"scopes.personal": "catalog:read\ncontent:write", "addresses.access": "192.0.2.0/24\n2001:db8::/32", "approval": "service", "require_owner": "yes",
		"require_expiry": "yes", "require_pkce": "yes", "on_leak": "notify", "existing": "keep",
		"warn_from": "2026-12-01T00:00", "enforce_from": "2027-01-01T08:30",
	}
	form := b.open(policyPath).form(policyPath)
	for name, value := range want {
		form.fill(name, value)
	}
	saved := form.post("action", "save").says(200, "The policy was saved", "It is enforced from 2027-01-01 08:30 UTC on", "192.0.2.0/24 2001:db8::/32")
	got := saved.form(policyPath).fields
	for name, value := range want {
		if strings.HasPrefix(name, "scopes") || strings.HasPrefix(name, "addresses") {
			continue // a text area, which the tests' browser does not read
		}
		if got.Get(name) != value {
			t.Errorf("%s is %q, want %q", name, got.Get(name), value)
		}
	}
	b.h.Clock.Move(60 * 24 * time.Hour)
	b.signIn("ana@acme.example")
	if s := b.open(policyPath).says(200, "Not said"); strings.Contains(s.text, "It is enforced from") {
		t.Error("the policy is still to come after its day")
	}
}

func TestPolicyThatCannotBeKeptIsRefusedAtItsRule(t *testing.T) {
	b := administrator(t, nil)
	for name, value := range map[string]string{
		"max_ttl.service": "soon", "max_per_owner.personal": "many", "addresses.access": "everywhere", "idle_expiry.service": "1d", "scopes.personal": "a,b\"", "warn_from": "2027-01-01T00:00", "enforce_from": "someday",
	} {
		for _, action := range []string{"try", "save"} {
			b.open(policyPath).form(policyPath).fill(name, value).post("action", action).says(422, "Please check this", "No rule of this workspace's own")
		}
	}
}

// An admin who is no super admin may try, and hears who may save.
func TestOnlyASuperAdminSavesAPolicy(t *testing.T) {
	b := administrator(t, nil)
	b.becomes("lim@acme.example", token.Admin)
	admin := newBrowser(t, b.h)
	admin.signIn("lim@acme.example")
	page := admin.open(policyPath+"?lang=en").says(200, "Only a super admin may save it")
	page.form(policyPath).fill("max_ttl.personal", "30d").post("action", "try").says(200, "would be refused")
	page.form(policyPath).fill("max_ttl.personal", "30d").post("action", "save").says(422, "Only a super admin may do this")
	plain := newBrowser(t, b.h)
	plain.signIn("lim@acme.example")
	b.becomes("lim@acme.example", token.Member)
	if res := plain.do(http.MethodGet, b.h.URL+policyPath, nil); res.StatusCode != http.StatusForbidden {
		t.Errorf("a member sees the policy's form: %d", res.StatusCode)
	}
}

// Of two administrators who have the page open, the second hears of the first,
// sees what is set now, and may still save.
func TestSecondSaveOfAPolicyHearsOfTheFirst(t *testing.T) {
	b := administrator(t, nil)
	one, two := b.open(policyPath).says(200).form(policyPath), b.open(policyPath).form(policyPath)
	one.fill("require_purpose", "yes").post("action", "save").says(200, "The policy was saved")
	told := two.fill("require_owner", "yes").post("action", "save").says(422, "Somebody else has changed this", "A purpose is required")
	again := told.form(policyPath)
	if again.fields.Get("require_owner") != "yes" {
		t.Errorf("what was typed is lost: %v", again.fields)
	}
	again.post("action", "save").says(200, "The policy was saved")
	const at = "/panel/w/ws1/alerts"
	rule := func() *form { return b.open(at + "/rule?name=internal-errors").form(at + "/rule") }
	first, second := rule(), rule()
	first.fill("for_minutes", "7").post().says(200)
	second.fill("for_minutes", "9").post().says(422, "Somebody else has changed this").form(at + "/rule").post().says(200)
	if text := b.open(at + "/rule?name=internal-errors").form(at + "/rule").fields.Get("for_minutes"); text != "9" {
		t.Errorf("the rule is for %s minutes", text)
	}
}
