package panel

import (
	"io"
	"net/http"
	"strings"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

const foundPath = "/panel/found"

// foundRoutes are the page by which whoever holds a secret ends it, and nothing
// else: nobody signs in for that, and nobody learns whether there is such a
// secret.
func (p *Panel) foundRoutes() []web.Route {
	return []web.Route{
		{Pattern: "GET " + foundPath, Rule: p.open(), Handle: p.showFound},
		{Pattern: "POST " + foundPath, Rule: p.posted(), Handle: p.endFound},
	}
}

func (p *Panel) showFound(c *web.Call) error {
	query, err := c.Query()
	if err != nil {
		return err
	}
	return p.drawFound(c, http.StatusOK, pages.Found{Done: query.Get("done") != ""})
}

// endFound ends what was pasted. The secret is in no address, and on no page
// again.
func (p *Panel) endFound(c *web.Call) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	seen := authority.Sighting{Secret: strings.TrimSpace(form.Get("token")), Source: "holder", URL: strings.TrimSpace(form.Get("url")), End: true}
	if seen.Secret == "" {
		return p.drawFound(c, http.StatusUnprocessableEntity, pages.Found{URL: seen.URL, Wrong: pages.Wrong{Fields: map[string]string{"token": ""}}})
	}
	err = p.cfg.Authority.HearReports(c.Context(), c.Actor(), []authority.Sighting{seen})
	if said, ok := wrong(err); ok {
		return p.drawFound(c, web.Status(token.AsRefusal(err).Code), pages.Found{URL: seen.URL, Wrong: said})
	}
	if err != nil {
		return err
	}
	return c.Redirect(foundPath + "?done=1")
}

func (p *Panel) drawFound(c *web.Call, status int, v pages.Found) error {
	v.Here = foundPath
	if v.Done {
		v.Here += "?done=1"
	}
	return p.write(c, status, "", "", func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.Found(w, lang, v) })
}
