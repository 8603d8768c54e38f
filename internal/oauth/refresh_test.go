package oauth_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

// tokens gets the first tokens of a consent of Ben's.
func (w world) tokens(client string) (access, refresh string) {
	w.t.Helper()
	a := w.exchange(client, w.code(client, "ben@example.test"))
	return w.must(a, "access_token"), w.must(a, "refresh_token")
}

func TestConfidentialClientKeepsItsRefreshToken(t *testing.T) {
	w := start(t)
	_, refresh := w.tokens("web")
	for range 3 {
		w.Clock.Move(time.Hour)
		a := w.refresh("web", refresh)
		if w.must(a, "refresh_token") != refresh {
			t.Error("the refresh token was replaced")
		}
		if !w.active(w.must(a, "access_token")) || a.JSON["expires_in"] != 1800.0 {
			t.Errorf("got %s", a.Body)
		}
	}
}

func TestPublicClientGetsAnotherRefreshTokenEachTime(t *testing.T) {
	w := start(t)
	a := w.exchange("spa", w.code("spa", "ben@example.test"))
	first := w.must(a, "refresh_token")
	if got, want := a.JSON["refresh_token_expires_in"], 30*24*time.Hour.Seconds(); got != want {
		t.Errorf("refresh_token_expires_in is %v, want %v", got, want)
	}
	second := w.must(w.refresh("spa", first), "refresh_token")
	third := w.must(w.refresh("spa", second), "refresh_token")
	if first == second || second == third {
		t.Error("the refresh token was not replaced")
	}
}

func TestRefreshUsedTwoStepsBackEndsTheFamily(t *testing.T) {
	w := start(t)
	access, first := w.tokens("spa")
	second := w.must(w.refresh("spa", first), "refresh_token")
	a := w.refresh("spa", second)
	third := w.must(a, "refresh_token")
	w.refused(w.refresh("spa", first), 400, "invalid_grant")
	w.refused(w.refresh("spa", third), 400, "invalid_grant")
	for name, secret := range map[string]string{"first": access, "last": w.must(a, "access_token")} {
		if w.active(secret) {
			t.Errorf("the %s access token of the family lives", name)
		}
	}
}

func TestRefreshReusedAfterItsSuccessorWasUsedEndsTheFamily(t *testing.T) {
	w := start(t)
	_, first := w.tokens("spa")
	a := w.refresh("spa", first)
	if !w.active(w.must(a, "access_token")) { // asking about it is a use
		t.Fatal("the new access token is not active")
	}
	w.refused(w.refresh("spa", first), 400, "invalid_grant")
	w.refused(w.refresh("spa", w.must(a, "refresh_token")), 400, "invalid_grant")
}

// The use is known for as long as somebody may come with a copy: after it was
// written to disk, after the answer was dropped, and after a restart.
func TestReuseIsSeenLongAfterTheSuccessorWasUsed(t *testing.T) {
	for name, later := range map[string]func(world) world{
		"written": func(w world) world { return w },
		"dropped": func(w world) world { w.Clock.Move(time.Hour); return w.purged() },
		"restart": func(w world) world { return w.restart() },
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			_, first := w.tokens("spa")
			a := w.refresh("spa", first)
			if !w.active(w.must(a, "access_token")) {
				t.Fatal("the new access token is not active")
			}
			if err := w.Verifier.WriteUses(t.Context(), w.Store.FlushUses); err != nil {
				t.Fatal(err)
			}
			w = later(w)
			w.refused(w.refresh("spa", first), 400, "invalid_grant")
			w.refused(w.refresh("spa", w.must(a, "refresh_token")), 400, "invalid_grant")
		})
	}
}

// What was sealed for who asks again lies there no longer than it may be needed.
func TestAnswerToARefreshIsForgottenOnceUsed(t *testing.T) {
	for _, used := range []string{"access_token", "refresh_token"} {
		t.Run(used, func(t *testing.T) {
			w := start(t)
			_, first := w.tokens("spa")
			a := w.refresh("spa", first)
			r, err := w.Verifier.Find(t.Context(), w.must(a, "refresh_token"))
			if err != nil {
				t.Fatal(err)
			}
			kept := func() bool {
				if err := w.Verifier.WriteUses(t.Context(), w.Store.FlushUses); err != nil {
					t.Fatal(err)
				}
				one, err := w.Store.Renewal(t.Context(), r.Token.ID)
				if err != nil {
					t.Fatal(err)
				}
				return one != nil
			}
			if !kept() {
				t.Error("it is forgotten before it was used")
			}
			found, err := w.Verifier.Find(t.Context(), w.must(a, used))
			if err != nil {
				t.Fatal(err)
			}
			w.Verifier.Note(found.Token.ID, token.Use{Now: w.Clock.Now().UnixMilli()})
			if kept() {
				t.Error("it is still there")
			}
		})
	}
}

