package dialect_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/dialect"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

func TestContentfulTokenIsShownOnceAndHasTheContractsFields(t *testing.T) {
	h := newCMS(t)
	me := h.manage("mia@example.test")
	h.Clock.Move(time.Second)
	a := h.is("create", h.create(me, map[string]any{"name": "Deploy <b>", "expiresIn": 777596.92}), 201)
	secret, id := stringAt(a.JSON, "token"), stringAt(a.JSON, "sys", "id")
	if !regexp.MustCompile(`^CFPAT-[0-9A-Za-z]{45}$`).MatchString(secret) || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("got the token %q and Cache-Control %q", secret, a.Header.Get("Cache-Control"))
	}
	if a.Header.Get("Content-Type") != contentfulMedia || a.Header.Get("X-Contentful-Request-Id") == "" {
		t.Errorf("got headers %v", a.Header)
	}
	delete(a.JSON, "token")
	want := map[string]any{
		"sys": map[string]any{
			"type": "PersonalAccessToken", "id": id, "version": 1.0, "createdAt": "2026-11-22T12:00:01.000Z", "updatedAt": "2026-11-22T12:00:01.000Z",
			"expiresAt": "2026-12-01T11:59:58.000Z", "lastUsedAt": nil, "redactedValue": secret[len(secret)-4:], "application": nil,
		},
		"name": "Deploy <b>", "scopes": []any{token.ManageContent}, "revokedAt": nil,
	}
	sameJSON(t, "created", a.JSON, want)
	sameJSON(t, "read", h.is("read", h.call("GET", "/users/me/access_tokens/"+id, me, nil), 200).JSON, want)

	list := h.is("list", h.call("GET", "/users/me/access_tokens", me, nil), 200)
	sameJSON(t, "list", valueAt(list.JSON, "items", 0), want)
	sameJSON(t, "array", valueAt(list.JSON, "sys"), map[string]any{"type": "Array"})
	if list.JSON["total"] != 2.0 || list.JSON["skip"] != 0.0 || list.JSON["limit"] != 100.0 || len(itemIDs(list)) != 2 {
		t.Errorf("got total %v skip %v limit %v of %d", list.JSON["total"], list.JSON["skip"], list.JSON["limit"], len(itemIDs(list)))
	}
	for _, part := range []string{string(list.Body), h.Log.String()} {
		if strings.Contains(part, secret) || strings.Contains(part, me) {
			t.Error("a secret is told again")
		}
	}
}

// sameJSON compares two values as JSON.
func sameJSON(t *testing.T, what string, got, want any) {
	t.Helper()
	g, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	w, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(g, w) {
		t.Errorf("%s: got %s, want %s", what, g, w)
	}
}

func TestContentfulTokenOpensWhereverItsPersonIsAMember(t *testing.T) {
	h := newCMS(t)
	secret := stringAt(h.is("create", h.create(h.manage("mia@example.test"), map[string]any{}), 201).JSON, "token")
	for _, workspace := range []string{"ws1", "ws2"} {
		use := token.Use{Now: h.Clock.Now().UnixMilli(), Surface: token.AtVerify, Workspace: workspace, Scopes: token.Scopes{token.ReadContent}}
		if _, _, err := h.Verifier.Judge(t.Context(), secret, use); err != nil {
			t.Errorf("%s: %v", workspace, err)
		}
	}
}

func TestContentfulRevokedTokenIsDeadAtOnceAndRevokingAgainChangesNothing(t *testing.T) {
	h := newCMS(t)
	me := h.manage("mia@example.test")
	made := h.is("create", h.create(me, map[string]any{}), 201)
	secret, path := stringAt(made.JSON, "token"), "/users/me/access_tokens/"+stringAt(made.JSON, "sys", "id")
	h.is("before", h.call("GET", "/users/me", secret, nil), 200)
	h.Clock.Move(time.Hour)
	first := h.is("revoke", h.call("PUT", path+"/revoked", secret, nil), 200) // by itself, which is allowed
	if stringAt(first.JSON, "revokedAt") != "2026-11-22T13:00:00.000Z" || valueAt(first.JSON, "sys", "version") != 2.0 || stringAt(first.JSON, "sys", "lastUsedAt") == "" {
		t.Errorf("got %s", first.Body)
	}
	h.isError("use", h.call("GET", "/users/me", secret, nil), 401, "AccessTokenInvalid")
	h.Clock.Move(time.Hour)
	second := h.is("revoke again", h.call("PUT", path+"/revoked", me, nil), 200)
	sameJSON(t, "second answer", second.JSON, first.JSON)
	sameJSON(t, "read", h.is("read", h.call("GET", path, me, nil), 200).JSON, first.JSON)
}

