package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// tokenRotate gives a token a new secret; without an id, the very token that
// asks. It is made for cron: run it each day, and it does something when it is
// time to.
type tokenRotate struct {
	asker       `embed:""`
	ID          string   `arg:"" optional:"" help:"The token's id; the one that asks if not given."`
	IfOlderThan span     `help:"Do nothing while the secret is younger: 30d." placeholder:"DURATION"`
	Grace       span     `default:"24h" help:"How long the old secret works after the first use of the new one." placeholder:"DURATION"`
	Now         bool     `help:"End the old secret at once; with --reason."`
	Reason      string   `help:"Why; it stands in the audit." placeholder:"TEXT"`
	Scope       []string `help:"Fewer scopes than it has; a refusal for one of the others brings the old secret back." placeholder:"SCOPE"`
	Output      string   `short:"o" help:"File for the secret, written whole or not at all, readable by its owner alone. Where FICHA_TOKEN is not set, the token in it asks." placeholder:"FILE"`
}

// Run rotates, or says why there is nothing to do. A rotation that somebody
// began and whose secret was never used is given up first: its secret may never
// have arrived.
func (c *tokenRotate) Run(ctx context.Context) error {
	if err := c.readToken(); err != nil {
		return err
	}
	t, err := c.subject(ctx)
	if err != nil {
		return err
	}
	id, _ := t["id"].(string)
	if young, err := c.young(t); err != nil || young {
		return err
	}
	if err := c.giveUp(ctx, id); err != nil {
		return err
	}
	var made map[string]any
	if err := c.post(ctx, rotationsPath("tokens", id), c.body(), &made); err != nil {
		return err
	}
	return deliverSecret(made, c.Output, c.JSON)
}

// readToken takes the token that asks from the file that the new one goes to.
func (c *tokenRotate) readToken() error {
	if c.Token != "" || c.Output == "" {
		return nil
	}
	text, err := os.ReadFile(c.Output)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("nobody asks: put the token into FICHA_TOKEN, or into %s", c.Output)
	}
	if err != nil {
		return fmt.Errorf("read the token: %w", err)
	}
	c.Token = strings.TrimSpace(string(text))
	return nil
}

// subject returns the token that is meant.
func (c *tokenRotate) subject(ctx context.Context) (t map[string]any, err error) {
	id := c.ID
	if id == "" {
		var said map[string]any
		if err := c.post(ctx, "/v1/tokens/introspect", map[string]string{"token": c.Token}, &said); err != nil {
			return nil, err
		}
		if id, _ = said["token_id"].(string); id == "" {
			return nil, errors.New("what asks is no token that rotates: name the token's id")
		}
	}
	return t, c.get(ctx, "/v1/tokens/"+url.PathEscape(id), &t)
}

func (c *tokenRotate) young(t map[string]any) (bool, error) {
	if c.IfOlderThan == 0 {
		return false, nil
	}
	text, _ := t["created_at"].(string)
	made, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return false, fmt.Errorf("the server does not say how old the secret is: %w", err)
	}
	age := time.Since(made)
	if age >= time.Duration(c.IfOlderThan) {
		return false, nil
	}
	fmt.Fprintf(os.Stderr, "nothing to do: the secret of %s is %s old\n", cell(t["id"]), age.Round(time.Second))
	return true, nil
}

// giveUp cancels a rotation that waits for a secret nobody has used.
func (c *tokenRotate) giveUp(ctx context.Context, id string) error {
	if c.Now {
		return nil // which closes what is open
	}
	var open struct {
		Items []struct{ ID, State string }
	}
	if err := c.get(ctx, rotationsPath("tokens", id)+"?open=true", &open); err != nil {
		return err
	}
	for _, r := range open.Items {
		if r.State == "pending" {
			return c.post(ctx, rotationsPath("tokens", id)+"/"+r.ID+"/cancel", struct{}{}, nil)
		}
	}
	return nil
}

func (c *tokenRotate) body() map[string]any {
	body := map[string]any{"grace_seconds": int64(time.Duration(c.Grace) / time.Second)}
	if c.Now {
		body["grace_seconds"] = 0
	}
	if c.Reason != "" {
		body["reason"] = c.Reason
	}
	if len(c.Scope) > 0 {
		body["scopes"] = c.Scope
	}
	return body
}

