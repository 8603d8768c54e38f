package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/metric"
)

// end closes a call: it turns a panic into a 500, counts, and writes the line.
// It must be deferred as it is, or it would not see the panic.
func (c *Call) end() {
	if v := recover(); v != nil {
		c.panicked(v)
	}
	c.clock.stop()
	took := c.floor.now().Sub(c.start)
	if c.route == nil { // a panic outside every route
		c.route = c.floor.nowhere
	}
	c.route.counts.Observe(c.Request.Method, c.status, took)
	if c.code != "" {
		c.route.counts.Refuse(string(c.code))
	}
	if c.protects != "" {
		c.counted(took)
	}
	c.line(took)
	if c.abort {
		panic(http.ErrAbortHandler) // net/http closes the connection and says nothing
	}
}

// panicked answers 500. Of the value only the type is kept, and of the stack
// only functions and lines: both may hold what the caller sent.
func (c *Call) panicked(v any) {
	if v == http.ErrAbortHandler { //nolint:errorlint // a sentinel that net/http compares so
		c.abort = true
		return
	}
	c.floor.metrics.Panic()
	c.stack = stack()
	if c.route == nil {
		c.route = c.floor.nowhere
	}
	c.fail(errors.New("panic: " + fmt.Sprintf("%T", v)))
}

// stack returns where the panic came from, innermost first.
func stack() string {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs[:])])
	var b strings.Builder
	for {
		frame, more := frames.Next()
		if frame.Function != "" {
			fmt.Fprintf(&b, "%s:%d\n", frame.Function, frame.Line)
		}
		if !more {
			return strings.TrimSuffix(b.String(), "\n")
		}
	}
}

// line writes the one line of a request. It holds the pattern of the route and
// never a path, query, header or body. The record is made by hand: slog's own
// methods would look up who called them, which costs more than all the rest.
func (c *Call) line(took time.Duration) {
	level := slog.LevelInfo
	switch {
	case c.fault != nil && unknowable(c.fault):
		level = slog.LevelWarn // slow, or the caller left
	case c.fault != nil:
		level = slog.LevelError
	}
	ctx, handler := c.Request.Context(), c.floor.log.Handler()
	if !handler.Enabled(ctx, level) {
		return
	}
	rec := slog.NewRecord(c.start.Add(took), level, "request", 0)
	var attrs [14]slog.Attr
	rec.AddAttrs(c.known(append(attrs[:0],
		slog.String("route", c.route.Pattern),
		slog.String("method", metric.Method(c.Request.Method)),
		slog.Int("status", c.status),
		slog.Float64("ms", float64(took.Microseconds())/1000),
		slog.String("request_id", c.id),
		slog.String("address", c.address),
	))...)
	_ = handler.Handle(ctx, rec) // a log that cannot be written has nowhere to say so
}

// known appends what is known of this request and not of every one.
func (c *Call) known(attrs []slog.Attr) []slog.Attr {
	for _, a := range [...]struct{ key, value string }{
		{"actor", string(c.actor.Kind)},
		{"actor_id", c.actor.ID},
		{"client", c.client},
		{"workspace", c.actor.Workspace},
		{"refusal", string(c.code)},
		{"trace_id", traceID(c.Request.Header)},
		{"stack", c.stack},
	} {
		if a.value != "" {
			attrs = append(attrs, slog.String(a.key, a.value))
		}
	}
	if c.fault != nil {
		attrs = append(attrs, slog.String("fault", c.fault.Error()))
	}
	return attrs
}

// traceID returns the trace of a well-formed traceparent (W3C Trace Context,
// version 00): 00-32 hex-16 hex-2 hex, not all zero.
func traceID(h http.Header) string {
	lines := h["Traceparent"]
	if len(lines) != 1 || len(lines[0]) != 55 {
		return ""
	}
	s := lines[0]
	if s[:3] != "00-" || s[35] != '-' || s[52] != '-' {
		return ""
	}
	trace, parent := s[3:35], s[36:52]
	if !hexDigits(trace) || !hexDigits(parent) || !hexDigits(s[53:]) || zeros(trace) || zeros(parent) {
		return ""
	}
	return trace
}

func hexDigits(s string) bool {
	return strings.Trim(s, "0123456789abcdef") == ""
}

func zeros(s string) bool { return strings.Trim(s, "0") == "" }
