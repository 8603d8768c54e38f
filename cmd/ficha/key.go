package main

import (
	"context"
	"net/url"
)

// keyCommand is what can be done with the signing keys.
type keyCommand struct {
	List   keyList   `cmd:"" help:"List the signing keys and their states."`
	Rotate keyRotate `cmd:"" help:"Publish the next key of an algorithm now; it takes over by itself."`
	End    keyEnd    `cmd:"" help:"End a key that has leaked, with every token that it signed."`
}

var keyFields = []string{"kid", "alg", "state", "created_at", "active_at", "retiring_at", "ended_at"}

type keyList struct {
	asker `embed:""`
}

// Run prints them, ended ones too.
func (c *keyList) Run(ctx context.Context) error {
	return c.whole(ctx, get("/v1/keys", nil), keyFields)
}

type keyRotate struct {
	asker `embed:""`
	Alg   string `arg:"" help:"ES256, EdDSA or RS256."`
}

// Run publishes the next key and shows all.
func (c *keyRotate) Run(ctx context.Context) error {
	q, err := post("/v1/keys/"+url.PathEscape(c.Alg)+"/rotations", struct{}{})
	if err != nil {
		return err
	}
	return c.whole(ctx, q, keyFields)
}

type keyEnd struct {
	asker  `embed:""`
	Alg    string `arg:"" help:"ES256, EdDSA or RS256."`
	ID     string `arg:"" help:"The key's kid."`
	Reason string `required:"" help:"Why; it stands in the audit." placeholder:"TEXT"`
}

// Run ends the key and shows all.
func (c *keyEnd) Run(ctx context.Context) error {
	q, err := post("/v1/keys/"+url.PathEscape(c.Alg)+"/"+url.PathEscape(c.ID)+"/end", map[string]string{"reason": c.Reason})
	if err != nil {
		return err
	}
	return c.whole(ctx, q, keyFields)
}
