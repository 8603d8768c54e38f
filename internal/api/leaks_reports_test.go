package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

// secretsOf makes one live secret of every kind that a program or a person
// holds, and says by which request it is seen that one opens no more.
func (h *house) secretsOf() map[string]string {
	h.t.Helper()
	f := h.Authority.Format()
	all := map[string]string{
		"service": text(h.t, h.issued(object{"format": "opaque"}), "token"), "signed": text(h.t, h.issued(nil), "token"),
		"ephemeral":     text(h.t, h.issued(object{"type": "ephemeral"}), "token"),
		"impersonated":  text(h.t, h.issued(object{"type": "impersonated", "on_behalf_of": "mia@example.test", "reason": "a test"}), "token"),
		"client secret": text(h.t, h.want(http.StatusCreated, h.bearer(ana, "", "POST", "/v1/clients/modest/secrets", nil)), "client_secret"),
		"imported":      mia,
	}
	for name, secret := range all {
		if name == "client secret" && !strings.HasPrefix(secret, f.Prefix(token.ClientSecret)) {
			h.t.Fatalf("%s begins otherwise", name)
		}
	}
	return all
}

func (h *house) alive(name, secret string) bool {
	if name == "client secret" {
		return h.bearer(secret, "ws1", "GET", "/v1/scopes", nil).Status == http.StatusOK
	}
	return h.lets(secret)
}

func TestHolderOfAnySecretMayEndIt(t *testing.T) {
	h := start(t)
	for name, secret := range h.secretsOf() {
		if !h.alive(name, secret) {
			t.Fatalf("%s does not open before", name)
		}
		a := h.want(http.StatusOK, h.Request("POST", "/v1/leaks/self-revoke", object{"token": secret}))
		if string(bytes.TrimSpace(a.Body)) != `{"accepted":true}` {
			t.Errorf("%s: %s", name, a.Body)
		}
		if h.alive(name, secret) {
			t.Errorf("%s still opens", name)
		}
	}
	if got := len(h.events("action=token.leaked")); got != 6 {
		t.Errorf("%d records", got)
	}
	if ended := h.events("action=client.secret_ended"); len(ended) != 1 {
		t.Errorf("%d records of the secret's end", len(ended))
	}
	if !h.alive("client secret", modest) {
		t.Error("the client's other secret ended too")
	}
}

func TestWholeCredentialEndsWithALeakedSecret(t *testing.T) {
	h := start(t)
	made := h.issued(object{"format": "opaque"})
	old := text(t, made, "token")
	next := at[string](t, h.rotate(backend, "/v1/tokens/"+text(t, made, "id"), object{"grace_seconds": 3600}), "secret")
	h.want(http.StatusOK, h.Request("POST", "/v1/leaks/self-revoke", object{"token": old}))
	if h.lets(old) || h.lets(next) {
		t.Error("a secret of the credential still opens")
	}
}

