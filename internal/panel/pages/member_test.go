package pages

import (
	"strings"
	"testing"
	"time"
)

func memberPage() MemberPage {
	return MemberPage{
		Shell: fullShell(Members), Now: atNoon, Spaces: []string{"Blog"}, Once: "k", Removes: true, Impersonate: true, More: true,
		Member: Member{ID: "usr_1", Name: "Lim Limited", Email: "lim@acme.example", Role: "member", Teams: []string{"Editors"}, Since: atNoon.Add(-time.Hour), Impersonates: true},
		Tokens: ownTokens()[:2], Left: ownTokens()[2:4],
	}
}

func memberPageSamples() []sample {
	wrong := memberPage()
	wrong.Typed, wrong.Wrong = Removal{"move", "nobody@acme.example", "2026-12-01", "left"}, Wrong{Fields: map[string]string{"move_to": "is no member"}, Whole: Impossible, Detail: "the last one"}
	gone := memberPage()
	gone.Member.LeftAt, gone.Removes, gone.Impersonate, gone.Tokens, gone.Left, gone.More = atNoon, false, false, nil, nil, false
	return []sample{of("member", (*Set).MemberPage, memberPage()), of("member_wrong", (*Set).MemberPage, wrong), of("member_gone", (*Set).MemberPage, gone)}
}

func hostileMember(shell Shell) []sample {
	v := memberPage()
	v.Shell, v.Member, v.Spaces, v.Once = shell, Member{ID: hostile, Name: hostile, Email: hostile, Role: hostile, Teams: []string{hostile}}, []string{hostile}, hostile
	v.Typed, v.Wrong = Removal{hostile, hostile, hostile, hostile}, Wrong{Fields: map[string]string{hostile: hostile}}
	return []sample{of("member", (*Set).MemberPage, v)}
}

func TestRemovalSaysWhichTokensItCuts(t *testing.T) {
	doc := mustParse(t, of("", (*Set).MemberPage, memberPage()).html(t, newSet(t), English))
	if !strings.Contains(doc.text, "The 2 tokens above end at once") || !strings.Contains(doc.text, "Somebody else takes them over") {
		t.Errorf("says %q", doc.text)
	}
	v := memberPage()
	v.Left = nil
	if doc := mustParse(t, of("", (*Set).MemberPage, v).html(t, newSet(t), English)); strings.Contains(doc.text, "Somebody else takes them over") {
		t.Error("it asks what becomes of service tokens that there are none of")
	}
}
