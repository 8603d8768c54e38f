package main

import (
	"context"
	"fmt"
	"net/url"
	"time"
)

// A turner is what every command has that replaces a secret.
type turner struct {
	maker  `embed:""`
	Grace  span   `default:"24h" help:"How long the old secret works after the first use of the new one." placeholder:"DURATION"`
	Now    bool   `help:"End the old secret at once; with --reason."`
	Reason string `help:"Why; it stands in the audit." placeholder:"TEXT"`
}

// turn gives a credential a new secret and delivers it. It asks for what is in
// body beside what every rotation has.
func (t turner) turn(ctx context.Context, of, id string, body map[string]any) error {
	body["grace_seconds"] = int64(time.Duration(t.Grace) / time.Second)
	lost := `the old secret works on: "ficha rotation cancel" gives the new one up, and so does "ficha token rotate" where it is run again`
	if t.Now {
		body["grace_seconds"], lost = 0, "the old secret has ended and the new one is lost: rotate again"
	}
	if t.Reason != "" {
		body["reason"] = t.Reason
	}
	var made map[string]any
	if err := t.post(ctx, rotationsPath(of, id), body, &made); err != nil {
		return err
	}
	r, _ := made["rotation"].(map[string]any)
	what := fmt.Sprintf("rotation %s of %s, %s", cell(r["id"]), cell(r["credential"]), cell(r["state"]))
	return t.deliver(delivery{made, turned[of], what, lost})
}

// turned names the new secret in the answer that rotates a credential.
var turned = map[string]string{"tokens": "token", "clients": "client_secret", "client-tokens": "client_token", "webhooks": "secret"}

func rotationsPath(of, id string) string {
	return "/v1/" + of + "/" + url.PathEscape(id) + "/rotations"
}

// secretRotate gives a client a new secret.
type secretRotate struct {
	turner `embed:""`
	ID     string `arg:"" help:"The client_id."`
	Secret string `help:"The id of the secret that goes, where the client has several." placeholder:"ID"`
}

// Run rotates.
func (c *secretRotate) Run(ctx context.Context) error {
	body := map[string]any{}
	if c.Secret != "" {
		body["secret_id"] = c.Secret
	}
	return c.turn(ctx, "clients", c.ID, body)
}

// webhookRotate gives a subscription a new secret.
type webhookRotate struct {
	turner `embed:""`
	ID     string `arg:"" help:"The subscription's id."`
}

// Run rotates.
func (c *webhookRotate) Run(ctx context.Context) error {
	return c.turn(ctx, "webhooks", c.ID, map[string]any{})
}

// clientTokenCommand is what can be done with the client tokens of the Chronos
// contract.
type clientTokenCommand struct {
	List   clientTokenList   `cmd:"" help:"List the client tokens of the workspace, without their secrets."`
	Rotate clientTokenRotate `cmd:"" help:"Put a new client token in the place of one, which works until the new one was seen and a grace is over."`
}

// clientTokenList lists client tokens.
type clientTokenList struct {
	lister `embed:""`
}

// Run prints them, oldest first.
func (c *clientTokenList) Run(ctx context.Context) error {
	return c.show(ctx, "/v1/client-tokens", url.Values{}, []string{"id", "status", "last_four", "created_at", "expires_at", "ended_at"})
}

// clientTokenRotate replaces a client token.
type clientTokenRotate struct {
	turner `embed:""`
	ID     string `arg:"" help:"The client token's id."`
}

// Run rotates.
func (c *clientTokenRotate) Run(ctx context.Context) error {
	return c.turn(ctx, "client-tokens", c.ID, map[string]any{})
}
