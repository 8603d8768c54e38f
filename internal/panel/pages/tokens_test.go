package pages

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func tokenOf(status string) Token {
	return Token{
		ID: "0c1a2b3d4e5f6", Secret: "0c1a2b3d4e5f7", Name: "deploy CLI", LastFour: "9fQ2", Kind: "service", Status: status, Href: "/panel/w/ws1/tokens/0c1a2b3d4e5f7",
		Workspace: "Acme", Scopes: []string{"content:write", "catalog:read", "assets:read", "assets:write", "events:write"}, Purpose: "deploys",
		Owner: Somebody{Name: "Ana Admin", Href: "/panel/w/ws1/members/usr_1"}, Created: atNoon.Add(-40 * 24 * time.Hour), Expires: atNoon.Add(3 * 24 * time.Hour),
		Used: Use{At: atNoon.Add(-time.Hour), Address: "192.0.2.7", Agent: "curl/8.9", Route: "GET /entries", Count: 12},
	}
}

func ownTokens() []Token {
	var all []Token
	for _, status := range []string{"active", "pending", "retiring", "suspended", "waiting", "retired", "expired", "revoked"} {
		t := tokenOf(status)
		t.Secret = "s" + status
		all = append(all, t)
	}
	all[1].Expires, all[1].Workspace, all[1].Used = time.Time{}, "", Use{}
	all[2].Rule, all[3].Rule, all[4].Rule, all[5].Rule = "rotation", "idle", "policy", "approval"
	all[3].Owner, all[4].Name = Somebody{Name: "usr_gone", Left: true}, ""
	return all
}

func orderForm() TokenForm {
	return TokenForm{
		Shell: fullShell(Tokens), Now: atNoon, Kinds: []string{"personal", "service", "ephemeral"}, Once: "k1", Copies: ownTokens()[:2], Issuer: "https://tokens.acme.example",
		Typed: TokenOrder{Kind: "service", Name: "it's a \"bot\"", Purpose: "sync", Owner: "ana@acme.example", Scopes: []string{"content:write", "catalog:read"}, Expires: "2592000", Date: "2026-12-22"},
		Scopes: []Scope{
			{Name: "admin:read"}, {Name: "admin:write"}, {Name: "assets:read"}, {Name: "assets:write"},
			{Name: "catalog:read", Ticked: true, Described: map[string]string{"en": "Query catalogues"}}, {Name: "catalog:write"},
			{Name: "content:write", Ticked: true}, {Name: "content_management_manage"}, {Name: "content_management_read"}, {Name: "forms"},
		},
		Usual: 30 * 24 * time.Hour, Most: 90 * 24 * time.Hour,
	}
}

func fullToken(status string) TokenPage {
	t := tokenOf(status)
	return TokenPage{
		Shell: fullShell(Tokens), Now: atNoon, Token: t, Change: true, Rotate: true, Decide: true, Give: true, Like: true, Once: "k2", Format: "JWT", Contract: "panel",
		Audience: "https://api.acme.example", Acting: "user:usr_2", Reason: "a ticket", Addresses: []string{"192.0.2.0/24"}, MaxUses: 3, Uses: 1, Family: "g1",
		Secrets: ownTokens()[:3], Recorded: true,
		Fit:     &Fit{Used: []ScopeUse{{"catalog:read", atNoon.Add(-time.Hour)}}, Unused: []string{"content:write"}, Proposal: []string{"catalog:read"}, Since: t.Created, Days: 5},
		Records: []Record{{At: atNoon.Add(-time.Hour), Route: "GET /entries", Address: "192.0.2.7", Agent: "curl/8.9", Outcome: "allowed", Scopes: []string{"catalog:read"}}, {At: atNoon, Outcome: "insufficient_scope"}, {At: atNoon, Outcome: "reported"}},
		History: []Event{{ID: "e1", At: atNoon.Add(-2 * time.Hour), Action: "token.issued", Actor: "ana@acme.example", Target: "token:x", Address: "192.0.2.7"}, {ID: "e2", At: atNoon, Action: "impersonation.used", Actor: "ana@acme.example", For: "Lim", Target: "token:x"}},
		Audit:   true,
	}
}

