package panel

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

type webhookReads interface {
	Subscriptions(ctx context.Context, workspace string, after token.ID, limit int) ([]*token.Subscription, error)
	Subscription(ctx context.Context, id token.ID) (*token.Subscription, error)
	Shipments(ctx context.Context, webhook token.ID, state token.DeliveryState, before token.ID, limit int) ([]token.Shipment, error)
}

// webhooks is the area of subscriptions and their deliveries.
func (p *Panel) webhooks() area {
	at := func(more string) string { return parted(pages.Webhooks, more) }
	return area{name: pages.Webhooks, admins: true, routes: []web.Route{
		p.shows(at(""), p.listWebhooks),
		p.shows(at("/new"), p.newWebhook),
		p.shown(at("/new"), p.createWebhook),
		p.shows(at("/{id}"), p.showWebhook),
		p.shows(at("/{id}/events"), p.editWebhook),
		p.does(at("/{id}/events"), p.changeWebhook),
		p.does(at("/{id}/test"), p.testWebhook),
		p.does(at("/{id}/enable"), p.enableWebhook),
		p.does(at("/{id}/end"), p.endWebhook),
		p.shown(at("/{id}/rotate"), p.rotateWebhook),
		p.does(at("/{id}/rotations/{rotation}/{step}"), p.turnWebhook),
		p.does(at("/{id}/replay"), p.replayWebhook),
		p.shows(at("/{id}/deliveries/{delivery}"), p.showDelivery),
		p.does(at("/{id}/deliveries/{delivery}"), p.replayDelivery),
	}}
}

// Of how many of the newest deliveries a list, and the page of one, tells
// whether they arrived.
const (
	recentInList = 20
	recentInPage = 100
)

// listWebhooks shows every subscription of the workspace, oldest first.
func (p *Panel) listWebhooks(c *web.Call, v *visit) error {
	query, err := c.Query()
	if err != nil {
		return err
	}
	list, err := p.cfg.Store.Subscriptions(c.Context(), v.workspace.ID, cursorOf(query), pageLength+1)
	if err != nil {
		return err
	}
	list, next := cut(list, func(s *token.Subscription) string { return s.ID.String() })
	view := pages.WebhookList{Shell: v.shell, Now: c.Now(), Pager: pager(c, next)}
	for _, s := range list {
		one, err := p.viewOfWebhook(c, s, recentInList)
		if err != nil {
			return err
		}
		view.Items = append(view.Items, one)
	}
	return p.show(c, v, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.WebhookList(w, lang, view) })
}

func (p *Panel) viewOfWebhook(c *web.Call, s *token.Subscription, recent int) (pages.Webhook, error) {
	h := pages.Webhook{
		ID: s.ID.String(), URL: s.URL, Events: s.Events, CreatedAt: instantOf(s.CreatedAt), Failures: int(s.Failures),
		FailingSince: instantOf(s.FailingSince), DisabledAt: instantOf(s.DisabledAt), DisabledReason: s.DisabledReason,
		NeedsSecret: p.cfg.Authority.NeedsSecret(s),
	}
	list, err := p.cfg.Store.Shipments(c.Context(), s.ID, "", 0, recent)
	for _, d := range list {
		if d.Tries > 0 {
			h.Tried++
		}
		if d.State == token.DeliveryDone {
			h.Arrived++
		}
	}
	return h, err
}

// webhookOf returns the subscription that the path names, if the workspace has
// it.
func (p *Panel) webhookOf(c *web.Call, v *visit) (*token.Subscription, error) {
	id, err := idOf(c, "id")
	if err != nil {
		return nil, err
	}
	s, err := p.cfg.Store.Subscription(c.Context(), id)
	if err != nil {
		return nil, err
	}
	if s == nil || s.Workspace != v.workspace.ID || s.EndedAt != 0 {
		return nil, token.Errorf(token.NotFound, "there is no such webhook")
	}
	return s, nil
}

func (p *Panel) webhookPath(v *visit, s *token.Subscription, more ...string) string {
	return pages.Webhooks.Path(v.workspace.ID, append([]string{s.ID.String()}, more...)...)
}

// eventGroups returns what the boxes of the form stand for, and every event.
func eventGroups() (groups, all []string) {
	groups = []string{"*"}
	for _, k := range audit.Catalogue() {
		if k.Server {
			continue
		}
		all = append(all, k.Name)
		group, _, _ := strings.Cut(k.Name, ".")
		if group += ".*"; groups[len(groups)-1] != group {
			groups = append(groups, group)
		}
	}
	return groups, all
}

func (p *Panel) newWebhook(c *web.Call, v *visit) error {
	return p.drawWebhookForm(c, v, http.StatusOK, pages.WebhookForm{})
}

func (p *Panel) drawWebhookForm(c *web.Call, v *visit, status int, view pages.WebhookForm) error {
	view.Shell = v.shell
	view.Groups, view.Known = eventGroups()
	return p.showWith(c, v, status, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.WebhookForm(w, lang, view) })
}