func TestContentfulTokenOfSomebodyElseIsAsUnknown(t *testing.T) {
	h := newCMS(t)
	id := stringAt(h.is("create", h.create(h.manage("mia@example.test"), map[string]any{}), 201).JSON, "sys", "id")
	_, service := h.give(authority.Order{
		Kind: token.Service, Workspace: "ws1", Sponsor: h.id("owner@example.test"), Scopes: token.Scopes{token.ManageContent}, Name: "robot",
	})
	for _, email := range []string{"owner@example.test", "stranger@example.test"} { // of the same organization, and of another one
		secret := h.manage(email)
		for _, c := range [][2]string{{"GET", ""}, {"PUT", "/revoked"}} {
			unknown := h.call(c[0], "/users/me/access_tokens/"+strings.Repeat("0", 12)+"1"+c[1], secret, nil)
			for _, other := range []string{id, service, "nothing", strings.ToUpper(id)} {
				a := h.call(c[0], "/users/me/access_tokens/"+other+c[1], secret, nil)
				h.isError(c[0]+" by "+email, a, 404, "NotFound")
				delete(a.JSON, "requestId")
				delete(unknown.JSON, "requestId")
				sameJSON(t, "answer", a.JSON, unknown.JSON)
			}
		}
	}
	a := h.call("GET", "/users/me/access_tokens/"+id, h.manage("mia@example.test"), nil)
	if a.Status != 200 || valueAt(a.JSON, "revokedAt") != nil {
		t.Errorf("got %d %s, want it untouched", a.Status, a.Body)
	}
}

func TestContentfulMangledTokenIsDead(t *testing.T) {
	h := newCMS(t)
	secret := h.manage("mia@example.test")
	swapped := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r - 32
		}
		return r
	}, secret)
	for what, bad := range map[string]string{
		"truncated": secret[:len(secret)-1], "extended": secret + "a", "in capitals": swapped, "without prefix": strings.TrimPrefix(secret, "CFPAT-"),
		"prefix alone": "CFPAT-", "prefix in lower case": "cfpat-" + strings.TrimPrefix(secret, "CFPAT-"), "other prefix": "fch_pat_" + strings.TrimPrefix(secret, "CFPAT-"),
	} {
		a := h.call("GET", "/users/me", bad, nil)
		h.isError(what, a, 401, "AccessTokenInvalid")
		if stringAt(a.JSON, "message") != "The access token you sent could not be found or is invalid." {
			t.Errorf("%s: got %s", what, a.Body)
		}
	}
}

func TestContentfulTakesTokensFromTheHeaderAlone(t *testing.T) {
	h := newCMS(t)
	secret := h.manage("mia@example.test")
	for what, a := range map[string]servertest.Answer{
		"nothing":  h.Request("GET", "/users/me", nil),
		"a query":  h.Request("GET", "/users/me?access_token="+secret, nil),
		"a cookie": h.Request("GET", "/users/me", nil, "Cookie", "access_token="+secret),
		"Basic":    h.Request("GET", "/users/me", nil, "Authorization", "Basic "+secret),
	} {
		h.isError(what, a, 401, "AccessTokenInvalid")
		if !strings.HasPrefix(a.Header.Get("Www-Authenticate"), "Bearer") {
			t.Errorf("%s: got the challenge %q, want Bearer", what, a.Header.Get("Www-Authenticate"))
		}
	}
	expired, _ := h.give(authority.Order{Kind: token.Personal, Person: h.id("mia@example.test"), Scopes: token.Scopes{token.ReadContent}, Name: "x", TTL: time.Minute})
	h.Clock.Move(time.Minute)
	a := h.call("GET", "/users/me", expired, nil)
	h.isError("expired", a, 401, "AccessTokenInvalid")
	if !strings.Contains(a.Header.Get("Www-Authenticate"), "expired on 2026-11-22") {
		t.Errorf("got the challenge %q, want the day on which it expired", a.Header.Get("Www-Authenticate"))
	}
}

