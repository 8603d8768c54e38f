package scan

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// leaksIn returns the rules of ours by which gitleaks finds something in the
// files of a folder, by the files' names.
func leaksIn(t *testing.T, folder, rules string) map[string][]string {
	t.Helper()
	out := t.TempDir()
	config, report := filepath.Join(out, "gitleaks.toml"), filepath.Join(out, "report.json")
	must(t, os.WriteFile(config, []byte(rules), 0o600))
	said, err := exec.Command("go", "tool", "-modfile=../../tools/gitleaks/go.mod", "gitleaks", "dir", folder, "--config", config,
		"--no-banner", "--report-path", report, "--exit-code", "0").CombinedOutput()
	if err != nil {
		t.Fatalf("gitleaks: %v\n%s", err, said)
	}
	text, err := os.ReadFile(report)
	must(t, err)
	var all []struct{ RuleID, File string }
	must(t, json.Unmarshal(text, &all))
	found := map[string][]string{}
	for _, one := range all {
		if rule, ours := strings.CutPrefix(one.RuleID, "ficha-"); ours {
			name := filepath.Base(one.File)
			found[name] = append(found[name], strings.ReplaceAll(rule, "-", "_"))
		}
	}
	return found
}

// TestGitleaksFindsEverySecretByOurRules, wherever it stands, and nothing in what
// looks alike. "go test" alone needs nothing but this module; "make test" builds
// gitleaks and leaves nothing out.
func TestGitleaksFindsEverySecretByOurRules(t *testing.T) {
	if os.Getenv("FICHA_TEST_GITLEAKS") != "required" {
		t.Log(`gitleaks is tried by "make test"`)
		return
	}
	for _, environment := range []string{"", "sandbox"} {
		folder, want := t.TempDir(), map[string]string{}
		put := func(name, text string) { must(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600)) }
		for name, secret := range minted(t, environment) {
			for i, text := range []string{"%s", "first\n  KEY=%s\n", `{"token": "%s"}`, "https://x.example/?token=%s&a=b", "Bearer %s\r\n", "`%s`."} {
				file := fmt.Sprintf("%s.%d.txt", name, i)
				want[file] = name
				put(file, fmt.Sprintf(text, secret))
			}
			if name != "signed_token" { // it may end anywhere
				put("cut."+name, secret[:len(secret)-1]+"\n")
			}
		}
		put("others", "fch_pat_short CFPAT-123 sha256:"+strings.Repeat("ab", 32)+" 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln\n")
		rules, _ := Write(Gitleaks, Rules(formatOf(t, environment)))
		found := leaksIn(t, folder, rules)
		for file, name := range want {
			if got := found[file]; len(got) != 1 || got[0] != name {
				t.Errorf("%s is found as %v, want %s", file, got, name)
			}
			delete(found, file)
		}
		if len(found) != 0 {
			t.Errorf("found besides: %v", found)
		}
	}
}
