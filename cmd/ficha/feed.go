package main

import (
	"context"
	"fmt"
	"net/http"
)

// feedCommand is what can be done with the caller's calendar of what expires.
type feedCommand struct {
	Make feedMake `cmd:"" help:"Make the address of your calendar of what expires in the workspace; the one before ends."`
	End  feedEnd  `cmd:"" help:"End the address of your calendar."`
}

const feedPath = "/v1/expiry-feed"

// feedMake makes an address.
type feedMake struct {
	maker `embed:""`
}

// Run delivers the address, which is a secret: whoever has it reads the calendar.
func (c *feedMake) Run(ctx context.Context) error {
	var made map[string]any
	if err := c.post(ctx, feedPath, struct{}{}, &made); err != nil {
		return err
	}
	return c.deliver(delivery{made, "url", "calendar of what expires in " + cell(made["workspace"]), "make another: that ends this one"})
}

// feedEnd ends an address.
type feedEnd struct {
	remote `embed:""`
}

// Run ends it.
func (c *feedEnd) Run(ctx context.Context) error {
	if err := c.do(ctx, request{method: http.MethodDelete, path: feedPath}, nil); err != nil {
		return err
	}
	fmt.Println("the address of your calendar has ended")
	return nil
}
