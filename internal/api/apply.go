package api

import (
	"cmp"
	"errors"
	"net/http"
	"strings"

	"github.com/fichadev/ficha/internal/resources"
	"github.com/fichadev/ficha/internal/web"
)

// maxFile is the longest resources file that is read, in bytes.
const maxFile = 8 << 20

// An applied is what became of each thing that a resources file declares.
type applied struct {
	Lines    []resources.Line `json:"lines"`
	Warnings []string         `json:"warnings"`
}

// sourceType is the media type of a resources file with what it names.
const sourceType = "application/vnd.ficha.source+json"

// A sent is a resources file with the variables and files that it names on the
// sender's machine: those of the server are not read for others.
type sent struct {
	Name      string            `json:"name"` // as the sender knows it, for messages
	Text      string            `json:"text"`
	Variables map[string]string `json:"variables"`
	Files     map[string]string `json:"files"` // by path, as the file's name makes it
}

// source reads the body: a resources file alone, which may name nothing outside
// itself, or one with what it names.
func source(c *web.Call) (resources.Source, error) {
	text, err := c.Body()
	from := resources.Source{Name: "resources.yaml", Text: text}
	if err != nil || !strings.HasPrefix(c.Request.Header.Get("Content-Type"), sourceType) {
		return from, err
	}
	var in sent
	if err := c.JSON(&in); err != nil {
		return from, err
	}
	return resources.Source{
		Name: cmp.Or(in.Name, from.Name), Text: []byte(in.Text),
		Env: func(name string) (string, bool) {
			value, ok := in.Variables[name]
			return value, ok
		},
		ReadFile: func(path string) ([]byte, error) {
			value, ok := in.Files[path]
			if !ok {
				return nil, errors.New("it was not sent along")
			}
			return []byte(value), nil
		},
	}, nil
}

// apply serves POST /v1/apply: the body is a resources file. It concerns the
// server as a whole, so that the authority asks for more than the scope.
func (f *Face) apply(c *web.Call, who *caller) error {
	q := filterOf(c, "restore", "prune")
	o := resources.Options{Restore: q.oneOf("restore", "true", "false") == "true", Prune: q.oneOf("prune", "true", "false") == "true"}
	if q.err != nil {
		return q.err
	}
	from, err := source(c)
	if err != nil {
		return err
	}
	report, err := f.cfg.Apply(c.Context(), who.asPerson(), from, o)
	if err != nil {
		return err
	}
	answer := applied{Lines: report.Lines, Warnings: []string{}}
	if answer.Lines == nil {
		answer.Lines = []resources.Line{}
	}
	for _, w := range report.Warnings {
		answer.Warnings = append(answer.Warnings, w.String())
	}
	return c.WriteJSON(http.StatusOK, answer)
}
