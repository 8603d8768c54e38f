package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// clientCommand is what can be done with clients.
type clientCommand struct {
	List    clientList    `cmd:"" help:"List the clients of the workspace."`
	Show    clientShow    `cmd:"" help:"Show one client and its secrets' last four."`
	Disable clientDisable `cmd:"" help:"Disable a client: every token of it is dead from then on."`
	Enable  clientEnable  `cmd:"" help:"Enable a client again; its old tokens stay dead."`
	Secret  secretCommand `cmd:"" help:"Add and end the secrets of a client."`
}

var clientFields = []string{
	"client_id", "client_name", "description", "workspace", "number", "status", "token_endpoint_auth_method", "grant_types", "redirect_uris", "scope",
	"optional_scope", "distribution", "introspect", "may_impersonate", "created_at", "disabled_at", "secrets",
}

func clientPath(id, rest string) string { return "/v1/clients/" + url.PathEscape(id) + rest }

// clientList lists clients.
type clientList struct {
	lister `embed:""`
}

// Run prints them by id.
func (c *clientList) Run(ctx context.Context) error {
	return c.show(ctx, "/v1/clients", url.Values{}, []string{"client_id", "client_name", "status", "grant_types", "scope", "created_at"})
}

// clientShow shows one client.
type clientShow struct {
	asker `embed:""`
	ID    string `arg:"" help:"The client_id."`
}

// Run prints everything that is known of the client.
func (c *clientShow) Run(ctx context.Context) error {
	var found map[string]any
	if err := c.get(ctx, clientPath(c.ID, ""), &found); err != nil {
		return err
	}
	return c.printOne(clientFields, found)
}

// clientDisable disables a client.
type clientDisable struct {
	asker  `embed:""`
	ID     string `arg:"" help:"The client_id."`
	Reason string `help:"Why; it stands in the audit." placeholder:"TEXT"`
}

// Run disables the client and shows it as it then is.
func (c *clientDisable) Run(ctx context.Context) error {
	var left map[string]any
	if err := c.post(ctx, clientPath(c.ID, "/disable"), map[string]string{"reason": c.Reason}, &left); err != nil {
		return err
	}
	return c.printOne(clientFields, left)
}

// clientEnable enables a client.
type clientEnable struct {
	asker `embed:""`
	ID    string `arg:"" help:"The client_id."`
}

// Run enables the client and shows it as it then is.
func (c *clientEnable) Run(ctx context.Context) error {
	var left map[string]any
	if err := c.post(ctx, clientPath(c.ID, "/enable"), map[string]string{}, &left); err != nil {
		return err
	}
	return c.printOne(clientFields, left)
}

// secretCommand is what can be done with a client's secrets: add one, bring it
// to the program, end the other.
type secretCommand struct {
	Add    secretAdd    `cmd:"" help:"Make another secret; it is printed once, alone, on the standard output."`
	Rotate secretRotate `cmd:"" help:"Replace a secret: the old one works until the new one was seen and a grace is over."`
	End    secretEnd    `cmd:"" help:"End one secret; the others go on working."`
}

// secretAdd makes a secret.
type secretAdd struct {
	maker `embed:""`
	ID    string `arg:"" help:"The client_id."`
}

// Run delivers the secret.
func (c *secretAdd) Run(ctx context.Context) error {
	var made map[string]any
	if err := c.post(ctx, clientPath(c.ID, "/secrets"), map[string]string{}, &made); err != nil {
		return err
	}
	what := fmt.Sprintf("secret %s of client %s", cell(made["id"]), c.ID)
	return c.deliver(delivery{made, "client_secret", what, "the secret was made and nobody has it: end it"})
}

// secretEnd ends a secret.
type secretEnd struct {
	remote `embed:""`
	ID     string `arg:"" help:"The client_id."`
	Secret string `arg:"" help:"The secret's id, as \"ficha client show\" has it."`
}

// Run ends the secret.
func (c *secretEnd) Run(ctx context.Context) error {
	q := request{method: http.MethodDelete, path: clientPath(c.ID, "/secrets/"+url.PathEscape(c.Secret))}
	if err := c.do(ctx, q, nil); err != nil {
		return err
	}
	fmt.Printf("secret %s of client %s has ended\n", c.Secret, c.ID)
	return nil
}
