package pages

import (
	"io"
	"time"
)

// TokenList is the page of somebody's own tokens. The form of each row posts to
// Tokens/{ID}/revoke.
type TokenList struct {
	Shell Shell
	Now   time.Time
	Items []Token
	Pager Pager // its addresses alone
}

// What is said after a deed on a token.
const (
	TokenRevoked    Said = "said.token_revoked"
	TokenSuspended  Said = "said.token_suspended"
	TokenResumed    Said = "said.token_resumed"
	TokenBrownedOut Said = "said.token_browned_out"
	TokenApproved   Said = "said.token_approved"
	TokenDenied     Said = "said.token_denied"
	TokensRevoked   Said = "said.tokens_revoked"
	TokensGiven     Said = "said.tokens_given"
	NothingPicked   Said = "said.nothing_picked"
	TokenTooLate    Said = "said.token_too_late" // it had ended, or somebody was first
)

type tokenListView struct {
	New   menuItem
	Table Table
}

// TokenList writes the page of somebody's own tokens.
func (s *Set) TokenList(w io.Writer, lang Lang, v TokenList) error {
	said := s.speaker(lang)
	at := v.Shell.Workspace.ID
	create := Tokens.Path(at, "new") + "?type=personal"
	table := Table{
		Caption: said.count("tokens.caption", len(v.Items)), Pager: v.Pager,
		Heads: []Head{
			{Text: said.say("token.name")}, {Text: said.say("token.scopes")}, {Text: said.say("token.opens")}, {Text: said.say("token.used")},
			{Text: said.say("token.expires")}, {Text: said.say("token.status")}, {Text: said.say("token.actions"), Unseen: true},
		},
		Empty: Empty{Text: said.say("tokens.none"), Href: create, Link: said.say("tokens.new")},
	}
	for _, t := range v.Items {
		row := []Cell{
			said.nameCell(t), {Chips: said.patterns(t.Scopes, 3)}, {Text: said.opens(t)}, said.usedCell(t.Used, v.Now),
			said.expiresCell(t, v.Now), {Chips: said.status(t, v.Now)}, {},
		}
		if !over(t.Status) {
			row[6].Ask = []Confirm{said.revokeAsk(at, t)}
		}
		table.Rows = append(table.Rows, row)
	}
	view := tokenListView{New: menuItem{Text: said.say("tokens.new"), Href: create}, Table: table}
	return s.show(w, lang, "tokens", v.Shell, said, view)
}

// over reports whether a status is the last one.
func over(status string) bool {
	return status == "revoked" || status == "expired" || status == "retired"
}

// opens names the workspace that a token opens.
func (p *speaker) opens(t Token) string {
	if t.Workspace == "" {
		return p.say("token.opens_all")
	}
	return t.Workspace
}

// revokeAsk is the button that ends a token, and its question.
func (p *speaker) revokeAsk(workspace string, t Token) Confirm {
	return Confirm{
		ID: "revoke-" + t.Secret, Button: p.say("token.revoke"), Title: p.say("token.revoke_title", "Name", p.named(t)), Text: p.say("token.revoke_text"),
		Post: Tokens.Path(workspace, t.Secret, "revoke"), Submit: p.say("token.revoke_submit"), Grave: true,
		Fields: []Field{p.reason("reason-" + t.Secret)},
	}
}