// TestLeakedSecretOfAWebhookIsReportedAndGoesOnSigning: whoever has it opens
// nothing, and the receiver would refuse what is genuine.
func TestLeakedSecretOfAWebhookIsReportedAndGoesOnSigning(t *testing.T) {
	h := startWith(t, func(c *server.Config) { c.SMTPURL, c.MailFrom = "smtp://127.0.0.1:1", "ficha@example.test" })
	made := h.want(http.StatusCreated, h.bearer(ana, "", "POST", "/v1/webhooks", object{"url": "https://hooks.example.test/x?key=private", "events": []string{"token.*"}}))
	id, old := text(t, made, "id"), text(t, made, "secret")
	next := text(t, h.want(http.StatusCreated, h.bearer(ana, "", "POST", "/v1/webhooks/"+id+"/rotations", object{"grace_seconds": 3600})), "secret")
	for i, secret := range []string{old, next} {
		sum := sha256.Sum256([]byte(secret))
		said := h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/leaks/check", object{"secrets": []object{{"head": "whsec_", "sha256": hex.EncodeToString(sum[:])}}}))
		if held := at[object](t, at[[]any](t, said.JSON, "results"), 0); held["status"] != "live" || held["id"] != id || held["what"] != "webhook_secret" {
			t.Errorf("asked about it: %v", held)
		}
		path := []string{"/v1/leaks", "/v1/leaks/self-revoke"}[i]
		h.want(http.StatusOK, h.Request("POST", path, object{"token": secret, "source": "a friend"}))
		h.want(http.StatusOK, h.Request("POST", path, object{"token": secret, "source": "a friend"}))
		h.Clock.Move(time.Minute)
	}
	list := h.items(h.want(http.StatusOK, h.bearer(ana, "", "GET", "/v1/leaks", nil)))
	if len(list) != 2 || list[0]["what"] != "webhook_secret" || list[0]["id"] != id || list[0]["ended"] != false {
		t.Errorf("listed: %v", list)
	}
	leaked := h.events("action=token.leaked")
	if len(leaked) != 2 || leaked[0]["target"] != "webhook:"+id || at[object](t, leaked[0], "detail")["kind"] != "webhook_secret" {
		t.Errorf("on record: %v", leaked)
	}
	if hook := h.want(http.StatusOK, h.bearer(ana, "", "GET", "/v1/webhooks/"+id, nil)); text(t, hook, "status") != "active" {
		t.Errorf("the webhook is %s", hook.Body)
	}
	h.want(http.StatusOK, h.Request("POST", "/v1/leaks", object{"token": "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 32))}))
	letter, err := h.Store.ClaimLetter(t.Context(), time.Minute)
	if err != nil || letter == nil || letter.Kind != token.LetterWebhookLeaked || letter.Data["host"] != "hooks.example.test" || letter.Data["webhook"] != id {
		t.Errorf("the letter is %+v, %v", letter, err)
	}
	if n := len(h.events("action=token.leaked")); n != 2 {
		t.Errorf("another sender's secret made record %d", n)
	}
}

// Who asks learns nothing: known, unknown, ended, malformed are one answer after
// one time.
func TestReportsTellNobodyWhichSecretsThereAre(t *testing.T) {
	h := start(t)
	known := text(t, h.issued(object{"format": "opaque"}), "token")
	format := h.Authority.Format()
	for _, path := range []string{"/v1/leaks", "/v1/leaks/self-revoke"} {
		var first servertest.Answer
		for name, secret := range map[string]string{
			"known": known, "ended": known, "unknown": format.Mint(token.Service, token.NewID(h.Clock.Now(), token.Long)), "garbage": "x",
			"unknown hex": format.MintHex(token.NewID(h.Clock.Now(), token.Long)), "made up": modest,
		} {
			began := time.Now()
			a := h.want(http.StatusOK, h.Request("POST", path, object{"token": secret}))
			if took := time.Since(began); took < 100*time.Millisecond {
				t.Errorf("%s is answered after %v", name, took)
			}
			for _, no := range []string{"Date", "X-Request-Id", "Traceparent"} {
				a.Header.Del(no)
			}
			if first.Body == nil {
				first = a
			}
			if !bytes.Equal(a.Body, first.Body) || len(a.Header) != len(first.Header) {
				t.Errorf("%s is answered %s %v, another %s %v", name, a.Body, a.Header, first.Body, first.Header)
			}
		}
	}
	if !h.alive("client secret", modest) {
		t.Error("a secret that people made up can be guessed and ended")
	}
}

func TestReportsAreBounded(t *testing.T) {
	h := start(t)
	many := slices.Repeat([]string{"x"}, 100)
	for range 3 {
		h.want(http.StatusOK, h.Request("POST", "/v1/leaks", object{"tokens": many}))
	}
	a := h.Request("POST", "/v1/leaks/self-revoke", object{"token": "x"})
	h.refused(http.StatusTooManyRequests, "too_many_requests", a)
	h.Clock.Move(time.Minute)
	h.want(http.StatusOK, h.Request("POST", "/v1/leaks/self-revoke", object{"token": "x"}))
	for _, body := range []object{{}, {"token": "x", "tokens": many}, {"tokens": slices.Repeat([]string{"x"}, 101)}, {"token": "x", "leaked_at": "soon"}, {"token": "x", "leaked_at": "2999-01-01T00:00:00Z"}} {
		h.refused(http.StatusUnprocessableEntity, "invalid_value", h.Request("POST", "/v1/leaks", body))
	}
}

func glimpseOf(t *testing.T, secret string) object {
	t.Helper()
	shape, ok := token.ShapeOf(secret)
	if !ok {
		t.Fatal("it has no shape")
	}
	sum := sha256.Sum256([]byte(secret))
	return object{"head": shape.Head, "sha256": hex.EncodeToString(sum[:])}
}

func TestCheckTellsAWorkspaceOfItsOwnSecretsWithoutHearingThem(t *testing.T) {
	h := start(t)
	all := h.secretsOf()
	delete(all, "imported") // it has no shape: nobody finds it
	r, err := h.Verifier.Find(t.Context(), mia)
	if err != nil {
		t.Fatal(err)
	}
	all["session"] = h.given(authority.Order{Kind: token.Session, Person: r.Token.Person}).Secret
	for name, secret := range all {
		ask := object{"secrets": []object{glimpseOf(t, secret)}}
		status := func(as string) string {
			t.Helper()
			results := at[[]any](t, h.want(http.StatusOK, h.bearer(as, "", "POST", "/v1/leaks/check", ask)).JSON, "results")
			return at[string](t, results[0], "status")
		}
		if got := status(ana); got != "live" {
			t.Errorf("%s is %s", name, got)
		}
		if got := status(bob); got != "unknown" {
			t.Errorf("%s is %s to another workspace", name, got)
		}
		h.want(http.StatusOK, h.Request("POST", "/v1/leaks/self-revoke", object{"token": secret}))
		if got := status(ana); got != "dead" {
			t.Errorf("%s is %s after its end", name, got)
		}
		wrong := glimpseOf(t, secret)
		wrong["sha256"] = strings.Repeat("00", 32)
		ask = object{"secrets": []object{wrong}}
		if got := status(ana); got != "unknown" {
			t.Errorf("%s is %s by its head alone", name, got)
		}
	}
	h.refused(http.StatusForbidden, "insufficient_scope", h.bearer(mia, "ws1", "POST", "/v1/leaks/check", object{"secrets": []object{}}))
	h.refused(http.StatusUnprocessableEntity, "invalid_value", h.bearer(ana, "", "POST", "/v1/leaks/check", object{"secrets": []object{}}))
}

func TestTokenTellsWhetherItWasUsedSinceTheLeak(t *testing.T) {
	h := startWith(t, func(c *server.Config) { c.Records = 1 })
	made := h.issued(object{"format": "opaque"})
	secret, id := text(t, made, "token"), text(t, made, "id")
	path := "/v1/tokens/" + id + "/leak"
	if before := h.want(http.StatusOK, h.bearer(ana, "", "GET", path, nil)).JSON; before["leaked"] != false || before["since"] != nil {
		t.Errorf("before the leak: %v", before)
	}
	h.want(http.StatusOK, h.verify(secret, ""))
	h.Clock.Move(time.Hour)
	since := h.Clock.Now().Format(time.RFC3339)
	h.Clock.Move(time.Minute)
	h.want(http.StatusOK, h.verify(secret, ""))
	records, _ := h.Verifier.TakeRecords()
	if err := h.Store.WriteUseRecords(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	h.Clock.Move(time.Minute)
	h.want(http.StatusOK, h.Request("POST", "/v1/leaks", object{"token": secret, "leaked_at": since, "source": "a colleague", "url": "https://paste.example/x?key=" + secret}))
	a := h.want(http.StatusOK, h.bearer(ana, "", "GET", path, nil))
	if err := asDescribed(h.described(), "GET /v1/tokens/{id}/leak", a); err != nil {
		t.Error(err)
	}
	places := at[[]any](t, a.JSON, "places")
	if len(places) != 1 || a.JSON["used_since"] != true || a.JSON["since"] != since {
		t.Fatalf("%s", a.Body)
	}
	if p := at[object](t, places, 0); p["url"] != "https://paste.example/x" || p["source"] != "a colleague" || p["ended"] != true {
		t.Errorf("place %v", p)
	}
	recorded := at[object](t, a.JSON, "recorded")
	if recorded["allowed"] != 1.0 || len(at[[]any](t, recorded, "addresses")) != 1 || len(at[[]any](t, recorded, "new_addresses")) != 0 {
		t.Errorf("recorded %v", recorded)
	}
	h.refused(http.StatusNotFound, "not_found", h.bearer(bob, "", "GET", path, nil))
}

func TestRulesArePublished(t *testing.T) {
	h := start(t)
	for format, want := range map[string]string{"": "[[rules]]", "?format=gitleaks": "[[rules]]", "?format=trufflehog": "detectors:", "?format=regex": "ficha_service_token\t(fch_svc_"} {
		a := h.want(http.StatusOK, h.Request("GET", "/v1/leaks/rules"+format, nil))
		if !strings.Contains(string(a.Body), want) {
			t.Errorf("%s: %.200s", format, a.Body)
		}
	}
	h.refused(http.StatusUnprocessableEntity, "invalid_value", h.Request("GET", "/v1/leaks/rules?format=x", nil))
}

const vendors = `
workspaces: [{id: ws1, client_tokens: ["b03ea027d73cfdb458184541012b76c0"]}]
users: [{email: ana@example.test, password: "correct horse battery", memberships: [{workspace: ws1, role: super_admin}]}]
clients:
  - {client_id: shop, client_secret: shop-secret-of-acme, workspace: ws1, grant_types: [client_credentials, refresh_token], scope: "catalog:read"}
tokens:
  - {kind: personal, user: ana@example.test, secret: "ana-admin-token-0001", scopes: ["admin:write", "content_management_manage"]}
`

func TestSecretsOfTheVendorsContractsEndToo(t *testing.T) {
	h := startFrom(t, vendors)
	kill := func(secret string) {
		t.Helper()
		h.want(http.StatusOK, h.Request("POST", "/v1/leaks/self-revoke", object{"token": secret}))
	}
	login := func(clientToken string) servertest.Answer {
		t.Helper()
		return h.Request("POST", "/token/generate", object{"email": "ana@example.test", "password": "correct horse battery:" + clientToken})
	}
	id := at[string](t, h.items(h.bearer(ana, "", "GET", "/v1/client-tokens", nil))[0], "id")
	made := at[string](t, h.rotate(ana, "/v1/client-tokens/"+id, object{"grace_seconds": 60}), "secret")
	entered := h.want(http.StatusOK, login(made))
	access := at[string](t, entered.JSON, "token")
	if !h.lets(access) {
		t.Fatalf("Chronos's token does not open: %s", entered.Body)
	}
	kill(access)
	kill(made)
	if h.lets(access) || login(made).Status == http.StatusOK {
		t.Error("a secret of the Chronos contract still works")
	}

	pat := h.bearer(ana, "", "POST", "/users/me/access_tokens", object{"name": "x", "scopes": []string{"content_management_manage"}})
	personal := text(t, h.want(http.StatusCreated, pat), "token")
	kill(personal)
	if h.lets(personal) {
		t.Error("a personal token of the Contentful contract still opens")
	}

	pair := h.want(http.StatusOK, h.Request("POST", "/api/token?grant_type=client_credentials&client_id=shop&client_secret=shop-secret-of-acme", nil))
	kill(text(t, pair, "refresh_token"))
	if h.lets(text(t, pair, "access_token")) {
		t.Error("what was got for a refresh token outlives it")
	}
	for action, want := range map[string]int{"token.leaked": 4, "client_token.ended": 1, "grant.revoked": 1} {
		if got := len(h.events("action=" + action)); got != want {
			t.Errorf("%d records of %s, want %d", got, action, want)
		}
	}
}

func TestOwnerAndAdministratorsAreWrittenToOnce(t *testing.T) {
	f := startForge(t, func(c *server.Config) { c.SMTPURL, c.MailFrom = "smtp://127.0.0.1:1", "ficha@example.test" })
	secret := text(t, f.issued(object{"format": "opaque", "owner": "mia@example.test"}), "token")
	for range 2 {
		labelsOf(t, f.send(message(t, secret), nil))
	}
	told := map[string]int{}
	for {
		l, err := f.Store.ClaimLetter(t.Context(), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if l == nil {
			break
		}
		if l.Kind != token.LetterTokenLeaked || l.Data["source"] != "github" || l.Data["last_four"] != secret[len(secret)-4:] {
			t.Errorf("letter %+v", l)
		}
		told[l.To]++
	}
	for _, email := range []string{"ana@example.test", "adam@example.test", "mia@example.test"} {
		id, err := f.Store.PersonByEmail(t.Context(), email)
		if err != nil || told[id] != 1 {
			t.Errorf("%s has %d letters: %v", email, told[id], err)
		}
	}
	if len(told) != 3 {
		t.Errorf("letters went to %v", told)
	}
}
