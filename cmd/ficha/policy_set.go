package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
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
	set, torn := now.rules(file.sooner(now.Coming, c.Keep))
	left := file.leftOut(set)
	if c.Keep {
		if both := slices.DeleteFunc(left, func(r rule) bool { return !slices.Contains(torn, r) }); len(both) > 0 {
			return fmt.Errorf("%s would be enforced before the policy to come, in which %s is another than now: name in it what is to hold", c.File, ruleNames(both))
		}
		file.keep(now.Coming, set)
	} else if len(left) > 0 && !c.Replace {
		return fmt.Errorf("%s does not name %s, which the policy has: --keep leaves such rules as they are, --replace lifts them", c.File, ruleNames(left))
	}
	return c.putPolicy(ctx, file.rules, etag)
}

// A standing is the policy that is in force and the one to come, nil if there is
// none.
type standing struct{ Policy, Coming map[string]any }

// rules returns what a policy takes the place of: what was declared last, and, if
// it is enforced sooner than what is to come, what is in force too. Of those that
// differ in the two, which it names, it returns the one to come.
func (s *standing) rules(sooner bool) (set map[rule]any, torn []rule) {
	switch {
	case s.Coming == nil:
		return rulesOf(s.Policy), nil
	case !sooner:
		return rulesOf(s.Coming), nil
	}
	set = rulesOf(s.Policy)
	for r, value := range rulesOf(s.Coming) {
		if was, has := set[r]; has && !reflect.DeepEqual(was, value) {
			torn = append(torn, r)
		}
		set[r] = value
	}
	return set, torn
}

// policyNow returns what was declared and its ETag, without which nothing can be
// changed safely.
func (a asker) policyNow(ctx context.Context) (now standing, etag string, err error) {
	req, err := a.request(ctx, get(policyPath, nil))
	if err != nil {
		return now, "", err
	}
	if etag, err = a.tagged(req, &now); err == nil && etag == "" {
		err = errors.New("the server's answer came without its ETag, so that nobody would see it if somebody else changed the policy meanwhile: let the proxy before it pass ETag and If-Match on")
	}
	return now, etag, err
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
	req.Header.Set("If-Match", etag)
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

// rulesOf returns what a policy limits, by kind.
func rulesOf(policy map[string]any) map[rule]any {
	all := map[rule]any{}
	for key, value := range policy {
		if slices.Contains(policyDates(), key) {
			continue
		}
		kinds, byKind := value.(map[string]any)
		if !byKind {
			all[rule{key: key}] = value
		}
		for kind, value := range kinds {
			all[rule{key, kind}] = value
		}
	}
	return all
}

// ruleNames returns the names of rules in a sentence.
func ruleNames(list []rule) string {
	var names []string
	for _, r := range list {
		names = append(names, strings.TrimSuffix(r.key+"."+r.kind, "."))
	}
	return strings.Join(names, ", ")
}

// sooner reports whether the file is enforced before a policy to come, nil if
// there is none. The dates of that one are the file's where those are kept and
// it names none.
func (f *policyFile) sooner(coming map[string]any, keep bool) bool {
	if coming == nil || keep && !slices.Contains(f.named, "enforce_from") {
		return false
	}
	return instantOf(f.rules["enforce_from"]).Before(instantOf(coming["enforce_from"]))
}

// instantOf reads a date of a policy; what is none is at once.
func instantOf(date any) (at time.Time) {
	if text, ok := date.(string); ok {
		at, _ = time.Parse(time.RFC3339, text)
	}
	return at
}

// leftOut returns the rules that are set and of which the file says nothing, by
// name.
func (f *policyFile) leftOut(set map[rule]any) (left []rule) {
	mine := rulesOf(f.rules)
	for r := range set {
		_, has := mine[r]
		_, some := f.rules[r.key]
		if lifted := !some && slices.Contains(f.named, r.key); !has && !lifted {
			left = append(left, r)
		}
	}
	slices.SortFunc(left, func(a, b rule) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.kind, b.kind)) })
	return left
}

// keep adds what the file leaves out of the rules that are set, and the dates of
// a policy to come.
func (f *policyFile) keep(coming map[string]any, set map[rule]any) {
	for _, key := range policyDates() {
		if when, ok := coming[key]; ok && !slices.Contains(f.named, key) {
			f.rules[key] = when
		}
	}
	for _, r := range f.leftOut(set) {
		if r.kind == "" {
			f.rules[r.key] = set[r]
			continue
		}
		mine, ok := f.rules[r.key].(map[string]any)
		if !ok {
			mine = map[string]any{}
			f.rules[r.key] = mine
		}
		mine[r.kind] = set[r]
	}
}
