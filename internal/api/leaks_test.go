package api_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

// A forge is GitHub: it signs with a key of which the server has the public
// half.
type forge struct {
	*house
	key *ecdsa.PrivateKey
}

const forgeKey = "f9525bf080f75b3506ca1ead061add62b8633a346606dc5fe544e29231c6ee0d"

func startForge(t *testing.T, change func(*server.Config)) *forge {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	list, err := json.Marshal(object{"public_keys": []object{{
		"key_identifier": forgeKey, "key": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), "is_current": true,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(path, list, 0o600); err != nil {
		t.Fatal(err)
	}
	return &forge{startWith(t, func(c *server.Config) {
		c.GitHubKeys = path
		if change != nil {
			change(c)
		}
	}), key}
}

// send sends a message under its signature.
func (f *forge) send(body []byte, change func(http.Header)) servertest.Answer {
	f.t.Helper()
	sum := sha256.Sum256(body)
	signature, err := ecdsa.SignASN1(rand.Reader, f.key, sum[:])
	if err != nil {
		f.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, f.URL+"/v1/leaks/github", bytes.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("GITHUB-PUBLIC-KEY-IDENTIFIER", forgeKey)
	req.Header.Set("GITHUB-PUBLIC-KEY-SIGNATURE", base64.StdEncoding.EncodeToString(signature))
	if change != nil {
		change(req.Header)
	}
	return f.Do(req)
}

func message(t *testing.T, secrets ...string) []byte {
	t.Helper()
	list := make([]object, len(secrets))
	for i, secret := range secrets {
		list[i] = object{
			"token": secret, "type": "ficha_token", "source": "content", "later": true,
			"url": "https://github.com/octocat/Hello-World/blob/12345600b9cbe38a219f39a9941c9319b600c002/" + secret + "/bar.txt?token=" + secret + "#L12",
		}
	}
	body, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func labelsOf(t *testing.T, a servertest.Answer) (labels []string) {
	t.Helper()
	var list []struct {
		Hash  string `json:"token_hash"`
		Type  string `json:"token_type"`
		Label string
	}
	if err := json.Unmarshal(a.Body, &list); err != nil || a.Status != http.StatusOK {
		t.Fatalf("%d %s: %v", a.Status, a.Body, err)
	}
	for _, l := range list {
		if len(l.Hash) != 64 || l.Type != "ficha_token" {
			t.Errorf("label %+v", l)
		}
		labels = append(labels, l.Label)
	}
	return labels
}

func TestSecretThatGitHubFindsIsEndedOnRecordAndNeverTold(t *testing.T) {
	f := startForge(t, nil)
	made := f.issued(object{"format": "opaque", "owner": "mia@example.test"})
	secret, id := text(t, made, "token"), text(t, made, "id")
	f.want(http.StatusOK, f.verify(secret, ""))
	f.Clock.Move(time.Minute)

	body := message(t, secret, strings.Replace(secret, "fch_svc_", "fch_pat_", 1), "no secret at all", secret+strings.Repeat("x", 9000))
	answer := f.send(body, nil)
	if got := labelsOf(t, answer); !slices.Equal(got, []string{"true_positive", "false_positive", "false_positive", "false_positive"}) {
		t.Errorf("labels %v", got)
	}
	if f.lets(secret) {
		t.Fatal("the token still opens")
	}
	if again := f.send(body, nil); !bytes.Equal(again.Body, answer.Body) {
		t.Errorf("the same message is answered otherwise: %s", again.Body)
	}
	leaked := f.events("action=token.leaked")
	if len(leaked) != 1 || leaked[0]["target"] != "token:"+id {
		t.Fatalf("%d records of the leak: %v", len(leaked), leaked)
	}
	detail := at[object](t, leaked[0], "detail")
	if detail["ended"] != true || detail["source"] != "github" || detail["last_address"] != "127.0.0.1" || detail["leaked_at"] != 0.0 ||
		detail["url"] != "https://github.com/octocat/Hello-World/blob/12345600b9cbe38a219f39a9941c9319b600c002/%E2%80%A6"+secret[len(secret)-4:]+"/bar.txt#L12" {
		t.Errorf("the record says %v", detail)
	}
	if n := len(f.events("action=token.revoked")); n != 1 {
		t.Errorf("%d records of the ending", n)
	}
	all := f.bearer(ana, "", "GET", "/v1/audit?limit=200", nil)
	view := f.want(http.StatusOK, f.bearer(ana, "", "GET", "/v1/tokens/"+id+"/leak", nil))
	for where, text := range map[string]string{"log": f.Log.String(), "audit": string(all.Body), "answer": string(answer.Body), "leak": string(view.Body)} {
		if strings.Contains(text, secret) || strings.Contains(text, secret[len(secret)-20:]) {
			t.Errorf("the secret stands in the %s", where)
		}
	}
}

func TestOnlyGitHubSpeaksForGitHub(t *testing.T) {
	f := startForge(t, nil)
	secret := text(t, f.issued(object{"format": "opaque"}), "token")
	body := message(t, secret)
	other := f.send(message(t, "another"), nil) // its signature is of other bytes
	f.want(http.StatusOK, other)
	for name, change := range map[string]func(http.Header){
		"unknown key":  func(h http.Header) { h.Set("GITHUB-PUBLIC-KEY-IDENTIFIER", "0000") },
		"no key":       func(h http.Header) { h.Del("GITHUB-PUBLIC-KEY-IDENTIFIER") },
		"no signature": func(h http.Header) { h.Del("GITHUB-PUBLIC-KEY-SIGNATURE") },
		"no base64":    func(h http.Header) { h.Set("GITHUB-PUBLIC-KEY-SIGNATURE", "%") },
		"of other bytes": func(h http.Header) {
			sum := sha256.Sum256(append(body, '\n'))
			signature, err := ecdsa.SignASN1(rand.Reader, f.key, sum[:])
			if err != nil {
				t.Fatal(err)
			}
			h.Set("GITHUB-PUBLIC-KEY-SIGNATURE", base64.StdEncoding.EncodeToString(signature))
		},
	} {
		t.Run(name, func(*testing.T) { f.refused(http.StatusForbidden, "forbidden", f.send(body, change)) })
	}
	if !f.lets(secret) {
		t.Error("a message of nobody ended a token")
	}
	f.want(http.StatusOK, f.Request("POST", "/v1/leaks", object{"token": secret, "source": " GitHub"}))
	if e := f.events("action=token.leaked")[0]; at[string](t, at[object](t, e, "detail"), "source") != "report" {
		t.Errorf("somebody spoke for GitHub: %v", e)
	}
	f.want(http.StatusOK, f.send([]byte(`[]`), nil))
	f.want(http.StatusBadRequest, f.send([]byte(`{`), nil))
	f.want(http.StatusRequestEntityTooLarge, f.send(message(t, make([]string, 1001)...), nil))
	f.refused(http.StatusNotFound, "not_found", start(t).Request("POST", "/v1/leaks/github", []object{}))
}

func TestWorkspaceMayOnlyWantToKnow(t *testing.T) {
	f := startForge(t, nil)
	f.want(http.StatusOK, f.bearer(ana, "", "PUT", "/v1/policy", object{"on_leak": "notify"}))
	f.refused(http.StatusUnprocessableEntity, "invalid_value", f.bearer(ana, "", "PUT", "/v1/policy", object{"on_leak": "pray"}))
	secret := text(t, f.issued(object{"format": "opaque"}), "token")
	for range 3 {
		if got := labelsOf(t, f.send(message(t, secret), nil)); got[0] != "true_positive" {
			t.Errorf("labels %v", got)
		}
	}
	if leaked := f.events("action=token.leaked"); len(leaked) != 1 || at[object](t, leaked[0], "detail")["ended"] != false {
		t.Errorf("%d records: %v", len(leaked), leaked)
	}
	if !f.lets(secret) {
		t.Error("the token was ended")
	}
	f.want(http.StatusOK, f.Request("POST", "/v1/leaks/self-revoke", object{"token": secret}))
	if f.lets(secret) {
		t.Error("its holder could not end it")
	}
}

// TestLeaksAreListedWithWhatCameOfThem: the last report first, those of the
// workspace alone, page by page.
func TestLeaksAreListedWithWhatCameOfThem(t *testing.T) {
	h := start(t)
	one, two := h.issued(object{"format": "opaque", "name": "one", "owner": "mia@example.test"}), h.issued(object{"format": "opaque", "name": "two"})
	h.want(http.StatusOK, h.bearer(ana, "", "PUT", "/v1/policy", object{"on_leak": "notify"}))
	h.want(http.StatusOK, h.Request("POST", "/v1/leaks", object{"token": text(t, one, "token"), "source": "a friend", "url": "https://paste.example/1?x=y"}))
	h.Clock.Move(time.Minute)
	if !h.lets(text(t, one, "token")) {
		t.Fatal("a notified leak ended the token")
	}
	h.want(http.StatusOK, h.Request("POST", "/v1/leaks/self-revoke", object{"token": text(t, two, "token")}))
	h.Clock.Move(time.Minute)
	secret := text(t, h.want(http.StatusCreated, h.bearer(ana, "", "POST", "/v1/clients/modest/secrets", nil)), "client_secret")
	h.want(http.StatusOK, h.Request("POST", "/v1/leaks/self-revoke", object{"token": secret}))

	var got []object
	path := "/v1/leaks?limit=1"
	for range 4 {
		a := h.want(http.StatusOK, h.bearer(ana, "", "GET", path, nil))
		got = append(got, h.items(a)...)
		next, more := a.JSON["next"].(string)
		if !more {
			break
		}
		path = "/v1/leaks?limit=1&cursor=" + next
	}
	if len(got) != 3 {
		t.Fatalf("%d leaks: %v", len(got), got)
	}
	for i, want := range []object{
		{"what": "client_secret", "kind": "client_secret", "id": "modest", "ended": true, "used_since": false, "last_four": token.LastFour(secret)},
		{"what": "token", "kind": "service", "id": text(t, two, "id"), "name": "two", "source": "holder", "ended": true, "used_since": false},
		{"what": "token", "kind": "service", "id": text(t, one, "id"), "name": "one", "source": "a friend", "url": "https://paste.example/1", "ended": false, "used_since": true},
	} {
		for name, value := range want {
			if got[i][name] != value {
				t.Errorf("%d: %s is %v, want %v", i, name, got[i][name], value)
			}
		}
	}
	since := h.Clock.Now().Add(-time.Minute).Format(time.RFC3339)
	if late := h.items(h.want(http.StatusOK, h.bearer(ana, "", "GET", "/v1/leaks?from="+since, nil))); len(late) != 2 {
		t.Errorf("since a minute: %v", late)
	}
	h.refused(http.StatusUnprocessableEntity, "invalid_value", h.bearer(ana, "", "GET", "/v1/leaks?cursor=1-2-3", nil))
	h.want(http.StatusForbidden, h.bearer(mia, "", "GET", "/v1/leaks", nil))
}
