package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/resources"
)

// policySet sets the policy.
type policySet struct {
	asker   `embed:""`
	File    string `arg:"" help:"YAML or JSON with the keys that stand under policy in a resources file."`
	Keep    bool   `xor:"rest" help:"Keep the rules that are set and that the file does not name."`
	Replace bool   `xor:"rest" help:"Lift the rules that are set and that the file does not name."`
}

// Run reads the file here, so that its mistakes are found with their lines, and
// the policy before it is replaced, so that no rule goes because a file forgot
// it.
func (c *policySet) Run(ctx context.Context) error {
	file, err := readPolicyFile(c.File)
	if err != nil {
		return err
	}
	now, etag, err := c.policyNow(ctx)
	if err != nil {
		return err
	}
	left := file.leftOut(now)
	switch {
	case c.Keep:
		file.keep(now, left)
	case len(left) > 0 && !c.Replace:
		return fmt.Errorf("%s does not name %s, which the policy has: --keep leaves such rules as they are, --replace lifts them", c.File, strings.Join(ruleNames(left), ", "))
	}
	return c.putPolicy(ctx, file.rules, etag)
}

// policyNow returns the rules that were declared last, those in force or those
// to come, and their ETag. Dates that are over are left out.
func (a asker) policyNow(ctx context.Context) (rules map[string]any, etag string, err error) {
	req, err := a.request(ctx, get(policyPath, nil))
	if err != nil {
		return nil, "", err
	}
	var both struct{ Policy, Coming map[string]any }
	if etag, err = a.tagged(req, &both); err != nil {
		return nil, "", err
	}
	if both.Coming != nil {
		return both.Coming, etag, nil
	}
	for _, key := range policyDates() {
		delete(both.Policy, key)
	}
	return both.Policy, etag, nil
}

// putPolicy sets the rules, unless somebody has changed them since they were
// read.
func (a asker) putPolicy(ctx context.Context, rules map[string]any, etag string) error {
	body, err := json.Marshal(rules)
	if err != nil {
		return fmt.Errorf("write the policy: %w", err)
	}
	req, err := a.request(ctx, request{http.MethodPut, policyPath, jsonType, body})
	if err != nil {
		return err
	}
	if etag != "" {
		req.Header.Set("If-Match", etag)
	}
	var said map[string]any
	if err := a.send(req, &said); err != nil {
		return err
	}
	return writeJSON(os.Stdout, said)
}

// policyDates are the keys that say when a policy holds, and limit nothing.
func policyDates() []string { return []string{"warn_from", "enforce_from", "existing"} }

// A policyFile is a policy as the server takes it.
type policyFile struct {
	rules map[string]any
	named []string // the keys that the file names, though the value be none
}

func readPolicyFile(name string) (*policyFile, error) {
	text, err := os.ReadFile(filepath.Clean(name))
	if err != nil {
		return nil, err
	}
	p, named, err := resources.ParsePolicy(name, text)
	if err != nil {
		return nil, err
	}
	if text, err = json.Marshal(p); err != nil {
		return nil, fmt.Errorf("write the policy: %w", err)
	}
	file := &policyFile{named: named}
	if err := json.Unmarshal(text, &file.rules); err != nil {
		return nil, fmt.Errorf("write the policy: %w", err)
	}
	for key, ms := range map[string]int64{"warn_from": p.WarnFrom, "enforce_from": p.EnforceFrom} {
		if ms != 0 {
			file.rules[key] = time.UnixMilli(ms).UTC().Format(time.RFC3339)
		}
	}
	return file, nil
}

// A rule is a key of a policy, or what stands there for one kind of token.
type rule struct{ key, kind string }

func ruleNames(list []rule) (names []string) {
	for _, r := range list {
		names = append(names, strings.TrimSuffix(r.key+"."+r.kind, "."))
	}
	return names
}

// leftOut returns the rules that are set now and of which the file says nothing.
func (f *policyFile) leftOut(now map[string]any) (left []rule) {
	for _, key := range slices.Sorted(maps.Keys(now)) {
		_, has := f.rules[key]
		if slices.Contains(policyDates(), key) || !has && slices.Contains(f.named, key) {
			continue // it limits nothing, or the file lifts it
		}
		kinds, byKind := now[key].(map[string]any)
		if !byKind {
			if !has {
				left = append(left, rule{key: key})
			}
			continue
		}
		mine, _ := f.rules[key].(map[string]any)
		for _, kind := range slices.Sorted(maps.Keys(kinds)) {
			if _, has := mine[kind]; !has {
				left = append(left, rule{key, kind})
			}
		}
	}
	return left
}

// keep adds rules as they are now, and the dates of a policy to come.
func (f *policyFile) keep(now map[string]any, left []rule) {
	for _, key := range policyDates() {
		if when, ok := now[key]; ok && !slices.Contains(f.named, key) {
			f.rules[key] = when
		}
	}
	for _, r := range left {
		if r.kind == "" {
			f.rules[r.key] = now[r.key]
			continue
		}
		kinds, _ := now[r.key].(map[string]any)
		mine, ok := f.rules[r.key].(map[string]any)
		if !ok {
			mine = map[string]any{}
			f.rules[r.key] = mine
		}
		mine[r.kind] = kinds[r.kind]
	}
}
