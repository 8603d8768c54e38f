package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// mintedSecret is a secret as a server would make it, of no server.
func mintedSecret(t *testing.T, kind token.Kind) string {
	t.Helper()
	f, err := token.NewFormat("", []byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	return f.Mint(kind, token.NewID(time.UnixMilli(1_800_000_000_000), token.Long))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func placesOfFindings(s *sweep) string {
	var list []string
	for i := range s.found {
		list = append(list, s.found[i].place())
	}
	return strings.Join(list, " ")
}

func TestWalkReadsTextAndFollowsNoLink(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	secret := mintedSecret(t, token.Service)
	write(t, dir+"/a/deep/.env", "X=1\nTOKEN="+secret+"\n")
	write(t, dir+"/b.txt", secret)
	write(t, dir+"/binary", secret+"\x00")
	write(t, dir+"/empty", "")
	write(t, dir+"/large.txt", strings.Repeat("x", 2<<20)+secret)
	write(t, dir+"/.git/config", secret)
	write(t, elsewhere+"/outside", secret)
	if err := os.Symlink(elsewhere, dir+"/link"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere+"/outside", dir+"/file"); err != nil {
		t.Fatal(err)
	}
	var warned bytes.Buffer
	s := &sweep{most: 1 << 20, warn: &warned}
	t.Chdir(dir)
	if err := s.walk(t.Context(), "."); err != nil {
		t.Fatal(err)
	}
	if got := placesOfFindings(s); got != "a/deep/.env:2 b.txt:1" {
		t.Errorf("found at %s", got)
	}
	if !strings.Contains(warned.String(), "large.txt has more than 1 MB") {
		t.Errorf("warned of %q", warned.String())
	}
	if err := s.walk(t.Context(), "nowhere"); err == nil {
		t.Error("a path that is not there is no error")
	}
}

// A repo is a real git repository.
type repo struct {
	t   *testing.T
	dir string
}

func newRepo(t *testing.T) *repo {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Fatal("git is not installed: the history of a repository is read through it")
	}
	r := &repo{t, t.TempDir()}
	r.run("init", "--quiet", "--initial-branch=main")
	return r
}

func (r *repo) run(args ...string) string {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), "git", append([]string{"-C", r.dir, "-c", "user.name=A", "-c", "user.email=a@example.test", "-c", "commit.gpgsign=false"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r *repo) commit(message string) string {
	r.t.Helper()
	r.run("add", "--all")
	r.run("commit", "--quiet", "--allow-empty", "-m", message)
	return r.run("rev-parse", "HEAD")[:12]
}

func TestHistoryTellsTheCommitThatBroughtASecret(t *testing.T) {
	r := newRepo(t)
	gone, told, merged := mintedSecret(t, token.Personal), mintedSecret(t, token.ClientSecret), mintedSecret(t, token.Access)
	write(t, r.dir+"/conf/täst file.env", "one\ntwo\nTOKEN="+gone+"\n")
	write(t, r.dir+"/long.js", strings.Repeat("x", mostLine+100)+merged+"\n")
	write(t, r.dir+"/signs", "+++ b/elsewhere\n@@ -1 +1 @@\n--- a\n")
	first := r.commit("begin")
	write(t, r.dir+"/conf/täst file.env", "one\nzero\ntwo\nTOKEN="+gone+"x\n")
	r.commit("change")
	write(t, r.dir+"/conf/täst file.env", "one\n")
	r.run("config", "diff.external", "false") // whatever is configured, nothing of it is run
	last := r.commit("take it out\n\nIt was " + told)

	s := &sweep{warn: os.Stderr}
	if err := s.git(t.Context(), r.dir, historyArgs); err != nil {
		t.Fatal(err)
	}
	want := last + ":(message) " + first + ":conf/täst file.env:3 " + first + ":long.js:1"
	if got := placesOfFindings(s); got != want {
		t.Errorf("found at %s\nwant     %s", got, want)
	}
	if f := s.found[1]; f.Secret != gone || f.At == 0 {
		t.Errorf("found %+v", f)
	}
	if err := s.git(t.Context(), t.TempDir(), historyArgs); err == nil || !strings.Contains(err.Error(), "not a git repository") {
		t.Errorf("of no repository: %v", err)
	}
}

func TestStagedLinesAreThoseThatCome(t *testing.T) {
	r := newRepo(t)
	old, fresh := mintedSecret(t, token.Service), mintedSecret(t, token.Service)
	write(t, r.dir+"/a", old+"\n")
	r.commit("begin")
	write(t, r.dir+"/a", "clean\n"+fresh+"\n")
	r.run("add", "--all")
	s := &sweep{warn: os.Stderr}
	if err := s.git(t.Context(), r.dir, stagedArgs); err != nil {
		t.Fatal(err)
	}
	if len(s.found) != 1 || s.found[0].Secret != fresh || s.found[0].place() != "a:2" {
		t.Errorf("found at %s", placesOfFindings(s))
	}
}

// The fields that SARIF 2.1.0 requires, and no whole secret.
func TestReportsAreWholeAndTellNoSecret(t *testing.T) {
	secret := mintedSecret(t, token.Service)
	s := &sweep{warn: os.Stderr}
	if err := s.read("a b/ü.env", strings.NewReader("\n"+secret+" "+secret)); err != nil {
		t.Fatal(err)
	}
	s.found[1].Status = "dead"
	var lines bytes.Buffer
	if err := writeLines(&lines, s.found); err != nil {
		t.Fatal(err)
	}
	report, err := json.Marshal(sarifOf(s.found))
	if err != nil {
		t.Fatal(err)
	}
	records, err := json.Marshal(recordsOf(s.found)) //nolint:gosec // what is called secret is masked
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{lines.String(), string(report), string(records)} {
		if strings.Contains(text, secret[8:len(secret)-4]) || !strings.Contains(text, "fch_svc_…"+secret[len(secret)-4:]) {
			t.Errorf("it says %s", text)
		}
	}
	var sarif struct {
		Version string
		Runs    []struct {
			Tool    struct{ Driver struct{ Name string } }
			Results []struct {
				RuleID    string `json:"ruleId"`
				Level     string
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(report, &sarif); err != nil {
		t.Fatal(err)
	}
	run := sarif.Runs[0]
	if sarif.Version != "2.1.0" || run.Tool.Driver.Name == "" || len(run.Results) != 2 {
		t.Fatalf("%s", report)
	}
	first := run.Results[0]
	at := first.Locations[0].PhysicalLocation
	if first.RuleID != "service_token" || first.Level != "error" || run.Results[1].Level != "note" || first.Message.Text == "" ||
		at.ArtifactLocation.URI != "a%20b/%C3%BC.env" || at.Region.StartLine != 2 {
		t.Errorf("%+v", first)
	}
	if empty, err := json.Marshal(sarifOf(nil)); err != nil || !strings.Contains(string(empty), `"results":[]`) {
		t.Errorf("%s, %v", empty, err)
	}
}

// BenchmarkPatches reads a diff of many short lines, as a history is.
func BenchmarkPatches(b *testing.B) {
	text := []byte("\x01abc 5\n+++ b/a.go\n@@ -0,0 +1,200000 @@\n" + strings.Repeat("+\tif err := f.decode(abc, 0xdeadbeef, fch); err != nil {\n", 200000))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		s := &sweep{warn: os.Stderr}
		if err := s.patches(bytes.NewReader(text)); err != nil || len(s.found) != 0 {
			b.Fatal(err, len(s.found))
		}
	}
}