// typedEvents returns the events of a form: the boxes, and what was typed.
func typedEvents(form web.Form) []string {
	events := slices.Concat(form.All("group"), wordsOf(form.Get("events")))
	slices.Sort(events)
	return slices.Compact(events)
}

// createWebhook makes a subscription and answers with its secret.
func (p *Panel) createWebhook(c *web.Call, v *visit) error {
	form, err := c.Form("group")
	if err != nil {
		return err
	}
	want := token.Webhook{Workspace: v.workspace.ID, URL: form.Get("url"), Events: typedEvents(form)}
	made, secret, out, err := p.cfg.Authority.PutWebhook(c.Context(), c.Actor(), want, "", authority.Options{Restore: true, Only: []string{}})
	if err == nil && out == authority.Unchanged {
		err = token.AtField("url", "there is a webhook for this address already: change its events")
	}
	if said, ok := wrong(err); ok {
		return p.drawWebhookForm(c, v, http.StatusUnprocessableEntity, pages.WebhookForm{URL: want.URL, Events: want.Events, Wrong: said})
	}
	if err != nil {
		return err
	}
	return p.drawWebhookSecret(c, v, pages.WebhookSecret{ID: made.ID.String(), Secret: secret})
}

// drawWebhookSecret is the one answer that holds the secret.
func (p *Panel) drawWebhookSecret(c *web.Call, v *visit, view pages.WebhookSecret) error {
	view.Shell = v.shell
	view.Shell.Here = "" // a language link would ask for this page again, which there is none of
	return p.show(c, v, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.WebhookSecret(w, lang, view) })
}

// showWebhook shows a subscription and a page of its deliveries.
func (p *Panel) showWebhook(c *web.Call, v *visit) error {
	s, err := p.webhookOf(c, v)
	if err != nil {
		return err
	}
	query, err := c.Query()
	if err != nil {
		return err
	}
	view := pages.WebhookPage{Shell: v.shell, Now: c.Now(), PublicKey: p.cfg.Authority.WebhookPublicKey(s.ID)}
	if view.Webhook, err = p.viewOfWebhook(c, s, recentInPage); err != nil {
		return err
	}
	switch state := query.Get("state"); token.DeliveryState(state) {
	case token.DeliveryDue, token.DeliveryDone, token.DeliveryDead:
		view.State = state
	}
	list, err := p.cfg.Store.Shipments(c.Context(), s.ID, token.DeliveryState(view.State), cursorOf(query), pageLength+1)
	if err != nil {
		return err
	}
	list, next := cut(list, func(d token.Shipment) string { return d.ID.String() })
	view.Pager = pager(c, next)
	for i := range list {
		view.Deliveries = append(view.Deliveries, viewOfDelivery(&list[i]))
	}
	if view.Turning, err = p.openRotation(c, v, token.RotatesWebhookSecret, s.ID.String(), p.webhookPath(v, s, "rotations")); err != nil {
		return err
	}
	return p.show(c, v, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.WebhookPage(w, lang, view) })
}

func viewOfDelivery(d *token.Shipment) pages.Delivery {
	out := pages.Delivery{ID: d.ID.String(), Type: d.Type, At: instantOf(d.At), State: string(d.State), Tries: int(d.Tries)}
	if d.State == token.DeliveryDue {
		out.NextAt = instantOf(d.NextAt)
	}
	for _, a := range d.Attempts {
		out.Attempts = append(out.Attempts, pages.Attempt{At: instantOf(a.At), Took: time.Duration(a.Took) * time.Millisecond, Status: a.Status, Fault: a.Fault})
	}
	return out
}

func (p *Panel) editWebhook(c *web.Call, v *visit) error {
	s, err := p.webhookOf(c, v)
	if err != nil {
		return err
	}
	v.shell.Crumbs = []pages.Crumb{{Text: s.URL, Href: p.webhookPath(v, s)}}
	return p.drawWebhookForm(c, v, http.StatusOK, pages.WebhookForm{ID: s.ID.String(), Events: s.Events})
}

func (p *Panel) changeWebhook(c *web.Call, v *visit) error {
	s, err := p.webhookOf(c, v)
	if err != nil {
		return err
	}
	form, err := c.Form("group")
	if err != nil {
		return err
	}
	events := typedEvents(form)
	err = p.cfg.Authority.ChangeWebhook(c.Context(), c.Actor(), v.workspace.ID, s.ID, events)
	if said, ok := wrong(err); ok {
		v.shell.Crumbs = []pages.Crumb{{Text: s.URL, Href: p.webhookPath(v, s)}}
		return p.drawWebhookForm(c, v, http.StatusUnprocessableEntity, pages.WebhookForm{ID: s.ID.String(), Events: events, Wrong: said})
	}
	return p.done(c, p.webhookPath(v, s), pages.WebhookChanged, err)
}

func (p *Panel) testWebhook(c *web.Call, v *visit) error {
	s, err := p.webhookOf(c, v)
	if err != nil {
		return err
	}
	_, err = p.cfg.Authority.TestWebhook(c.Context(), c.Actor(), v.workspace.ID, s.ID)
	return p.done(c, p.webhookPath(v, s), pages.WebhookTested, err)
}

