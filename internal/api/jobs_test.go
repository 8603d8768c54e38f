package api_test

import (
	"net/http"
	"testing"
	"time"
)

func TestJobsSayWhenTheyWereDone(t *testing.T) {
	h := start(t)
	h.Start(t.Context())
	h.want(http.StatusForbidden, h.bearer(mia, "", "GET", "/v1/jobs", nil))
	deadline := time.Now().Add(10 * time.Second)
	for {
		done := map[string]bool{}
		for _, j := range h.items(h.bearer(ana, "", "GET", "/v1/jobs", nil)) {
			done[at[string](t, j, "name")] = j["last_run_at"] != nil && j["fault"] == nil
		}
		if done["purge"] && done["rotations"] && done["expiry"] {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v", done)
		}
	}
	h.Clock.Move(24 * time.Hour)
	for _, j := range h.items(h.bearer(ana, "", "GET", "/v1/jobs", nil)) {
		if j["name"] == "partitions" && j["overdue"] != true {
			t.Errorf("a day later: %v", j)
		}
	}
}
