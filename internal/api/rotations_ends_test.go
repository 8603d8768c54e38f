package api_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/store"
	"github.com/fichadev/ficha/internal/token"
)

// TestRevocationReachesTheSecretThatTookThePlace: who revokes may know a secret
// that a rotation without a grace has ended a moment ago.
func TestRevocationReachesTheSecretThatTookThePlace(t *testing.T) {
	h := start(t)
	hasty := object{"grace_seconds": 0, "reason": "leaked"}
	for range 25 {
		first := h.issued(nil)
		id, old := text(t, first, "id"), text(t, first, "token")
		var now string
		var wg sync.WaitGroup
		wg.Go(func() {
			if a := h.program("POST", "/v1/tokens/"+id+"/rotations", hasty); a.Status == http.StatusCreated {
				now = at[string](t, a.JSON, "token")
			}
		})
		wg.Go(func() { h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/tokens/"+id+"/revoke", nil)) })
		wg.Wait()
		if h.lets(old) || now != "" && h.lets(now) {
			t.Fatal("a secret of a revoked token opens")
		}
	}
	first := h.issued(nil)
	known, err := h.Verifier.Find(t.Context(), text(t, first, "token"))
	if err != nil {
		t.Fatal(err)
	}
	stale := *known.Token
	now := at[string](t, h.rotate(backend, "/v1/tokens/"+text(t, first, "id"), hasty), "secret")
	who := token.Actor{Kind: token.System, ID: "test"}
	if err := h.Authority.Suspend(t.Context(), who, &stale, 0, "a look"); err != nil || h.lets(now) {
		t.Errorf("suspended: %v", err)
	}
	if err := h.Authority.Resume(t.Context(), who, &stale); err != nil || !h.lets(now) {
		t.Errorf("resumed: %v", err)
	}
	if err := h.Authority.Revoke(t.Context(), who, &stale, "gone"); err != nil || h.lets(now) {
		t.Errorf("revoked: %v", err)
	}
}

// TestShorterSecretsStayWithTheirToken: a workspace that allows an hour where it
// allowed a month keeps the new secret beside the old one.
func TestShorterSecretsStayWithTheirToken(t *testing.T) {
	h := start(t)
	id := text(t, h.issued(object{"ttl": 40 * 86400}), "id")
	h.want(http.StatusOK, h.bearer(ana, "", "PUT", policyPath, object{"max_ttl": object{"service": 3600}}))
	now := at[string](t, h.rotate(backend, "/v1/tokens/"+id, nil), "secret")
	if !h.lets(now) {
		t.Fatal("the new secret does not open")
	}
	if a := h.bearer(ana, "", "GET", "/v1/tokens/"+id, nil); a.JSON["status"] != "active" {
		t.Errorf("%s", a.Body)
	}
	h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/tokens/"+id+"/revoke", nil))
	if h.lets(now) {
		t.Error("a secret of a revoked token opens")
	}
}

func TestTokenIsFoundAfterHundredsOfRotations(t *testing.T) {
	h := start(t)
	id := text(t, h.issued(nil), "id")
	last := ""
	for range 110 {
		h.Clock.Move(time.Second)
		last = at[string](t, h.rotate(backend, "/v1/tokens/"+id, object{"grace_seconds": 0, "reason": "every second"}), "secret")
	}
	if a := h.bearer(ana, "", "GET", "/v1/tokens/"+id, nil); a.JSON["status"] != "active" {
		t.Errorf("%s", a.Body)
	}
	h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/tokens/"+id+"/suspend", nil))
	if h.lets(last) {
		t.Error("suspended, it opens")
	}
	h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/tokens/"+id+"/revoke", nil))
	h.want(http.StatusConflict, h.bearer(ana, "", "POST", "/v1/tokens/"+id+"/resume", nil))
}

func TestSecretThatGoesGetsItselfNoOther(t *testing.T) {
	h := start(t)
	first := h.issued(nil)
	id, old := text(t, first, "id"), text(t, first, "token")
	turn := h.rotate(old, "/v1/tokens/"+id, nil)
	now, steps := at[string](t, turn, "secret"), "/v1/tokens/"+id+"/rotations/"+at[string](t, turn, "id")
	if !h.lets(now) || !h.lets(old) {
		t.Fatal("one of them does not open within the grace")
	}
	h.refused(http.StatusForbidden, "forbidden", h.bearer(old, "", "POST", steps+"/undo", nil))
	h.refused(http.StatusForbidden, "forbidden", h.bearer(old, "", "POST", "/v1/tokens/"+id+"/rotations", object{"grace_seconds": 0, "reason": "theft"}))
	h.want(http.StatusOK, h.bearer(now, "", "POST", steps+"/undo", nil))
	h.refused(http.StatusForbidden, "forbidden", h.bearer(now, "", "POST", "/v1/tokens/"+id+"/rotations", object{"grace_seconds": 0, "reason": "theft"}))
}

func TestGraceThatIsOverIsNotUndone(t *testing.T) {
	h := start(t)
	first := h.issued(nil)
	id, old := text(t, first, "id"), text(t, first, "token")
	turn := h.rotate(old, "/v1/tokens/"+id, object{"grace_seconds": 60})
	h.lets(at[string](t, turn, "secret"))
	h.Clock.Move(2 * time.Minute) // and nobody has retired it yet
	h.refused(http.StatusConflict, "conflict", h.bearer(ana, "", "POST", "/v1/rotations/"+at[string](t, turn, "id")+"/undo", nil))
	if h.lets(old) {
		t.Error("a secret came back to life")
	}
}

// TestOneSecretOfAClientStays: whichever of the two is ended by itself while one
// takes the other's place, the other goes on.
func TestOneSecretOfAClientStays(t *testing.T) {
	for _, seen := range []bool{false, true} {
		for _, which := range []string{"old_secret", "new_secret"} {
			h := start(t)
			turn := h.rotate(ana, "/v1/clients/backend", object{"grace_seconds": 60})
			status := func(secret string) int { return h.bearer(secret, "ws1", "GET", "/v1/tokens", nil).Status }
			if seen {
				status(at[string](t, turn, "secret"))
			}
			h.want(http.StatusNoContent, h.bearer(ana, "", "DELETE", "/v1/clients/backend/secrets/"+at[string](t, at[object](t, turn, which), "id"), nil))
			h.later(2 * time.Minute)
			oldStays, newStays := status(backend) == 200, status(at[string](t, turn, "secret")) == 200
			if oldStays != (which == "new_secret") || newStays != (which == "old_secret") {
				t.Errorf("seen %v, ended the %s: the old one opens: %v, the new one: %v", seen, which, oldStays, newStays)
			}
			h.rotate(ana, "/v1/clients/backend", nil) // nothing is open any more
		}
	}
}

// TestOldSecretIsToldOfAfterARotationThatWasGivenUp: it is as old as it was.
func TestOldSecretIsToldOfAfterARotationThatWasGivenUp(t *testing.T) {
	h := start(t)
	remind := func() {
		if _, err := h.Authority.RemindRotations(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	remind()
	h.Clock.Move(time.Minute)
	id := text(t, h.issued(object{"scopes": []string{"content:write"}, "ttl": 80 * 86400}), "id")
	turn := h.rotate(backend, "/v1/tokens/"+id, nil)
	h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/rotations/"+at[string](t, turn, "id")+"/cancel", nil))
	h.Clock.Move(31 * 24 * time.Hour)
	remind()
	n, _ := token.ParseID(id)
	if told, err := h.Store.Noticed(t.Context(), n, token.NoticeRotate); err != nil || !told {
		t.Errorf("told: %v, %v", told, err)
	}
}

func TestBrownoutHoldsForAllSecrets(t *testing.T) {
	h := start(t)
	first := h.issued(nil)
	id, old := text(t, first, "id"), text(t, first, "token")
	now := at[string](t, h.rotate(old, "/v1/tokens/"+id, nil), "secret")
	h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/tokens/"+id+"/brownout", object{"minutes": 5}))
	if h.lets(old) || h.lets(now) {
		t.Error("a secret of a token on trial opens")
	}
	h.Clock.Move(6 * time.Minute)
	if !h.lets(old) || !h.lets(now) {
		t.Error("after the trial one does not open again")
	}
}

// TestSuspendedTokenIsNotRotatedByWhoHasNotHeard: another node believes for a
// moment that the token lives.
func TestSuspendedTokenIsNotRotatedByWhoHasNotHeard(t *testing.T) {
	h := start(t)
	for _, grace := range []time.Duration{0, time.Minute} {
		known, err := h.Verifier.Find(t.Context(), text(t, h.issued(nil), "token"))
		if err != nil {
			t.Fatal(err)
		}
		stale := *known.Token
		who := token.Actor{Kind: token.System, ID: "test"}
		if err := h.Authority.Suspend(t.Context(), who, &stale, 0, "stolen"); err != nil {
			t.Fatal(err)
		}
		if out, _, err := h.Authority.Rotate(t.Context(), who, authority.Turn{Token: &stale, Grace: grace, Reason: "mine"}); !token.Is(err, token.Conflict) {
			t.Errorf("a grace of %v: %v, and the new secret opens: %v", grace, err, out != nil && h.lets(out.Secret))
		}
	}
}

// TestNothingIsRotatedAwayFromARun: a run that ends many tokens finds a rotated
// one by no secret that it knows.
func TestNothingIsRotatedAwayFromARun(t *testing.T) {
	h := start(t)
	id := text(t, h.issued(object{"owner": "mia@example.test"}), "id")
	now := h.Clock.Now()
	run := token.Revocation{
		ID: token.NewID(now, token.Long), Workspace: "ws1", Act: token.Revoke, Predicate: token.Predicate{Kind: token.Service}, Reason: "all of them",
		Actor: token.Actor{Kind: token.System, ID: "test"}, Running: true, Reached: token.FirstID(now.Add(time.Millisecond)),
	}
	if err := h.Store.Do(t.Context(), func(tx *store.Tx) error { return tx.PutRevocation(t.Context(), &run) }); err != nil {
		t.Fatal(err)
	}
	for _, body := range []object{{"grace_seconds": 0, "reason": "away"}, {}} {
		h.refused(http.StatusConflict, "conflict", h.program("POST", "/v1/tokens/"+id+"/rotations", body))
	}
	if err := h.Authority.WorkOff(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	if a := h.bearer(ana, "", "GET", "/v1/tokens/"+id, nil); a.JSON["status"] != "revoked" {
		t.Errorf("%s", a.Body)
	}
	h.rotate(backend, "/v1/tokens/"+text(t, h.issued(nil), "id"), nil)
}

// TestLeakOfOneSecretOfAClientLeavesTheOther: also once its grace would be over.
func TestLeakOfOneSecretOfAClientLeavesTheOther(t *testing.T) {
	h := start(t)
	turn := h.rotate(ana, "/v1/clients/modest", nil)
	first := at[string](t, turn, "secret")
	status := func(secret string) int { return h.bearer(secret, "ws1", "GET", "/v1/tokens", nil).Status }
	if status(first) != 200 {
		t.Fatal("the new secret does not open")
	}
	h.later(25 * time.Hour)
	second := at[string](t, h.rotate(ana, "/v1/clients/modest", object{"grace_seconds": 60}), "secret")
	if status(second) != 200 {
		t.Fatal("the second does not open")
	}
	h.want(http.StatusOK, h.Request("POST", "/v1/leaks/self-revoke", object{"token": second}))
	h.later(time.Hour)
	if status(first) != 200 || status(second) != 401 {
		t.Errorf("the one that stays: %d, the leaked one: %d", status(first), status(second))
	}
}
