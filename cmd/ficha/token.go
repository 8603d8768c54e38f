package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
)

// tokenCommand is what can be done with tokens.
type tokenCommand struct {
	Create     tokenCreate     `cmd:"" help:"Issue a token; its secret is printed once, alone, on the standard output."`
	List       tokenList       `cmd:"" help:"List the inventory: who holds what, until when, and when it was used last."`
	Show       tokenShow       `cmd:"" help:"Show one token."`
	Change     tokenChange     `cmd:"" help:"Change a token's name, purpose or owner."`
	Revoke     tokenRevoke     `cmd:"" help:"End a token for ever."`
	Suspend    tokenSuspend    `cmd:"" help:"Stop a token until it is resumed."`
	Resume     tokenResume     `cmd:"" help:"Let a suspended token open again what nothing else has closed."`
	Approve    tokenApprove    `cmd:"" help:"Let a token that waits for an approval open what it is for."`
	Deny       tokenDeny       `cmd:"" help:"End a token that waits for an approval."`
	Rotate     tokenRotate     `cmd:"" help:"Give a token a new secret; the old one works until the new one was seen and a grace is over. Where FICHA_TOKEN is not set, the token in the file of --output asks."`
	Test       tokenTest       `cmd:"" help:"Check what a token opens and what it does not; exit code 1 names what is wrong."`
	Uses       tokenUses       `cmd:"" help:"List what a token did, newest first."`
	Scopes     tokenScopes     `cmd:"" help:"Show which of its scopes a token uses, and which would be enough."`
	Introspect tokenIntrospect `cmd:"" help:"Ask what a secret opens; exit code 1 if nothing."`
	Lookup     tokenLookup     `cmd:"" help:"Find whose a secret is, also one that has ended."`
	Leak       tokenLeak       `cmd:"" help:"Show where a token's secret was found, and whether it was used since."`
	Brownout   brownoutCommand `cmd:"" help:"Suspend a token for some minutes, to see who needs it."`
	Attention  tokenAttention  `cmd:"" help:"Count the live tokens that somebody should look at."`
	Export     tokenExport     `cmd:"" help:"Export the inventory as JSON Lines or CSV."`
	Report     tokenReport     `cmd:"" help:"Export the inventory as an auditor reads it: who made each token, who approved it, when it was rotated."`
}

// tokenFields are what is shown of one token, in this order.
var tokenFields = []string{
	"id", "secret_id", "name", "type", "format", "status", "active", "scopes", "workspace", "purpose", "owner", "owner_email", "client_id",
	"user", "user_email", "act", "reason", "audience", "max_uses", "uses", "created_at", "expires_at", "last_four", "last_used_at", "last_use",
	"suspended_at", "suspended_until", "ended_at", "end_reason", "ended_by",
}

// tokenCreate issues a token with a client's secret.
type tokenCreate struct {
	maker      `embed:""`
	Name       string   `arg:"" help:"How people find it in the inventory."`
	Scope      []string `required:"" help:"What it opens; several with commas, or again." placeholder:"SCOPE"`
	TTL        span     `name:"ttl" help:"How long it lives: 90m, 12h, 30d or a number of seconds; the kind's default if not given." placeholder:"DURATION"`
	Type       string   `enum:"service,ephemeral,impersonated" default:"service" help:"service, ephemeral or impersonated."`
	OnBehalfOf string   `help:"For whom it acts: a member's e-mail or id; with --type impersonated." placeholder:"USER"`
	Reason     string   `help:"Why it acts for them; with --type impersonated." placeholder:"TEXT"`
	Purpose    string   `help:"What it is for." placeholder:"TEXT"`
	Owner      string   `help:"Who answers for it: a member's e-mail or id, or the name of a team." placeholder:"WHO"`
	Audience   []string `help:"Resource servers that may accept it." placeholder:"URL"`
	Format     string   `enum:"jwt,opaque" default:"jwt" help:"jwt or opaque."`
	MaxUses    int64    `help:"How often it may be used; with --type ephemeral." placeholder:"N"`
}

// Run delivers the secret.
func (c *tokenCreate) Run(ctx context.Context) error {
	var made map[string]any
	if err := c.post(ctx, "/v1/tokens", c.body(), &made); err != nil {
		return err
	}
	id := cell(made["id"])
	what := fmt.Sprintf("token %s %q, expires %s", id, c.Name, cell(made["expires_at"]))
	return c.deliver(delivery{made, "token", what, "the token " + id + " was made and nobody has it: revoke it"})
}

func (c *tokenCreate) body() map[string]any {
	body := map[string]any{"name": c.Name, "scopes": c.Scope, "type": c.Type, "format": c.Format}
	for name, value := range map[string]string{"on_behalf_of": c.OnBehalfOf, "reason": c.Reason, "purpose": c.Purpose, "owner": c.Owner} {
		if value != "" {
			body[name] = value
		}
	}
	if c.TTL != 0 {
		body["ttl"] = int64(time.Duration(c.TTL) / time.Second)
	}
	if len(c.Audience) > 0 {
		body["audience"] = c.Audience
	}
	if c.MaxUses != 0 {
		body["max_uses"] = c.MaxUses
	}
	return body
}

