package panel

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

type serverReads interface {
	Keys(ctx context.Context) ([]token.SigningKey, error)
}

// keys is the area of the keys that sign tokens: everybody who administrates a
// workspace sees them, operators turn them.
func (p *Panel) keys() area {
	at := func(more string) string { return parted(pages.Keys, more) }
	return area{name: pages.Keys, admins: true, routes: []web.Route{p.shows(at(""), p.listKeys), p.does(at("/rotate"), p.rotateKey), p.does(at("/end"), p.endKey)}}
}

// operates reports whether who visits is an operator.
func (p *Panel) operates(c *web.Call) (bool, error) {
	_, err := p.cfg.Authority.Operator(c.Context(), c.Actor())
	if token.Is(err, token.Forbidden) {
		return false, nil
	}
	return err == nil, err
}

func (p *Panel) listKeys(c *web.Call, v *visit) error {
	rows, err := p.cfg.Store.Keys(c.Context())
	if err != nil {
		return err
	}
	view := pages.KeyList{Shell: v.shell, Now: c.Now()}
	if view.Operator, err = p.operates(c); err != nil {
		return err
	}
	for _, k := range rows {
		if view.Operator && k.State == "active" && !slices.Contains(view.Algs, k.Alg) {
			view.Algs = append(view.Algs, k.Alg)
		}
		view.Items = append(view.Items, pages.Key{
			ID: k.ID, Alg: k.Alg, State: k.State, CreatedAt: instantOf(k.CreatedAt), ActiveAt: instantOf(k.ActiveAt), RetireAt: instantOf(k.RetireAt), EndedAt: instantOf(k.EndedAt),
		})
	}
	slices.Reverse(view.Items) // newest first
	return p.show(c, v, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.KeyList(w, lang, view) })
}

func (p *Panel) rotateKey(c *web.Call, v *visit) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	who, err := p.cfg.Authority.Operator(c.Context(), c.Actor())
	if err == nil {
		err = p.cfg.Authority.RotateKey(c.Context(), who, form.Get("alg"))
	}
	return p.done(c, pages.Keys.Path(v.workspace.ID), pages.KeyRotated, err)
}

func (p *Panel) endKey(c *web.Call, v *visit) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	who, err := p.cfg.Authority.Operator(c.Context(), c.Actor())
	if err == nil {
		err = p.cfg.Authority.EndKey(c.Context(), who, form.Get("kid"), form.Get("reason"))
	}
	return p.done(c, pages.Keys.Path(v.workspace.ID), pages.KeyEnded, err)
}

// jobs is the area of what happens by itself.
func (p *Panel) jobs() area {
	return area{name: pages.Jobs, admins: true, routes: []web.Route{p.shows(parted(pages.Jobs, ""), p.listJobs)}}
}

// listJobs shows what happens by itself. What a fault says is for operators: it
// is the server's.
func (p *Panel) listJobs(c *web.Call, v *visit) error {
	states, err := p.cfg.Jobs(c.Context())
	if err != nil {
		return err
	}
	operator, err := p.operates(c)
	if err != nil {
		return err
	}
	view := pages.JobList{Shell: v.shell, Now: c.Now()}
	for _, j := range states {
		one := pages.Job{
			Name: j.Name, Every: time.Duration(j.Every) * time.Millisecond, EachNode: j.EachNode, Last: instantOf(j.Last), Took: time.Duration(j.Took) * time.Millisecond,
			Failed: j.Fault != "", Running: j.Running, Overdue: j.Overdue(c.Now().UnixMilli()),
		}
		if operator {
			one.Fault = j.Fault
		}
		view.Items = append(view.Items, one)
	}
	return p.show(c, v, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.JobList(w, lang, view) })
}

// settings is the area of what a workspace is called, and of its calendar.
func (p *Panel) settings() area {
	at := func(more string) string { return parted(pages.Settings, more) }
	return area{name: pages.Settings, admins: true, routes: []web.Route{
		p.shows(at(""), p.showSettings), p.does(at(""), p.changeSettings), p.shown(at("/feed"), p.makeFeed), p.does(at("/feed/end"), p.endFeed),
	}}
}

func (p *Panel) showSettings(c *web.Call, v *visit) error {
	return p.drawSettings(c, v, http.StatusOK, pages.SettingsPage{Name: v.workspace.Name})
}

func (p *Panel) drawSettings(c *web.Call, v *visit, status int, view pages.SettingsPage) error {
	view.Shell, view.Domain, view.Number, view.Issuer = v.shell, v.workspace.Domain, v.workspace.Number, p.cfg.Authority.Issuer()
	view.Environment, view.Super = p.cfg.Environment, v.membership.Role == token.SuperAdmin
	return p.showWith(c, v, status, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.SettingsPage(w, lang, view) })
}

func (p *Panel) changeSettings(c *web.Call, v *visit) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	name := strings.TrimSpace(form.Get("name"))
	_, err = p.cfg.Authority.PutWorkspace(c.Context(), c.Actor(), &token.Workspace{ID: v.workspace.ID, Name: name}, "", authority.Options{Only: []string{"name"}})
	if said, ok := wrong(err); ok {
		return p.drawSettings(c, v, http.StatusUnprocessableEntity, pages.SettingsPage{Name: name, Wrong: said})
	}
	return p.done(c, pages.Settings.Path(v.workspace.ID), pages.SettingsSaved, err)
}

// makeFeed gives who visits a calendar of what expires, and is the one answer
// that holds its address.
func (p *Panel) makeFeed(c *web.Call, v *visit) error {
	secret, _, err := p.cfg.Authority.MakeCalendar(c.Context(), c.Actor(), v.workspace.ID)
	if err != nil {
		return p.done(c, pages.Settings.Path(v.workspace.ID), "", err)
	}
	v.shell.Here = "" // a language link would ask for this page again, which there is none of
	return p.drawSettings(c, v, http.StatusOK, pages.SettingsPage{
		Name: v.workspace.Name, Feed: p.cfg.Authority.Issuer() + "/v1/expiry-feeds/" + secret + ".ics",
	})
}

func (p *Panel) endFeed(c *web.Call, v *visit) error {
	err := p.cfg.Authority.EndCalendar(c.Context(), c.Actor(), v.workspace.ID)
	return p.done(c, pages.Settings.Path(v.workspace.ID), pages.FeedEnded, err)
}