// purged drops what is over.
func (w world) purged() world {
	w.t.Helper()
	if _, err := w.Store.Purge(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return w
}

func TestLostAnswerIsGivenAgainForHalfAMinute(t *testing.T) {
	w := start(t)
	_, first := w.tokens("spa")
	a := w.refresh("spa", first)
	w.Clock.Move(29 * time.Second)
	b := w.refresh("spa", first)
	if w.must(a, "access_token") != w.must(b, "access_token") || w.must(a, "refresh_token") != w.must(b, "refresh_token") {
		t.Error("the retry got other tokens")
	}
	if b.JSON["expires_in"] != 1771.0 {
		t.Errorf("29 s later expires_in is %v, want what is left: 1771", b.JSON["expires_in"])
	}
	w.Clock.Move(2 * time.Second)
	w.refused(w.refresh("spa", first), 400, "invalid_grant")
	if c := w.refresh("spa", w.must(b, "refresh_token")); c.Status != 200 {
		t.Errorf("a retry that came too late ended the family: %d %s", c.Status, c.Body)
	}
}

// Tabs that share a refresh token and ask for different things have one successor
// and an access token each, for what they asked.
func TestRacersAreGivenWhatTheyAskFor(t *testing.T) {
	w := start(t)
	_, first := w.tokens("spa")
	files, api := "https://anything.example.test/", "https://api.example.test/"
	a := w.refresh("spa", first, "resource", files)
	b := w.refresh("spa", first, "resource", api, "scope", "catalog:read")
	c := w.refresh("spa", first, "resource", files)
	if w.must(a, "refresh_token") != w.must(b, "refresh_token") || w.must(a, "access_token") != w.must(c, "access_token") {
		t.Errorf("the successor or the repeated answer is another: %s, %s, %s", a.Body, b.Body, c.Body)
	}
	w.refused(w.refresh("spa", first, "scope", "assets:read"), 400, "invalid_scope")
	w.refused(w.refresh("spa", first, "resource", "https://foreign.example.test/"), 400, "invalid_target")
	if got := w.introspect(w.must(a, "access_token")); got["aud"] != files || got["scope"] != "catalog:read content:write" {
		t.Errorf("the first tab's token is %v", got)
	}
	if got := w.introspect(w.must(b, "access_token")); got["aud"] != api || got["scope"] != "catalog:read" {
		t.Errorf("the second tab's token is %v", got)
	}
	w.refused(w.refresh("spa", first), 400, "invalid_grant") // a token of it was used
}

func TestHonestRacersGetTheSameSuccessor(t *testing.T) {
	w := start(t)
	_, first := w.tokens("spa")
	next, seen := "", map[string]bool{}
	for _, a := range together(20, func() servertest.Answer { return w.refresh("spa", first) }) {
		next = w.must(a, "refresh_token")
		seen[next+" "+w.must(a, "access_token")] = true
	}
	if len(seen) != 1 {
		t.Errorf("%d different answers, want one", len(seen))
	}
	w.must(w.refresh("spa", first), "refresh_token") // the 20th time that it is given again
	w.refused(w.refresh("spa", first), 400, "invalid_grant")
	if a := w.refresh("spa", next); a.Status != 200 {
		t.Errorf("past the cap the successor is dead: %d %s", a.Status, a.Body)
	}
}

func TestReuseIsStillSeenAfterARestart(t *testing.T) {
	w := start(t)
	_, first := w.tokens("spa")
	second := w.must(w.refresh("spa", first), "refresh_token")
	third := w.must(w.refresh("spa", second), "refresh_token")
	again := w.restart()
	again.refused(again.refresh("spa", first), 400, "invalid_grant")
	again.refused(again.refresh("spa", third), 400, "invalid_grant")
}

func TestRefreshTokenOutlivesARestart(t *testing.T) {
	w := start(t)
	access, first := w.tokens("spa")
	again := w.restart()
	if !again.active(access) {
		t.Error("the access token did not outlive the restart")
	}
	again.must(again.refresh("spa", first), "refresh_token")
}

// restart stops the server and starts another on the same data.
func (w world) restart() world {
	w.t.Helper()
	if err := w.Close(); err != nil {
		w.t.Fatal(err)
	}
	old := w.Config
	return world{servertest.Start(w.t, "", func(c *server.Config) { c.DataDir, c.Issuer, c.Now = old.DataDir, old.Issuer, old.Now }), w.t}
}

func TestRefreshTokenIsItsClientsAlone(t *testing.T) {
	w := start(t)
	_, refresh := w.tokens("web")
	w.refused(w.refresh("rival", refresh), 400, "invalid_grant")
	w.refused(w.refresh("spa", refresh), 400, "invalid_grant")
	w.refused(w.raw("/oauth2/token", "grant_type=refresh_token&client_id=web&refresh_token="+refresh), 401, "invalid_client")
	w.refused(w.raw("/oauth2/token", "grant_type=refresh_token&refresh_token="+refresh, "Authorization", basic("web", "wrong")), 401, "invalid_client")
	if a := w.refresh("web", refresh); a.Status != 200 {
		t.Errorf("others' attempts ended it: %d %s", a.Status, a.Body)
	}
	for name, secret := range map[string]string{"cut": refresh[:len(refresh)-1], "longer": refresh + "x", "another case": strings.ToUpper(refresh), "garbage": "x"} {
		if a := w.refresh("web", secret); a.Status != 400 || a.JSON["error"] != "invalid_grant" {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	access, _ := w.tokens("web")
	w.refused(w.refresh("web", access), 400, "invalid_grant")
}

func TestRefreshNarrowsAndNeverWidens(t *testing.T) {
	w := start(t)
	for _, client := range []string{"web", "spa"} {
		_, refresh := w.tokens(client)
		w.refused(w.refresh(client, refresh, "scope", "catalog:read assets:read"), 400, "invalid_scope")
		a := w.refresh(client, refresh, "scope", "catalog:read")
		if a.JSON["scope"] != "catalog:read" {
			t.Errorf("%s: narrowed to %v", client, a.JSON["scope"])
		}
		if b := w.refresh(client, w.must(a, "refresh_token")); b.JSON["scope"] != "catalog:read content:write" {
			t.Errorf("%s: narrowing lasts: %s", client, b.Body)
		}
	}
}

func TestRefreshEndsWithWhatItStandsOn(t *testing.T) {
	for name, end := range map[string]func(w world) error{
		"member removed": func(w world) error {
			return w.Identity.Remove(w.t.Context(), system, w.person("ben@example.test").ID, "ws1", "left")
		},
		"person disabled": func(w world) error {
			return w.Identity.DisableUser(w.t.Context(), system, w.person("ben@example.test").ID, "left")
		},
		"role lost": func(w world) error {
			_, err := w.Identity.PutMembership(w.t.Context(), system, w.person("ben@example.test").ID,
				identity.DeclaredMembership{Workspace: "ws1", Role: "reader"}, identity.Options{})
			return err
		},
		"consent withdrawn": func(w world) error {
			p := w.person("ben@example.test")
			given, err := w.Authority.Given(w.t.Context(), p)
			if err != nil {
				return err
			}
			for _, g := range given {
				if err := w.Authority.TakeBack(w.t.Context(), token.Actor{Kind: token.User, ID: p.ID}, p, g.Families[0].ID); err != nil {
					return err
				}
			}
			return nil
		},
		"workspace disabled": func(w world) error {
			return w.Authority.DisableWorkspace(w.t.Context(), system, "ws1", "test")
		},
	} {
		w := start(t)
		_, kept := w.tokens("web")
		_, rotating := w.tokens("spa")
		if err := end(w); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for client, refresh := range map[string]string{"web": kept, "spa": rotating} {
			status, refusal := 400, "invalid_grant"
			if name == "workspace disabled" { // it is the clients' home: they cannot even show themselves
				status, refusal = 401, "invalid_client"
			}
			if a := w.refresh(client, refresh); a.Status != status || a.JSON["error"] != refusal {
				t.Errorf("%s, %s: %d %s, want %s", name, client, a.Status, a.Body, refusal)
			}
		}
	}
}

func TestRefreshTokenOfAPublicClientEnds(t *testing.T) {
	w := start(t)
	_, idle := w.tokens("spa")
	_, busy := w.tokens("spa")
	w.Clock.Move(29 * 24 * time.Hour)
	for range 2 {
		busy = w.must(w.refresh("spa", busy), "refresh_token")
		w.Clock.Move(29 * 24 * time.Hour)
	}
	w.refused(w.refresh("spa", idle), 400, "invalid_grant")
	a := w.refresh("spa", busy)
	busy = w.must(a, "refresh_token")
	if got, want := a.JSON["refresh_token_expires_in"], 3*24*time.Hour.Seconds(); got != want {
		t.Errorf("87 days after the consent %v s are left, want %v", got, want)
	}
	w.Clock.Move(3 * 24 * time.Hour)
	w.refused(w.refresh("spa", busy), 400, "invalid_grant")
}

func TestAnswersAreWhatTheStandardSays(t *testing.T) {
	w := start(t)
	_, refresh := w.tokens("web")
	a := w.refresh("web", refresh)
	var got map[string]json.RawMessage
	if err := json.Unmarshal(a.Body, &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"access_token", "token_type", "expires_in", "refresh_token", "scope"} {
		if _, has := got[name]; !has {
			t.Errorf("the answer lacks %s: %s", name, a.Body)
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("the answer has more: %v", got)
	}
}
