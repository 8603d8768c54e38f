package api_test

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// taken returns what was counted, a line for each row.
func (h *house) taken() []string {
	var lines []string
	rows := h.Metrics.Traffic.Take()
	slices.SortFunc(rows, func(a, b token.Traffic) int {
		return cmp.Or(cmp.Compare(a.Workspace, b.Workspace), cmp.Compare(a.Route, b.Route), cmp.Compare(a.Client, b.Client))
	})
	for _, r := range rows {
		lines = append(lines, fmt.Sprintf("%s|%s|%s|%s %d, %d refused", r.Workspace, r.Route, r.Client, r.Class, r.Count, r.Refused))
	}
	return lines
}

// TestEveryQuestionOfAProxyIsCounted: the refused ones too, and under the name
// that the proxy's configuration gives to what it protects.
func TestEveryQuestionOfAProxyIsCounted(t *testing.T) {
	h := start(t)
	secret := text(t, h.issued(object{"ttl": 3600}), "token")
	h.verify(secret, "?route=orders")
	h.verify(secret, "?route=orders&scope=content:write")
	h.verify(secret, "")
	h.verify(secret, "?route=a%0Ab")
	h.verify("garbage", "?route=orders")
	h.verify(mia, "?route=orders")
	h.Clock.Move(2 * time.Hour)
	h.want(http.StatusUnauthorized, h.verify(secret, "?route=orders"))
	want := []string{
		"|orders||external 1, 1 refused",
		"ws1|/verify|backend|external 2, 0 refused",
		"ws1|orders||external 1, 0 refused",
		"ws1|orders|backend|external 2, 1 refused",
		"ws1|orders|backend|external 1, 1 refused",
	}
	got := h.taken()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
