package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// revokeCommand does one deed on many tokens. Without --yes it says what that
// would hit and does nothing.
type revokeCommand struct {
	asker        `embed:""`
	ByToken      string `name:"token-id" help:"A token with all its secrets." placeholder:"ID"`
	Family       string `help:"All that one consent, install or exchange gave." placeholder:"ID"`
	Client       string `help:"Those of a client." placeholder:"ID"`
	User         string `help:"Those of a member in this workspace, by e-mail or id." placeholder:"USER"`
	Whole        bool   `name:"whole-workspace" help:"Every token of the workspace."`
	Key          string `help:"All that a signing key has signed, on the whole server." placeholder:"ID"`
	Scope        string `help:"Those that hold a scope." placeholder:"SCOPE"`
	Kind         string `enum:",access,refresh,service,ephemeral,impersonated,personal" default:"" help:"Those of a kind: access, refresh, service, ephemeral, impersonated or personal." placeholder:"KIND"`
	Owner        string `help:"Those that somebody answers for." placeholder:"WHO"`
	Contract     string `help:"Those that one contract issued." placeholder:"NAME"`
	IdleDays     int64  `help:"Those that were neither used nor issued for so many days." placeholder:"N"`
	IssuedBefore string `help:"Only those from before an instant, such as 2027-01-31T12:00:00Z." placeholder:"INSTANT"`
	Suspend      bool   `help:"Suspend them rather than end them." xor:"act"`
	Resume       string `help:"Resume what one such suspension has stopped." xor:"act" placeholder:"ID"`
	Until        string `help:"When what is suspended resumes by itself." placeholder:"INSTANT"`
	Reason       string `help:"Why; it stands in the audit." placeholder:"TEXT"`
	Yes          bool   `help:"Do it. Otherwise it is said what it would hit, and nothing is done."`
}

var revocationFields = []string{
	"id", "act", "by", "issued_before", "reason", "until", "state", "fault", "count", "at_least", "position", "event", "created_at", "finished_at", "receipt",
}

// Run looks, or does it and waits until the last token is reached.
func (c *revokeCommand) Run(ctx context.Context) error {
	body, err := c.body()
	if err != nil {
		return err
	}
	var said map[string]any
	if err := c.post(ctx, "/v1/revocations", body, &said); err != nil {
		return err
	}
	if !c.Yes {
		err := c.printOne([]string{
			"count", "at_least", "cutoff", "beyond_workspace", "used_last_24_hours", "used_last_7_days", "last_used_at", "kinds", "owners",
		}, said)
		fmt.Fprintln(os.Stderr, "nothing was done: add --yes to do it")
		return err
	}
	if said, err = c.wait(ctx, said); err != nil {
		return err
	}
	return c.printOne(revocationFields, said)
}

// wait asks until a run is finished. Who leaves meanwhile stops nothing.
func (c *revokeCommand) wait(ctx context.Context, said map[string]any) (map[string]any, error) {
	id, ok := said["id"].(string)
	if !ok {
		return nil, errors.New("the server's answer holds no id: check --server")
	}
	for said["state"] == "running" {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the run %s goes on without us: see \"ficha revocation show %s\"", id, id)
		case <-time.After(time.Second):
		}
		if err := c.get(ctx, "/v1/revocations/"+id, &said); err != nil {
			return nil, err
		}
	}
	return said, nil
}

func (c *revokeCommand) body() (map[string]any, error) {
	by := map[string]any{}
	for name, value := range map[string]string{
		"token": c.ByToken, "family": c.Family, "client": c.Client, "user": c.User, "key": c.Key, "scope": c.Scope, "kind": c.Kind, "owner": c.Owner,
		"contract": c.Contract, "run": c.Resume,
	} {
		if value != "" {
			by[name] = value
		}
	}
	if c.Whole {
		if c.Workspace == "" {
			return nil, errors.New("name the workspace that is meant with --workspace")
		}
		by["workspace"] = c.Workspace
	}
	if c.IdleDays > 0 {
		by["idle_days"] = c.IdleDays
	}
	body := map[string]any{"act": "revoke", "by": by, "dry_run": !c.Yes}
	switch {
	case c.Suspend:
		body["act"] = "suspend"
	case c.Resume != "":
		body["act"] = "resume"
	}
	for name, value := range map[string]string{"issued_before": c.IssuedBefore, "until": c.Until, "reason": c.Reason} {
		if value != "" {
			body[name] = value
		}
	}
	return body, nil
}
