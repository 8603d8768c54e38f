package main

import (
	"context"
	"net/url"
)

// revocationCommand is what can be seen of deeds on many tokens.
type revocationCommand struct {
	List  revocationList  `cmd:"" help:"List what was revoked, suspended and resumed by \"ficha revoke\", newest first."`
	Show  revocationShow  `cmd:"" help:"Show one deed on many tokens, how far it is, and its signed receipt."`
	Retry revocationRetry `cmd:"" help:"Let a deed on many tokens go on that failed and was given up."`
}

// revocationList lists deeds.
type revocationList struct {
	lister `embed:""`
}

// Run prints the newest first.
func (c *revocationList) Run(ctx context.Context) error {
	return c.show(ctx, "/v1/revocations", url.Values{}, []string{"id", "act", "by", "state", "count", "reason", "created_at", "finished_at"})
}

// revocationShow shows one deed.
type revocationShow struct {
	asker `embed:""`
	ID    string `arg:"" help:"The deed's id."`
}

// Run prints the deed with its receipt as of now.
func (c *revocationShow) Run(ctx context.Context) error {
	var found map[string]any
	if err := c.get(ctx, "/v1/revocations/"+url.PathEscape(c.ID), &found); err != nil {
		return err
	}
	return c.printOne(revocationFields, found)
}

// revocationRetry tries a deed again.
type revocationRetry struct {
	asker `embed:""`
	ID    string `arg:"" help:"The deed's id."`
}

// Run prints how far it is.
func (c *revocationRetry) Run(ctx context.Context) error {
	var said map[string]any
	if err := c.post(ctx, "/v1/revocations/"+url.PathEscape(c.ID)+"/retry", map[string]string{}, &said); err != nil {
		return err
	}
	return c.printOne(revocationFields, said)
}
