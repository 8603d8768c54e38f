package api

import (
	"strings"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// tag names the state of what is answered, so that a change can say from which
// it is made (RFC 9110, 8.8.3).
func tag(c *web.Call, v token.Version) { c.Header().Set("ETag", `"`+string(v)+`"`) }

// expected returns the state that the caller changes, empty where they name none
// (RFC 9110, 13.1.1).
func expected(c *web.Call) (token.Version, error) {
	text := strings.TrimSpace(c.Request.Header.Get("If-Match"))
	if text == "" || text == "*" {
		return "", nil
	}
	inner, opened := strings.CutPrefix(text, `"`)
	inner, closed := strings.CutSuffix(inner, `"`)
	if !opened || !closed || inner == "" || strings.ContainsAny(inner, `", `) {
		return "", token.AtField("If-Match", "must be one ETag, as the answer had it")
	}
	return token.Version(inner), nil
}
