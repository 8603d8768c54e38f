package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// webhookCommand is what can be done with subscriptions.
type webhookCommand struct {
	List       webhookList       `cmd:"" help:"List the subscriptions of the workspace, and how they fare."`
	Events     webhookEvents     `cmd:"" help:"List the events that can be subscribed to."`
	Create     webhookCreate     `cmd:"" help:"Subscribe an address; its secret is printed once, alone, on the standard output."`
	Show       webhookShow       `cmd:"" help:"Show one subscription, how it fares, and its public key."`
	Change     webhookChange     `cmd:"" help:"Change what a subscription hears."`
	Rotate     webhookRotate     `cmd:"" help:"Give a subscription a new secret; deliveries are signed with both until the rotation is confirmed and a grace is over."`
	Delete     webhookDelete     `cmd:"" help:"End a subscription; what waits for it is not sent."`
	Enable     webhookEnable     `cmd:"" help:"Let a disabled subscription hear again."`
	Test       webhookTest       `cmd:"" help:"Send a test event to one subscription and wait for what comes of it; exit code 1 if it did not arrive."`
	Deliveries webhookDeliveries `cmd:"" help:"List what was and will be delivered, newest first."`
	Replay     webhookReplay     `cmd:"" help:"Deliver events again, under the ids that they always had."`
}

var (
	webhookFields  = []string{"id", "url", "events", "status", "public_key", "created_at", "failures", "failing_since", "disabled_at", "disabled_reason", "needs_secret"}
	deliveryFields = []string{"id", "event", "type", "target", "state", "at", "tries", "last_status", "next_try_at"}
)

func webhookPath(id, rest string) string { return "/v1/webhooks/" + url.PathEscape(id) + rest }

// webhookList lists subscriptions.
type webhookList struct {
	lister `embed:""`
}

// Run prints them, oldest first.
func (c *webhookList) Run(ctx context.Context) error {
	return c.show(ctx, "/v1/webhooks", url.Values{}, []string{"id", "url", "events", "status", "failing_since"})
}

// webhookEvents lists the catalogue.
type webhookEvents struct {
	asker `embed:""`
}

// Run prints the events by name; JSON has their schemas too.
func (c *webhookEvents) Run(ctx context.Context) error {
	return c.whole(ctx, get("/v1/webhooks/events", nil), []string{"name", "description"})
}

// webhookCreate makes a subscription.
type webhookCreate struct {
	maker  `embed:""`
	URL    string   `arg:"" name:"url" help:"An https address that the server can reach."`
	Events []string `required:"" help:"What it hears: names, token.* for a group, or *; several with commas, or again." placeholder:"EVENT"`
}

// Run delivers the secret.
func (c *webhookCreate) Run(ctx context.Context) error {
	var made map[string]any
	if err := c.post(ctx, "/v1/webhooks", map[string]any{"url": c.URL, "events": c.Events}, &made); err != nil {
		return err
	}
	what := fmt.Sprintf("secret of webhook %s; its public key is %s", cell(made["id"]), cell(made["public_key"]))
	return c.deliver(delivery{made, "secret", what, "the subscription was made and nobody has its secret: rotate it"})
}

// webhookShow shows one subscription.
type webhookShow struct {
	asker `embed:""`
	ID    string `arg:"" help:"The subscription's id."`
}

// Run prints how it fares, and the public key that its deliveries are signed by.
func (c *webhookShow) Run(ctx context.Context) error {
	var found map[string]any
	if err := c.get(ctx, webhookPath(c.ID, ""), &found); err != nil {
		return err
	}
	return c.printOne(webhookFields, found)
}

// webhookChange changes what a subscription hears.
type webhookChange struct {
	asker  `embed:""`
	ID     string   `arg:"" help:"The subscription's id."`
	Events []string `required:"" help:"What it hears from now on: names, token.* for a group, or *; several with commas, or again." placeholder:"EVENT"`
}

// Run changes it. Another address is another subscription.
func (c *webhookChange) Run(ctx context.Context) error {
	return c.patch(ctx, webhookPath(c.ID, ""), map[string]any{"events": c.Events}, webhookFields)
}

// webhookDelete ends a subscription.
type webhookDelete struct {
	remote `embed:""`
	ID     string `arg:"" help:"The subscription's id."`
}

