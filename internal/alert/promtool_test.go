package alert

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

const deployed = "../../deploy/prometheus"

// promtool runs Prometheus's own checker over deployed files. "go test" alone
// needs nothing installed; "make test" installs it and leaves nothing out.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("FICHA_TEST_PROMTOOL") == "required" {
			t.Fatal(`promtool is missing: run "make deps", or "apt-get install prometheus"`)
		}
		t.Log("promtool is not installed")
		return
	}
	run := exec.Command(path, args...)
	run.Dir = deployed
	if out, err := run.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestPrometheusTakesTheRules(t *testing.T) {
	promtool(t, "check", "rules", "ficha.rules.yaml")
}

func TestPrometheusFiresEachRuleWhereItShould(t *testing.T) {
	promtool(t, "test", "rules", "ficha.test.yaml", "ficha.slow.test.yaml")
}

func TestEachRuleIsShownToFire(t *testing.T) {
	files, err := filepath.Glob(deployed + "/*.test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		shown.Write(text)
	}
	text, err := Prometheus()
	if err != nil {
		t.Fatal(err)
	}
	var rules struct{ Groups []group }
	if err := yaml.Unmarshal(text, &rules); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			n++
			if !strings.Contains(shown.String(), `labels: '{alertname="`+r.Alert+`"`) {
				t.Errorf("no test expects %s to fire", r.Alert)
			}
			if r.Labels["severity"] == "" || r.Annotations["summary"] == "" {
				t.Errorf("%s says too little: %v %v", r.Alert, r.Labels, r.Annotations)
			}
		}
	}
	if n <= len(Defaults()) {
		t.Errorf("%d rules", n)
	}
}

func TestBucketsAreFoundInBothFormats(t *testing.T) {
	for ms, want := range map[int64]string{5: `0\.005`, 250: `0\.25`, 2500: `2\.5`, 1000: `1(\.0)?`, 5000: `5(\.0)?`} {
		if got := le(ms); got != want {
			t.Errorf("%d ms: %s, want %s", ms, got, want)
		}
	}
}
