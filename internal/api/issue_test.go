package api_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/server/servertest"
)

// TestThreeProgramsOfTheDocumentGetTheirTokens sends what the Be CMS document's
// own programs send: in JavaScript, Python and Go.
func TestThreeProgramsOfTheDocumentGetTheirTokens(t *testing.T) {
	h := start(t)
	for _, program := range []struct{ body, agent string }{
		{`{"name":"CLI de despliegue","scopes":["content:write","catalog:read"],"ttl":3600}`, "node-fetch"},
		{`{"name": "sync-crm", "scopes": ["users:read", "events:write"], "ttl": 900}`, "python-requests/2.32"},
		{`{"name":"go-worker","scopes":["catalog:write","assets:read"],"ttl":1800}`, "Go-http-client/1.1"},
	} {
		a := h.want(http.StatusCreated, h.program("POST", "/v1/tokens", program.body, "Content-Type", "application/json", "User-Agent", program.agent))
		var sent struct{ TTL float64 }
		if err := json.Unmarshal([]byte(program.body), &sent); err != nil {
			t.Fatal(err)
		}
		if a.JSON["expires_in"] != sent.TTL || a.JSON["type"] != "service" || a.JSON["status"] != "active" || a.JSON["active"] != true {
			t.Errorf("%s: got %s", program.agent, a.Body)
		}
		if secret := text(t, a, "token"); strings.Count(secret, ".") != 2 || !strings.HasSuffix(secret, text(t, a, "last_four")) {
			t.Errorf("%s: the token is not signed, or its last four are others: %s", program.agent, a.Body)
		}
		if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: the answer may be kept or read by scripts: %v", program.agent, a.Header)
		}
		h.want(http.StatusOK, h.verify(text(t, a, "token"), ""))
	}
}

// TestMistakeInTheBodyNamesItsField: a lifetime is a positive whole number of
// seconds, scopes are never defaulted, and a field that would not be read is not
// taken.
func TestMistakeInTheBodyNamesItsField(t *testing.T) {
	h := start(t)
	for _, try := range []struct{ change, field string }{
		{`"ttl":-1`, "ttl"}, {`"ttl":0`, "ttl"}, {`"ttl":1.5`, "ttl"}, {`"ttl":"3600"`, "ttl"}, {`"ttl":1e400`, "ttl"},
		{`"ttl":99999999999999`, "ttl"}, {`"ttl":7776001`, "ttl"}, {`"ttl":true`, "ttl"},
		{`"scopes":[]`, "scopes"}, {`"scopes":null`, "scopes"}, {`"scopes":"catalog:read"`, "scopes"}, {`"scopes":["nobody:knows"]`, "scopes"},
		{`"scopes":["a b"]`, "scopes"}, {`"scopes":[""]`, "scopes"},
		{`"name":""`, "name"}, {`"name":" "`, "name"}, {`"name":7`, "name"}, {`"name":"a\nb"`, "name"}, {`"name":"` + strings.Repeat("x", 201) + `"`, "name"},
		{`"type":"personal"`, "type"}, {`"format":"paseto"`, "format"}, {`"scope":"catalog:read"`, "scope"},
		{`"max_uses":1`, "max_uses"}, {`"type":"ephemeral","max_uses":0`, "max_uses"}, {`"type":"ephemeral","max_uses":1001`, "max_uses"},
		{`"type":"ephemeral","ttl":3601`, "ttl"}, {`"audience":7`, "audience"}, {`"audience":["a b"]`, "audience"},
		{`"on_behalf_of":"mia@example.test"`, "on_behalf_of"}, {`"reason":"why not"`, "reason"},
		{`"type":"impersonated","on_behalf_of":"mia@example.test"`, "reason"}, {`"type":"impersonated","reason":"support"`, "on_behalf_of"},
	} {
		body := `{"name":"x","scopes":["catalog:read"],` + try.change + `}`
		for _, key := range []string{"name", "scopes"} {
			if strings.HasPrefix(try.change, `"`+key+`"`) {
				rest := map[string]string{"name": `"scopes":["catalog:read"],`, "scopes": `"name":"x",`}[key]
				body = `{` + rest + try.change + `}`
			}
		}
		a := h.program("POST", "/v1/tokens", body, "Content-Type", "application/json")
		code := "invalid_value"
		if try.field == "scopes" && !strings.Contains(try.change, `"catalog:read"`) {
			code = "invalid_scope"
		}
		if field := h.refused(http.StatusUnprocessableEntity, code, a); field != try.field {
			t.Errorf("%s: the refusal names %q, want %q: %s", try.change, field, try.field, a.Body)
		}
	}
	if n := len(h.events("action=token.issued")); n != 0 {
		t.Errorf("%d tokens were issued by mistakes", n)
	}
}

