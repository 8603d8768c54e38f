package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPolicyIsNotSetBlindly: where something on the way took the ETag, nobody
// would see that somebody else changed the policy.
func TestPolicyIsNotSetBlindly(t *testing.T) {
	name := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(name, []byte("require_owner: true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := policySet{asker: asker{remote: answering(t, 200, `{"policy":{},"coming":null}`)}, File: name}
	if err := c.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "without its ETag") {
		t.Errorf("it was set: %v", err)
	}
}
