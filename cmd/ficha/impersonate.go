package main

import (
	"context"
	"fmt"
	"net/url"
)

// impersonateCommand asks for a token that acts as a member.
type impersonateCommand struct {
	maker   `embed:""`
	User    string   `arg:"" help:"The member's e-mail or id."`
	Reason  string   `required:"" help:"Why; the member reads it, and it stands in the audit beside every use." placeholder:"TEXT"`
	Ticket  string   `help:"What asked for it, such as a ticket." placeholder:"ID"`
	Scope   []string `help:"What it opens; several with commas, or again; all that both of you hold if not given." placeholder:"SCOPE"`
	Minutes int64    `default:"15" help:"How long, 60 at most." placeholder:"N"`
}

// Run delivers the secret.
func (c *impersonateCommand) Run(ctx context.Context) error {
	body := map[string]any{"user": c.User, "reason": c.Reason, "ticket": c.Ticket, "minutes": c.Minutes}
	if len(c.Scope) > 0 {
		body["scopes"] = c.Scope
	}
	var made map[string]any
	if err := c.post(ctx, "/v1/impersonations", body, &made); err != nil {
		return err
	}
	what := fmt.Sprintf("impersonation %s of %s, expires %s", cell(made["id"]), c.User, cell(made["expires_at"]))
	return c.deliver(delivery{made, "token", what, "the token was made and nobody has it: end the impersonation"})
}

// impersonationCommand is what can be done about impersonations.
type impersonationCommand struct {
	List impersonationList `cmd:"" help:"List them, live and past: all to an admin, to a member those by them and of them."`
	End  impersonationEnd  `cmd:"" help:"End one at once."`
}

// impersonationList lists impersonations.
type impersonationList struct {
	lister `embed:""`
	Status string `enum:",active,waiting,suspended,expired,revoked,live" default:"" help:"Only active, waiting, suspended, expired or revoked ones; or live, all that opens or may open something." placeholder:"STATUS"`
	User   string `help:"Only those as a member, by e-mail or id." placeholder:"USER"`
}

// Run prints the newest first.
func (c *impersonationList) Run(ctx context.Context) error {
	return c.show(ctx, "/v1/impersonations", given("status", c.Status, "user", c.User),
		[]string{"id", "status", "act", "actor_email", "user_email", "reason", "ticket", "scopes", "uses", "created_at", "expires_at", "ended_at"})
}

// impersonationEnd ends an impersonation.
type impersonationEnd struct {
	asker  `embed:""`
	ID     string `arg:"" help:"Its id, as the list has it."`
	Reason string `help:"Why; it stands in the audit." placeholder:"TEXT"`
}

// Run ends it and shows it as it then is.
func (c *impersonationEnd) Run(ctx context.Context) error {
	var left map[string]any
	if err := c.post(ctx, "/v1/impersonations/"+url.PathEscape(c.ID)+"/end", map[string]string{"reason": c.Reason}, &left); err != nil {
		return err
	}
	return c.printOne([]string{"id", "status", "act", "actor_email", "user_email", "reason", "ticket", "uses", "ended_at", "end_reason", "ended_by"}, left)
}