func tokenSamples() []sample {
	shell := fullShell(Tokens)
	wrong := orderForm()
	wrong.Wrong = Wrong{Fields: map[string]string{"name": "is required", "scopes": "name one", "ttl": "may be at most 30 days", "addresses": "is none", "Idempotency-Key": "was used"}}
	preview := orderForm()
	preview.Preview, preview.Waits, preview.NeedsPurpose = true, true, true
	personal := orderForm()
	personal.Typed.Kind, personal.Typed.Expires, personal.Several, personal.Preview, personal.Usual, personal.Most, personal.MustExpire = "personal", "date", true, true, 0, 0, false
	ephemeral := orderForm()
	ephemeral.Typed.Kind, ephemeral.Typed.Expires, ephemeral.Usual, ephemeral.Most, ephemeral.Typed.MaxUses = "ephemeral", "300", 5*time.Minute, time.Hour, "1"
	nothing := personal
	nothing.Kinds, nothing.Scopes, nothing.Typed = []string{"personal"}, nil, TokenOrder{Kind: "personal", Expires: "never"}
	all := []sample{
		of("tokens", (*Set).TokenList, TokenList{Shell: shell, Now: atNoon, Items: ownTokens(), Pager: Pager{Next: "/panel/w/ws1/tokens?after=50"}}),
		of("tokens_none", (*Set).TokenList, TokenList{Shell: shell, Now: atNoon}),
		of("token_new", (*Set).TokenForm, orderForm()), of("token_new_wrong", (*Set).TokenForm, wrong), of("token_new_preview", (*Set).TokenForm, preview),
		of("token_new_personal", (*Set).TokenForm, personal), of("token_new_ephemeral", (*Set).TokenForm, ephemeral), of("token_new_nothing", (*Set).TokenForm, nothing),
		of("token_made", (*Set).TokenMade, TokenMade{Shell: shell, Now: atNoon, Token: tokenOf("active"), Secret: "fch_svc_secret", Issuer: "https://tokens.acme.example"}),
		of("token_made_turned", (*Set).TokenMade, TokenMade{Shell: shell, Now: atNoon, Token: tokenOf("waiting"), Secret: "fch_svc_secret", Waits: true, Turned: true, Warnings: []string{"purpose: needed"}}),
		of("tokens_turned", (*Set).TokensTurned, TokensTurned{Shell: shell, Stay: true, File: "/panel/w/ws1/inventory/bulk/run?as=csv", Hidden: []Hidden{{"act", "rotate"}}, Turned: []Turned{{tokenOf("active"), "fch_svc_one", ""}, {tokenOf("active"), "", "a rotation is open"}}}),
	}
	for _, status := range []string{"active", "suspended", "waiting", "revoked"} {
		v := fullToken(status)
		if status == "suspended" {
			v.Until, v.Refused = atNoon.Add(time.Hour), []Use{{At: atNoon, Address: "192.0.2.9", Agent: "bot", Route: "GET /x", Count: 3}}
		}
		if status == "revoked" {
			v.EndedAt, v.EndReason, v.Leaks = atNoon, "leaked", []Leak{{atNoon, "github", "https://github.com/acme/x", true}, {atNoon, "x", "", false}}
		}
		all = append(all, of("token_"+status, (*Set).TokenPage, v))
	}
	for _, state := range []string{"pending", "active", "undone"} {
		v := fullToken("active")
		v.Turning = &Turning{ID: "r1", Base: "/panel/w/ws1/tokens/0c1a2b3d4e5f7/rotations", State: state, Since: atNoon, RetiresAt: atNoon.Add(time.Hour)}
		v.Rotate = state != "undone"
		all = append(all, of("token_rotation_"+state, (*Set).TokenPage, v))
	}
	bare := TokenPage{Shell: shell, Now: atNoon, Token: Token{ID: "x", Secret: "x", Kind: "access", Status: "active"}, Final: true, Fit: &Fit{}}
	for _, rule := range []string{"max_ttl", "require_expiry", "require_purpose", "require_owner", "scopes", "addresses", "max_per_owner", "idle_expiry", "rotate_after"} {
		bare.Warnings = append(bare.Warnings, Warning{Rule: rule}, Warning{rule, atNoon})
	}
	return append(all, of("token_bare", (*Set).TokenPage, bare))
}

func hostileTokens(shell Shell) []sample {
	t := Token{ID: hostile, Secret: hostile, Name: hostile, LastFour: hostile, Kind: hostile, Status: hostile, Workspace: hostile, Scopes: []string{hostile}, Purpose: hostile,
		Owner: Somebody{Name: hostile}, Holder: Somebody{Name: hostile}, By: Somebody{Name: hostile}, Client: hostile, Rule: hostile,
		Expires: atNoon, Used: Use{At: atNoon, Address: hostile, Agent: hostile, Route: hostile}}
	typed := TokenOrder{Kind: hostile, Name: hostile, Purpose: hostile, Owner: hostile, Scopes: []string{hostile}, Expires: hostile, Date: hostile, Addresses: hostile, MaxUses: hostile}
	page := fullToken("active")
	page.Shell, page.Token, page.Acting, page.Reason, page.Audience = shell, t, hostile, hostile, hostile
	page.Records, page.History = []Record{{Route: hostile, Address: hostile, Agent: hostile, Outcome: hostile, Scopes: []string{hostile}}}, []Event{{ID: hostile, Action: hostile, Actor: hostile, For: hostile, Target: hostile}}
	page.Leaks, page.Warnings = []Leak{{atNoon, hostile, "javascript:alert(1)", true}}, []Warning{{Rule: hostile}}
	return []sample{
		of("tokens", (*Set).TokenList, TokenList{Shell: shell, Now: atNoon, Items: []Token{t}}),
		of("token_new", (*Set).TokenForm, TokenForm{Shell: shell, Now: atNoon, Typed: typed, Once: hostile, Preview: true, Issuer: hostile,
			Scopes: []Scope{{Name: hostile, Described: map[string]string{"en": hostile}, Ticked: true}}, Wrong: Wrong{Fields: map[string]string{"name": hostile, hostile: hostile}}}),
		of("token_made", (*Set).TokenMade, TokenMade{Shell: shell, Now: atNoon, Token: t, Secret: hostile, Warnings: []string{hostile}, Issuer: hostile}),
		of("tokens_turned", (*Set).TokensTurned, TokensTurned{Shell: shell, Turned: []Turned{{t, hostile, ""}, {t, "", hostile}}}),
		of("token", (*Set).TokenPage, page),
	}
}