// TestScopeThatIsNotHeldIsARefusalOfRights: the scope exists, but not for this
// client; administration is nobody's but people's.
func TestScopeThatIsNotHeldIsARefusalOfRights(t *testing.T) {
	h := start(t)
	for _, scope := range []string{"assets:write", "admin:read", "admin:write"} {
		a := h.program("POST", "/v1/tokens", object{"name": "x", "scopes": []string{"catalog:read", scope}})
		h.refused(http.StatusForbidden, "invalid_scope", a)
	}
}

// TestClientSecretNeedsItsOneWorkspace: without it, or with two, the request is
// malformed; a foreign or unknown one is not told from a wrong secret.
func TestClientSecretNeedsItsOneWorkspace(t *testing.T) {
	h := start(t)
	ask := func(secret string, workspaces ...string) servertest.Answer {
		req, err := http.NewRequestWithContext(t.Context(), "POST", h.URL+"/v1/tokens", strings.NewReader(`{"name":"x","scopes":["catalog:read"]}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{"Authorization": {"Bearer " + secret}, "Content-Type": {"application/json"}, "X-Workspace-Id": workspaces}
		return h.Do(req)
	}
	for _, workspaces := range [][]string{nil, {""}, {"ws1", "ws1"}, {"ws1", "ws2"}} {
		h.refused(http.StatusBadRequest, "invalid_request", ask(backend, workspaces...))
	}
	wrong := ask("wrong-secret-of-nobody", "ws1")
	h.refused(http.StatusUnauthorized, "invalid_client", wrong)
	for _, try := range [][2]string{{backend, "ws2"}, {backend, "nowhere"}, {foreign, "ws1"}} {
		a := ask(try[0], try[1])
		if a.Status != wrong.Status || a.JSON["error_description"] != wrong.JSON["error_description"] || a.Header.Get("WWW-Authenticate") != wrong.Header.Get("WWW-Authenticate") {
			t.Errorf("workspace %s: %d %s can be told from a wrong secret: %s", try[1], a.Status, a.Body, wrong.Body)
		}
	}
	h.want(http.StatusCreated, ask(backend, "ws1"))
}

// TestBasicCredentialsNameTheClient: beside the bearer secret of the document,
// client id and secret are taken as RFC 6749 has them.
func TestBasicCredentialsNameTheClient(t *testing.T) {
	h := start(t)
	basic := func(id, secret, workspace string) servertest.Answer {
		return h.Request("POST", "/v1/tokens", object{"name": "x", "scopes": []string{"catalog:read"}},
			"Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(id+":"+secret)), "X-Workspace-Id", workspace)
	}
	if a := h.want(http.StatusCreated, basic("modest", modest, "ws1")); a.JSON["client_id"] != "modest" {
		t.Errorf("issued to %v, want modest", a.JSON["client_id"])
	}
	for _, try := range [][3]string{{"modest", backend, "ws1"}, {"modest", modest, "ws2"}, {"nobody", modest, "ws1"}, {"modest", "", "ws1"}} {
		h.refused(http.StatusUnauthorized, "invalid_client", basic(try[0], try[1], try[2]))
	}
}

func TestOnlyAMintingClientIssues(t *testing.T) {
	h := start(t)
	body := object{"name": "x", "scopes": []string{"catalog:read"}}
	h.refused(http.StatusForbidden, "forbidden", h.bearer(gateway, "ws1", "POST", "/v1/tokens", body))
	child := text(t, h.issued(object{"scopes": []string{"content:write"}}), "token")
	for _, secret := range []string{ana, reader, mia, child} {
		h.refused(http.StatusForbidden, "forbidden", h.bearer(secret, "ws1", "POST", "/v1/tokens", body))
	}
}

func TestOneAnswerForNoCredentials(t *testing.T) {
	h := start(t)
	for _, path := range []string{"/v1/tokens", "/v1/tokens?access_token=" + ana, "/v1/users", "/v1/scopes"} {
		a := h.Request("GET", path, nil, "Cookie", "token="+ana)
		if h.want(http.StatusUnauthorized, a); a.Header.Get("WWW-Authenticate") != `Bearer realm="ficha"` {
			t.Errorf("%s: challenge %q", path, a.Header.Get("WWW-Authenticate"))
		}
	}
	h.want(http.StatusUnauthorized, h.bearer("fch_svc_nothing", "ws1", "GET", "/v1/tokens", nil))
}

func TestScriptsOfAnotherOriginAreKeptOut(t *testing.T) {
	h := start(t)
	for _, origin := range []string{"https://evil.example", "null"} {
		a := h.program("POST", "/v1/tokens", object{"name": "x", "scopes": []string{"catalog:read"}}, "Origin", origin)
		h.refused(http.StatusForbidden, "forbidden", a)
	}
}

// TestKindsHaveTheirLifetimesAndForms walks through type, format, audience,
// purpose and owner.
func TestKindsHaveTheirLifetimesAndForms(t *testing.T) {
	h := start(t)
	service := h.issued(object{"format": "opaque", "purpose": "nightly sync", "owner": "Mia@Example.test", "audience": []string{"https://a.example/", "https://b.example/", "https://a.example/"}})
	if service.JSON["expires_in"] != float64(30*86400) || service.JSON["format"] != "opaque" || !strings.HasPrefix(text(t, service, "token"), "fch_svc_") {
		t.Errorf("a service token: %s", service.Body)
	}
	if service.JSON["owner_email"] != "mia@example.test" || !strings.HasPrefix(text(t, service, "owner"), "usr_") || service.JSON["purpose"] != "nightly sync" {
		t.Errorf("owner and purpose: %s", service.Body)
	}
	if h.verify(text(t, service, "token"), "?audience=https://b.example/").Status != 200 || h.verify(text(t, service, "token"), "?audience=https://c.example/").Status != 401 {
		t.Error("the audience is not kept")
	}
	if !reflect.DeepEqual(service.JSON["audience"], []any{"https://a.example/", "https://b.example/"}) {
		t.Errorf("an audience that is named twice: %s", service.Body)
	}
	team := h.issued(object{"owner": "team editors", "audience": "https://a.example/"})
	if team.JSON["owner"] != "team editors" || team.JSON["owner_email"] != nil {
		t.Errorf("an owner that is a team: %s", team.Body)
	}
	stranger := h.issued(object{"owner": "bob@example.test"})
	if stranger.JSON["owner"] != "bob@example.test" || stranger.JSON["owner_email"] != nil {
		t.Errorf("an owner of another workspace was told from text: %s", stranger.Body)
	}
	short := h.issued(object{"type": "ephemeral", "max_uses": 2})
	if short.JSON["expires_in"] != float64(300) || short.JSON["type"] != "ephemeral" {
		t.Errorf("an ephemeral token: %s", short.Body)
	}
	for use, status := range []int{200, 200, 401} {
		if a := h.verify(text(t, short, "token"), ""); a.Status != status {
			t.Errorf("use %d of 2: status %d, want %d", use+1, a.Status, status)
		}
	}
}

func TestTokenDiesAtItsExpiry(t *testing.T) {
	h := start(t)
	a := h.issued(object{"ttl": 900})
	h.Clock.Move(15*time.Minute - time.Millisecond)
	h.want(http.StatusOK, h.verify(text(t, a, "token"), ""))
	h.Clock.Move(time.Millisecond)
	no := h.want(http.StatusUnauthorized, h.verify(text(t, a, "token"), ""))
	if !strings.Contains(no.Header.Get("WWW-Authenticate"), "expired on 2026-11-22") {
		t.Errorf("the refusal does not say when: %s", no.Header.Get("WWW-Authenticate"))
	}
}

// TestRepeatedRequestGetsTheSameSecret: an idempotency key gives one token and
// never a second one, for the same request, until the token is used.
func TestRepeatedRequestGetsTheSameSecret(t *testing.T) {
	h := start(t)
	body := object{"name": "x", "scopes": []string{"catalog:read"}}
	ask := func(secret string, body object) servertest.Answer {
		return h.bearer(secret, "ws1", "POST", "/v1/tokens", body, "Idempotency-Key", "order-1")
	}
	first := h.want(http.StatusCreated, ask(backend, body))
	again := h.want(http.StatusCreated, ask(backend, body))
	if text(t, first, "token") != text(t, again, "token") || text(t, first, "id") != text(t, again, "id") {
		t.Error("the repeated request got another token")
	}
	if other := h.want(http.StatusCreated, ask(modest, body)); text(t, other, "id") == text(t, first, "id") {
		t.Error("another client got the first one's token")
	}
	field := h.refused(http.StatusUnprocessableEntity, "invalid_value", ask(backend, object{"name": "y", "scopes": []string{"catalog:read"}}))
	if field != "Idempotency-Key" {
		t.Errorf("another body under the same key names %q", field)
	}
	h.want(http.StatusOK, h.verify(text(t, first, "token"), ""))
	h.refused(http.StatusConflict, "conflict", ask(backend, body))
}

func TestTwentyEqualRequestsMakeOneToken(t *testing.T) {
	h := start(t)
	secrets := make([]string, 20)
	var wg sync.WaitGroup
	for i := range secrets {
		wg.Go(func() {
			a := h.program("POST", "/v1/tokens", object{"name": "racer", "scopes": []string{"catalog:read"}}, "Idempotency-Key", "race")
			secrets[i], _ = a.JSON["token"].(string)
		})
	}
	wg.Wait()
	for _, s := range secrets {
		if s == "" || s != secrets[0] {
			t.Fatalf("the requests got different answers: %q", secrets)
		}
	}
	if n := len(h.events("action=token.issued")); n != 1 {
		t.Errorf("%d tokens were issued, want 1", n)
	}
}

func TestContractCanBeSwitchedOff(t *testing.T) {
	h := startWith(t, withoutBeCMS)
	if a := h.program("POST", "/v1/tokens", object{"name": "x", "scopes": []string{"catalog:read"}}); a.Status != http.StatusMethodNotAllowed {
		t.Errorf("status %d, want 405", a.Status)
	}
}

// TestKeyIsForgottenAfterADay: past its day a key is a new one, also where no
// job has come round to drop it yet.
func TestKeyIsForgottenAfterADay(t *testing.T) {
	h := start(t)
	body := object{"name": "x", "scopes": []string{"catalog:read"}}
	ask := func() servertest.Answer {
		return h.program("POST", "/v1/tokens", body, "Idempotency-Key", "daily")
	}
	first := h.want(http.StatusCreated, ask())
	h.Clock.Move(24*time.Hour - time.Second)
	h.refused(http.StatusConflict, "conflict", ask())
	h.Clock.Move(2 * time.Second)
	if next := h.want(http.StatusCreated, ask()); text(t, next, "id") == text(t, first, "id") {
		t.Error("the old token was given again")
	}
}

// TestKeyIsKnownAfterItsAnswerWasWiped: the use of a token wipes its answer off
// the disk, and the key goes on naming the request that was made.
func TestKeyIsKnownAfterItsAnswerWasWiped(t *testing.T) {
	h := start(t)
	body := object{"name": "x", "scopes": []string{"catalog:read"}}
	ask := func() servertest.Answer {
		return h.program("POST", "/v1/tokens", body, "Idempotency-Key", "used")
	}
	first := h.want(http.StatusCreated, ask())
	h.want(http.StatusOK, h.verify(text(t, first, "token"), ""))
	if err := h.Verifier.WriteUses(t.Context(), h.Store.FlushUses); err != nil {
		t.Fatal(err)
	}
	h.refused(http.StatusConflict, "conflict", ask())
}
