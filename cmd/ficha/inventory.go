package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
)

func tokenPath(id, rest string) string { return "/v1/tokens/" + url.PathEscape(id) + rest }

// patch changes a thing and shows it as it then is.
func (a asker) patch(ctx context.Context, path string, change any, fields []string) error {
	body, err := json.Marshal(change)
	if err != nil {
		return err
	}
	var left map[string]any
	if err := a.do(ctx, request{method: http.MethodPatch, path: path, media: jsonType, body: body}, &left); err != nil {
		return err
	}
	return a.printOne(fields, left)
}

// tokenChange changes what a token is called and who answers for it.
type tokenChange struct {
	asker   `embed:""`
	ID      string  `arg:"" help:"The token's id."`
	Name    *string `help:"How people find it in the inventory." placeholder:"TEXT"`
	Purpose *string `help:"What it is for; empty for nothing." placeholder:"TEXT"`
	Owner   *string `help:"Who answers for it: a member's e-mail or id, the name of a team, or empty." placeholder:"WHO"`
}

// Run changes what was given. What a token opens and when it expires is set when
// it is made.
func (c *tokenChange) Run(ctx context.Context) error {
	change := map[string]string{}
	for name, value := range map[string]*string{"name": c.Name, "purpose": c.Purpose, "owner": c.Owner} {
		if value != nil {
			change[name] = *value
		}
	}
	if len(change) == 0 {
		return errors.New("nothing to change: give --name, --purpose or --owner")
	}
	return c.patch(ctx, tokenPath(c.ID, ""), change, tokenFields)
}

// tokenAttention counts what somebody should look at.
type tokenAttention struct {
	asker `embed:""`
}

// Run prints the counts.
func (c *tokenAttention) Run(ctx context.Context) error {
	var found map[string]any
	if err := c.get(ctx, "/v1/tokens/attention", &found); err != nil {
		return err
	}
	return c.printOne([]string{
		"looked_at", "at_least", "expiring_30_days", "never_used_30_days", "idle_90_days", "no_owner", "no_purpose", "broad_scopes",
	}, found)
}

// tokenLookup finds whose a secret is.
type tokenLookup struct {
	asker  `embed:""`
	Secret string `arg:"" optional:"" help:"The secret; read from the standard input if not given, which keeps it out of the list of processes."`
}

// Run prints what the secret is of, live or not. To look is no use of it.
func (c *tokenLookup) Run(ctx context.Context) error {
	secret, err := secretFrom(c.Secret, os.Stdin)
	if err != nil {
		return err
	}
	var found map[string]any
	if err := c.post(ctx, "/v1/tokens/lookup", map[string]string{"token": secret}, &found); err != nil {
		return err
	}
	return c.printOne(tokenFields, found)
}

// brownoutCommand is the trial of what needs a token before it ends.
type brownoutCommand struct {
	Start brownoutStart `cmd:"" help:"Suspend a token for some minutes; it resumes by itself."`
	Show  brownoutShow  `cmd:"" help:"List who was refused while the token was suspended."`
}

// brownoutStart suspends a token for a while.
type brownoutStart struct {
	asker   `embed:""`
	ID      string `arg:"" help:"The token's id."`
	Minutes int64  `required:"" help:"How long, 1440 at most." placeholder:"N"`
}

// Run suspends the token and shows it as it then is.
func (c *brownoutStart) Run(ctx context.Context) error {
	var left map[string]any
	if err := c.post(ctx, tokenPath(c.ID, "/brownout"), map[string]int64{"minutes": c.Minutes}, &left); err != nil {
		return err
	}
	return c.printOne(tokenFields, left)
}

// brownoutShow shows who was refused.
type brownoutShow struct {
	asker `embed:""`
	ID    string `arg:"" help:"The token's id."`
}

// Run prints them, the last first.
func (c *brownoutShow) Run(ctx context.Context) error {
	var found struct {
		By []map[string]any `json:"by"`
	}
	if err := c.get(ctx, tokenPath(c.ID, "/brownout"), &found); err != nil {
		return err
	}
	return c.print(table{head: []string{"last_at", "count", "address", "user_agent", "route"}, rows: found.By})
}
