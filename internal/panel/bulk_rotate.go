package panel

import (
	"encoding/csv"
	"io"
	"net/http"
	"strings"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// unturned says why a token would get no other secret from who visits; empty: it
// would.
func (p *Panel) unturned(c *web.Call, v *visit, t *token.Token) (string, error) {
	r, err := p.cfg.Verifier.Record(c.Context(), t.ID)
	if err != nil || r == nil {
		return "it has ended", err
	}
	if err = mayTurn(authority.CareOf(r, v.person(), v.workspace.ID)); err == nil {
		err = p.cfg.Authority.MayRotate(c.Context(), v.record.Token, t)
	}
	return because(err)
}

// because returns the sentence of a refusal, "" for none; what is no refusal is a
// fault.
func because(err error) (why string, fault error) {
	refusal := token.AsRefusal(err)
	if refusal == nil {
		return "", err
	}
	return refusal.Text, nil
}

// rotatePicked gives each of the tokens that were picked a new secret, and shows
// them once, on a page or, where the address asks for it, as a file. The same
// form sent again gives the same secrets. One that cannot be replaced says why.
// If we die between two, the form that is sent again goes on.
func (p *Panel) rotatePicked(c *web.Call, v *visit, b bulk, form web.Form) error {
	query, err := c.Query()
	if err != nil {
		return err
	}
	if len(b.ids) == 0 || len(b.ids) > authority.MostPicked {
		return p.done(c, pages.Inventory.Path(v.workspace.ID), "", token.AtField("id", "pick 1 to %d tokens", authority.MostPicked))
	}
	if err := p.checkGrace(form); err != nil {
		return p.askAgain(c, v, b, pages.BulkPage{}, err)
	}
	view := pages.TokensTurned{Shell: v.shell, Stay: form.Get("grace") != "0", File: pages.Inventory.Path(v.workspace.ID, "bulk", "run") + "?as=csv"}
	for _, name := range []string{"act", "once", "grace", "reason"} {
		view.Hidden = append(view.Hidden, pages.Hidden{Name: name, Value: form.Get(name)})
	}
	for _, id := range b.ids {
		one, err := p.turnPicked(c, v, id, form)
		if err != nil {
			return err
		}
		view.Turned = append(view.Turned, one)
		view.Hidden = append(view.Hidden, pages.Hidden{Name: "id", Value: id.String()})
	}
	if query.Get("as") == "csv" {
		return writeSecrets(c, view.Turned)
	}
	return p.show(c, v, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.TokensTurned(w, lang, view) })
}

// checkGrace refuses a grace that no token of several would be given.
func (p *Panel) checkGrace(form web.Form) error {
	grace, err := graceOf(form)
	if err != nil {
		return err
	}
	return authority.CheckGrace(grace, form.Get("reason"))
}

func (p *Panel) turnPicked(c *web.Call, v *visit, id token.ID, form web.Form) (one pages.Turned, err error) {
	r, err := p.cfg.Verifier.Record(c.Context(), id)
	if err != nil {
		return one, err
	}
	var care authority.Care
	if r != nil {
		care = authority.CareOf(r, v.person(), v.workspace.ID)
	}
	if !care.See {
		return pages.Turned{Token: pages.Token{ID: id.String()}, Why: "there is no such token"}, nil
	}
	if one.Token, err = p.viewOf(c, v, r.Token, token.Seen{}); err != nil {
		return one, err
	}
	again, err := retry(c, v, form.Get("once"))
	if err != nil {
		return one, err
	}
	again.Key, again.Body = again.Key+"."+id.String(), []byte(form.Get("grace")+" "+form.Get("reason")) // page and file are two forms
	t := &subject{r.Token, r, care}
	out, err := p.turn(c, v, t, form, again)
	if err == nil {
		one.Secret = out.Secret
	}
	one.Why, err = because(err)
	return one, err
}

// writeSecrets writes new secrets as a file that nobody on the way keeps.
func writeSecrets(c *web.Call, all []pages.Turned) error {
	var file strings.Builder
	out := csv.NewWriter(&file)
	_ = out.Write([]string{"id", "name", "secret", "error"}) // a fault is kept, and told by Error
	for _, t := range all {
		_ = out.Write([]string{t.Token.ID, audit.Inert(t.Token.Name), t.Secret, audit.Inert(t.Why)})
	}
	if out.Flush(); out.Error() != nil {
		return out.Error()
	}
	c.Header().Set("Content-Disposition", `attachment; filename="new-secrets.csv"`)
	return c.WriteRaw(http.StatusOK, "text/csv; charset=utf-8; header=present", []byte(file.String()))
}
