package main

import "context"

// scopeCommand is what can be seen of scopes.
type scopeCommand struct {
	List scopeList `cmd:"" help:"List the scopes that tokens can have, by domain."`
}

// scopeList lists scopes.
type scopeList struct {
	asker `embed:""`
}

// Run prints a line for each.
func (c *scopeList) Run(ctx context.Context) error {
	var found struct {
		Domains []struct {
			Domain string
			Scopes []map[string]any
		}
	}
	if err := c.get(ctx, "/v1/scopes", &found); err != nil {
		return err
	}
	t := table{head: []string{"domain", "name", "description"}}
	for _, d := range found.Domains {
		for _, s := range d.Scopes {
			s["domain"] = d.Domain
			t.add(s)
		}
	}
	return c.print(t)
}
