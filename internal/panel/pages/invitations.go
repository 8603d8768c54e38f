package pages

import (
	"io"
	"strconv"
	"time"
)

// What is said after a deed on an invitation.
const (
	MemberInvited       Said = "said.member_invited"
	InvitationMade      Said = "said.invitation_made" // and no letter was written
	InvitationAccepted  Said = "said.invitation_accepted"
	InvitationDeclined  Said = "said.invitation_declined"
	InvitationWithdrawn Said = "said.invitation_withdrawn"
	InvitationOver      Said = "said.invitation_over"
	InvitationStale     Said = "said.invitation_stale"
)

// An Invitation is a workspace that waits for a person's word.
type Invitation struct {
	Workspace    Workspace
	Role         string
	Impersonates bool // they would have the right to act as others
	By           string
	Until        time.Time
}

// Invitations is the page on which a person becomes a member of a workspace that
// invited them, or does not. Each item's form posts workspace to the page's own
// address, and action: accept or decline.
type Invitations struct {
	Shell Shell
	Now   time.Time
	Items []Invitation
}

type invitationsView struct {
	Rows []invitationRow
}

type invitationRow struct {
	ID        string // of the words that say what the buttons are about
	Workspace Workspace
	Role      string
	Chips     []Chip
	Note      string
	Until     *Moment
}

// Invitations writes the page of what waits for a person's word.
func (s *Set) Invitations(w io.Writer, lang Lang, v Invitations) error {
	said := s.speaker(lang)
	var view invitationsView
	for n, i := range v.Items {
		row := invitationRow{
			ID: "invitation-" + strconv.Itoa(n), Workspace: i.Workspace, Role: said.role(i.Role), Until: said.when(i.Until, v.Now),
			Note: said.say("invitations.by", "Name", i.By),
		}
		if i.Impersonates {
			row.Chips = []Chip{{Text: said.say("members.impersonates"), Tone: "warn"}}
		}
		view.Rows = append(view.Rows, row)
	}
	return s.show(w, lang, "invitations", v.Shell, said, view)
}

// A WaitingMember is somebody who was invited and has not answered. Of them
// nothing is known but the address that was invited.
type WaitingMember struct {
	Email        string
	Role         string
	Impersonates bool
	Narrowed     bool
	Teams        []string
	By           string
	Until        time.Time
}

// waiting lists who was invited, with a button that withdraws each.
func (p *speaker) waiting(v MemberList) Table {
	t := Table{
		Caption: p.count("invitations.caption", len(v.Waiting)), Pager: v.WaitingPager, Empty: Empty{Text: p.say("members.none")},
		Heads: []Head{
			{Text: p.say("members.person")}, {Text: p.say("members.role")}, {Text: p.say("members.teams")}, {Text: p.say("invitations.inviter")},
			{Text: p.say("invitations.until")}, {Text: p.say("members.do"), Unseen: true},
		},
	}
	for n, m := range v.Waiting {
		role := Cell{Text: p.role(m.Role)}
		if m.Impersonates {
			role.Chips = append(role.Chips, Chip{Text: p.say("members.impersonates"), Tone: "warn"})
		}
		if m.Narrowed {
			role.Chips = append(role.Chips, Chip{Text: p.say("members.narrowed")})
		}
		t.Rows = append(t.Rows, []Cell{
			{Text: m.Email, Chips: []Chip{{Text: p.say("invitations.waits")}}}, role, {Chips: p.patterns(m.Teams, 3)}, {Text: m.By}, {When: p.when(m.Until, v.Now)},
			{Ask: []Confirm{{
				ID: "withdraw-" + strconv.Itoa(n), Button: p.say("invitations.withdraw"), Title: p.say("invitations.withdraw_title", "Name", m.Email),
				Text: p.say("invitations.withdraw_text"), Post: Members.Path(v.Shell.Workspace.ID, "invitations", "withdraw"), Submit: p.say("invitations.withdraw"),
				Hidden: []Hidden{{"email", m.Email}}, Grave: true,
			}}},
		})
	}
	return t
}
