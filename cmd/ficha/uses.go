package main

import (
	"context"
	"net/url"
	"os"
)

// tokenUses lists what a token did.
type tokenUses struct {
	lister `embed:""`
	ID     string `arg:"" help:"The token's id."`
	From   string `help:"Only at or after an instant, such as 2027-01-31T12:00:00Z." placeholder:"INSTANT"`
	Until  string `help:"Only before an instant." placeholder:"INSTANT"`
}

// Run prints the newest first.
func (c *tokenUses) Run(ctx context.Context) error {
	return c.show(ctx, "/v1/tokens/"+url.PathEscape(c.ID)+"/uses", given("from", c.From, "until", c.Until),
		[]string{"at", "outcome", "route", "method", "status", "scopes", "address", "actor", "on_behalf_of", "secret_id"})
}

// tokenScopes shows what a token may do beside what it does.
type tokenScopes struct {
	asker `embed:""`
	ID    string `arg:"" help:"The token's id."`
}

// Run prints a line for each scope and what would be enough.
func (c *tokenScopes) Run(ctx context.Context) error {
	var found map[string]any
	if err := c.get(ctx, "/v1/tokens/"+url.PathEscape(c.ID)+"/scopes", &found); err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(os.Stdout, found)
	}
	scopes := table{head: []string{"scope", "first_used_at", "last_used_at"}}
	used, _ := found["used"].([]any)
	for _, one := range used {
		if row, ok := one.(map[string]any); ok {
			scopes.add(row)
		}
	}
	unused, _ := found["unused"].([]any)
	for _, name := range unused {
		scopes.add(map[string]any{"scope": name})
	}
	if err := c.print(scopes); err != nil {
		return err
	}
	return c.printOne([]string{"since", "days", "uses", "uses_without_scopes", "proposal", "confident"}, found)
}
