package api

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

func (f *Face) webhookRoutes() []web.Route {
	return []web.Route{
		f.admin("GET /v1/webhooks", token.AdminRead, f.listWebhooks),
		f.admin("POST /v1/webhooks", token.AdminWrite, f.createWebhook),
		f.open("GET /v1/webhooks/events", f.listEventKinds),
		f.admin("GET /v1/webhooks/{id}", token.AdminRead, f.getWebhook),
		f.admin("PATCH /v1/webhooks/{id}", token.AdminWrite, f.changeWebhook),
		f.admin("DELETE /v1/webhooks/{id}", token.AdminWrite, f.deleteWebhook),
		f.admin("POST /v1/webhooks/{id}/enable", token.AdminWrite, f.enableWebhook),
		f.admin("POST /v1/webhooks/{id}/test", token.AdminWrite, f.testWebhook),
		f.admin("GET /v1/webhooks/{id}/deliveries", token.AdminRead, f.listDeliveries),
		f.admin("POST /v1/webhooks/{id}/replay", token.AdminWrite, f.replayWebhook),
	}
}

// A webhookView is a subscription as every answer shows it. The secret stands in
// the answer that makes it and nowhere else.
type webhookView struct {
	Secret         string   `json:"secret,omitempty"`
	ID             string   `json:"id"`
	URL            string   `json:"url"`
	Events         []string `json:"events"`
	Status         string   `json:"status"` // active | failing | disabled
	PublicKey      string   `json:"public_key"`
	CreatedAt      *string  `json:"created_at"`
	Failures       int64    `json:"failures,omitempty"` // since the last delivery that arrived
	FailingSince   *string  `json:"failing_since,omitempty"`
	DisabledAt     *string  `json:"disabled_at,omitempty"`
	DisabledReason string   `json:"disabled_reason,omitempty"` // failing | gone
	NeedsSecret    bool     `json:"needs_secret,omitempty"`    // its own cannot be read any more
}

func (f *Face) viewOfWebhook(s *token.Subscription) webhookView {
	v := webhookView{
		ID: s.ID.String(), URL: s.URL, Events: s.Events, Status: "active", PublicKey: f.cfg.Authority.WebhookPublicKey(s.ID), CreatedAt: instant(s.CreatedAt),
		Failures: s.Failures, FailingSince: instant(s.FailingSince), DisabledAt: instant(s.DisabledAt), DisabledReason: s.DisabledReason,
		NeedsSecret: f.cfg.Authority.NeedsSecret(s),
	}
	switch {
	case s.DisabledAt != 0:
		v.Status = "disabled"
	case s.FailingSince != 0:
		v.Status = "failing"
	}
	return v
}

// listWebhooks serves GET /v1/webhooks, oldest first.
func (f *Face) listWebhooks(c *web.Call, who *caller) error {
	q := filterOf(c, "limit", "cursor")
	limit, after := q.limit(), q.id("cursor")
	if q.err != nil {
		return q.err
	}
	list, err := f.cfg.Store.Subscriptions(c.Context(), who.workspace, after, limit+1)
	if err != nil {
		return err
	}
	views := make([]webhookView, len(list))
	for i, s := range list {
		views[i] = f.viewOfWebhook(s)
	}
	return c.WriteJSON(http.StatusOK, pageOf(views, limit, func(v webhookView) string { return v.ID }))
}

// createWebhook serves POST /v1/webhooks.
func (f *Face) createWebhook(c *web.Call, who *caller) error {
	var ask struct {
		URL    string   `json:"url"`
		Events []string `json:"events"`
	}
	if err := c.JSON(&ask); err != nil {
		return err
	}
	want := token.Webhook{Workspace: who.workspace, URL: ask.URL, Events: ask.Events}
	made, secret, out, err := f.cfg.Authority.PutWebhook(c.Context(), who.actor, want, "", authority.Options{Restore: true, Only: []string{}})
	if err != nil {
		return err
	}
	if out == authority.Unchanged {
		return token.Errorf(token.Conflict, "there is a subscription for this address, %s: change its events", made.ID)
	}
	return f.writeWebhook(c, who, made.ID, http.StatusCreated, secret)
}

