package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// userCommand is what can be done with the members of a workspace.
type userCommand struct {
	Add         userAdd         `cmd:"" help:"Invite somebody: they are a member when they accept. They get a letter, by which who is new here chooses a password."`
	Invitations userInvitations `cmd:"" help:"List who was invited and has not answered yet."`
	Withdraw    userWithdraw    `cmd:"" help:"Withdraw an invitation that was not answered yet."`
	List        userList        `cmd:"" help:"List the members of the workspace, those who left included."`
	Leaving     userLeaving     `cmd:"" help:"List the service tokens that stand on a member's rights, or are theirs to answer for."`
	Remove      userRemove      `cmd:"" help:"Remove a member: no token of theirs opens the workspace any more."`
	Transfer    userTransfer    `cmd:"" help:"Give the service tokens of a member, or of somebody who left, to another member."`
}

func userPath(user, rest string) string { return "/v1/users/" + url.PathEscape(user) + rest }

// userList lists members.
type userList struct {
	lister `embed:""`
}

// Run prints them.
func (c *userList) Run(ctx context.Context) error {
	return c.show(ctx, "/v1/users", url.Values{}, []string{"id", "email", "name", "role", "status", "teams", "created_at", "removed_at"})
}

// userAdd invites somebody.
type userAdd struct {
	asker `embed:""`
	Email string `arg:"" help:"Their e-mail."`
	Name  string `help:"Their name." placeholder:"TEXT"`
	Role  string `default:"member" help:"member, admin, super_admin or one of the workspace's own." placeholder:"ROLE"`
}

// Run prints who was invited, whether a letter is on its way to them, and that it
// is theirs to accept.
func (c *userAdd) Run(ctx context.Context) error {
	var added struct {
		User    map[string]any
		Invited bool
	}
	if err := c.post(ctx, "/v1/users", map[string]string{"email": c.Email, "name": c.Name, "role": c.Role}, &added); err != nil {
		return err
	}
	if added.User == nil {
		return fmt.Errorf("%s answers something else than Ficha would: check --server", c.Server)
	}
	added.User["invited"] = added.Invited
	if err := c.printOne([]string{"email", "role", "status", "invited", "expires_at"}, added.User); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s is a member once they have accepted: they sign in at %s/panel/invitations\n", c.Email, strings.TrimRight(c.Server, "/"))
	return nil
}

// userInvitations lists who was invited.
type userInvitations struct {
	lister `embed:""`
}

// Run prints them.
func (c *userInvitations) Run(ctx context.Context) error {
	return c.show(ctx, "/v1/invitations", url.Values{}, []string{"email", "role", "teams", "invited_by", "created_at", "expires_at"})
}

// userWithdraw withdraws an invitation.
type userWithdraw struct {
	remote `embed:""`
	Email  string `arg:"" help:"The e-mail that was invited."`
}

// Run withdraws it.
func (c *userWithdraw) Run(ctx context.Context) error {
	if err := c.do(ctx, request{method: http.MethodDelete, path: "/v1/invitations/" + url.PathEscape(c.Email)}, nil); err != nil {
		return err
	}
	fmt.Printf("the invitation of %s is withdrawn\n", c.Email)
	return nil
}

// userLeaving lists what a member would leave behind.
type userLeaving struct {
	lister `embed:""`
	User   string `arg:"" help:"The member's e-mail or id."`
}

// Run prints each token with what becomes of it if nothing is said.
func (c *userLeaving) Run(ctx context.Context) error {
	items, more, err := c.read(ctx, c.remote, userPath(c.User, "/leaving"), url.Values{})
	if err != nil {
		return err
	}
	for _, item := range items {
		is, _ := item["token"].(map[string]any)
		maps.Copy(item, is)
		delete(item, "token")
	}
	return c.printList(table{head: []string{"id", "name", "stands_on", "then", "scopes", "client_id", "expires_at", "last_used_at"}, rows: items}, more)
}

// userRemove removes a member.
type userRemove struct {
	remote    `embed:""`
	User      string `arg:"" help:"The member's e-mail or id."`
	Reason    string `help:"Why; it stands in the audit." placeholder:"TEXT"`
	MoveTo    string `help:"Who answers for their service tokens from then on, and holds them up: an e-mail or id." xor:"tokens" placeholder:"USER"`
	LiveUntil string `help:"Their service tokens stand on your rights until then, such as 2027-01-31T12:00:00Z, and are not rotated." xor:"tokens" placeholder:"INSTANT"`
	End       bool   `help:"All their service tokens end, those of a client too." xor:"tokens"`
}

// Run removes the member; the person and their other workspaces stay.
func (c *userRemove) Run(ctx context.Context) error {
	tokens := map[string]any{}
	switch {
	case c.MoveTo != "":
		tokens["move_to"] = c.MoveTo
	case c.LiveUntil != "":
		tokens["live_until"] = c.LiveUntil
	case c.End:
		tokens["end"] = true
	}
	var did map[string]any
	if err := c.post(ctx, userPath(c.User, "/removal"), map[string]any{"reason": c.Reason, "service_tokens": tokens}, &did); err != nil {
		return err
	}
	fmt.Printf("%s is removed; no token of theirs opens the workspace\n", c.User)
	if len(tokens) > 0 {
		fmt.Printf("%s secrets of service tokens were dealt with as asked\n", cell(did["service_tokens"]))
	}
	return nil
}

// userTransfer gives service tokens to another member.
type userTransfer struct {
	remote `embed:""`
	User   string `arg:"" help:"Whose they are: an e-mail or id."`
	To     string `required:"" help:"Whose they become: an e-mail or id." placeholder:"USER"`
}

// Run gives them.
func (c *userTransfer) Run(ctx context.Context) error {
	var did map[string]any
	if err := c.post(ctx, userPath(c.User, "/transfer"), map[string]string{"to": c.To}, &did); err != nil {
		return err
	}
	fmt.Printf("%s secrets of service tokens are %s's now\n", cell(did["service_tokens"]), c.To)
	return nil
}
