package api_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/server/servertest"
)

// sweep asks for a deed on many tokens of ws1 as its super admin.
func (h *house) sweep(body object) servertest.Answer {
	h.t.Helper()
	return h.bearer(ana, "", "POST", "/v1/revocations", body)
}

// stillOpens reports whether a token opens anything.
func (h *house) stillOpens(secret string) bool {
	h.t.Helper()
	return h.verify(secret, "").Status == http.StatusOK
}

// TestPredicateEndsItsOwnAndNothingElse tells each time how many that will be.
func TestPredicateEndsItsOwnAndNothingElse(t *testing.T) {
	for name, try := range map[string]struct {
		hit    object // the order of the token that is meant
		missBy string // the client of the other, if not the same
		by     func(h *house, hit servertest.Answer) object
		cutoff bool
	}{
		"token":  {by: func(_ *house, hit servertest.Answer) object { return object{"token": hit.JSON["id"]} }},
		"client": {missBy: modest, cutoff: true, by: func(*house, servertest.Answer) object { return object{"client": "backend"} }},
		"user": {
			hit: object{"type": "impersonated", "on_behalf_of": "mia@example.test", "reason": "a test"}, cutoff: true,
			by: func(*house, servertest.Answer) object { return object{"user": "mia@example.test"} },
		},
		"scope": {
			hit: object{"scopes": []string{"catalog:read", "assets:read"}}, by: func(*house, servertest.Answer) object { return object{"scope": "assets:read"} },
		},
		"kind":  {hit: object{"type": "ephemeral"}, by: func(*house, servertest.Answer) object { return object{"kind": "ephemeral"} }},
		"owner": {hit: object{"owner": "platform"}, by: func(*house, servertest.Answer) object { return object{"owner": "platform"} }},
		"two at once": {
			hit: object{"owner": "platform"}, missBy: modest, by: func(*house, servertest.Answer) object { return object{"contract": "v1", "client": "backend"} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			hit := h.issued(try.hit)
			ask := object{"name": "other", "scopes": []string{"catalog:read"}}
			by := try.missBy
			if by == "" {
				by = backend
			}
			miss := h.want(http.StatusCreated, h.bearer(by, "ws1", "POST", "/v1/tokens", ask))
			body := object{"by": try.by(h, hit), "reason": "leaked", "dry_run": true}
			dry := h.want(http.StatusOK, h.bearer(reader, "", "POST", "/v1/revocations", body))
			if !h.stillOpens(text(t, hit, "token")) {
				t.Fatal("the dry run ended it")
			}
			body["dry_run"] = false
			done := h.want(http.StatusCreated, h.sweep(body))
			if h.stillOpens(text(t, hit, "token")) || !h.stillOpens(text(t, miss, "token")) {
				t.Errorf("hit %v, missed %v", !h.stillOpens(text(t, hit, "token")), h.stillOpens(text(t, miss, "token")))
			}
			if dry.JSON["cutoff"] != try.cutoff || dry.JSON["count"] != done.JSON["count"] || done.JSON["state"] != "done" {
				t.Errorf("the dry run said %s, the deed %s", dry.Body, done.Body)
			}
			after := h.issued(try.hit)
			if !h.stillOpens(text(t, after, "token")) {
				t.Error("what was issued afterwards opens nothing")
			}
		})
	}
}

func TestCutoffBeforeAnInstantSparesWhatIsNewer(t *testing.T) {
	h := start(t)
	old := h.issued(nil)
	h.Clock.Move(time.Hour)
	fresh := h.issued(nil)
	for _, by := range []object{{"client": "backend"}, {"kind": "service"}} {
		h.want(http.StatusCreated, h.sweep(object{"by": by, "issued_before": "2026-11-22T12:30:00Z", "reason": "old"}))
		if h.stillOpens(text(t, old, "token")) || !h.stillOpens(text(t, fresh, "token")) {
			t.Errorf("%v: the old one opens %v, the new one %v", by, h.stillOpens(text(t, old, "token")), h.stillOpens(text(t, fresh, "token")))
		}
	}
}

// TestWholeWorkspaceTakesASuperAdmin, and ends the token that asks for it too.
func TestWholeWorkspaceTakesASuperAdmin(t *testing.T) {
	h := start(t)
	made := h.issued(nil)
	body := object{"by": object{"workspace": "ws1"}, "reason": "breach"}
	h.refused(http.StatusUnprocessableEntity, "invalid_value", h.sweep(object{"by": object{"workspace": "ws2"}}))
	h.want(http.StatusCreated, h.sweep(body))
	if h.stillOpens(text(t, made, "token")) {
		t.Error("it survived")
	}
	if got := h.bearer(ana, "", "GET", "/v1/tokens", nil).Status; got != http.StatusUnauthorized {
		t.Errorf("the one who asked has status %d", got)
	}
	h.want(http.StatusOK, h.bearer(bob, "", "GET", "/v1/tokens", nil))
}

