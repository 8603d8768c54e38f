package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
)

// leakCommand is what can be done with a secret that was found where it should
// not be.
type leakCommand struct {
	List   leakList   `cmd:"" help:"List where secrets of the workspace were found, the last report first."`
	Report leakReport `cmd:"" help:"Report a secret that was found: the policy of its workspace says what becomes of it. Nobody needs a token for that."`
	End    leakEnd    `cmd:"" help:"End a secret by showing it. Nobody needs a token for that."`
}

// leakList lists leaks.
type leakList struct {
	lister `embed:""`
	From   string `help:"Reported at or after, such as 2027-01-31T12:00:00Z." placeholder:"INSTANT"`
}

// Run prints the last reports first.
func (c *leakList) Run(ctx context.Context) error {
	query := url.Values{}
	if c.From != "" {
		query.Set("from", c.From)
	}
	return c.show(ctx, "/v1/leaks", query, []string{"reported_at", "source", "url", "kind", "id", "name", "last_four", "ended", "used_since", "last_used_at"})
}

// A leakAbout is a secret and where it was found.
type leakAbout struct {
	remote   `embed:""`
	Secret   string `arg:"" optional:"" help:"The secret; read from the standard input if not given, which keeps it out of the list of processes."`
	URL      string `name:"url" help:"Where it was found." placeholder:"URL"`
	LeakedAt string `help:"When others could first see it, such as 2027-01-31T12:00:00Z." placeholder:"INSTANT"`
}

// tell sends it. The answer is the same whether there is such a secret or not.
func (l leakAbout) tell(ctx context.Context, path string) error {
	secret, err := secretFrom(l.Secret, os.Stdin)
	if err != nil {
		return err
	}
	body := map[string]string{"token": secret}
	for name, value := range map[string]string{"url": l.URL, "leaked_at": l.LeakedAt} {
		if value != "" {
			body[name] = value
		}
	}
	q, err := post(path, body)
	if err != nil {
		return err
	}
	req, err := l.nobodys(ctx, q)
	if err != nil {
		return err
	}
	if err := l.send(req, nil); err != nil {
		return err
	}
	fmt.Println("reported; the server says to nobody whether there is such a secret")
	return nil
}

// leakReport reports a secret.
type leakReport struct {
	leakAbout `embed:""`
}

// Run reports it.
func (c *leakReport) Run(ctx context.Context) error { return c.tell(ctx, "/v1/leaks") }

// leakEnd ends a secret.
type leakEnd struct {
	leakAbout `embed:""`
}

// Run ends it.
func (c *leakEnd) Run(ctx context.Context) error { return c.tell(ctx, "/v1/leaks/self-revoke") }

// tokenLeak shows whether a token was used since others may have had it.
type tokenLeak struct {
	asker `embed:""`
	ID    string `arg:"" help:"The token's id."`
}

// Run prints where its secrets were found, and what was seen of them since.
func (c *tokenLeak) Run(ctx context.Context) error {
	var found map[string]any
	if err := c.get(ctx, tokenPath(c.ID, "/leak"), &found); err != nil {
		return err
	}
	return c.printOne([]string{"leaked", "places", "since", "used_since", "last_used_at", "recorded"}, found)
}
