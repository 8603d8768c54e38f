package api_test

import (
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// TestOldSecretsAreToldOfOnce moves a workspace through forty days: what can
// change things is told of on its thirtieth, once; what was rotated by then, what
// only reads and what has ended is not.
func TestOldSecretsAreToldOfOnce(t *testing.T) {
	h := start(t)
	issue := func(name, scope string) string {
		return text(t, h.issued(object{"name": name, "scopes": []string{scope}, "ttl": 80 * 86400}), "id")
	}
	remind := func() int {
		n, err := h.Authority.RemindRotations(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	remind()
	h.Clock.Move(time.Minute)
	writes, reads := issue("writes", "content:write"), issue("reads", "catalog:read")
	rotated, revoked := issue("rotated", "content:write"), issue("revoked", "content:write")
	h.Clock.Move(29 * 24 * time.Hour)
	early := remind()
	h.rotate(backend, "/v1/tokens/"+rotated, nil)
	h.bearer(ana, "", "POST", "/v1/tokens/"+revoked+"/revoke", nil)
	told := 0
	for range 11 {
		h.Clock.Move(24 * time.Hour)
		told += remind()
	}
	for _, try := range []struct {
		id   string
		want bool
	}{{writes, true}, {reads, false}, {rotated, false}, {revoked, false}} {
		id, _ := token.ParseID(try.id)
		if got, err := h.Store.Noticed(t.Context(), id, token.NoticeRotate); err != nil || got != try.want {
			t.Errorf("told of %v: %v, %v", id, got, err)
		}
	}
	if early != 0 || told != 2 { // the secret of the client is as old
		t.Errorf("told of %d on the 29th day and %d after it, want 0 and 2", early, told)
	}
}
