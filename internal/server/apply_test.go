package server_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/resources"
	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

// example is the whole format, as its specification shows it.
func example(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "resources", "testdata", "example.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

const (
	clientToken   = "chronos-client-token-1"
	gatewaySecret = "gateway-secret-0123456789"
)

func withVariables(c *server.Config) {
	values := map[string]string{"CHRONOS_CLIENT_TOKEN": clientToken, "GATEWAY_SECRET": gatewaySecret}
	c.Env = func(name string) (string, bool) {
		v, ok := values[name]
		return v, ok
	}
}

// onEachEngine runs a test in an empty house on SQLite and on PostgreSQL.
func onEachEngine(t *testing.T, test func(t *testing.T, h *servertest.House)) {
	t.Run("sqlite", func(t *testing.T) { test(t, servertest.Start(t, "", withVariables)) })
	if !pgtest.Available() {
		return
	}
	t.Run("postgres", func(t *testing.T) {
		database := pgtest.Start(t).Database(t)
		test(t, servertest.Start(t, "", func(c *server.Config) {
			withVariables(c)
			c.Database = database
		}))
	})
}

func apply(t *testing.T, h *servertest.House, text string, o resources.Options) resources.Report {
	t.Helper()
	r, err := h.ApplyFile(t.Context(), system, resources.Source{Name: "resources.yaml", Text: []byte(text), Env: h.Config.Env}, o)
	if err != nil {
		t.Fatalf("apply: %v", err)
	}
	return r
}

var system = token.Actor{Kind: token.System, ID: "apply", Name: "apply"}

func position(t *testing.T, h *servertest.House) int64 {
	t.Helper()
	p, err := h.Store.Position(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p.Position
}

// outcomes lists what became of things, but for those that are unchanged.
func outcomes(r resources.Report) []string {
	var all []string
	for _, l := range r.Lines {
		if l.Outcome != resources.Unchanged {
			all = append(all, fmt.Sprintf("%s %s: %s", l.Kind, l.Name, l.Outcome))
		}
	}
	return all
}

func wantOutcomes(t *testing.T, r resources.Report, want ...string) {
	t.Helper()
	got := outcomes(r)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestApplyingTwiceChangesNothing(t *testing.T) {
	onEachEngine(t, func(t *testing.T, h *servertest.House) {
		first, err := h.Apply(t.Context(), "resources.yaml", example(t), false)
		if err != nil {
			t.Fatal(err)
		}
		if n := first.Count(resources.Created) + first.Count(resources.Changed); n != len(first.Lines) || n < 15 {
			t.Errorf("first: %d of %d made or changed: %+v", n, len(first.Lines), first.Lines)
		}
		before, rows := position(t, h), events(t, h)
		second, err := h.Apply(t.Context(), "resources.yaml", example(t), false)
		if err != nil {
			t.Fatal(err)
		}
		if n := second.Count(resources.Unchanged); n != len(second.Lines) || n != len(first.Lines) {
			t.Errorf("second: %d of %d unchanged: %q", n, len(second.Lines), outcomes(second))
		}
		if after := position(t, h); after != before {
			t.Errorf("the position went from %d to %d", before, after)
		}
		if n := events(t, h); n != rows {
			t.Errorf("the audit went from %d rows to %d", rows, n)
		}
	})
}

// events counts the audit rows of the server and its workspaces.
func events(t *testing.T, h *servertest.House) int {
	t.Helper()
	n := 0
	for _, workspace := range []string{"", "ws1"} {
		all, err := h.Store.Events(t.Context(), token.Trail{Workspace: workspace, Limit: token.MostListed})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range all {
			if e.Action == "key.rotated" {
				continue // the first keys come with the server
			}
			if e.Actor.Kind != token.System || e.Actor.ID != "apply" {
				t.Errorf("%s was done by %s %s, want system apply", e.Action, e.Actor.Kind, e.Actor.ID)
			}
		}
		n += len(all)
	}
	return n
}

func TestReportAndAuditHoldNoSecret(t *testing.T) {
	h := servertest.Start(t, "", withVariables)
	r := apply(t, h, string(example(t)), resources.Options{})
	told, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := h.Store.Events(t.Context(), token.Trail{Workspace: "ws1", Limit: token.MostListed})
	if err != nil || len(rows) < 10 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, e := range rows {
		b, err := e.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		told = append(told, b...)
	}
	told = append(told, h.Log.String()...)
	for _, secret := range []string{clientToken, gatewaySecret, "correct horse", "be-client-secret", "hs-secret", "CFPAT-admin-seed-token", "whsec_"} {
		if strings.Contains(string(told), secret) {
			t.Errorf("%q is told", secret)
		}
	}
}

func judge(h *servertest.House, secret string) error {
	_, _, err := h.Verifier.Judge(context.Background(), secret, token.Use{
		Now: h.Clock.Now().UnixMilli(), Surface: token.AtVerify, AnyWorkspace: true,
	})
	return err
}

func person(t *testing.T, h *servertest.House, email string) *token.Person {
	t.Helper()
	id, err := h.Store.PersonByEmail(t.Context(), email)
	if err != nil || id == "" {
		t.Fatalf("%s: %q, %v", email, id, err)
	}
	p, err := h.Store.Person(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDeclaredPeopleAndProgramsCanActAtOnce(t *testing.T) {
	onEachEngine(t, func(t *testing.T, h *servertest.House) {
		apply(t, h, string(example(t)), resources.Options{})
		ctx := t.Context()
		if c, err := h.Authority.ClientBySecret(ctx, token.Actor{}, "ws1", "be-client-secret"); err != nil || c.ID != "be-backend" {
			t.Errorf("the secret of be-backend: %v, %v", c, err)
		}
		if w, err := h.Authority.ClientTokenWorkspace(ctx, token.Actor{}, clientToken); err != nil || w != "ws1" {
			t.Errorf("the client token opens %q, %v", w, err)
		}
		if err := judge(h, "CFPAT-admin-seed-token"); err != nil {
			t.Errorf("the imported token: %v", err)
		}
		p := person(t, h, "admin@example.test")
		if m := p.In("ws1"); p.Number != 501 || m.Role != token.SuperAdmin || !m.MayImpersonate || len(m.Teams) != 1 {
			t.Errorf("got %+v", p)
		}
		if p := person(t, h, "limited@example.test"); p.Number == 0 || p.Number == 501 || !p.In("ws1").Narrowed {
			t.Errorf("got %+v", p)
		}
		c, err := h.Store.Client(ctx, "gateway")
		if err != nil || c.Number == 0 || c.Introspect != "workspace" || !slices.Equal(c.Resources, []string{"https://api.example.test/"}) {
			t.Errorf("got %+v, %v", c, err)
		}
	})
}

// endAll ends one thing of each kind, as people do.
func endAll(t *testing.T, h *servertest.House) {
	t.Helper()
	ctx := t.Context()
	who := token.Actor{Kind: token.System, ID: "somebody"}
	w, err := h.Store.Workspace(ctx, "ws1")
	if err != nil {
		t.Fatal(err)
	}
	id, err := h.Store.Imported(ctx, token.HashOf("CFPAT-admin-seed-token"))
	if err != nil {
		t.Fatal(err)
	}
	imported, err := h.Store.Token(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(
		h.Authority.Revoke(ctx, who, imported, "leaked"),
		h.Identity.Remove(ctx, who, person(t, h, "limited@example.test").ID, "ws1", "left"),
		h.Authority.DisableClient(ctx, who, "ws1", "hs-client", "abused"),
		h.Authority.EndClientToken(ctx, who, "ws1", token.HashOf(clientToken)),
		h.Authority.EndWebhook(ctx, who, "ws1", w.Webhooks[0].ID),
	)
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatPeopleEndedStaysEndedUnlessRestored(t *testing.T) {
	onEachEngine(t, func(t *testing.T, h *servertest.House) {
		apply(t, h, string(example(t)), resources.Options{})
		endAll(t, h)
		ended := []string{
			"membership limited@example.test in ws1", "client hs-client", "client_token …en-1 of ws1", "token imported …oken", "webhook of ws1",
		}
		after := func(word string) (all []string) {
			for _, name := range ended {
				all = append(all, name+": "+word)
			}
			return all
		}
		before := position(t, h)
		wantOutcomes(t, apply(t, h, string(example(t)), resources.Options{}), after("kept ended")...)
		if p := position(t, h); p != before {
			t.Errorf("keeping wrote: %d, then %d", before, p)
		}
		if err := judge(h, "CFPAT-admin-seed-token"); !token.Is(err, token.InvalidToken) {
			t.Errorf("the revoked token: %v", err)
		}
		wantOutcomes(t, apply(t, h, string(example(t)), resources.Options{Restore: true}), after("restored")...)
		wantOutcomes(t, apply(t, h, string(example(t)), resources.Options{Restore: true}))
		if err := judge(h, "CFPAT-admin-seed-token"); err != nil {
			t.Errorf("the restored token: %v", err)
		}
		if _, err := h.Authority.AuthenticateClient(t.Context(), token.Actor{}, "", "hs-client", "hs-secret"); err != nil {
			t.Errorf("the restored client: %v", err)
		}
	})
}

func TestDisabledUserAndWorkspaceAreKeptEnded(t *testing.T) {
	h := servertest.Start(t, "", nil)
	const text = "workspaces: [{id: w}, {id: v}]\nusers: [{email: a@example.test, memberships: [{workspace: w}]}]\n" +
		"tokens: [{kind: personal, user: a@example.test, secret: imported-0000000001, scopes: [openid]}]"
	apply(t, h, text, resources.Options{})
	ctx := t.Context()
	if err := errors.Join(
		h.Identity.DisableUser(ctx, system, person(t, h, "a@example.test").ID, "left"), h.Authority.DisableWorkspace(ctx, system, "v", "unpaid"),
	); err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, apply(t, h, text, resources.Options{}), "user a@example.test: kept ended", "workspace v: kept ended")
	wantOutcomes(t, apply(t, h, text, resources.Options{Restore: true}), "user a@example.test: restored", "workspace v: restored")
	if err := judge(h, "imported-0000000001"); !token.Is(err, token.InvalidToken) {
		t.Errorf("a token that fell with its person came back: %v", err)
	}
}

func TestSecretIsUsedOnlyWhereThereIsNone(t *testing.T) {
	h := servertest.Start(t, "", nil)
	text := func(secret, password string) string {
		return fmt.Sprintf("workspaces: [{id: w}]\nusers: [{email: a@example.test, password: %s}]\nclients: [{client_id: c, client_secret: %s, workspace: w}]", password, secret)
	}
	apply(t, h, text("the-first-secret-1", "first password"), resources.Options{})
	password := person(t, h, "a@example.test").Password
	wantOutcomes(t, apply(t, h, text("the-second-secret-2", "second password"), resources.Options{}))
	ctx := t.Context()
	c, err := h.Store.Client(ctx, "c")
	if err != nil || len(c.Secrets) != 1 || c.Secrets[0].Hash != token.HashOf("the-first-secret-1") {
		t.Errorf("secrets %+v, %v", c.Secrets, err)
	}
	if person(t, h, "a@example.test").Password != password {
		t.Error("the password was replaced")
	}
	// One that people ended is not brought back by the file that gave it.
	if err := h.Authority.EndSecret(ctx, system, "w", "c", c.Secrets[0].ID); err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, apply(t, h, text("the-first-secret-1", "first password"), resources.Options{}))
	wantOutcomes(t, apply(t, h, text("the-third-secret-3", "first password"), resources.Options{Restore: true}), "client c: changed")
	if _, err := h.Authority.ClientBySecret(ctx, token.Actor{}, "w", "the-third-secret-3"); err != nil {
		t.Errorf("the restored client's new secret: %v", err)
	}
}

func TestWhatTheFileDoesNotMentionIsLeftAlone(t *testing.T) {
	h := servertest.Start(t, "", nil)
	const whole = `
workspaces: [{id: w, name: Acme, policy: {require_purpose: true}, teams: [{id: t}], scopes: ["catalog:read"]}]
users: [{email: a@example.test, name: Ana, memberships: [{workspace: w, role: admin, teams: [t]}]}]
clients: [{client_id: c, workspace: w, client_name: Program, client_uri: "https://c.example.test/", scope: "catalog:read", access_token_ttl: 10m}]`
	const bare = `
workspaces: [{id: w}]
users: [{email: a@example.test, memberships: [{workspace: w}]}]
clients: [{client_id: c, workspace: w, logo_uri: "https://c.example.test/logo"}]`
	apply(t, h, whole, resources.Options{})
	wantOutcomes(t, apply(t, h, bare, resources.Options{}), "client c: changed")
	ctx := t.Context()
	w, err := h.Store.Workspace(ctx, "w")
	if err != nil || w.Name != "Acme" || !w.Policy.RequirePurpose || w.AllScopes || len(w.Teams) != 1 {
		t.Errorf("workspace %+v, %v", w, err)
	}
	if m := person(t, h, "a@example.test").In("w"); m.Role != token.Admin || len(m.Teams) != 1 {
		t.Errorf("membership %+v", m)
	}
	c, err := h.Store.Client(ctx, "c")
	if err != nil || c.Name != "Program" || c.AccessTTL != 600 || !strings.Contains(c.Metadata, "client_uri") || !strings.Contains(c.Metadata, "logo_uri") {
		t.Errorf("client %+v, %v", c, err)
	}
	// Pruning takes what is no longer said.
	wantOutcomes(t, apply(t, h, bare, resources.Options{Prune: true}),
		"workspace w: changed", "membership a@example.test in w: changed", "client c: changed")
	if c, err = h.Store.Client(ctx, "c"); err != nil || c.Name != "" || c.AccessTTL != 0 || strings.Contains(c.Metadata, "client_uri") {
		t.Errorf("pruned client %+v, %v", c, err)
	}
}

func TestPruneEndsWhatEarlierFilesMade(t *testing.T) {
	onEachEngine(t, func(t *testing.T, h *servertest.House) {
		const rest = "workspaces: [{id: ws1}]\nusers: [{email: admin@example.test, memberships: [{workspace: ws1, role: super_admin}]}]\n"
		apply(t, h, string(example(t)), resources.Options{})
		byHand := token.Client{ID: "by-hand", Workspace: "ws1", AuthMethod: "none"}
		if _, err := h.Authority.PutClient(t.Context(), system, &byHand, "", authorityOptions); err != nil {
			t.Fatal(err)
		}
		if r := apply(t, h, rest, resources.Options{}); r.Count(resources.Pruned) != 0 {
			t.Errorf("pruned without being asked: %q", outcomes(r))
		}
		r := apply(t, h, rest, resources.Options{Prune: true})
		// Two scopes, a client token, a role, a user with a membership, five
		// clients, a resource, a token and a subscription.
		if n := r.Count(resources.Pruned); n != 14 {
			t.Errorf("pruned %d: %q", n, outcomes(r))
		}
		if err := judge(h, "CFPAT-admin-seed-token"); !token.Is(err, token.InvalidToken) {
			t.Errorf("the pruned token: %v", err)
		}
		if _, err := h.Authority.ClientBySecret(t.Context(), token.Actor{}, "ws1", "be-client-secret"); !token.Is(err, token.InvalidClient) {
			t.Errorf("the pruned client: %v", err)
		}
		if c, err := h.Store.Client(t.Context(), "by-hand"); err != nil || c.DisabledAt != 0 {
			t.Errorf("a client that no file made: %+v, %v", c, err)
		}
		if h.Authority.Known("forms") || !h.Authority.Known("content:write") {
			t.Error("the scope forms is known, or content:write, which was there before any file, is not")
		}
		if again := apply(t, h, rest, resources.Options{Prune: true}); again.Count(resources.Unchanged) != len(again.Lines) {
			t.Errorf("pruning twice: %q", outcomes(again))
		}
		kept := apply(t, h, string(example(t)), resources.Options{}).Count(resources.KeptEnded)
		if kept != 10 { // all but the scopes, the role and the resource, which leave nothing behind
			t.Errorf("%d kept ended", kept)
		}
	})
}

func TestUnknownNameChangesNothing(t *testing.T) {
	h := servertest.Start(t, "", nil)
	before := position(t, h)
	_, err := h.Apply(t.Context(), "resources.yaml", []byte("workspaces:\n  - {id: w}\nclients:\n  - {client_id: c, workspace: elsewhere}\n"), false)
	if err == nil || !strings.HasPrefix(err.Error(), "resources.yaml:4: workspace elsewhere: ") || !token.Is(err, token.Invalid) {
		t.Errorf("got %v", err)
	}
	if p := position(t, h); p != before {
		t.Errorf("something was written: %d, then %d", before, p)
	}
}

func TestRefusalOfTheServerNamesTheLine(t *testing.T) {
	h := servertest.Start(t, "workspaces: [{id: w, number: 7}]", nil)
	_, err := h.Apply(t.Context(), "resources.yaml", []byte("workspaces:\n  - id: v\n    number: 7\n"), false)
	if err == nil || !strings.HasPrefix(err.Error(), "resources.yaml:2: workspace v: number: 7 is taken") {
		t.Errorf("got %v", err)
	}
}

func TestFileOfAnotherEnvironmentIsRefused(t *testing.T) {
	sandbox := []byte("environment: sandbox\nworkspaces: [{id: w}]")
	h := servertest.Start(t, "", nil)
	_, err := h.Apply(t.Context(), "resources.yaml", sandbox, false)
	if !token.Is(err, token.Invalid) || !strings.Contains(err.Error(), "FICHA_ENVIRONMENT=sandbox") {
		t.Errorf("got %v, want which setting to change", err)
	}
	if w, err := h.Store.Workspace(t.Context(), "w"); err != nil || w != nil {
		t.Errorf("applied all the same: %v, %v", w, err)
	}
	same := servertest.Start(t, "", func(c *server.Config) { c.Environment = "sandbox" })
	if r, err := same.Apply(t.Context(), "resources.yaml", sandbox, false); err != nil || len(r.Warnings) != 0 {
		t.Errorf("got %+v, %v", r, err)
	}
}

// Applying is many commits. Wherever it stops, doing it again leads to the same
// state as if it had never stopped.
func TestApplyingAgainAfterACrashGoesOn(t *testing.T) {
	straight := servertest.Start(t, "", withVariables)
	want := apply(t, straight, string(example(t)), resources.Options{})
	for _, commits := range []int{1, 2, 5, 9, 12, 14, 16} {
		h := servertest.Start(t, "", withVariables)
		ctx, cancel := context.WithCancel(t.Context())
		left := commits
		h.Store.OnChange(func(c []token.Change) {
			h.Verifier.Hear(c)
			if left--; left == 0 {
				cancel()
			}
		})
		broken, err := h.Apply(ctx, "resources.yaml", example(t), false)
		if !errors.Is(err, context.Canceled) || len(broken.Lines) >= len(want.Lines) {
			t.Fatalf("after %d commits: %v, %d lines", commits, err, len(broken.Lines))
		}
		r := apply(t, h, string(example(t)), resources.Options{})
		if len(r.Lines) != len(want.Lines) || r.Count(resources.KeptEnded) != 0 {
			t.Errorf("after %d commits: %q", commits, outcomes(r))
		}
		wantOutcomes(t, apply(t, h, string(example(t)), resources.Options{}))
		if got, want := made(t, h), made(t, straight); got != want {
			t.Errorf("after %d commits applying has made\n%s\nwant\n%s", commits, got, want)
		}
		if err := judge(h, "CFPAT-admin-seed-token"); err != nil {
			t.Errorf("after %d commits: the imported token: %v", commits, err)
		}
	}
}

// Nodes of one database are started with the same file at the same moment.
func TestNodesThatApplyAtOnceAgree(t *testing.T) {
	if !pgtest.Available() {
		t.Log("one process owns an SQLite database; nothing to race with")
		return
	}
	database, key := pgtest.Start(t).Database(t), token.HashOf("their master key")
	var nodes []*servertest.House
	for range 3 {
		nodes = append(nodes, servertest.Start(t, "", func(c *server.Config) {
			withVariables(c)
			c.Database = database
			c.MasterKey = hex.EncodeToString(key[:])
		}))
	}
	text, errs := example(t), make([]error, len(nodes))
	var all sync.WaitGroup
	for i, h := range nodes {
		all.Go(func() { _, errs[i] = h.Apply(context.Background(), "resources.yaml", text, false) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	var items []resources.Item
	if err := json.Unmarshal([]byte(made(t, nodes[0])), &items); err != nil || len(items) != 17 {
		t.Errorf("%d items were made, %v: %v", len(items), err, items)
	}
	wantOutcomes(t, apply(t, nodes[1], string(text), resources.Options{}))
}

func made(t *testing.T, h *servertest.House) string {
	t.Helper()
	b, err := h.Store.Meta(t.Context(), "applied")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestManyUsersAndClientsAreAppliedInSeconds(t *testing.T) {
	var b strings.Builder
	b.WriteString("workspaces: [{id: w}]\nusers:\n")
	for i := range 500 {
		fmt.Fprintf(&b, "  - {email: user%d@example.test, name: User %d, memberships: [{workspace: w}]}\n", i, i)
	}
	b.WriteString("clients:\n")
	for i := range 100 {
		fmt.Fprintf(&b, "  - {client_id: client%d, client_secret: secret-of-client-%d, workspace: w, scope: \"catalog:read\"}\n", i, i)
	}
	h := servertest.Start(t, "", nil)
	h.Store.OnChange(func(c []token.Change) {
		h.Verifier.Hear(c)
		h.Clock.Move(time.Millisecond) // a commit takes its time
	})
	began := time.Now()
	if r := apply(t, h, b.String(), resources.Options{}); r.Count(resources.Created) != 1101 {
		t.Errorf("made %d of 1101", r.Count(resources.Created))
	}
	first := time.Since(began)
	if r := apply(t, h, b.String(), resources.Options{}); r.Count(resources.Unchanged) != 1101 {
		t.Errorf("%d of 1101 unchanged", r.Count(resources.Unchanged))
	}
	t.Logf("first %s, again %s", first, time.Since(began)-first)
	if first > time.Minute {
		t.Errorf("took %s, want under a minute, busy machine and race detector included", first)
	}
}
