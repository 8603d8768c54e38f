package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// calendarOf returns the lines of a calendar, unfolded.
func (h *house) calendarOf(url string) []string {
	h.t.Helper()
	a := h.want(http.StatusOK, h.Request("GET", strings.TrimPrefix(url, h.URL), nil))
	if got := a.Header.Get("Content-Type"); got != "text/calendar; charset=utf-8" || a.Header.Get("Cache-Control") != "no-store" {
		h.t.Errorf("it is %q, %q", got, a.Header.Get("Cache-Control"))
	}
	for line := range strings.SplitSeq(string(a.Body), "\n") {
		if len(line) > 76 || line != "" && !strings.HasSuffix(line, "\r") {
			h.t.Errorf("a line of %d octets, or without its end: %q", len(line), line)
		}
	}
	return strings.Split(strings.ReplaceAll(string(a.Body), "\r\n ", ""), "\r\n")
}

// lines returns the values that stand in lines of a name.
func lines(all []string, name string) (values []string) {
	for _, line := range all {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			values = append(values, value)
		}
	}
	return values
}

func (h *house) feed() string {
	h.t.Helper()
	return text(h.t, h.want(http.StatusCreated, h.bearer(ana, "ws1", "POST", "/v1/expiry-feed", nil)), "url")
}

func TestCalendarHoldsWhatExpires(t *testing.T) {
	h := start(t)
	odd := "süß; a,b\\c " + strings.Repeat("日本語", 40)
	first := h.issued(object{"name": odd, "ttl": 20 * 86400})
	h.issued(object{"name": "sooner", "ttl": 10 * 86400})
	h.want(http.StatusCreated, h.bearer(foreign, "ws2", "POST", "/v1/tokens", object{"name": "another tenant's", "scopes": []string{"catalog:read"}}))
	url := h.feed()
	all := h.calendarOf(url)
	if all[0] != "BEGIN:VCALENDAR" || len(lines(all, "VERSION")) != 1 || len(lines(all, "PRODID")) != 1 {
		t.Errorf("it begins with %q", all[:3])
	}
	names := lines(all, "SUMMARY")
	escaped := strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`).Replace(odd)
	if len(names) != 2 || names[0] != "sooner expires" || names[1] != escaped+" expires" {
		t.Errorf("got %q", names)
	}
	if at := lines(all, "DTSTART"); at[0] != "20261202T120000Z" || at[1] != "20261212T120000Z" {
		t.Errorf("at %q", at)
	}
	host := strings.TrimPrefix(h.URL, "http://")
	if ids := lines(all, "UID"); ids[1] != text(t, first, "id")+"@"+host {
		t.Errorf("as %q", ids)
	}
	for _, line := range all {
		if strings.Contains(line, text(t, first, "last_four")) && strings.HasPrefix(line, "DESCRIPTION") || strings.Contains(line, "VALARM") || strings.Contains(line, "another tenant") {
			t.Errorf("it says %q", line)
		}
	}
	secret := strings.TrimSuffix(url[strings.LastIndexByte(url, '/')+1:], ".ics")
	if log := h.Log.String(); strings.Contains(log, secret) || !strings.Contains(log, "GET /v1/expiry-feeds/{feed}") {
		t.Error("the log holds the address, or not the route")
	}
	for _, e := range h.events("action=user.calendar_made") {
		if strings.Contains(fmt.Sprint(e), secret) {
			t.Errorf("the audit: %v", e)
		}
	}
}

func TestCalendarIsOnePersonsAndEndsWithTheirRights(t *testing.T) {
	h := start(t)
	gone := func(url, why string) {
		t.Helper()
		if a := h.Request("GET", strings.TrimPrefix(url, h.URL), nil); a.Status != http.StatusNotFound {
			t.Errorf("%s: status %d", why, a.Status)
		}
	}
	h.refused(http.StatusForbidden, "forbidden", h.program("POST", "/v1/expiry-feed", nil))
	first := h.feed()
	second := h.feed()
	gone(first, "another took its place")
	h.calendarOf(second)
	gone(strings.TrimSuffix(second, ".ics"), "without its suffix")
	other := map[bool]string{true: "y.ics", false: "x.ics"}[strings.HasSuffix(second, "x.ics")]
	gone(second[:len(second)-5]+other, "another secret")
	h.want(http.StatusNoContent, h.bearer(ana, "ws1", "DELETE", "/v1/expiry-feed", nil))
	gone(second, "it was ended")
	h.refused(http.StatusNotFound, "not_found", h.bearer(ana, "ws1", "DELETE", "/v1/expiry-feed", nil))

	theirs := text(t, h.want(http.StatusCreated, h.bearer(both, "ws2", "POST", "/v1/expiry-feed", nil)), "url")
	h.calendarOf(theirs)
	h.want(http.StatusNoContent, h.bearer(bob, "ws2", "DELETE", "/v1/users/both@example.test", nil))
	gone(theirs, "they left the workspace")
	h.Clock.Move(time.Second)
	if _, err := h.Apply(t.Context(), "resources.yaml", []byte(resources), true); err != nil {
		t.Fatal(err)
	}
	if p, err := h.Verifier.Person(t.Context(), h.idOf("both@example.test")); err != nil || !p.In("ws2").IsAdmin() {
		t.Fatalf("they are not back: %v", err)
	}
	gone(theirs, "they came back")
}

func TestCalendarIsReadByAdministratorsAlone(t *testing.T) {
	h := start(t)
	url := text(t, h.want(http.StatusCreated, h.bearer(both, "ws2", "POST", "/v1/expiry-feed", nil)), "url")
	fewer := strings.Replace(resources, "{workspace: ws2, role: admin}]", "{workspace: ws2, role: member}]", 1)
	if _, err := h.Apply(t.Context(), "resources.yaml", []byte(fewer), false); err != nil {
		t.Fatal(err)
	}
	h.refused(http.StatusNotFound, "not_found", h.Request("GET", strings.TrimPrefix(url, h.URL), nil))
}