func (p *Panel) enableWebhook(c *web.Call, v *visit) error {
	s, err := p.webhookOf(c, v)
	if err != nil {
		return err
	}
	err = p.cfg.Authority.EnableWebhook(c.Context(), c.Actor(), v.workspace.ID, s.ID)
	return p.done(c, p.webhookPath(v, s), pages.WebhookEnabled, err)
}

func (p *Panel) endWebhook(c *web.Call, v *visit) error {
	s, err := p.webhookOf(c, v)
	if err != nil {
		return err
	}
	err = p.cfg.Authority.EndWebhook(c.Context(), c.Actor(), v.workspace.ID, s.ID)
	return p.done(c, pages.Webhooks.Path(v.workspace.ID), pages.WebhookEnded, err)
}

// secretGrace is how long a secret that was replaced works on.
const secretGrace = 24 * time.Hour

// rotateWebhook gives a subscription a new secret and answers with it.
func (p *Panel) rotateWebhook(c *web.Call, v *visit) error {
	s, err := p.webhookOf(c, v)
	if err != nil {
		return err
	}
	_, secret, err := p.cfg.Authority.RotateSecret(c.Context(), c.Actor(), authority.SecretTurn{
		What: token.RotatesWebhookSecret, Workspace: v.workspace.ID, Credential: s.ID.String(), Grace: secretGrace,
	})
	if err != nil {
		return p.done(c, p.webhookPath(v, s), "", err)
	}
	return p.drawWebhookSecret(c, v, pages.WebhookSecret{ID: s.ID.String(), Secret: secret, Beside: true})
}

func (p *Panel) turnWebhook(c *web.Call, v *visit) error {
	s, err := p.webhookOf(c, v)
	if err != nil {
		return err
	}
	return p.moveRotation(c, v, s.ID.String(), p.webhookPath(v, s))
}

// mostReplayed bounds the steps of one replay by the page: a longer one goes on
// when it is asked for again.
const mostReplayed = 20

// replayWebhook makes due again what was sent since an instant.
func (p *Panel) replayWebhook(c *web.Call, v *visit) error {
	s, err := p.webhookOf(c, v)
	if err != nil {
		return err
	}
	form, err := c.Form()
	if err != nil {
		return err
	}
	back := p.webhookPath(v, s)
	since, err := typedTime("since", form.Get("since"))
	if err != nil || since.IsZero() {
		return p.lead(c, back, pages.NotTaken)
	}
	said, from, until := pages.WebhookNothing, token.FirstID(since), token.FirstID(c.Now().Add(time.Millisecond))
	for range mostReplayed {
		n, next, err := p.cfg.Authority.ReplayWebhook(c.Context(), c.Actor(), v.workspace.ID, s.ID, from, until)
		if err != nil {
			return p.done(c, back, "", err)
		}
		if n > 0 {
			said = pages.WebhookReplayed
		}
		if from = next; next == 0 {
			break
		}
	}
	return p.lead(c, back, said)
}

// deliveryOf returns the delivery that the path names.
func (p *Panel) deliveryOf(c *web.Call, s *token.Subscription) (*token.Shipment, error) {
	id, err := idOf(c, "delivery")
	if err != nil {
		return nil, err
	}
	list, err := p.cfg.Store.Shipments(c.Context(), s.ID, "", id+1, 1)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || list[0].ID != id {
		return nil, token.Errorf(token.NotFound, "there is no such delivery; it may have been cleared away")
	}
	return &list[0], nil
}

func (p *Panel) showDelivery(c *web.Call, v *visit) error {
	s, err := p.webhookOf(c, v)
	if err != nil {
		return err
	}
	d, err := p.deliveryOf(c, s)
	if err != nil {
		return err
	}
	v.shell.Crumbs = []pages.Crumb{{Text: s.URL, Href: p.webhookPath(v, s)}}
	view := pages.DeliveryPage{Shell: v.shell, Now: c.Now(), Webhook: s.ID.String(), Delivery: viewOfDelivery(d), Disabled: s.DisabledAt != 0}
	view.Delivery.Body = indented(d.Body)
	return p.show(c, v, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.DeliveryPage(w, lang, view) })
}

// indented lays JSON out for people; what is none stays as it is.
func indented(body []byte) string {
	var out bytes.Buffer
	if json.Indent(&out, body, "", "  ") != nil {
		return string(body)
	}
	return out.String()
}

func (p *Panel) replayDelivery(c *web.Call, v *visit) error {
	s, err := p.webhookOf(c, v)
	if err != nil {
		return err
	}
	d, err := p.deliveryOf(c, s)
	if err != nil {
		return err
	}
	said := pages.WebhookReplayed
	n, _, err := p.cfg.Authority.ReplayWebhook(c.Context(), c.Actor(), v.workspace.ID, s.ID, d.ID, d.ID+1)
	if err == nil && n == 0 {
		said = pages.WebhookNothing
	}
	return p.done(c, p.webhookPath(v, s, "deliveries", d.ID.String()), said, err)
}
