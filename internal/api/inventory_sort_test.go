package api_test

import (
	"net/http"
	"slices"
	"testing"
)

func TestSoonestExpiryIsAskedFor(t *testing.T) {
	h := start(t)
	for name, ttl := range map[string]int{"for a day": 86400, "for an hour": 3600, "for a week": 604800} {
		h.issued(object{"name": name, "ttl": ttl})
	}
	h.access("backend", backend)
	names := func(path string) (all []string) {
		for path != "" {
			a := h.want(http.StatusOK, h.bearer(reader, "", "GET", path, nil))
			for _, item := range h.items(a) {
				if at[string](t, item, "type") == "service" || at[string](t, item, "type") == "access" {
					all = append(all, at[string](t, item, "name"))
				}
			}
			next, more := a.JSON["next"].(string)
			if path = ""; more {
				path = "/v1/tokens?sort=expires&limit=2&cursor=" + next
			}
		}
		return all
	}
	if got, want := names("/v1/tokens?sort=expires&limit=2"), []string{"for an hour", "for a day", "for a week"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, wrong := range []string{"sort=name", "sort=expires&status=revoked", "sort=expires&type=access", "sort=expires&cursor=x", "sort=expires&cursor=06hn5k1kfqbmc"} {
		h.refused(http.StatusUnprocessableEntity, "invalid_value", h.bearer(reader, "", "GET", "/v1/tokens?"+wrong, nil))
	}
	h.refused(http.StatusUnprocessableEntity, "invalid_value", h.bearer(reader, "", "GET", "/v1/tokens/export?sort=expires", nil))
}
