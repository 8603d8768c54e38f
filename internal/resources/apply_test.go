package resources

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

// shelf is a small server: it holds items, and refuses or breaks where told.
type shelf struct {
	has    map[Item]bool
	ended  map[Item]bool
	made   []Item
	puts   []Item // in the order they came
	ends   []Item
	refuse map[Item]error // by Put or End of the item
}

func newShelf(has ...Item) *shelf {
	s := &shelf{has: map[Item]bool{}, ended: map[Item]bool{}, refuse: map[Item]error{}}
	for _, i := range has {
		s.has[i] = true
	}
	return s
}

func (s *shelf) Has(_ context.Context, i Item) (bool, error) { return s.has[i], nil }

func (s *shelf) Put(_ context.Context, _ token.Actor, d Declaration, o Options) (Outcome, error) {
	i := d.Item()
	if err := s.refuse[i]; err != nil {
		return "", err
	}
	s.puts = append(s.puts, i)
	switch {
	case s.ended[i] && !o.Restore:
		return KeptEnded, nil
	case s.ended[i]:
		delete(s.ended, i)
		return Restored, nil
	case s.has[i]:
		return Unchanged, nil
	}
	s.has[i] = true
	return Created, nil
}

func (s *shelf) End(_ context.Context, _ token.Actor, i Item) (bool, error) {
	if err := s.refuse[i]; err != nil {
		return false, err
	}
	s.ends = append(s.ends, i)
	if s.ended[i] || !s.has[i] {
		return false, nil
	}
	s.ended[i] = true
	return true, nil
}

func (s *shelf) Made(context.Context) ([]Item, error) { return slices.Clone(s.made), nil }

func (s *shelf) Remember(_ context.Context, made []Item) error {
	s.made = append(s.made, made...)
	return nil
}

func (s *shelf) Forget(_ context.Context, gone []Item) error {
	s.made = slices.DeleteFunc(s.made, func(i Item) bool { return slices.Contains(gone, i) })
	return nil
}

