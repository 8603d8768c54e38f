package panel

import (
	"io"
	"net/http"

	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// Problem answers a refusal with a page, never with a redirect: for requests
// whose redirect URI is not known to be right, and for all that a person
// opened. A fault is returned as it is; on a route whose Shape is this, the
// floor logs it and has its page written.
func (p *Panel) Problem(c *web.Call, err error) error {
	refusal := token.AsRefusal(err)
	if refusal == nil {
		return err
	}
	code, status := problem(refusal)
	return p.drawProblem(c, pages.Problem{Code: code, Status: status, Request: c.ID()})
}

// shape writes the refusals of pages.
func (p *Panel) shape(c *web.Call, err error) {
	_ = p.Problem(c, err) // where not even this page can be drawn, the floor sends the bare status
}

// drawProblem writes the page for what cannot go on. Status 0 is for what went
// as the person wanted.
func (p *Panel) drawProblem(c *web.Call, v pages.Problem) error {
	status := v.Status
	if status == 0 {
		status = http.StatusOK
	}
	return p.write(c, status, "", "", func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.Problem(w, lang, v) })
}

// problem says what a person is told of a refusal, and with which status.
func problem(r *token.Refusal) (pages.ProblemCode, int) {
	switch r.Reason {
	case token.UnknownClient:
		return pages.UnknownClient, http.StatusBadRequest
	case token.RedirectMismatch:
		return pages.BadRedirect, http.StatusBadRequest
	case token.ScopesTooFew:
		return pages.ScopesInsufficient, http.StatusBadRequest
	case token.ScopesMismatch:
		return pages.ScopesMismatch, http.StatusBadRequest
	case token.WorkspaceLacks:
		return pages.WorkspaceLacks, http.StatusForbidden
	case token.Expired:
		// Also said to whoever posts the answer of another session.
		return pages.ExpiredRequest, http.StatusForbidden
	}
	status := web.Status(r.Code)
	switch {
	case r.Code == token.Unavailable:
		return pages.Unavailable, status
	case r.Code == token.TooMany:
		return pages.TooFrequent, status
	case r.Code == token.Conflict:
		return pages.Conflicting, status
	case r.Code == token.OutcomeUnknown:
		return pages.Unclear, status
	case r.Code == token.InvalidClient:
		return pages.UnknownClient, http.StatusBadRequest // a 401 owes a challenge, which pages have none for
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return pages.MissingRights, http.StatusForbidden
	case status == http.StatusNotFound:
		return pages.NotFound, status
	case status >= http.StatusInternalServerError:
		return pages.Unexpected, status
	}
	return pages.BadRequest, status
}