// subscription returns the one that the path names, if the workspace has it.
func (f *Face) subscription(c *web.Call, who *caller) (*token.Subscription, error) {
	text, err := c.PathValue("id")
	if err != nil {
		return nil, err
	}
	id, ok := token.ParseID(text)
	if !ok {
		return nil, notFound("webhook")
	}
	return f.subscriptionOf(c, who, id)
}

func (f *Face) subscriptionOf(c *web.Call, who *caller, id token.ID) (*token.Subscription, error) {
	s, err := f.cfg.Store.Subscription(c.Context(), id)
	if err != nil {
		return nil, err
	}
	if s == nil || s.Workspace != who.workspace || s.EndedAt != 0 {
		return nil, notFound("webhook")
	}
	return s, nil
}

func (f *Face) writeWebhook(c *web.Call, who *caller, id token.ID, status int, secret string) error {
	s, err := f.subscriptionOf(c, who, id)
	if err != nil {
		return err
	}
	view := f.viewOfWebhook(s)
	view.Secret = secret
	return c.WriteJSON(status, view)
}

// getWebhook serves GET /v1/webhooks/{id}.
func (f *Face) getWebhook(c *web.Call, who *caller) error {
	s, err := f.subscription(c, who)
	if err != nil {
		return err
	}
	return c.WriteJSON(http.StatusOK, f.viewOfWebhook(s))
}

// changeWebhook serves PATCH /v1/webhooks/{id}: what it hears. Another address
// is another subscription, with a secret of its own.
func (f *Face) changeWebhook(c *web.Call, who *caller) error {
	var ask struct {
		Events []string `json:"events"`
	}
	s, err := f.subscription(c, who)
	if err != nil {
		return err
	}
	if err := c.JSON(&ask); err != nil {
		return err
	}
	if err := f.cfg.Authority.ChangeWebhook(c.Context(), who.actor, who.workspace, s.ID, ask.Events); err != nil {
		return err
	}
	return f.writeWebhook(c, who, s.ID, http.StatusOK, "")
}

// deleteWebhook serves DELETE /v1/webhooks/{id}.
func (f *Face) deleteWebhook(c *web.Call, who *caller) error {
	s, err := f.subscription(c, who)
	if err != nil {
		return err
	}
	if err := f.cfg.Authority.EndWebhook(c.Context(), who.actor, who.workspace, s.ID); err != nil {
		return err
	}
	c.WriteHeader(http.StatusNoContent)
	return nil
}

// enableWebhook serves POST /v1/webhooks/{id}/enable.
func (f *Face) enableWebhook(c *web.Call, who *caller) error {
	s, err := f.subscription(c, who)
	if err != nil {
		return err
	}
	if err := f.cfg.Authority.EnableWebhook(c.Context(), who.actor, who.workspace, s.ID); err != nil {
		return err
	}
	return f.writeWebhook(c, who, s.ID, http.StatusOK, "")
}

// testWebhook serves POST /v1/webhooks/{id}/test: the list of deliveries tells
// what came of it.
func (f *Face) testWebhook(c *web.Call, who *caller) error {
	s, err := f.subscription(c, who)
	if err != nil {
		return err
	}
	event, err := f.cfg.Authority.TestWebhook(c.Context(), who.actor, who.workspace, s.ID)
	if err != nil {
		return err
	}
	return c.WriteJSON(http.StatusAccepted, map[string]string{"event": event.String()})
}

// A deliveryView is one event on its way to a subscription.
type deliveryView struct {
	ID         string          `json:"id"`
	Event      string          `json:"event"` // the webhook-id header
	Type       string          `json:"type"`
	Target     string          `json:"target"`
	State      string          `json:"state"` // due | delivered | dead
	At         *string         `json:"at"`
	Tries      int64           `json:"tries"`
	LastStatus int             `json:"last_status,omitempty"`
	NextTryAt  *string         `json:"next_try_at,omitempty"`
	Attempts   []attemptView   `json:"attempts"`
	Body       json.RawMessage `json:"body"`
}

type attemptView struct {
	At     *string `json:"at"`
	Took   int64   `json:"milliseconds"`
	Status int     `json:"status,omitempty"`
	Fault  string  `json:"fault,omitempty"`
}