// TestRunIsUndoneAloneAndRevivesNothing: what another suspended stays so, and
// what ended meanwhile stays ended.
func TestRunIsUndoneAloneAndRevivesNothing(t *testing.T) {
	h := start(t)
	before, ended, plain := h.issued(nil), h.issued(nil), h.issued(nil)
	h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/tokens/"+text(t, before, "id")+"/suspend", nil))
	h.Clock.Move(time.Second)
	run := h.want(http.StatusCreated, h.sweep(object{"act": "suspend", "by": object{"kind": "service"}, "reason": "look"}))
	if run.JSON["count"] != 2.0 || h.stillOpens(text(t, plain, "token")) {
		t.Fatalf("%s", run.Body)
	}
	h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/tokens/"+text(t, ended, "id")+"/revoke", nil))
	undo := h.want(http.StatusCreated, h.sweep(object{"act": "resume", "by": object{"run": run.JSON["id"]}}))
	if undo.JSON["count"] != 1.0 || !h.stillOpens(text(t, plain, "token")) || h.stillOpens(text(t, before, "token")) || h.stillOpens(text(t, ended, "token")) {
		t.Errorf("%s", undo.Body)
	}
}

// TestDeedOnManyIsOnRecord with who, what and how many, and in the list.
func TestDeedOnManyIsOnRecord(t *testing.T) {
	h := start(t)
	h.issued(object{"owner": "platform"})
	done := h.want(http.StatusCreated, h.sweep(object{"by": object{"owner": "platform"}, "reason": "leaked"}))
	began, ended := h.events("action=revocation.started")[0], h.events("action=revocation.finished")[0]
	if detail := at[object](t, began, "detail"); began["id"] != done.JSON["event"] || detail["count"] != 1.0 || detail["reason"] != "leaked" ||
		at[object](t, detail, "by")["owner"] != "platform" || at[object](t, began, "actor")["name"] != "ana@example.test" {
		t.Errorf("it began as %v", began)
	}
	if detail := at[object](t, ended, "detail"); detail["count"] != 1.0 || ended["target"] != "revocation:"+text(t, done, "id") {
		t.Errorf("it ended as %v", ended)
	}
	if got := h.events("action=token.revoked"); len(got) != 1 {
		t.Errorf("%d records of single tokens, want 1", len(got))
	}
	list := h.items(h.bearer(reader, "", "GET", "/v1/revocations", nil))
	if len(list) != 1 || list[0]["id"] != done.JSON["id"] || list[0]["receipt"] != nil {
		t.Errorf("the list is %v", list)
	}
	h.want(http.StatusOK, h.bearer(reader, "", "GET", "/v1/revocations/"+text(t, done, "id"), nil))
	h.refused(http.StatusNotFound, "not_found", h.bearer(bob, "", "GET", "/v1/revocations/"+text(t, done, "id"), nil))
	if got := h.items(h.bearer(bob, "", "GET", "/v1/revocations", nil)); len(got) != 0 {
		t.Errorf("another workspace sees %v", got)
	}
}

// TestReceiptIsProvenByThePublishedKeys and says what was done.
func TestReceiptIsProvenByThePublishedKeys(t *testing.T) {
	h := start(t)
	h.issued(nil)
	done := h.want(http.StatusCreated, h.sweep(object{"by": object{"client": "backend"}, "reason": "leaked"}))
	parts := strings.Split(text(t, done, "receipt"), ".")
	raw := func(s string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var head struct{ Alg, Typ, Kid string }
	var claims object
	if json.Unmarshal(raw(parts[0]), &head) != nil || json.Unmarshal(raw(parts[1]), &claims) != nil || head.Typ != "ficha-receipt+jwt" {
		t.Fatalf("head %+v", head)
	}
	var set struct{ Keys []struct{ Kid, X, Y string } }
	if err := json.Unmarshal(h.Request("GET", "/oauth2/jwks", nil).Body, &set); err != nil {
		t.Fatal(err)
	}
	proven := false
	for _, k := range set.Keys {
		if k.Kid == head.Kid {
			key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, raw(k.X), raw(k.Y)))
			if err != nil {
				t.Fatal(err)
			}
			sum, sig := sha256.Sum256([]byte(parts[0]+"."+parts[1])), raw(parts[2])
			proven = ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
		}
	}
	if !proven {
		t.Error("no published key proves it")
	}
	for name, want := range map[string]any{
		"iss": h.URL, "jti": done.JSON["id"], "workspace": "ws1", "act": "revoke", "reason": "leaked", "count": done.JSON["count"],
		"position": done.JSON["position"], "event": done.JSON["event"], "state": "done",
	} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
}

