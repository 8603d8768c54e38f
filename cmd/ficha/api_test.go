package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// answering is a server that answers everything alike.
func answering(t *testing.T, status int, body string) remote {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return remote{Server: s.URL, Token: "secret-of-the-caller"}
}

func TestARefusalIsASentenceWithCodeAndRequest(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   string
	}{
		{403, `{"error":"invalid_scope","error_description":"scope x is not allowed","request_id":"r1"}`, "scope x is not allowed (invalid_scope, request r1)"},
		{422, `{"error":"invalid_value","error_description":"","request_id":"r1","errors":[{"field":"ttl","message":"must be positive"}]}`, "ttl must be positive (invalid_value, request r1)"},
		{422, `{"error":"invalid_value","error_description":"ttl: must be positive","request_id":"r1","errors":[{"field":"ttl","message":"must be positive"}]}`, "ttl: must be positive (invalid_value, request r1)"},
		{502, `<html>bad gateway`, "the server answers 502 Bad Gateway and does not say why: check --server"},
		{307, ``, "the server answers 307 Temporary Redirect and does not say why: check --server"},
		{200, `<html>hello`, "answers something else than Ficha would: check --server"},
	} {
		var out map[string]any
		err := answering(t, c.status, c.body).get(t.Context(), "/v1/tokens", &out)
		if err == nil || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%d %s is told as %v, want %s", c.status, c.body, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret-of-the-caller") {
			t.Errorf("the error holds the secret: %v", err)
		}
	}
}

// A redirect would carry the token to whoever it leads to.
func TestATokenGoesNowhereElse(t *testing.T) {
	visited := false
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visited = true }))
	defer thief.Close()
	s := httptest.NewServer(http.RedirectHandler(thief.URL, http.StatusFound))
	defer s.Close()
	if err := (remote{Server: s.URL, Token: "x"}).get(t.Context(), "/v1/tokens", nil); err == nil || visited {
		t.Errorf("the redirect was followed: %t, %v", visited, err)
	}
}

func TestHTTPIsForLoopbackAlone(t *testing.T) {
	for _, c := range []struct {
		server   string
		insecure bool
		ok       bool
	}{
		{"https://tokens.example.com", false, true},
		{"https://tokens.example.com/", false, true},
		{"http://localhost:8080", false, true},
		{"http://127.0.0.1:8080", false, true},
		{"http://[::1]:8080", false, true},
		{"http://tokens.example.com", false, false},
		{"http://10.0.0.1:8080", false, false},
		{"http://10.0.0.1:8080", true, true},
		{"http://localhost.example.com", false, false},
		{"ftp://localhost", true, false},
		{"https://user:password@tokens.example.com", false, false},
		{"", false, false},
	} {
		err := (remote{Server: c.server, InsecureHTTP: c.insecure}).checkServer()
		if (err == nil) != c.ok {
			t.Errorf("%q, insecure %t: %v, want accepted %t", c.server, c.insecure, err, c.ok)
		}
	}
}

// A list of any length is read a page at a time, and no further than asked.
func TestAListIsReadAsFarAsAsked(t *testing.T) {
	const all = 250
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, size := number(r.FormValue("cursor")), number(r.FormValue("limit"))
		page := map[string]any{"items": []any{}, "next": nil}
		var items []any
		for i := from; i < min(from+size, all); i++ {
			items = append(items, map[string]any{"id": i})
		}
		if page["items"] = items; from+size < all {
			page["next"] = jsonOf(from + size)
		}
		w.Write([]byte(jsonOf(page)))
	}))
	defer s.Close()
	for limit, want := range map[int]int{0: all, 1: 1, 100: 100, 130: 130, 250: 250, 1000: all} {
		items, more, err := listing{Limit: limit}.read(t.Context(), remote{Server: s.URL, Token: "x"}, "/v1/tokens", url.Values{})
		if err != nil || len(items) != want || more != (want < all) {
			t.Errorf("limit %d: %d items, more %t, %v; want %d", limit, len(items), more, err, want)
		}
		for i, item := range items {
			if item["id"] != float64(i) {
				t.Fatalf("limit %d: item %d is %v", limit, i, item)
			}
		}
	}
}

func number(text string) int {
	n := 0
	for _, digit := range text {
		n = 10*n + int(digit-'0')
	}
	return n
}