// Whatever a route is that changes something, and however it is shown,
// a token that may read changes nothing.
func TestContentfulReadOnlyTokenChangesNothing(t *testing.T) {
	h := newCMS(t)
	secret := h.pat("owner@example.test", token.ReadContent)
	h.is("reading", h.call("GET", "/users/me/access_tokens", secret, nil), 200)
	own := itemIDs(h.call("GET", "/users/me/access_tokens", secret, nil))[0]
	members := itemIDs(h.call("GET", "/organizations/ws1/organization_memberships", secret, nil))
	before := h.call("GET", "/organizations/ws1/access_tokens", secret, nil).JSON["total"]
	mutating := 0
	for _, route := range dialect.NewContentful(dialect.ContentfulConfig{}).Routes() {
		if !route.Rule.Mutates {
			continue
		}
		mutating++
		method, path, _ := strings.Cut(route.Pattern, " ")
		id := own
		if strings.Contains(path, "memberships") {
			id = members[1]
		}
		path = strings.NewReplacer("{org}", "ws1", "{id}", id).Replace(path)
		body := `{"name":"x","scopes":["content_management_read"]}`
		for way, header := range map[string][]string{
			"Bearer": {"Authorization", "Bearer " + secret}, "AccessToken": {"AccessToken", secret},
		} {
			a := h.Request(method, path, body, append(header, "Content-Type", contentfulMedia)...)
			h.isError(route.Pattern+" by "+way, a, 403, "AccessDenied")
		}
		for way, header := range map[string][]string{
			"Basic": {"Authorization", "Basic " + secret}, "override": {"Authorization", "Basic " + secret, "X-Http-Method-Override", "GET"},
		} {
			a := h.Request(method, path+"?access_token="+secret, body, append(header, "Content-Type", contentfulMedia)...)
			h.isError(route.Pattern+" by "+way, a, 401, "AccessTokenInvalid")
		}
	}
	if mutating != 3 {
		t.Errorf("got %d routes that change something, want 3", mutating)
	}
	if after := h.call("GET", "/organizations/ws1/access_tokens", secret, nil).JSON["total"]; after != before || before == nil {
		t.Errorf("got %v tokens, want %v as before", after, before)
	}
	if left := itemIDs(h.call("GET", "/organizations/ws1/organization_memberships", secret, nil)); len(left) != len(members) {
		t.Errorf("got %d members, want %d as before", len(left), len(members))
	}
}

// Nothing that a token makes is wider than it, in scopes, workspace or
// time; what is no personal token makes none.
func TestContentfulTokenMakesNoneThatIsWider(t *testing.T) {
	h := newCMS(t)
	mia := h.id("mia@example.test")
	both := token.Scopes{token.ManageContent, token.AdminWrite}
	wide, _ := h.give(authority.Order{Kind: token.Personal, Person: mia, Scopes: both, Name: "wide"})
	h.isError("administration", h.create(wide, map[string]any{"scopes": []string{token.AdminWrite}}), 422, "ValidationFailed")
	h.isError("a read-only parent", h.create(h.pat("mia@example.test", token.ReadContent), map[string]any{}), 403, "AccessDenied")

	bound, _ := h.give(authority.Order{Kind: token.Personal, Person: mia, Workspace: "ws1", Scopes: token.Scopes{token.ManageContent}, Name: "bound", TTL: time.Hour})
	h.isError("a longer life", h.create(bound, map[string]any{"expiresIn": 3601}), 422, "ValidationFailed")
	for _, asked := range []any{nil, 0} {
		child := h.is("no life of its own", h.create(bound, map[string]any{"expiresIn": asked}), 201)
		if stringAt(child.JSON, "sys", "expiresAt") != "2026-11-22T13:00:00.000Z" {
			t.Errorf("expiresIn %v: got %s, want the parent's end", asked, child.Body)
		}
		use := token.Use{Now: h.Clock.Now().UnixMilli(), Surface: token.AtVerify, Workspace: "ws2"}
		if _, _, err := h.Verifier.Judge(t.Context(), stringAt(child.JSON, "token"), use); !token.Is(err, token.InvalidToken) {
			t.Errorf("a child of a token for ws1 in ws2: got %v, want a refusal", err)
		}
	}
	if list := h.call("GET", "/users/me/access_tokens", bound, nil); list.JSON["total"] != 3.0 {
		t.Errorf("got %s, want the three of its own workspace", list.Body)
	}

	access, _ := h.give(authority.Order{Kind: token.Access, Person: mia, Workspace: "ws1", Scopes: token.Scopes{token.ManageContent}})
	h.isError("an access token", h.create(access, map[string]any{}), 403, "AccessDenied")
	robot, _ := h.give(authority.Order{Kind: token.Service, Workspace: "ws1", Sponsor: mia, Scopes: token.Scopes{token.ManageContent}, Name: "robot"})
	h.isError("a program", h.create(robot, map[string]any{}), 403, "AccessDenied")
	h.isError("a program as me", h.call("GET", "/users/me", robot, nil), 403, "AccessDenied")
	other, _ := h.give(authority.Order{
		Kind: token.Impersonated, Client: "desk", Person: mia, Actor: "client:desk", Reason: "support",
		Workspace: "ws1", Scopes: token.Scopes{token.ManageContent}, Name: "support",
	})
	h.is("somebody for her, reading", h.call("GET", "/users/me/access_tokens", other, nil), 200)
	h.isError("somebody for her", h.create(other, map[string]any{}), 403, "AccessDenied")
	h.isError("somebody for her, leaving", h.call("DELETE", "/organizations/ws1/organization_memberships/x", other, nil), 403, "AccessDenied")
}