func TestWhatCouldBeMeantOtherwiseIsRefused(t *testing.T) {
	h := start(t)
	theirs := h.want(http.StatusCreated, h.bearer(foreign, "ws2", "POST", "/v1/tokens", object{"name": "x", "scopes": []string{"catalog:read"}}))
	roams := h.items(h.bearer(reader, "", "GET", "/v1/tokens?user=both@example.test", nil))[0]
	for name, try := range map[string]struct {
		body   object
		status int
		field  string
	}{
		"nothing":               {object{}, 422, "by"},
		"no predicate":          {object{"by": object{}, "reason": "x"}, 422, "by"},
		"only an instant":       {object{"by": object{}, "issued_before": "2026-11-22T12:30:00Z"}, 422, "by"},
		"another act":           {object{"act": "delete", "by": object{"kind": "service"}}, 422, "act"},
		"no token's kind":       {object{"by": object{"kind": "client_secret"}}, 422, "by"},
		"resume without run":    {object{"act": "resume", "by": object{"kind": "service"}}, 422, "by"},
		"resume of no run":      {object{"act": "resume", "by": object{"run": "0000000000001"}}, 404, ""},
		"until of a revocation": {object{"by": object{"kind": "service"}, "until": "2027-01-01T00:00:00Z"}, 422, "until"},
		"a token that roams":    {object{"by": object{"token": roams["id"]}}, 422, "by"},
		"another's token":       {object{"by": object{"token": theirs.JSON["id"]}}, 404, ""},
		"another's client":      {object{"by": object{"client": "foreign"}}, 404, ""},
		"another's member":      {object{"by": object{"user": "bob@example.test"}}, 404, ""},
		"no family":             {object{"by": object{"family": "0000000000001"}}, 404, ""},
		"a key":                 {object{"by": object{"key": "x"}}, 403, ""},
	} {
		a := h.sweep(try.body)
		if field := h.refused(try.status, text(t, a, "error"), a); field != try.field {
			t.Errorf("%s: the refusal names %q: %s", name, field, a.Body)
		}
	}
	h.refused(http.StatusForbidden, "insufficient_scope", h.bearer(reader, "", "POST", "/v1/revocations", object{"by": object{"kind": "service"}}))
	h.refused(http.StatusForbidden, "forbidden", h.program("POST", "/v1/revocations", object{"by": object{"kind": "service"}, "dry_run": true}))
	if !h.stillOpens(text(t, theirs, "token")) || len(h.items(h.bearer(reader, "", "GET", "/v1/revocations", nil))) != 0 {
		t.Error("something was done")
	}
}

// TestDryRunSaysWhomItWouldHit: by kind and owner, and how lately they were
// used.
func TestDryRunSaysWhomItWouldHit(t *testing.T) {
	h := start(t)
	for n := range 3 {
		h.issued(object{"name": fmt.Sprint("robot ", n), "owner": "mia@example.test"})
	}
	used := h.issued(object{"owner": "platform"})
	h.want(http.StatusOK, h.verify(text(t, used, "token"), ""))
	if err := h.Verifier.WriteUses(t.Context(), h.Store.FlushUses); err != nil {
		t.Fatal(err)
	}
	a := h.want(http.StatusOK, h.bearer(reader, "", "POST", "/v1/revocations", object{"by": object{"client": "backend"}, "dry_run": true}))
	owners := at[[]any](t, a.JSON, "owners")
	if a.JSON["count"] != 4.0 || a.JSON["at_least"] != false || a.JSON["used_last_24_hours"] != 1.0 || a.JSON["used_last_7_days"] != 1.0 ||
		at[object](t, a.JSON, "kinds")["service"] != 4.0 || len(at[[]any](t, a.JSON, "first")) != 4 ||
		at[string](t, owners[0], "owner_email") != "mia@example.test" || at[float64](t, owners[0], "count") != 3 {
		t.Errorf("got %s", a.Body)
	}
}
