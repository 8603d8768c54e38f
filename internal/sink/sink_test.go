package sink_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/sink"
)

func TestSinksAreReadFromTheirAddresses(t *testing.T) {
	all, err := sink.Parse([]string{
		"file:/var/log/a.jsonl", " syslog+udp://logs.example.test?format=ocsf", "syslog+tls://logs.example.test:6514", "https://siem.example.test/in?name=siem",
		"https://siem.example.test/secret-path", "http://127.0.0.1:8088/in",
	}, "host")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
	}
	const want = "file:/var/log/a.jsonl syslog+udp://logs.example.test syslog+tls://logs.example.test:6514 siem https://siem.example.test http://127.0.0.1:8088"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("the sinks are %s, want %s", got, want)
	}
}

func TestSinkThatCannotBeMeantIsRefused(t *testing.T) {
	noPEM := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(noPEM, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{
		"", "audit.jsonl", "file:audit.jsonl", "file://host/path", "ftp://x", "syslog+tcp://", "syslog://x", "https://user:hunter2@x/", "http://collector.example.test/",
		"https://x?format=xml", "https://x?fromat=json", "file:/a?bearer_file=/b", "syslog+tcp://x?ca=/b", "syslog+tls://x?ca=/none", "https://x?ca=" + noPEM, "https://%zz",
	} {
		if _, err := sink.Parse([]string{address}, ""); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, want a refusal without a secret", address, err)
		}
	}
	if _, err := sink.Parse([]string{"https://x/a", "https://x/b"}, ""); err == nil {
		t.Error("two sinks have one name")
	}
}
