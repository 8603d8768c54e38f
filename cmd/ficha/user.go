package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// userCommand is what can be done with the members of a workspace.
type userCommand struct {
	List   userList   `cmd:"" help:"List the members of the workspace, those who left included."`
	Remove userRemove `cmd:"" help:"Remove a member: no token of theirs opens the workspace any more."`
}

// userList lists members.
type userList struct {
	lister `embed:""`
}

// Run prints them.
func (c *userList) Run(ctx context.Context) error {
	return c.show(ctx, "/v1/users", url.Values{}, []string{"id", "email", "name", "role", "status", "teams", "created_at", "removed_at"})
}

// userRemove removes a member.
type userRemove struct {
	remote `embed:""`
	User   string `arg:"" help:"The member's e-mail or id."`
	Reason string `help:"Why; it stands in the audit." placeholder:"TEXT"`
}

// Run removes the member; the person and their other workspaces stay.
func (c *userRemove) Run(ctx context.Context) error {
	q := get("/v1/users/"+url.PathEscape(c.User), given("reason", c.Reason))
	q.method = http.MethodDelete
	if err := c.do(ctx, q, nil); err != nil {
		return err
	}
	fmt.Printf("%s is removed; no token of theirs opens the workspace\n", c.User)
	return nil
}
