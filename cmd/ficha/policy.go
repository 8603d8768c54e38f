package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
)

// policyCommand is what can be done with the policy of a workspace.
type policyCommand struct {
	Show     policyShow     `cmd:"" help:"Show the policy in force, and the one to come."`
	Set      policySet      `cmd:"" help:"Set the policy to what a file says."`
	Simulate policySimulate `cmd:"" help:"Say which live tokens a file's policy would refuse; nothing is changed."`
}

const policyPath = "/v1/policy"

// policyShow shows the policy.
type policyShow struct {
	asker `embed:""`
}

// Run prints both as JSON, with durations in seconds.
func (c *policyShow) Run(ctx context.Context) error {
	return c.policies(ctx, get(policyPath, nil))
}

// policies asks for a policy and prints it.
func (a asker) policies(ctx context.Context, q request) error {
	var said map[string]any
	if err := a.do(ctx, q, &said); err != nil {
		return err
	}
	return writeJSON(os.Stdout, said)
}

// policySimulate tries a policy.
type policySimulate struct {
	asker    `embed:""`
	File     string `arg:"" help:"YAML or JSON with the keys that stand under policy in a resources file."`
	Complete bool   `help:"Look at all tokens, which takes seconds where there are a million."`
}

// Run prints how many tokens would be refused, by which rule and whose, and the
// first of them.
func (c *policySimulate) Run(ctx context.Context) error {
	file, err := readPolicyFile(c.File)
	if err != nil {
		return err
	}
	body, err := json.Marshal(file.rules)
	if err != nil {
		return fmt.Errorf("write the policy: %w", err)
	}
	path := policyPath + "/simulations"
	if c.Complete {
		path += "?complete=true"
	}
	q := request{http.MethodPost, path, jsonType, body}
	if c.JSON {
		return c.policies(ctx, q)
	}
	var said simulated
	if err := c.do(ctx, q, &said); err != nil {
		return err
	}
	return said.print(c.output)
}

// simulated is what a simulation found.
type simulated struct {
	From     string           `json:"enforce_from"`
	Looked   int              `json:"looked_at"`
	Complete bool             `json:"complete"`
	Refused  int              `json:"refused"`
	ByRule   map[string]int   `json:"by_rule"`
	ByOwner  []map[string]any `json:"by_owner"`
	Tokens   []map[string]any `json:"tokens"`
}

func (s *simulated) print(o output) error {
	least := ""
	if !s.Complete {
		least = "at least "
	}
	fmt.Printf("%s%d of %d live tokens would be refused from %s on\n", least, s.Refused, s.Looked, s.From)
	if s.Refused == 0 {
		return nil
	}
	rules := table{head: []string{"rule", "tokens"}}
	for _, rule := range slices.Sorted(maps.Keys(s.ByRule)) {
		rules.add(map[string]any{"rule": rule, "tokens": s.ByRule[rule]})
	}
	for _, t := range s.Tokens {
		t["why"] = brokenRules(t["breaks"])
	}
	for _, t := range []table{
		rules, {head: []string{"owner", "owner_email", "count"}, rows: s.ByOwner},
		{head: []string{"id", "name", "type", "owner", "last_four", "expires_at", "why"}, rows: s.Tokens},
	} {
		fmt.Println()
		if err := o.print(t); err != nil {
			return err
		}
	}
	return nil
}

// brokenRules names the rules that a token breaks.
func brokenRules(breaks any) []any {
	list, _ := breaks.([]any)
	var rules []any
	for _, one := range list {
		if b, ok := one.(map[string]any); ok {
			rules = append(rules, b["rule"])
		}
	}
	return rules
}

// tokenApprove says yes to a token that waits.
type tokenApprove struct {
	asker `embed:""`
	ID    string `arg:"" help:"The token's id."`
}

// Run approves.
func (c *tokenApprove) Run(ctx context.Context) error {
	return c.change(ctx, c.ID, "approve", nil)
}

// tokenDeny says no to a token that waits.
type tokenDeny struct {
	asker  `embed:""`
	ID     string `arg:"" help:"The token's id."`
	Reason string `help:"Why; it stands in the audit." placeholder:"TEXT"`
}

// Run denies.
func (c *tokenDeny) Run(ctx context.Context) error {
	return c.change(ctx, c.ID, "deny", map[string]string{"reason": c.Reason})
}
