package main

import (
	"context"
	"net/url"
)

// rotationCommand is what can be done with rotations that are under way.
type rotationCommand struct {
	List    rotationList    `cmd:"" help:"List rotations, and who still uses the old secrets."`
	Confirm rotationConfirm `cmd:"" help:"Say that the new secret is in use: the old one's grace begins."`
	Cancel  rotationCancel  `cmd:"" help:"Give up a new secret that was never used."`
	Undo    rotationUndo    `cmd:"" help:"Let the old secret stay; the new one works for a grace."`
	Finish  rotationFinish  `cmd:"" help:"End the secret that goes before its grace is over; with --reason."`
}

// rotated names a credential. Who does not administrate the workspace, and
// holds the token or issued it, names it.
type rotated struct {
	OfToken       string `xor:"of" help:"Only those of one token, by id: its holder and the client that issued it may name no others." placeholder:"ID"`
	OfClient      string `xor:"of" help:"Only those of the secrets of one client." placeholder:"ID"`
	OfWebhook     string `xor:"of" help:"Only those of one subscription." placeholder:"ID"`
	OfClientToken string `xor:"of" help:"Only those of one client token." placeholder:"ID"`
}

// path returns where the rotations of the credential are, or all of the
// workspace.
func (r rotated) path() string {
	switch {
	case r.OfToken != "":
		return rotationsPath("tokens", r.OfToken)
	case r.OfClient != "":
		return rotationsPath("clients", r.OfClient)
	case r.OfWebhook != "":
		return rotationsPath("webhooks", r.OfWebhook)
	case r.OfClientToken != "":
		return rotationsPath("client-tokens", r.OfClientToken)
	}
	return "/v1/rotations"
}

// rotationList lists rotations.
type rotationList struct {
	lister  `embed:""`
	rotated `embed:""`
	Open    bool   `help:"Only those by which two secrets live."`
	What    string `enum:",token,client_secret,webhook_secret,client_token" default:"" help:"Only one sort, of the whole workspace: token, client_secret, webhook_secret or client_token." placeholder:"SORT"`
}

// Run prints the newest first.
func (c *rotationList) Run(ctx context.Context) error {
	query := given("what", c.What)
	if c.Open {
		query.Set("open", "true")
	}
	return c.show(ctx, c.path(), query, []string{"id", "what", "credential", "name", "state", "created_at", "confirmed_at", "retires_at", "old_secret"})
}

// rotationStep takes one step of a rotation.
type rotationStep struct {
	asker   `embed:""`
	rotated `embed:""`
	ID      string `arg:"" help:"The rotation's id."`
	Reason  string `help:"Why; it stands in the audit." placeholder:"TEXT"`
}

// take takes the step and shows the rotation as it then is.
func (c *rotationStep) take(ctx context.Context, step string) error {
	var left map[string]any
	if err := c.post(ctx, c.path()+"/"+url.PathEscape(c.ID)+"/"+step, map[string]string{"reason": c.Reason}, &left); err != nil {
		return err
	}
	return c.printOne([]string{"id", "what", "credential", "name", "state", "created_at", "confirmed_at", "retires_at", "ended_at", "old_secret", "new_secret"}, left)
}

type (
	rotationConfirm struct {
		rotationStep `embed:""`
	}
	rotationCancel struct {
		rotationStep `embed:""`
	}
	rotationUndo struct {
		rotationStep `embed:""`
	}
	rotationFinish struct {
		rotationStep `embed:""`
	}
)

// Run confirms.
func (c *rotationConfirm) Run(ctx context.Context) error { return c.take(ctx, "confirm") }

// Run cancels.
func (c *rotationCancel) Run(ctx context.Context) error { return c.take(ctx, "cancel") }

// Run undoes.
func (c *rotationUndo) Run(ctx context.Context) error { return c.take(ctx, "undo") }

// Run finishes.
func (c *rotationFinish) Run(ctx context.Context) error { return c.take(ctx, "finish") }