// Odd names, bad expiries and the rest of what a body can be.
func TestContentfulBodiesThatCannotBeTakenSayWhere(t *testing.T) {
	h := newCMS(t)
	me := h.manage("owner@example.test")
	for what, c := range map[string]struct {
		body map[string]any
		path string
	}{
		"empty name":            {map[string]any{"name": ""}, "name"},
		"blank name":            {map[string]any{"name": " \t"}, "name"},
		"a number":              {map[string]any{"name": 5}, "name"},
		"a long name":           {map[string]any{"name": strings.Repeat("ñ", 201)}, "name"},
		"control character":     {map[string]any{"name": "a\x1bb"}, "name"},
		"control of a terminal": {map[string]any{"name": "a\u009b31mb"}, "name"},
		"no scopes":             {map[string]any{"scopes": []string{}}, "scopes"},
		"another scope":         {map[string]any{"scopes": []string{token.ReadContent, "content:write"}}, "scopes"},
		"one text":              {map[string]any{"scopes": token.ReadContent}, "scopes"},
		"negative":              {map[string]any{"expiresIn": -1}, "expiresIn"},
		"a little negative":     {map[string]any{"expiresIn": -0.001}, "expiresIn"},
		"absurd":                {map[string]any{"expiresIn": 1e12}, "expiresIn"},
		"beyond numbers":        {map[string]any{"expiresIn": json.Number("1e400")}, "expiresIn"},
		"words":                 {map[string]any{"expiresIn": "soon"}, "expiresIn"},
	} {
		a := h.create(me, c.body)
		h.isError(what, a, 422, "ValidationFailed")
		if stringAt(a.JSON, "details", "errors", 0, "path", 0) != c.path || stringAt(a.JSON, "details", "errors", 0, "details") == "" {
			t.Errorf("%s: got %s, want a detail at %s", what, a.Body, c.path)
		}
	}
	for what, c := range map[string]struct {
		media, body string
		status      int
	}{
		"no JSON": {contentfulMedia, "name=x", 400}, "nothing": {contentfulMedia, "", 400}, "a form": {"application/x-www-form-urlencoded", "name=x", 415},
		"too large": {contentfulMedia, strings.Repeat(" ", 70_000), 413},
	} {
		a := h.Request("POST", "/users/me/access_tokens", c.body, "Authorization", "Bearer "+me, "Content-Type", c.media)
		h.isError(what, a, c.status, "BadRequest")
	}
	for _, name := range []string{"<script>alert(1)</script>", "ñandú 🦤", `";DROP TABLE tokens_long;--`, strings.Repeat("ñ", 200), "a", " spaced "} {
		if a := h.create(me, map[string]any{"name": name, "unknown": true}); a.Status != 201 || stringAt(a.JSON, "name") != name {
			t.Errorf("%q: got %d %s, want it kept as it is", name, a.Status, a.Body)
		}
	}
}

func TestContentfulExpiryIsNeverLessThanAsked(t *testing.T) {
	h := newCMS(t)
	me := h.manage("owner@example.test")
	for asked, want := range map[any]any{
		0.5: "2026-11-22T12:00:01.000Z", 60: "2026-11-22T12:01:00.000Z", 59.000001: "2026-11-22T12:01:00.000Z", 0: nil, nil: nil,
	} {
		a := h.is("create", h.create(me, map[string]any{"expiresIn": asked}), 201)
		if got := valueAt(a.JSON, "sys", "expiresAt"); got != want {
			t.Errorf("expiresIn %v: got %v, want %v", asked, got, want)
		}
	}
	a := h.Request("POST", "/users/me/access_tokens", map[string]any{"name": "plain JSON", "scopes": []string{token.ReadContent}}, "Authorization", "Bearer "+me)
	if a.Status != 201 || valueAt(a.JSON, "sys", "expiresAt") != nil {
		t.Errorf("without expiresIn: got %d %s, want one that never expires", a.Status, a.Body)
	}
}