// deliverSecret brings the secret of a rotation to a file or to the standard
// output.
func deliverSecret(made map[string]any, file string, asJSON bool) error {
	what := fmt.Sprintf("rotation %s of %s, %s", cell(made["id"]), cell(made["credential"]), cell(made["state"]))
	if file == "" {
		if asJSON {
			return writeJSON(os.Stdout, made)
		}
		return printSecret(made, "secret", what)
	}
	secret, _ := made["secret"].(string)
	if secret == "" {
		return errors.New("the server's answer holds no secret: check --server")
	}
	if err := writeSecret(file, secret); err != nil {
		return fmt.Errorf("%w; the rotation stays pending: run it again, which gives this secret up", err)
	}
	fmt.Fprintln(os.Stderr, what)
	return nil
}

// writeSecret puts a secret in the place of a file's content, whole or not at
// all.
func writeSecret(name, secret string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".ficha-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write the secret: %w", err)
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name()) //nolint:errcheck // the first error is told
		}
	}()
	_, err = f.WriteString(secret + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write the secret: %w", err)
	}
	return os.Rename(f.Name(), name)
}

func rotationsPath(of, id string) string {
	return "/v1/" + of + "/" + url.PathEscape(id) + "/rotations"
}

// rotationCommand is what can be done with rotations that are under way.
type rotationCommand struct {
	List    rotationList    `cmd:"" help:"List rotations, and who still uses the old secrets."`
	Confirm rotationConfirm `cmd:"" help:"Say that the new secret is in use: the old one's grace begins."`
	Cancel  rotationCancel  `cmd:"" help:"Give up a new secret that was never used."`
	Undo    rotationUndo    `cmd:"" help:"Let the old secret stay; the new one works for a grace."`
	Finish  rotationFinish  `cmd:"" help:"End the secret that goes before its grace is over; with --reason."`
}

// rotationList lists rotations.
type rotationList struct {
	lister `embed:""`
	Open   bool   `help:"Only those by which two secrets live."`
	What   string `enum:",token,client_secret,webhook_secret,client_token" default:"" help:"Only one sort: token, client_secret, webhook_secret or client_token." placeholder:"SORT"`
}

// Run prints the newest first.
func (c *rotationList) Run(ctx context.Context) error {
	query := given("what", c.What)
	if c.Open {
		query.Set("open", "true")
	}
	return c.show(ctx, "/v1/rotations", query, []string{"id", "what", "credential", "name", "state", "created_at", "confirmed_at", "retires_at", "old_secret"})
}

// rotationStep takes one step of a rotation.
type rotationStep struct {
	asker  `embed:""`
	ID     string `arg:"" help:"The rotation's id."`
	Reason string `help:"Why; it stands in the audit." placeholder:"TEXT"`
}

// take takes the step and shows the rotation as it then is.
func (c *rotationStep) take(ctx context.Context, step string) error {
	var left map[string]any
	if err := c.post(ctx, "/v1/rotations/"+url.PathEscape(c.ID)+"/"+step, map[string]string{"reason": c.Reason}, &left); err != nil {
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

// secretRotate gives a client a new secret.
type secretRotate struct {
	asker  `embed:""`
	ID     string `arg:"" help:"The client_id."`
	Secret string `help:"The id of the secret that goes, where the client has several." placeholder:"ID"`
	Grace  span   `default:"24h" help:"How long the old secret works after the first use of the new one." placeholder:"DURATION"`
	Now    bool   `help:"End the old secret at once; with --reason."`
	Reason string `help:"Why; it stands in the audit." placeholder:"TEXT"`
	Output string `short:"o" help:"File for the secret, written whole or not at all." placeholder:"FILE"`
}

// Run prints the secret alone, or writes it to the file.
func (c *secretRotate) Run(ctx context.Context) error {
	body := map[string]any{"grace_seconds": int64(time.Duration(c.Grace) / time.Second), "reason": c.Reason}
	if c.Now {
		body["grace_seconds"] = 0
	}
	if c.Secret != "" {
		body["secret_id"] = c.Secret
	}
	var made map[string]any
	if err := c.post(ctx, rotationsPath("clients", c.ID), body, &made); err != nil {
		return err
	}
	return deliverSecret(made, c.Output, c.JSON)
}