func TestFormOffersNoLifeThatThePolicyForbids(t *testing.T) {
	v := orderForm()
	v.Most = 7 * 24 * time.Hour
	doc := mustParse(t, of("", (*Set).TokenForm, v).html(t, newSet(t), English))
	var values []string
	for _, input := range doc.all("input") {
		if input.attr["name"] == "expires" {
			values = append(values, input.attr["value"])
		}
	}
	if strings.Join(values, " ") != "3600 86400 604800 date" || !strings.Contains(doc.text, "allows at most 7 days") {
		t.Errorf("offers %v", values)
	}
}

func TestSentenceSaysWhatTheTokenWillBe(t *testing.T) {
	for lang, want := range map[Lang]string{
		English: `it's a "bot" may use catalog (read), content (write) until 2026-12-22 12:00 UTC.`,
		German:  `it's a "bot" darf catalog (lesen), content (schreiben) benutzen, bis 2026-12-22 12:00 UTC.`,
	} {
		doc := mustParse(t, of("", (*Set).TokenForm, orderForm()).html(t, newSet(t), lang))
		if got := doc.all("output")[0].text; got != want {
			t.Errorf("says %q, want %q", got, want)
		}
	}
}

func TestWriteScopeAloneIsNotReading(t *testing.T) {
	doc := mustParse(t, of("", (*Set).TokenForm, orderForm()).html(t, newSet(t), English))
	var checked []string
	for _, input := range doc.all("input") {
		if _, on := input.attr["checked"]; on && strings.HasPrefix(input.attr["name"], "scopes") && input.attr["value"] != "" {
			checked = append(checked, input.attr["value"])
		}
	}
	if strings.Join(checked, "|") != "catalog:read|content:write" {
		t.Errorf("checked %v", checked)
	}
	if with(doc.all("input"), "value", "assets:read assets:write") == nil || with(doc.all("input"), "value", "content_management_read content_management_manage") != nil {
		t.Error("both are offered where one holds the other, or not where it does not")
	}
}

func TestExamplesSayWhatWasTypedAsCodeOfTheirLanguage(t *testing.T) {
	v := orderForm()
	for _, e := range examples(v) {
		want := `"it's a \"bot\""`
		if e.Name == "curl" {
			want = `"it'\''s a \"bot\""`
		}
		for _, part := range []string{want, `"content:write", "catalog:read"`, "2592000", "https://tokens.acme.example/v1/tokens", "ws1"} {
			if !strings.Contains(e.Text, part) {
				t.Errorf("%s lacks %s:\n%s", e.Name, part, e.Text)
			}
		}
	}
}

// TestWhatLeakedIsReplacedOrGone: nobody is told to replace at once what opens
// nothing any more.
func TestWhatLeakedIsReplacedOrGone(t *testing.T) {
	for status, want := range map[string]string{"active": "Replace it at once", "revoked": "It opens nothing any more"} {
		v := fullToken(status)
		v.Leaks = []Leak{{atNoon, "github", "https://github.com/acme/x", true}}
		if text := mustParse(t, of("", (*Set).TokenPage, v).html(t, newSet(t), English)).text; !strings.Contains(text, want) {
			t.Errorf("%s: does not say %q", status, want)
		}
	}
}

// TestScopesWithoutADomainStandUnderNoHeading: what has none comes before all that
// has one.
func TestScopesWithoutADomainStandUnderNoHeading(t *testing.T) {
	s := newSet(t)
	all, err := s.picker(English, s.speaker(English), []Scope{{Name: "admin:read"}, {Name: "assets:read"}, {Name: "crm.objects.read"}, {Name: "forms"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range all.Groups {
		got = append(got, g.Heading+"/"+g.Rows[0].Resource)
	}
	if want := []string{"/assets", "/forms", "Administration/admin", "Crm/crm.objects"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
