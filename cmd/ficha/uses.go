package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// tokenUses lists what a token did.
type tokenUses struct {
	lister `embed:""`
	ID     string `arg:"" help:"The token's id."`
	From   string `help:"Only at or after an instant, such as 2027-01-31T12:00:00Z." placeholder:"INSTANT"`
	Until  string `help:"Only before an instant." placeholder:"INSTANT"`
}

// Run prints the newest first.
func (c *tokenUses) Run(ctx context.Context) error {
	return c.show(ctx, tokenPath(c.ID, "/uses"), given("from", c.From, "until", c.Until),
		[]string{"at", "outcome", "route", "method", "status", "scopes", "address", "actor", "on_behalf_of", "secret_id"})
}

// tokenScopes shows what a token may do beside what it does.
type tokenScopes struct {
	asker `embed:""`
	ID    string `arg:"" help:"The token's id."`
}

// Run prints a line for each scope and what would be enough.
func (c *tokenScopes) Run(ctx context.Context) error {
	var found map[string]any
	if err := c.get(ctx, tokenPath(c.ID, "/scopes"), &found); err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(os.Stdout, found)
	}
	scopes := table{head: []string{"scope", "first_used_at", "last_used_at"}}
	used, _ := found["used"].([]any)
	for _, one := range used {
		if row, ok := one.(map[string]any); ok {
			scopes.add(row)
		}
	}
	unused, _ := found["unused"].([]any)
	for _, name := range unused {
		scopes.add(map[string]any{"scope": name})
	}
	if err := c.print(scopes); err != nil {
		return err
	}
	return c.printOne([]string{"since", "days", "uses", "uses_without_scopes", "proposal", "confident"}, found)
}

// usesCommand is what services tell of the use of tokens.
type usesCommand struct {
	Report usesReport `cmd:"" help:"Tell of requests that a service judged by itself: one use a line, as JSON."`
}

// usesReport tells of uses.
type usesReport struct {
	asker `embed:""`
	File  string `arg:"" help:"JSON Lines with the fields of POST /v1/uses; - is the standard input." placeholder:"FILE"`
	Batch string `help:"Your name for this file: sent again within two days it counts once." placeholder:"NAME"`
}

// mostReported is how many uses one request tells of.
const mostReported = 1000

// Run sends them, so many at a time, and prints what became of them. A line that
// is refused makes it exit 1; the others count.
func (c *usesReport) Run(ctx context.Context) error {
	uses, err := valuesOf(c.File)
	if err != nil {
		return err
	}
	var wrong []error
	accepted, unknown := 0, 0
	for n, part := range slices.Collect(slices.Chunk(uses, mostReported)) {
		ask := map[string]any{"uses": part}
		if c.Batch != "" {
			ask["batch"] = fmt.Sprintf("%s.%d", c.Batch, n)
		}
		var did struct {
			Accepted, Unknown int
			Refused           []struct {
				Index int
				Error string
			}
		}
		if err := c.post(ctx, "/v1/uses", ask, &did); err != nil {
			return err
		}
		accepted, unknown = accepted+did.Accepted, unknown+did.Unknown
		for _, one := range did.Refused {
			wrong = append(wrong, fmt.Errorf("use %d: %s", n*mostReported+one.Index+1, one.Error))
		}
	}
	sum := map[string]any{"accepted": accepted, "unknown": unknown, "refused": len(wrong)}
	return errors.Join(append(wrong, c.printOne([]string{"accepted", "unknown", "refused"}, sum))...)
}

// valuesOf reads JSON values, one after the other.
func valuesOf(name string) (values []json.RawMessage, err error) {
	in := os.Stdin
	if name != "-" {
		if in, err = os.Open(name); err != nil {
			return nil, err
		}
		defer in.Close()
	}
	for d := json.NewDecoder(in); ; {
		var one json.RawMessage
		switch err := d.Decode(&one); {
		case errors.Is(err, io.EOF):
			return values, nil
		case err != nil:
			return nil, fmt.Errorf("read use %d: %w", len(values)+1, err)
		}
		values = append(values, one)
	}
}
