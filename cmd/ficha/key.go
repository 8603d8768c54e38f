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

// showKeys prints the keys that an answer lists.
func (a asker) showKeys(answer map[string]any) error {
	items, _ := answer["items"].([]any)
	t := table{head: []string{"kid", "alg", "state", "created_at", "active_at", "retiring_at", "ended_at"}}
	for _, one := range items {
		if row, ok := one.(map[string]any); ok {
			t.rows = append(t.rows, row)
		}
	}
	return a.print(t)
}

type keyList struct {
	asker `embed:""`
}

// Run prints them, ended ones too.
func (c *keyList) Run(ctx context.Context) error {
	var answer map[string]any
	if err := c.get(ctx, "/v1/keys", &answer); err != nil {
		return err
	}
	return c.showKeys(answer)
}

type keyRotate struct {
	asker `embed:""`
	Alg   string `arg:"" help:"ES256, EdDSA or RS256."`
}

// Run publishes the next key and shows all.
func (c *keyRotate) Run(ctx context.Context) error {
	var answer map[string]any
	if err := c.post(ctx, "/v1/keys/"+url.PathEscape(c.Alg)+"/rotations", struct{}{}, &answer); err != nil {
		return err
	}
	return c.showKeys(answer)
}

type keyEnd struct {
	asker  `embed:""`
	Alg    string `arg:"" help:"ES256, EdDSA or RS256."`
	ID     string `arg:"" help:"The key's kid."`
	Reason string `required:"" help:"Why; it stands in the audit." placeholder:"TEXT"`
}

// Run ends the key and shows all.
func (c *keyEnd) Run(ctx context.Context) error {
	var answer map[string]any
	if err := c.post(ctx, "/v1/keys/"+url.PathEscape(c.Alg)+"/"+url.PathEscape(c.ID)+"/end", map[string]string{"reason": c.Reason}, &answer); err != nil {
		return err
	}
	return c.showKeys(answer)
}