// Run ends it.
func (c *webhookDelete) Run(ctx context.Context) error {
	if err := c.do(ctx, request{method: http.MethodDelete, path: webhookPath(c.ID, "")}, nil); err != nil {
		return err
	}
	fmt.Printf("webhook %s has ended\n", c.ID)
	return nil
}

// webhookEnable enables a subscription.
type webhookEnable struct {
	asker `embed:""`
	ID    string `arg:"" help:"The subscription's id."`
}

// Run enables the subscription and shows it as it then is.
func (c *webhookEnable) Run(ctx context.Context) error {
	var left map[string]any
	if err := c.post(ctx, webhookPath(c.ID, "/enable"), map[string]string{}, &left); err != nil {
		return err
	}
	return c.printOne(webhookFields, left)
}

// webhookTest tries a subscription.
type webhookTest struct {
	asker `embed:""`
	ID    string        `arg:"" help:"The subscription's id."`
	Wait  time.Duration `default:"15s" help:"How long to wait for the first try."`
}

// Run sends the event and shows its delivery after the first try.
func (c *webhookTest) Run(ctx context.Context) error {
	var sent struct {
		Event string `json:"event"`
	}
	if err := c.post(ctx, webhookPath(c.ID, "/test"), map[string]string{}, &sent); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		tried, err := c.tried(ctx, sent.Event)
		if err != nil {
			return err
		}
		if tried != nil {
			return c.outcome(tried)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the event %s waits behind others: see \"ficha webhook deliveries %s\"", sent.Event, c.ID)
		case <-tick.C:
		}
	}
}

// tried returns the delivery of an event once it was tried.
func (c *webhookTest) tried(ctx context.Context, event string) (map[string]any, error) {
	var page struct {
		Items []map[string]any `json:"items"`
	}
	if err := c.get(ctx, webhookPath(c.ID, "/deliveries"), &page); err != nil {
		return nil, err
	}
	for _, d := range page.Items {
		if d["event"] == event && d["tries"] != 0.0 {
			return d, nil
		}
	}
	return nil, nil
}

func (c *webhookTest) outcome(tried map[string]any) error {
	if err := c.printOne(slices.Concat(deliveryFields, []string{"attempts"}), tried); err != nil {
		return err
	}
	if tried["state"] != "delivered" {
		return errors.New("it did not arrive: the receiver must answer 2xx within ten seconds")
	}
	return nil
}

// webhookDeliveries lists deliveries.
type webhookDeliveries struct {
	lister `embed:""`
	ID     string `arg:"" help:"The subscription's id."`
	State  string `enum:",due,delivered,dead" default:"" help:"Only those that are due, delivered or dead." placeholder:"STATE"`
}

// Run prints them, newest first.
func (c *webhookDeliveries) Run(ctx context.Context) error {
	return c.show(ctx, webhookPath(c.ID, "/deliveries"), given("state", c.State), deliveryFields)
}

// webhookReplay delivers again.
type webhookReplay struct {
	remote   `embed:""`
	ID       string    `arg:"" help:"The subscription's id."`
	From     time.Time `help:"The first instant, such as 2027-01-31T12:00:00Z." placeholder:"INSTANT" xor:"what" required:""`
	Until    time.Time `help:"The instant before which to end; now if not given." placeholder:"INSTANT"`
	Delivery []string  `help:"A delivery's id, in place of a range; several with commas, or again." placeholder:"ID" xor:"what" required:""`
}

// Run asks until the end of the range is reached.
func (c *webhookReplay) Run(ctx context.Context) error {
	ask := map[string]any{}
	if c.Delivery != nil {
		ask["deliveries"] = c.Delivery
	} else {
		ask["from"] = c.From
	}
	if !c.Until.IsZero() {
		ask["until"] = c.Until
	} else if c.Delivery == nil {
		ask["until"] = time.Now() // the steps share one end
	}
	sum := 0
	for {
		var done struct {
			Replayed int     `json:"replayed"`
			Next     *string `json:"next"`
		}
		if err := c.post(ctx, webhookPath(c.ID, "/replay"), ask, &done); err != nil {
			return err
		}
		sum += done.Replayed
		if done.Next == nil {
			fmt.Printf("%d deliveries are due again\n", sum)
			return nil
		}
		ask["cursor"] = *done.Next
	}
}