func TestContentfulStrictestWorkspaceOfAPersonSetsTheExpiry(t *testing.T) {
	h := newCMS(t)
	sven := h.id("sven@example.test")
	_, err := h.Authority.Issue(t.Context(), token.Actor{}, authority.Order{Kind: token.Personal, Person: sven, Scopes: token.Scopes{token.ReadContent}, Name: "x"})
	if !token.Is(err, token.Invalid) {
		t.Errorf("without expiry: got %v, want a refusal", err)
	}
	_, err = h.Authority.Issue(t.Context(), token.Actor{}, authority.Order{
		Kind: token.Personal, Person: sven, Scopes: token.Scopes{token.ReadContent}, Name: "x", TTL: 31 * 24 * time.Hour,
	})
	if !token.Is(err, token.Invalid) {
		t.Errorf("over the most: got %v, want a refusal", err)
	}
	bound, _ := h.give(authority.Order{Kind: token.Personal, Person: sven, Workspace: "ws2", Scopes: token.Scopes{token.ManageContent}, Name: "of the other one"})
	if a := h.create(bound, map[string]any{}); a.Status != 201 || valueAt(a.JSON, "sys", "expiresAt") != nil {
		t.Errorf("bound to another workspace: got %d %s, want no expiry", a.Status, a.Body)
	}
}

func TestContentfulSaysWhoTheBearerIs(t *testing.T) {
	h := newCMS(t)
	a := h.is("me", h.call("GET", "/users/me", h.pat("owner@example.test", token.ReadContent), nil), 200)
	at := "2026-11-22T12:00:00.000Z"
	sameJSON(t, "me", a.JSON, map[string]any{
		"sys":   map[string]any{"type": "User", "id": h.id("owner@example.test"), "version": 1, "createdAt": at, "updatedAt": at},
		"email": "owner@example.test", "firstName": "Olga", "lastName": "Maria Owner", "avatarUrl": "", "activated": true, "confirmed": true,
	})
}

func TestContentfulPathsThatAreNotServedAreNotFoundInItsShape(t *testing.T) {
	h := newCMS(t)
	me := h.manage("owner@example.test")
	for _, c := range [][2]string{
		{"GET", "/users/me/"}, {"GET", "/users/me/unknown"}, {"DELETE", "/users/me/access_tokens"}, {"POST", "/users/me"}, {"POST", "/organizations"},
		{"GET", "/organizations/ws1"}, {"GET", "/organizations/ws1/teams"}, {"PUT", "/organizations/ws1/organization_memberships/x"},
		{"GET", "/organizations/"}, {"DELETE", "/users/me/access_tokens/x"},
	} {
		h.isError(c[0]+" "+c[1], h.call(c[0], c[1], me, nil), 404, "NotFound")
		h.isError(c[0]+" "+c[1]+" of a stranger", h.Request(c[0], c[1], nil), 404, "NotFound")
	}
}

func TestContentfulAnswersToTheTypeThatItsSDKSends(t *testing.T) {
	h := newCMS(t)
	me := h.manage("owner@example.test")
	id := itemIDs(h.call("GET", "/users/me/access_tokens", me, nil))[0]
	req, err := http.NewRequestWithContext(t.Context(), "PUT", h.URL+"/users/me/access_tokens/"+id+"/revoked", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+me)
	req.Header.Set("Content-Type", contentfulMedia)
	req.Header.Set("X-Contentful-User-Agent", "sdk contentful-management.js/12.18.0;")
	if a := h.Do(req); a.Status != 200 || a.Header.Get("Content-Type") != contentfulMedia {
		t.Errorf("got %d %s %v", a.Status, a.Body, a.Header)
	}
}

// A cache in front that leaves answers to Authorization alone would keep those
// to AccessToken.
func TestContentfulAnswersAreForNoCache(t *testing.T) {
	h := newCMS(t)
	me := h.manage("owner@example.test")
	id := itemIDs(h.call("GET", "/users/me/access_tokens", me, nil))[0]
	for _, path := range []string{
		"/users/me", "/users/me/access_tokens", "/users/me/access_tokens/" + id,
		"/organizations", "/organizations/ws1/access_tokens", "/organizations/ws1/organization_memberships",
	} {
		a := h.Request("GET", path, nil, "AccessToken", me)
		if a.Status != 200 || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d, Cache-Control %q", path, a.Status, a.Header.Get("Cache-Control"))
		}
	}
}
