package panel

import (
	"net/http"
	"strings"

	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

const (
	saidCookie      = "ficha_said"
	workspaceCookie = "ficha_workspace" // the last one that was looked at
	saidKept        = 60                // seconds
)

// show answers with a page of the panel.
func (p *Panel) show(c *web.Call, v *visit, draw page) error {
	return p.showWith(c, v, http.StatusOK, draw)
}

// showWith is show with a status, as of a form that was not right.
func (p *Panel) showWith(c *web.Call, v *visit, status int, draw page) error {
	return p.write(c, status, "", v.shell.Nonce, draw)
}

// lead ends a deed: the browser goes on to a page, which says what was done. So
// a page that is loaded again does nothing again.
func (p *Panel) lead(c *web.Call, to string, said pages.Said) error {
	http.SetCookie(c, p.cookie(saidCookie, string(said), saidKept))
	return c.Redirect(to)
}

// said returns what the page is to say of the deed before it, and forgets it.
func (p *Panel) said(c *web.Call) pages.Said {
	said := pages.Said(p.cookieValue(c, saidCookie))
	if said == "" || c.Request.Method != http.MethodGet {
		return ""
	}
	http.SetCookie(c, p.cookie(saidCookie, "", -1))
	if !p.cfg.Pages.CanSay(said) {
		return ""
	}
	return said
}

// elsewhere answers for every address that is no page. One that lacks the
// workspace, as documents and tools write it (/panel/tokens/new?name=ci), leads
// to the workspace that the person looked at last.
func (p *Panel) elsewhere(c *web.Call) error {
	first, rest, _ := strings.Cut(strings.TrimPrefix(c.Request.URL.Path, homePath), "/")
	for _, a := range p.areas {
		if string(a.name) != first {
			continue
		}
		return p.visited(c, loginFor(local(c.Request.URL.RequestURI())), func(c *web.Call, v *visit) error {
			if v.shell.Workspace.ID == "" {
				return c.Redirect(homePath)
			}
			to := a.name.Path(v.shell.Workspace.ID, strings.FieldsFunc(rest, func(r rune) bool { return r == '/' })...)
			if query := c.Request.URL.RawQuery; query != "" {
				to += "?" + query
			}
			return c.Redirect(to)
		})
	}
	return token.Errorf(token.NotFound, "there is no such page")
}

// enterWorkspace leads to the first area of a workspace that is open to the person.
func (p *Panel) enterWorkspace(c *web.Call, v *visit) error {
	if len(v.shell.Areas) == 0 {
		return c.Redirect(homePath)
	}
	return c.Redirect(v.shell.Areas[0].Path(v.workspace.ID))
}