// A span is a duration as the resources file has it.
type span time.Duration

// UnmarshalText reads days and plain seconds beside what Go reads.
func (s *span) UnmarshalText(text []byte) error {
	number, unit := string(text), time.Second
	if days, ok := strings.CutSuffix(number, "d"); ok {
		number, unit = days, 24*time.Hour
	}
	if n, err := strconv.ParseInt(number, 10, 64); err == nil && 0 < n && n <= int64(math.MaxInt64/unit) {
		*s = span(time.Duration(n) * unit)
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || d < time.Second {
		return fmt.Errorf("%q is no duration of a second or more: write it as 90m, 12h, 30d or a number of seconds", text)
	}
	*s = span(d)
	return nil
}

// tokenList lists the inventory.
type tokenList struct {
	lister      `embed:""`
	tokenFilter `embed:""`
	Sort        string `enum:"created,expires" default:"created" help:"created is newest first; expires is soonest expiry first, of what is live and has a name."`
}

// Run prints them in the order that is asked for.
func (c *tokenList) Run(ctx context.Context) error {
	query := c.query()
	if c.Sort != "created" {
		query.Set("sort", c.Sort)
	}
	return c.show(ctx, "/v1/tokens", query, []string{"id", "name", "type", "status", "scopes", "client_id", "user_email", "last_four", "expires_at", "last_used_at"})
}

// tokenShow shows one token.
type tokenShow struct {
	asker `embed:""`
	ID    string `arg:"" help:"The token's id."`
}

// Run prints everything that is known of the token.
func (c *tokenShow) Run(ctx context.Context) error {
	var found map[string]any
	if err := c.get(ctx, tokenPath(c.ID, ""), &found); err != nil {
		return err
	}
	return c.printOne(tokenFields, found)
}

// change does something to a token and shows it as it then is.
func (a asker) change(ctx context.Context, id, deed string, body map[string]string) error {
	for name, value := range body {
		if value == "" {
			delete(body, name)
		}
	}
	var left map[string]any
	if err := a.post(ctx, tokenPath(id, "/"+deed), body, &left); err != nil {
		return err
	}
	return a.printOne(tokenFields, left)
}

// tokenRevoke ends a token.
type tokenRevoke struct {
	asker  `embed:""`
	ID     string `arg:"" help:"The token's id."`
	Reason string `help:"Why; it stands in the audit." placeholder:"TEXT"`
}

// Run revokes. What has ended already keeps its first instant and reason.
func (c *tokenRevoke) Run(ctx context.Context) error {
	return c.change(ctx, c.ID, "revoke", map[string]string{"reason": c.Reason})
}

// tokenSuspend stops a token.
type tokenSuspend struct {
	asker  `embed:""`
	ID     string `arg:"" help:"The token's id."`
	Reason string `help:"Why; it stands in the audit." placeholder:"TEXT"`
	Until  string `help:"When it resumes by itself, such as 2027-01-31T12:00:00Z." placeholder:"INSTANT"`
}

// Run suspends.
func (c *tokenSuspend) Run(ctx context.Context) error {
	return c.change(ctx, c.ID, "suspend", map[string]string{"reason": c.Reason, "until": c.Until})
}

// tokenResume lets a suspended token go on.
type tokenResume struct {
	asker `embed:""`
	ID    string `arg:"" help:"The token's id."`
}

// Run resumes.
func (c *tokenResume) Run(ctx context.Context) error {
	return c.change(ctx, c.ID, "resume", nil)
}

// tokenIntrospect asks what a secret opens.
type tokenIntrospect struct {
	asker  `embed:""`
	Secret string `arg:"" optional:"" help:"The secret; read from the standard input if not given, which keeps it out of the list of processes."`
}

// Run prints the answer; a token that opens nothing is exit code 1.
func (c *tokenIntrospect) Run(ctx context.Context) error {
	secret, err := secretFrom(c.Secret, os.Stdin)
	if err != nil {
		return err
	}
	var said map[string]any
	if err := c.post(ctx, "/v1/tokens/introspect", map[string]string{"token": secret}, &said); err != nil {
		return err
	}
	if err := c.printOne([]string{"active", "kind", "scope", "sub", "username", "client_id", "workspace", "aud", "act", "token_id"}, said); err != nil {
		return err
	}
	if said["active"] != true {
		return errors.New("it opens nothing for you: it is unknown, ended, suspended or another's")
	}
	return nil
}

// secretFrom returns the secret that was given, or reads it.
func secretFrom(given string, in io.Reader) (string, error) {
	if given != "" && given != "-" {
		return given, nil
	}
	line, err := bufio.NewReader(io.LimitReader(in, 64<<10)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the secret: %w", err)
	}
	if line = strings.TrimSpace(line); line == "" {
		return "", errors.New("there is no secret to ask about: give it on the standard input")
	}
	return line, nil
}