func viewOfDelivery(v *token.Shipment) deliveryView {
	out := deliveryView{
		ID: v.ID.String(), Event: v.Event.String(), Type: v.Type, Target: v.Subject, State: string(v.State), At: instant(v.At), Tries: v.Tries,
		Attempts: make([]attemptView, len(v.Attempts)), Body: v.Body,
	}
	for i, a := range v.Attempts {
		out.Attempts[i] = attemptView{At: instant(a.At), Took: a.Took, Status: a.Status, Fault: a.Fault}
		out.LastStatus = a.Status
	}
	if v.State == token.DeliveryDue {
		out.NextTryAt = instant(v.NextAt)
	}
	return out
}

// listDeliveries serves GET /v1/webhooks/{id}/deliveries, newest first.
func (f *Face) listDeliveries(c *web.Call, who *caller) error {
	s, err := f.subscription(c, who)
	if err != nil {
		return err
	}
	q := filterOf(c, "state", "limit", "cursor")
	limit, before := q.limit(), q.id("cursor")
	state := q.oneOf("state", string(token.DeliveryDue), string(token.DeliveryDone), string(token.DeliveryDead))
	if q.err != nil {
		return q.err
	}
	list, err := f.cfg.Store.Shipments(c.Context(), s.ID, token.DeliveryState(state), before, limit+1)
	if err != nil {
		return err
	}
	views := make([]deliveryView, len(list))
	for i := range list {
		views[i] = viewOfDelivery(&list[i])
	}
	return c.WriteJSON(http.StatusOK, pageOf(views, limit, func(v deliveryView) string { return v.ID }))
}

// mostReplayed is how many deliveries one request may name.
const mostReplayed = 100

// A replayAsk names deliveries, or a range of time; a long range is gone through
// by asking again with the cursor of the answer before.
type replayAsk struct {
	From       *time.Time `json:"from"`
	Until      *time.Time `json:"until"` // up to now where it is missing
	Deliveries []token.ID `json:"deliveries"`
	Cursor     token.ID   `json:"cursor"`
}

func (a replayAsk) check() error {
	switch {
	case (a.From == nil) == (len(a.Deliveries) == 0):
		return token.AtField("from", "name an instant to begin from, or deliveries by their ids")
	case len(a.Deliveries) > mostReplayed:
		return token.AtField("deliveries", "has more than %d ids; ask several times, or name a range", mostReplayed)
	case a.From != nil && a.Until != nil && a.Until.Before(*a.From):
		return token.AtField("until", "lies before from")
	}
	return nil
}

// replayWebhook serves POST /v1/webhooks/{id}/replay: the same events come again
// under the ids that they always had.
func (f *Face) replayWebhook(c *web.Call, who *caller) error {
	var ask replayAsk
	s, err := f.subscription(c, who)
	if err != nil {
		return err
	}
	if err := c.JSON(&ask); err != nil {
		return err
	}
	if err := ask.check(); err != nil {
		return err
	}
	var done struct {
		Replayed int     `json:"replayed"`
		Next     *string `json:"next"`
	}
	for _, id := range ask.Deliveries {
		n, _, err := f.cfg.Authority.ReplayWebhook(c.Context(), who.actor, who.workspace, s.ID, id, id+1)
		if err != nil {
			return err
		}
		done.Replayed += n
	}
	if ask.From != nil {
		until := c.Now().Add(time.Millisecond)
		if ask.Until != nil {
			until = *ask.Until
		}
		from := max(token.FirstID(*ask.From), ask.Cursor)
		n, next, err := f.cfg.Authority.ReplayWebhook(c.Context(), who.actor, who.workspace, s.ID, from, token.FirstID(until))
		if err != nil {
			return err
		}
		done.Replayed, done.Next = n, cursor(next)
	}
	return c.WriteJSON(http.StatusOK, done)
}

// An eventKindView is one entry of the catalogue of events.
type eventKindView struct {
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Schema      map[string]any `json:"schema"` // JSON Schema 2020-12 of a delivery's body
}

// listEventKinds serves GET /v1/webhooks/events: what can be subscribed to.
func (f *Face) listEventKinds(c *web.Call, _ *caller) error {
	var views []eventKindView
	for _, k := range audit.Catalogue() {
		if !k.Server {
			views = append(views, eventKindView{Name: k.Name, Description: k.Text, Schema: k.Schema()})
		}
	}
	return c.WriteJSON(http.StatusOK, page[eventKindView]{Items: views})
}
