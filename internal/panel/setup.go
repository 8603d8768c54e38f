package panel

import (
	"io"
	"net/http"

	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// setupRoutes are the pages of an empty server.
func (p *Panel) setupRoutes() []web.Route {
	return []web.Route{
		{Pattern: "GET /panel/setup", Rule: p.open(), Handle: p.showSetup},
		{Pattern: "POST /panel/setup", Rule: p.posted(), Handle: p.setup},
	}
}

// showSetup shows the form that makes the first super admin. Whether the link
// still works is said when it is used: an answer now would help who guesses.
func (p *Panel) showSetup(c *web.Call) error {
	query, err := c.Query()
	if err != nil {
		return err
	}
	return p.drawSetup(c, http.StatusOK, pages.Setup{Token: query.Get("token")})
}

func (p *Panel) drawSetup(c *web.Call, status int, v pages.Setup) error {
	v.MinPassword = identity.MinPassword
	return p.write(c, status, "", "", func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.Setup(w, lang, v) })
}

// setup makes the first super admin and signs them in.
func (p *Panel) setup(c *web.Call) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	v := pages.Setup{Token: form.Get("token"), Email: form.Get("email"), Name: form.Get("name"), Workspace: form.Get("workspace")}
	v.Errors = missing(form, "email", "name", "password", "workspace")
	if len(v.Errors) > 0 {
		return p.drawSetup(c, http.StatusUnprocessableEntity, v)
	}
	person, err := p.cfg.Identity.CompleteSetup(c.Context(), c.Actor(), v.Token, identity.SetupRequest{
		Email: v.Email, Name: v.Name, Password: form.Get("password"), WorkspaceName: v.Workspace,
	})
	if r := token.AsRefusal(err); r != nil {
		return p.refuseSetup(c, v, r, form.Get("password"))
	}
	if err != nil {
		return err
	}
	return p.enter(c, person, homePath)
}

// missing returns the error of each named input that is empty.
func missing(form web.Form, names ...string) map[string]pages.FieldError {
	wrong := map[string]pages.FieldError{}
	for _, name := range names {
		if form.Get(name) == "" {
			wrong[name] = pages.FieldMissing
		}
	}
	return wrong
}

// refuseSetup shows the form again where a value is not acceptable, or that the
// link no longer works.
func (p *Panel) refuseSetup(c *web.Call, v pages.Setup, r *token.Refusal, password string) error {
	switch {
	case r.Code == token.AccessDenied, r.Code == token.Conflict:
		return p.drawProblem(c, pages.Problem{Code: pages.SetupEnded, Status: http.StatusForbidden, Request: c.ID()})
	case len(r.Fields) == 0:
		return r
	}
	v.Errors = map[string]pages.FieldError{}
	for _, f := range r.Fields {
		v.Errors[inputOf(f.Name)] = pages.FieldInvalid
	}
	if _, wrong := v.Errors["password"]; wrong && len(password) < identity.MinPassword {
		v.Errors["password"] = pages.FieldShort
	}
	return p.drawSetup(c, http.StatusUnprocessableEntity, v)
}

// inputOf returns the input that a field of the room's request comes from.
func inputOf(field string) string {
	if field == "workspace_name" {
		return "workspace"
	}
	return field
}
