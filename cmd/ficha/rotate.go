package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"
)

// tokenRotate gives a token a new secret; without an id, the very token that
// asks. It is made for cron: run it each day, and it does something when it is
// time to.
type tokenRotate struct {
	turner      `embed:""`
	ID          string   `arg:"" optional:"" help:"The token's id; the one that asks if not given."`
	IfOlderThan span     `help:"Do nothing while the secret is younger: 30d." placeholder:"DURATION"`
	Scope       []string `help:"Fewer scopes than it has; a refusal for one of the others brings the old secret back." placeholder:"SCOPE"`
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
	more := map[string]any{}
	if len(c.Scope) > 0 {
		more["scopes"] = c.Scope
	}
	return c.turn(ctx, "tokens", id, more)
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
	return t, c.get(ctx, tokenPath(id, ""), &t)
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
