package token

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A Letter is one notice to one person by mail. It is written in the commit of
// the deed that it tells of and sent later.
type Letter struct {
	ID        ID         // zero: the store makes one
	To        string     // a user's id; empty: Address alone
	Address   string     // the e-mail address at the time; empty: that of To when it is sent
	Kind      LetterKind // what it tells
	Data      map[string]string
	Workspace string // its id; empty: of no workspace
	At        int64  // ms; zero: the instant of the transaction
}

// A LetterKind says what a letter tells.
type LetterKind string

// The kinds of letters. What a letter links to is no secret: one that carries
// a secret is made when it is sent and never kept.
const (
	LetterTokenExpiring   LetterKind = "token_expiring"
	LetterTokenExpired    LetterKind = "token_expired"
	LetterUsedAfterExpiry LetterKind = "used_after_expiry"
	LetterTokenLeaked     LetterKind = "token_leaked"
	LetterImpersonated    LetterKind = "impersonated"
	LetterAlertFiring     LetterKind = "alert_firing"
	LetterAlertResolved   LetterKind = "alert_resolved"
	LetterWebhookDisabled LetterKind = "webhook_disabled"
	LetterWebhookLeaked   LetterKind = "webhook_leaked"
	LetterInstallRequest  LetterKind = "install_request"
	LetterPolicyWarning   LetterKind = "policy_warning"
	LetterApprovalWanted  LetterKind = "approval_wanted"
	LetterApprovalGiven   LetterKind = "approval_given"
	LetterTokensReceived  LetterKind = "tokens_received"
	LetterInvitation      LetterKind = "invitation" // its link is a secret too, where it has one
	LetterMemberRemoved   LetterKind = "member_removed"
	LetterPasswordChanged LetterKind = "password_changed"
	LetterAccountLinked   LetterKind = "account_linked"
	LetterPasswordReset   LetterKind = "password_reset" // its link is a secret, made when it is sent
)

// LetterKinds lists every kind.
func LetterKinds() []LetterKind {
	return []LetterKind{
		LetterTokenExpiring, LetterTokenExpired, LetterUsedAfterExpiry, LetterTokenLeaked, LetterImpersonated, LetterAlertFiring, LetterAlertResolved,
		LetterWebhookDisabled, LetterWebhookLeaked, LetterInstallRequest, LetterPolicyWarning, LetterApprovalWanted, LetterApprovalGiven, LetterTokensReceived,
		LetterInvitation, LetterMemberRemoved, LetterPasswordChanged, LetterAccountLinked, LetterPasswordReset,
	}
}

// Linked reports whether such a letter may lead to an address of its own, which
// is a secret and made when it is sent.
func (k LetterKind) Linked() bool { return k == LetterPasswordReset || k == LetterInvitation }

// Blanks lists the names that the data of such a letter has, nil for a kind
// that there is not. A name that ends in _at is an instant: its value is ms in
// decimal. tokens is a list, each on a line of its own. The others are shown as
// they are, an empty one not at all.
func (k LetterKind) Blanks() []string {
	switch k {
	case LetterTokenExpiring, LetterTokenExpired:
		return []string{"token", "name", "last_four", "expires_at"}
	case LetterUsedAfterExpiry:
		return []string{"token", "name", "last_four", "expires_at", "used_at", "address"}
	case LetterTokenLeaked:
		return []string{"token", "name", "last_four", "source"}
	case LetterImpersonated:
		return []string{"by", "reason", "expires_at"}
	case LetterAlertFiring:
		return []string{"alert", "value", "threshold"}
	case LetterAlertResolved:
		return []string{"alert"}
	case LetterWebhookDisabled:
		return []string{"host"} // not the address: it may hold a secret
	case LetterWebhookLeaked:
		return []string{"host", "webhook", "source"}
	case LetterInstallRequest:
		return []string{"app", "by"}
	case LetterPolicyWarning:
		return []string{"token", "name", "last_four", "rule", "enforced_at"}
	case LetterApprovalWanted:
		return []string{"token", "name", "by", "purpose"}
	case LetterApprovalGiven:
		return []string{"token", "name", "by"}
	case LetterTokensReceived:
		return []string{"by", "from", "tokens", "more"}
	case LetterInvitation, LetterMemberRemoved:
		return []string{"by"}
	case LetterPasswordChanged:
		return []string{"changed_at"}
	case LetterAccountLinked:
		return []string{"provider", "account", "changed_at", "address"}
	case LetterPasswordReset:
		return []string{"address"} // whence it was asked for
	}
	return nil
}

// mostListedTokens is how many tokens a letter names.
const mostListedTokens = 10

// Received is the letter to somebody who now answers for tokens: by whose deed,
// and who did so before, empty where that was nobody or several. The secrets of
// one credential are named once.
func Received(to, workspace, by, from string, came []*Token) Letter {
	seen := map[ID]bool{}
	var names []string
	more := 0
	for _, t := range came {
		if seen[t.Credential] {
			continue
		}
		seen[t.Credential] = true
		if len(names) == mostListedTokens {
			more++
			continue
		}
		names = append(names, strings.TrimSpace(strings.ReplaceAll(t.Name, "\n", " ")+" (…"+t.LastFour+")"))
	}
	data := map[string]string{"by": by, "from": from, "tokens": strings.Join(names, "\n"), "more": ""}
	if more > 0 {
		data["more"] = strconv.Itoa(more)
	}
	return Letter{To: to, Kind: LetterTokensReceived, Workspace: workspace, Data: data}
}

// Check returns what is wrong with a letter: a fault of whoever wrote it, which
// its first test meets.
func (l Letter) Check() error {
	want := l.Kind.Blanks()
	if want == nil {
		return fmt.Errorf("letter: there is no kind %q", l.Kind)
	}
	if l.To == "" && l.Address == "" {
		return fmt.Errorf("letter %s: it is for nobody", l.Kind)
	}
	have := slices.Sorted(maps.Keys(l.Data))
	slices.Sort(want)
	if !slices.Equal(have, want) {
		return fmt.Errorf("letter %s: its data are %v, want %v", l.Kind, have, want)
	}
	return nil
}

// A DueLetter is a letter whose turn to be sent it is.
type DueLetter struct {
	Letter
	Tries int // this one included
}
