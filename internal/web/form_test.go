package web_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/web"
)

const formHeader = "Content-Type: application/x-www-form-urlencoded"

// echoForm answers what it read, one "name=value" a line.
func echoForm(read func(*web.Call) (web.Form, error)) func(*web.Call) error {
	return func(c *web.Call) error {
		f, err := read(c)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		for _, name := range f.Names() {
			fmt.Fprintf(&b, "%s=%s\n", name, strings.Join(f.All(name), "|"))
		}
		return c.WriteRaw(200, "text/plain", b.Bytes())
	}
}

func formStage(t *testing.T) *stage {
	return newStage(t, nil,
		route("POST /form", echoForm(func(c *web.Call) (web.Form, error) { return c.Form() })),
		route("POST /resources", echoForm(func(c *web.Call) (web.Form, error) { return c.Form("resource") })),
		web.Route{Pattern: "POST /long", Rule: web.Rule{Auth: web.AuthNone, Parameters: 100}, Handle: echoForm(func(c *web.Call) (web.Form, error) { return c.Form() })},
		route("/query", echoForm(func(c *web.Call) (web.Form, error) { return c.Query() })),
	)
}

func TestFormIsReadFromBodyAlone(t *testing.T) {
	s := formStage(t)
	w := s.do("POST", "/form?grant_type=evil&more=1", "grant_type=client_credentials&scope=a+b%20c&empty=&bare&&n%C3%A4me=%F0%9F%94%91", formHeader)
	want := "grant_type=client_credentials\nscope=a b c\nempty=\nbare=\nnäme=🔑\n"
	if w.Code != 200 || w.Body.String() != want {
		t.Errorf("got %d %q, want %q", w.Code, w.Body, want)
	}
	if w := s.do("POST", "/form", "", ""); w.Code != 200 || w.Body.Len() != 0 {
		t.Errorf("no body: got %d %q, want an empty form", w.Code, w.Body)
	}
	if w := s.do("POST", "/form", "a=1", "Content-Type: Application/X-WWW-Form-Urlencoded; charset=utf-8"); w.Code != 200 {
		t.Errorf("a type with parameters gets %d", w.Code)
	}
}

func TestQueryIsReadByTheSameRules(t *testing.T) {
	s := formStage(t)
	if w := s.do("POST", "/query?client_id=a&client_secret=b%2Bc", "client_id=body", formHeader); w.Body.String() != "client_id=a\nclient_secret=b+c\n" {
		t.Errorf("got %q", w.Body)
	}
	refused(t, s.do("GET", "/query?a=1&a=2", ""), 400, "invalid_request")
	refused(t, s.do("GET", "/query?a=%zz", ""), 400, "invalid_request")
	refused(t, s.do("GET", "/query?a="+strings.Repeat("x", 4097), ""), 400, "invalid_request")
	if w := s.do("GET", "/query?a="+strings.Repeat("x", 4096), ""); w.Code != 200 {
		t.Errorf("a value of 4096 bytes gets %d", w.Code)
	}
}

func TestBadFormIsRefusedAndNamed(t *testing.T) {
	s := formStage(t)
	for _, c := range []struct{ name, body, field string }{
		{"repeated", "code=1&code=2", "code"},
		{"repeated without a value", "code=1&code", "code"},
		{"repeated in another spelling", "code=1&c%6Fde=2", "code"},
		{"NUL", "code=a%00b", "code"},
		{"not UTF-8", "code=%ff", "code"},
		{"badly escaped", "code=%", "code"},
		{"too long", "code=" + strings.Repeat("x", 4097), "code"},
		{"name with NUL", "c%00=1", ""},
		{"name too long", strings.Repeat("n", 257) + "=1", ""},
		{"65 parameters", numbered(65), ""},
	} {
		body := refused(t, s.do("POST", "/form", c.body, formHeader), 400, "invalid_request")
		fields := fmt.Sprint(body["errors"])
		if c.field != "" && !strings.Contains(fields, "field:"+c.field) {
			t.Errorf("%s: errors %s do not name %s", c.name, fields, c.field)
		}
	}
	if w := s.do("POST", "/form", numbered(64), formHeader); w.Code != 200 {
		t.Errorf("64 parameters get %d", w.Code)
	}
	if w := s.do("POST", "/long", numbered(100), formHeader); w.Code != 200 {
		t.Errorf("100 parameters get %d where the route allows them", w.Code)
	}
	refused(t, s.do("POST", "/long", numbered(101), formHeader), 400, "invalid_request")
}

// numbered returns n different parameters.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "p%d=1&", i)
	}
	return b.String()
}

func TestOnlyNamedParametersMayRepeat(t *testing.T) {
	s := formStage(t)
	if w := s.do("POST", "/resources", "resource=a&x=1&resource=b", formHeader); w.Body.String() != "resource=a|b\nx=1\n" {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
	refused(t, s.do("POST", "/resources", "resource=a&x=1&x=2", formHeader), 400, "invalid_request")
}

func TestFormOfAnotherTypeIsRefused(t *testing.T) {
	s := formStage(t)
	for _, headers := range [][]string{
		{"Content-Type: application/json"}, {"Content-Type: text/plain"}, {"Content-Type: ;;"}, nil,
		{formHeader, "Content-Type: application/json"},
	} {
		refused(t, s.do("POST", "/form", "a=1", headers...), 400, "invalid_request")
	}
}

func TestFormWithoutAParameterSaysSo(t *testing.T) {
	var got []any
	s := newStage(t, nil, route("POST /form", func(c *web.Call) error {
		f, err := c.Form()
		got = []any{f.Get("a"), f.Has("a"), f.Get("none"), f.Has("none"), f.Get("empty"), f.Has("empty"), f.All("none") == nil}
		if again, _ := c.Form(); again.Get("a") != f.Get("a") {
			t.Error("the form cannot be read twice")
		}
		c.WriteHeader(204)
		return err
	}))
	s.do("POST", "/form", "a=1&empty=", formHeader)
	if want := []any{"1", true, "", false, "", true, true}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