func parsed(t *testing.T, text string) *File {
	t.Helper()
	f, _, err := Parse("r.yaml", []byte(text), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

var system = token.Actor{Kind: token.System, ID: "apply"}

func applied(t *testing.T, h Holder, text string, o Options) Report {
	t.Helper()
	r, err := Apply(t.Context(), h, system, "r.yaml", parsed(t, text), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const backwards = `
webhooks: [{workspace: w, url: "https://hooks.example.test/", events: ["*"]}]
tokens: [{kind: personal, user: a@example.test, secret: "imported-token-000001", scopes: [s]}]
resources: [{identifier: "https://api.example.test/", workspace: w, introspection_client: c}]
clients: [{client_id: c, client_secret: "a secret of length", workspace: w, scope: s}]
users: [{email: a@example.test, memberships: [{workspace: w, role: r}]}]
roles: [{workspace: w, name: r}]
workspaces: [{id: w, client_tokens: ["chronos-token-0001"]}]
scopes: [{name: s}]
`

func TestThingsAreMadeAfterWhatTheyReferTo(t *testing.T) {
	s := newShelf()
	applied(t, s, backwards, Options{})
	var kinds []ItemKind
	for _, i := range s.puts {
		kinds = append(kinds, i.Kind)
	}
	want := []ItemKind{
		ScopeItem, WorkspaceItem, ClientTokenItem, RoleItem, UserItem, MembershipItem, ClientItem, ResourceItem, TokenItem, WebhookItem,
	}
	if !slices.Equal(kinds, want) {
		t.Errorf("got %v, want %v", kinds, want)
	}
}

func TestReportSaysWhatBecameOfEachLineWithoutSecrets(t *testing.T) {
	s := newShelf()
	r := applied(t, s, backwards, Options{})
	if r.Count(Created) != 10 || len(r.Lines) != 10 {
		t.Errorf("got %+v, want ten created", r.Lines)
	}
	if l := r.Lines[0]; l != (Line{ScopeItem, "s", Created, 9}) {
		t.Errorf("got %+v, want scope s, created, of line 9", l)
	}
	all := fmt.Sprintf("%+v %+v", r, s.made)
	for _, secret := range []string{"imported-token", "a secret of", "chronos-token", "hooks.example.test"} {
		if strings.Contains(all, secret) {
			t.Errorf("%q is told in %s", secret, all)
		}
	}
	if again := applied(t, s, backwards, Options{}); again.Count(Unchanged) != 10 {
		t.Errorf("again: got %+v, want ten unchanged", again.Lines)
	}
}

func TestUnknownNamesAreFoundBeforeAnythingIsWritten(t *testing.T) {
	s := newShelf(Item{Kind: WorkspaceItem, Name: "there"})
	text := `
roles:
  - {workspace: there, name: r}
users:
  - {email: a@example.test, memberships: [{workspace: gone}, {workspace: there, role: none, teams: [t]}]}
clients:
  - {client_id: c, workspace: nowhere, scope: "unknown"}
tokens:
  - {kind: personal, user: b@example.test, secret: "imported-token-000001", scopes: [openid]}
`
	r, err := Apply(t.Context(), s, system, "r.yaml", parsed(t, text), Options{})
	var problems Problems
	if !errors.As(err, &problems) || !token.Is(err, token.Invalid) {
		t.Fatalf("got %v, want problems", err)
	}
	var got []string
	for _, p := range problems {
		got = append(got, fmt.Sprintf("%s:%d %s", p.File, p.Line, p.Path))
	}
	want := []string{
		"r.yaml:5 workspace gone", "r.yaml:5 role none", "r.yaml:5 team t", "r.yaml:7 workspace nowhere", "r.yaml:9 user b@example.test",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(s.puts) > 0 || len(s.made) > 0 {
		t.Errorf("wrote %v", s.puts)
	}
	if len(r.Warnings) != 1 || r.Warnings[0].Path != "scope unknown" || r.Warnings[0].Line != 7 {
		t.Errorf("got warnings %v, want one of the unknown scope", r.Warnings)
	}
}

func TestRefusalNamesItsLineAndStopsThere(t *testing.T) {
	s := newShelf()
	s.refuse[Item{Kind: UserItem, Name: "a@example.test"}] = token.AtField("number", "7 is another user's")
	r, err := Apply(t.Context(), s, system, "r.yaml", parsed(t, backwards), Options{})
	var problems Problems
	if !errors.As(err, &problems) || len(problems) != 1 || problems[0].Line != 6 || !strings.Contains(err.Error(), "7 is another user's") {
		t.Errorf("got %v, want the problem at line 6", err)
	}
	if len(r.Lines) != 4 {
		t.Errorf("report %+v, want the four that were made", r.Lines)
	}
}

func TestFaultIsNoMistakeOfTheFile(t *testing.T) {
	broken := errors.New("disk full")
	for _, fault := range []error{broken, token.Errorf(token.Unavailable, "try again")} {
		s := newShelf()
		s.refuse[Item{Kind: RoleItem, Workspace: "w", Name: "r"}] = fault
		_, err := Apply(t.Context(), s, system, "r.yaml", parsed(t, backwards), Options{})
		var problems Problems
		if errors.As(err, &problems) || !errors.Is(err, fault) {
			t.Errorf("got %v, want the fault itself", err)
		}
		if want := "role r of w of r.yaml:7"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want where it happened: %s", err, want)
		}
	}
}

func TestPruneEndsWhatEarlierFilesMadeLastFirst(t *testing.T) {
	s := newShelf(Item{Kind: ScopeItem, Name: "theirs"})
	applied(t, s, strings.Replace(backwards, "{name: s}]", "{name: s}, {name: theirs}]", 1), Options{})
	if r := applied(t, s, "scopes: [{name: s}]", Options{}); len(r.Lines) != 1 || len(s.ends) != 0 {
		t.Fatalf("without prune %v ended", s.ends)
	}
	r := applied(t, s, "scopes: [{name: s}]", Options{Prune: true})
	if r.Count(Pruned) != 9 || len(s.ends) != 9 || s.ends[0].Kind != WebhookItem || s.ends[8].Kind != ClientTokenItem && s.ends[8].Kind != WorkspaceItem {
		t.Errorf("ended %v", s.ends)
	}
	if s.ended[Item{Kind: ScopeItem, Name: "theirs"}] {
		t.Error("what was there before any file is pruned")
	}
	if want := []Item{{Kind: ScopeItem, Name: "s"}}; !slices.Equal(s.made, want) {
		t.Errorf("made is %v, want %v", s.made, want)
	}
	if r := applied(t, s, "scopes: [{name: s}]", Options{Prune: true}); r.Count(Pruned) != 0 {
		t.Errorf("pruning twice: %+v", r.Lines)
	}
}

func TestPruneWarnsOfWhatMayNotEnd(t *testing.T) {
	s := newShelf()
	const both = "workspaces: [{id: w}, {id: v}]\nusers: [{email: a@example.test, memberships: [{workspace: w}, {workspace: v}]}]"
	applied(t, s, both, Options{})
	last := token.Errorf(token.Conflict, "the last super admin")
	kept := Item{Kind: MembershipItem, Workspace: "w", Name: "a@example.test"}
	s.refuse[kept] = last
	s.refuse[Item{Kind: MembershipItem, Workspace: "v", Name: "a@example.test"}] = last // its workspace goes with it
	r := applied(t, s, "workspaces: [{id: w}]\nusers: [{email: a@example.test}]", Options{Prune: true})
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0].String(), "membership a@example.test in w: is not pruned: the last super admin") {
		t.Errorf("warnings %v", r.Warnings)
	}
	if !slices.Contains(s.made, kept) || r.Count(Pruned) != 1 {
		t.Errorf("made %v, report %+v", s.made, r.Lines)
	}
}

func TestCrashLeavesNothingThatPruneDoesNotKnow(t *testing.T) {
	s := newShelf()
	s.refuse[Item{Kind: ClientItem, Name: "c"}] = errors.New("power is gone")
	if _, err := Apply(t.Context(), s, system, "r.yaml", parsed(t, backwards), Options{}); err == nil {
		t.Fatal("no error")
	}
	delete(s.refuse, Item{Kind: ClientItem, Name: "c"})
	r := applied(t, s, "", Options{Prune: true})
	if r.Count(Pruned) != 6 {
		t.Errorf("pruned %+v, want the six that were made before the crash", r.Lines)
	}
}

func TestParcelHoldsWhatTheFileUsesAndNoMore(t *testing.T) {
	text := []byte("clients: [{client_id: c, workspace: w, client_secret: \"${SECRET}\", client_name: \"file:name.txt\"}]")
	from := Source{Name: "dir/r.yaml", Text: text,
		Env:      func(name string) (string, bool) { return "value of " + name, true },
		ReadFile: func(path string) ([]byte, error) { return []byte("content of " + path), nil },
	}
	p, _, err := Pack(from)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Variables) != 1 || p.Variables["SECRET"] != "value of SECRET" || len(p.Files) != 1 {
		t.Errorf("got %+v", p)
	}
	sent := p.Source()
	f, _, err := Parse(sent.Name, sent.Text, sent.Env, sent.ReadFile)
	if err != nil || f.Clients[0].Secret != "value of SECRET" || !strings.HasPrefix(f.Clients[0].Name, "content of ") {
		t.Errorf("got %+v, %v", f, err)
	}
	other := Source{Name: sent.Name, Text: []byte("workspaces: [{id: w, name: \"${HOME}\"}, {id: v, name: \"file:/etc/hostname\"}]"), Env: sent.Env, ReadFile: sent.ReadFile}
	if _, _, err := Parse(other.Name, other.Text, other.Env, other.ReadFile); err == nil || !strings.Contains(err.Error(), "HOME") {
		t.Errorf("what was not sent is read: %v", err)
	}
}
