package api

import (
	_ "embed"
	"net/http"

	"github.com/fichadev/ficha/internal/web"
)

// description is written by hand, in OpenAPI 3.1; tests hold every route and
// every sort of answer against it.
//
//go:embed openapi.json
var description string

// describe serves GET /openapi.json and GET /v1/openapi.json to anybody. It tells nothing of this
// server but what it is.
func (f *Face) describe(c *web.Call) error {
	c.Header().Set("Cache-Control", "public, max-age=300")
	return c.WriteRaw(http.StatusOK, "application/json", []byte(description))
}
