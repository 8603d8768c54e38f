package api

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/resources"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// maxFile is the longest resources file that is read, in bytes.
const maxFile = 8 << 20

// applying is how long a file may take: each thing that it declares is a commit
// of its own, and of a file that was applied in part the report would be missing.
const applying = 30 * time.Minute

// An applied is what became of each thing that a resources file declares.
type applied struct {
	Lines    []resources.Line `json:"lines"`
	Warnings []string         `json:"warnings"`
}

// source reads the body: a resources file alone, which may name nothing outside
// itself, or one with what it names on the sender's machine. Variables and files
// of the server are not read for others.
func source(c *web.Call) (resources.Source, error) {
	text, err := c.Body()
	from := resources.Source{Name: "resources.yaml", Text: text}
	if err != nil || !strings.HasPrefix(c.Request.Header.Get("Content-Type"), resources.ParcelType) {
		return from, err
	}
	var sent resources.Parcel
	if err := c.JSON(&sent); err != nil {
		return from, err
	}
	sent.Name = cmp.Or(sent.Name, from.Name)
	return sent.Source(), nil
}

// apply serves POST /v1/apply: the body is a resources file. It concerns the
// server as a whole, so that the authority asks for more than the scope.
func (f *Face) apply(c *web.Call, who *caller) error {
	if who.record.Token.Workspace != "" {
		return token.Errorf(token.Forbidden, "this token opens one workspace, and a file concerns the server as a whole: use one that opens all of yours")
	}
	q := filterOf(c, "restore", "prune")
	o := resources.Options{Restore: q.oneOf("restore", "true", "false") == "true", Prune: q.oneOf("prune", "true", "false") == "true"}
	if q.err != nil {
		return q.err
	}
	from, err := source(c)
	if err != nil {
		return err
	}
	c.Allow(applying)
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
