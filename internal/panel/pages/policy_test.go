package pages

import (
	"strings"
	"testing"
)

func policyForm() PolicyForm {
	return PolicyForm{
		"max_ttl.service": "90d", "max_ttl.personal": "180d", "rotate_after.service": "30d", "max_per_owner.personal": "10", "scopes.service": "content:read\ncatalog:read",
		"addresses.service": "192.0.2.0/24", "approval": "service personal", "require_owner": "yes", "on_leak": "revoke", "existing": "end",
		"warn_from": "2026-12-01T00:00", "enforce_from": "2027-01-01T00:00",
	}
}

func policySamples() []sample {
	shell := fullShell(Policies)
	tried := Simulated{From: atNoon, Looked: 80, Whole: true, Refused: 2, ByRule: []RuleCount{{"max_ttl", 2}, {"of_tomorrow", 1}}, Owners: []OwnerCount{{"ana@acme.example", 1}, {"", 1}}, First: []SimulatedToken{
		{ID: "t1", Name: "deploy", Kind: "service", Owner: "ana@acme.example", LastFour: "abcd", ExpiresAt: atNoon, Rules: []string{"max_ttl"}, Texts: []string{"it may live at most 90 days"}},
		{ID: "t2", Kind: "personal", LastFour: "efgh", Rules: []string{"scopes", "of_tomorrow"}, Texts: []string{"", ""}},
	}}
	part, none := tried, Simulated{From: atNoon, Looked: 3, Whole: true}
	part.Whole, part.Lacking = false, []string{"ana@acme.example", "lim@acme.example"}
	full := PolicyPage{Shell: shell, Now: atNoon, Force: policyForm(), Coming: policyForm(), From: atNoon, Form: policyForm(), Tried: &tried, Super: true}
	second, third, wrong := full, full, full
	second.Tried, third.Tried = &part, &none
	wrong.Tried = nil
	wrong.Wrong = Wrong{Fields: map[string]string{"max_ttl": "service must be a length of time", "approval": "no", "rotate_after.personal": "must be a length of time", "warn_from": "must be before enforce_from"}, Whole: SuperOnly}
	return []sample{
		of("policy", (*Set).PolicyPage, full), of("policy_part", (*Set).PolicyPage, second), of("policy_none_refused", (*Set).PolicyPage, third), of("policy_wrong", (*Set).PolicyPage, wrong),
		of("policy_empty", (*Set).PolicyPage, PolicyPage{Shell: shell, Now: atNoon}),
		of("policy_words", (*Set).PolicyPage, PolicyPage{Shell: shell, Now: atNoon, Force: PolicyForm{"on_leak": "notify", "existing": "keep"}, Coming: PolicyForm{"existing": "end"}}),
	}
}

func hostilePolicies(shell Shell) []sample {
	form := PolicyForm{"max_ttl.service": hostile, "scopes.service": hostile, "warn_from": hostile, "on_leak": hostile}
	tried := Simulated{Refused: 1, ByRule: []RuleCount{{hostile, 1}}, Owners: []OwnerCount{{hostile, 1}}, First: []SimulatedToken{{hostile, hostile, hostile, hostile, hostile, atNoon, []string{hostile}, []string{hostile}}}}
	return []sample{of("policy", (*Set).PolicyPage, PolicyPage{Shell: shell, Force: form, Form: form, Tried: &tried, Wrong: Wrong{Fields: map[string]string{"max_ttl": hostile}, Whole: Impossible, Detail: hostile}})}
}

func TestRuleThatIsWrongIsReachedFromAboveTheForm(t *testing.T) {
	for _, p := range policySamples() {
		if p.name != "policy_wrong" {
			continue
		}
		doc := mustParse(t, p.html(t, newSet(t), English))
		link := with(doc.all("a"), "href", "#max_ttl")
		set := with(doc.all("fieldset"), "id", "max_ttl")
		if link == nil || set == nil || !strings.Contains(set.text, "service must be a length of time") || !strings.Contains(set.attr["aria-describedby"], "max_ttl-wrong") {
			t.Errorf("link %v, fieldset %v", link, set)
		}
		input := with(doc.all("input"), "name", "rotate_after.personal")
		if link := with(doc.all("a"), "href", "#rotate_after.personal"); link == nil || !strings.Contains(link.text, "Personal tokens: Use lengths of time") || input.attr["aria-invalid"] != "true" {
			t.Errorf("the input that cannot be read: %v, reached by %v", input, link)
		}
	}
}
