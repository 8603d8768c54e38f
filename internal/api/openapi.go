package api

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/fichadev/ficha/internal/web"
)

// described is what the face says of itself, in OpenAPI 3.1: one file an area,
// with the schemas that it alone uses, and shared.json. It is written by hand;
// tests hold every route and every operation's answer against it.
//
//go:embed openapi/*.json
var described embed.FS

// A description is the files as one. Read into one after the other, its maps
// take in the names of each.
type description struct {
	OpenAPI    string          `json:"openapi"`
	Info       json.RawMessage `json:"info"`
	Servers    json.RawMessage `json:"servers"`
	Security   json.RawMessage `json:"security"`
	Paths      names           `json:"paths"`
	Components struct {
		SecuritySchemes names `json:"securitySchemes"`
		Parameters      names `json:"parameters"`
		Responses       names `json:"responses"`
		Schemas         names `json:"schemas"`
	} `json:"components"`
}

type names map[string]json.RawMessage

// assemble returns the whole description.
func assemble() ([]byte, error) {
	files, err := described.ReadDir("openapi")
	if err != nil {
		return nil, err
	}
	var whole description
	for _, file := range files {
		text, err := described.ReadFile("openapi/" + file.Name())
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, &whole); err != nil {
			return nil, fmt.Errorf("read %s: %w", file.Name(), err)
		}
	}
	return json.MarshalIndent(whole, "", "  ")
}

// describe serves GET /openapi.json and GET /v1/openapi.json to anybody. It tells nothing of this
// server but what it is.
func (f *Face) describe(c *web.Call) error {
	text, err := f.description()
	if err != nil {
		return err
	}
	c.Header().Set("Cache-Control", "public, max-age=300")
	return c.WriteRaw(http.StatusOK, "application/json", text)
}
