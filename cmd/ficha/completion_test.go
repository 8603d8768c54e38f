package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// typed asks bash what it would offer for the last word of a line.
func typed(t *testing.T, line string) []string {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal("this test needs bash: install it")
	}
	var script strings.Builder
	if err := complete(&script, "bash", modelOf(t).Node); err != nil {
		t.Fatal(err)
	}
	words := strings.Split(line, " ")
	script.WriteString("\nCOMP_WORDS=(")
	for _, w := range words {
		script.WriteString("'" + w + "' ")
	}
	script.WriteString(")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_ficha\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n")
	cmd := exec.Command(bash, "--norc", "--noprofile", "-u")
	cmd.Stdin = strings.NewReader(script.String())
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("bash: %v: %s", err, out)
	}
	return strings.Fields(string(out))
}

func TestBashCompletesCommandsFlagsAndValues(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string
	}{
		{"ficha se", []string{"serve"}},
		{"ficha token re", []string{"revoke", "resume", "report"}},
		{"ficha client secret ", []string{"add", "rotate", "end", "--help", "--config"}},
		{"ficha token create --pur", []string{"--purpose"}},
		{"ficha token create name --type e", []string{"ephemeral"}},
		{"ficha serve --log-level = wa", []string{"warn"}},
		{"ficha completion ", []string{"bash", "zsh", "fish", "--help", "--config"}},
		{"ficha token list --status ", []string{"active", "pending", "retiring", "suspended", "waiting", "retired", "expired", "revoked", "live"}},
		{"ficha token create --name-that-none-has", nil},
		{"ficha token create --purpose re", nil}, // free text
	} {
		if got := typed(t, c.line); !slices.Equal(got, c.want) {
			t.Errorf("%q offers %q, want %q", c.line, got, c.want)
		}
	}
}

// The scripts for the other shells are written from the same list; what can be
// said without those shells is that they name everything, quoted.
func TestEveryShellKnowsEveryCommand(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		var script strings.Builder
		if err := complete(&script, shell, modelOf(t).Node); err != nil {
			t.Fatal(err)
		}
		for _, leaf := range modelOf(t).Leaves(true) {
			if !strings.Contains(script.String(), "' "+leaf.Path()+"'") && !strings.Contains(script.String(), `" `+leaf.Path()+`"`) {
				t.Errorf("%s does not know %q", shell, leaf.Path())
			}
		}
		if bare := strings.Count(strings.ReplaceAll(strings.ReplaceAll(script.String(), `'\''`, ""), `\'`, ""), "'"); bare%2 != 0 {
			t.Errorf("%s: %d quotes: one is not closed", shell, bare)
		}
	}
}
