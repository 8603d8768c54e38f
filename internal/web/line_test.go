package web_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/metric"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

func TestRequestHasOneLineThatSaysWhoAndWhat(t *testing.T) {
	var s *stage
	s = newStage(t, nil, route("POST /v1/tokens/{id}", func(c *web.Call) error {
		c.SetActor(token.Actor{Kind: token.App, ID: "app1", Workspace: "acme", Name: "CANARY"})
		c.SetClient("app1")
		s.now = s.now.Add(1500 * time.Microsecond)
		return token.Errorf(token.NotFound, "CANARY")
	}))
	w := s.do("POST", "/v1/tokens/CANARY", "", "Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	lines := s.lines()
	if len(lines) != 1 {
		t.Fatalf("%d lines for one request: %v", len(lines), lines)
	}
	delete(lines[0], "time")
	want := map[string]any{
		"level": "INFO", "msg": "request", "route": "POST /v1/tokens/{id}", "method": "POST", "status": 404.0, "ms": 1.5,
		"request_id": w.Header().Get("X-Request-Id"), "address": "192.0.2.1", "actor": "client", "actor_id": "app1",
		"client": "app1", "workspace": "acme", "refusal": "not_found", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
	}
	if fmt.Sprint(lines[0]) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", lines[0], want)
	}
	page := s.page()
	for _, line := range []string{
		`ficha_refusals_total{code="not_found",route="POST /v1/tokens/{id}"} 1`,
		`ficha_http_request_duration_seconds_bucket{code="4xx",method="POST",route="POST /v1/tokens/{id}",le="0.0025"} 1`,
	} {
		if !strings.Contains(page, line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
}

// TestNothingThatACallerSentIsLogged drives every way in and out with the same
// canary in each part of the request.
func TestNothingThatACallerSentIsLogged(t *testing.T) {
	read := func(c *web.Call) error {
		_, errQuery := c.Query()
		_, errForm := c.Form()
		_, errBearer := c.Bearer()
		_, _, errBasic := c.Basic()
		var v struct{ N int }
		errJSON := c.JSON(&v)
		for _, err := range []error{errQuery, errForm, errBearer, errBasic, errJSON} {
			if err != nil {
				return err
			}
		}
		return ok(c)
	}
	small := route("POST /small/{x}", read)
	small.Rule.Body = 4
	none := route("/none/{x}", read)
	none.Rule.Body = web.NoBody
	s := newStage(t, nil, small, none, route("/read/{x}", read), route("/panic/{x}", func(c *web.Call) error {
		panic(c.Request.URL.String() + c.Request.Header.Get("Authorization"))
	}))
	for _, method := range []string{"GET", "POST", "CANARY"} {
		for _, path := range []string{"/read/CANARY", "/small/CANARY", "/none/CANARY", "/panic/CANARY", "/CANARY", "//CANARY", "/read/CANARY/"} {
			for _, body := range []string{"CANARY", `{"CANARY":1}`, `{"n":"CANARY"}`, "CANARY=CANARY&CANARY=CANARY", "a=%CANARY"} {
				for _, kind := range []string{formHeader, "Content-Type: application/CANARY"} {
					s.do(method, path+"?CANARY=CANARY&x=CANARY", body, kind,
						"Authorization: Basic CANARY", "AccessToken: CANARY", "Cookie: a=CANARY", "User-Agent: CANARY", "Origin: CANARY",
						"X-Request-Id: CANARY-CANARY", "X-Forwarded-For: CANARY", "Traceparent: 00-CANARY", "Host: CANARY", "Referer: CANARY")
				}
			}
		}
	}
	if lines := s.lines(); len(lines) != 3*7*5*2 {
		t.Errorf("%d lines for %d requests", len(lines), 3*7*5*2)
	}
	for name, text := range map[string]string{"log": s.log.String(), "metrics": s.page()} {
		if at := strings.Index(text, "CANARY"); at >= 0 {
			t.Errorf("the %s hold what the caller sent: %.300s", name, text[max(0, at-200):])
		}
	}
}

func TestMalformedTraceIsNotLogged(t *testing.T) {
	s := newStage(t, nil, route("GET /a", ok))
	for _, bad := range []string{
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
		"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
		"00-4bf92f3577b34da6a3!e929d0e0e4736-00f067aa0ba902b7-01",
		"00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	} {
		s.do("GET", "/a", "", "Traceparent: "+bad)
	}
	for _, line := range s.lines() {
		if line["trace_id"] != nil {
			t.Errorf("logged %v", line["trace_id"])
		}
	}
}

func TestLevelSaysWhoseBusinessItIs(t *testing.T) {
	for want, err := range map[string]error{
		"INFO":  token.Errorf(token.InvalidToken, "no"),
		"WARN":  fmt.Errorf("read: %w", context.Canceled),
		"ERROR": errors.New("disk is full"),
	} {
		s := newStage(t, nil, route("GET /a", func(*web.Call) error { return err }))
		s.do("GET", "/a", "")
		if got := s.lines()[0]["level"]; got != want {
			t.Errorf("%v is logged as %v, want %s", err, got, want)
		}
	}
}

func TestQuietLogStillCounts(t *testing.T) {
	set := metric.New()
	f, err := web.New(web.Config{Log: slog.New(slog.DiscardHandler), Metrics: set, Now: time.Now, Issuer: "http://localhost:8080"})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Mount(route("GET /a", ok)); err != nil {
		t.Fatal(err)
	}
	s := &stage{Floor: f, t: t, metrics: set}
	s.do("GET", "/a", "")
	if !strings.Contains(s.page(), `ficha_http_request_duration_seconds_count{code="2xx",method="GET",route="GET /a"} 1`) {
		t.Error("the request is not counted")
	}
}
