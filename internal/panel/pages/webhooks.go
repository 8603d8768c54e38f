package pages

import (
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Webhook is a subscription: an address, and what it hears.
type Webhook struct {
	ID        string
	URL       string
	Events    []string
	CreatedAt time.Time
	Tried     int // of its newest deliveries, those that were tried …
	Arrived   int // … and those of them that arrived

	Failures       int
	FailingSince   time.Time // zero: it does not fail
	DisabledAt     time.Time // zero: it hears
	DisabledReason string    // failing | gone
	NeedsSecret    bool      // its own cannot be read any more
}

// WebhookList is the page of all subscriptions of a workspace.
type WebhookList struct {
	Shell Shell
	Now   time.Time
	Items []Webhook
	Pager Pager // its addresses alone
}

// What is said after a deed on a subscription.
const (
	WebhookChanged  Said = "said.webhook_changed"
	WebhookEnabled  Said = "said.webhook_enabled"
	WebhookEnded    Said = "said.webhook_ended"
	WebhookTested   Said = "said.webhook_tested"
	WebhookReplayed Said = "said.webhook_replayed"
	WebhookNothing  Said = "said.webhook_nothing"
	RotationMoved   Said = "said.rotation_moved"
)

type listView struct {
	Lead  string
	New   menuItem // the button beside the title; without an address there is none
	Table Table
}

// WebhookList writes the list of subscriptions.
func (s *Set) WebhookList(w io.Writer, lang Lang, v WebhookList) error {
	said := s.speaker(lang)
	at := v.Shell.Workspace.ID
	table := Table{
		Caption: said.count("webhooks.caption", len(v.Items)), Pager: v.Pager,
		Heads: []Head{{Text: said.say("webhooks.url")}, {Text: said.say("webhooks.events")}, {Text: said.say("webhooks.state")}, {Text: said.say("webhooks.recent")}},
		Empty: Empty{Text: said.say("webhooks.none"), Href: Webhooks.Path(at, "new"), Link: said.say("webhooks.new")},
	}
	for _, h := range v.Items {
		table.Rows = append(table.Rows, []Cell{
			{Text: h.URL, Href: Webhooks.Path(at, h.ID)}, {Chips: said.patterns(h.Events, 3)}, said.health(h, v.Now), {Text: said.recent(h)},
		})
	}
	view := listView{Lead: said.say("webhooks.lead"), New: menuItem{Text: said.say("webhooks.new"), Href: Webhooks.Path(at, "new")}, Table: table}
	return s.show(w, lang, "webhooks", v.Shell, said, view)
}

// patterns are the first of some names as chips, and how many more there are.
func (p *speaker) patterns(names []string, most int) []Chip {
	var chips []Chip
	for _, name := range names[:min(len(names), most)] {
		chips = append(chips, Chip{Text: name})
	}
	if more := len(names) - most; more > 0 {
		chips = append(chips, Chip{Text: "+" + strconv.Itoa(more), Title: strings.Join(names[most:], " ")})
	}
	return chips
}

// health says whether a subscription hears.
func (p *speaker) health(h Webhook, now time.Time) Cell {
	switch {
	case h.NeedsSecret:
		return Cell{Chips: []Chip{{Text: p.say("webhook.needs_secret"), Tone: "bad"}}, Note: p.say("webhook.needs_secret_note")}
	case !h.DisabledAt.IsZero():
		note := p.say("webhook.disabled_failing")
		if h.DisabledReason == "gone" {
			note = p.say("webhook.disabled_gone")
		}
		return Cell{Chips: []Chip{{Text: p.say("webhook.disabled"), Tone: "bad"}}, When: p.when(h.DisabledAt, now), Note: note}
	case !h.FailingSince.IsZero():
		return Cell{Chips: []Chip{{Text: p.say("webhook.failing"), Tone: "warn"}}, When: p.when(h.FailingSince, now), Note: p.count("webhook.failures", h.Failures)}
	}
	return Cell{Chips: []Chip{{Text: p.say("webhook.healthy"), Tone: "good"}}}
}

// recent says how many of the newest deliveries arrived.
func (p *speaker) recent(h Webhook) string {
	if h.Tried == 0 {
		return p.say("webhook.untried")
	}
	return p.say("webhook.arrived", "Arrived", h.Arrived, "Tried", h.Tried)
}

// WebhookForm is what a new subscription, or a change of one, is typed into. It
// posts url, group and events.
type WebhookForm struct {
	Shell  Shell
	ID     string   // of the one that is changed; empty: a new one
	URL    string   // of a new one
	Groups []string // that may be ticked: "*", "token.*", …
	Events []string // what it hears, or was typed
	Known  []string // every event by name
	Wrong  Wrong
}

type formView struct {
	Title    string
	Lead     string
	Problems []Mistake
	Post     string
	Hidden   []Hidden
	Fields   []Field
	Submit   string
	Known    []string
}

// WebhookForm writes the form of a subscription.
func (s *Set) WebhookForm(w io.Writer, lang Lang, v WebhookForm) error {
	said := s.speaker(lang)
	at := v.Shell.Workspace.ID
	view := formView{Title: said.say("webhook_form.title"), Lead: said.say("webhook_form.lead"), Post: Webhooks.Path(at, "new"), Submit: said.say("webhook_form.create"), Known: v.Known}
	view.Fields = said.eventFields(v)
	if v.ID == "" {
		url := Field{Name: "url", Type: "url", Label: said.say("webhooks.url"), Value: v.URL, Hint: said.say("webhook_form.url_hint")}
		view.Fields = append([]Field{url}, view.Fields...)
	} else {
		view.Post, view.Submit = Webhooks.Path(at, v.ID, "events"), said.say("form.save")
	}
	view.Problems = said.fields(view.Fields, v.Wrong)
	return s.show(w, lang, "webhook_form", v.Shell, said, view)
}

// eventFields let somebody choose groups of events by boxes, and type single
// ones.
func (p *speaker) eventFields(v WebhookForm) []Field {
	groups := Field{Name: "group", Type: "checks", Label: p.say("webhook_form.groups"), Hint: p.say("webhook_form.groups_hint"), Optional: true}
	for _, g := range v.Groups {
		groups.Options = append(groups.Options, Option{Value: g, Text: g, Chosen: slices.Contains(v.Events, g)})
	}
	var single []string
	for _, e := range v.Events {
		if !slices.Contains(v.Groups, e) {
			single = append(single, e)
		}
	}
	return []Field{groups, {Name: "events", Type: "textarea", Label: p.say("webhook_form.single"), Hint: p.say("webhook_form.single_hint"), Value: lines(single), Optional: true}}
}

// WebhookSecret is the page that shows the secret of a subscription, once: the
// answer to the form that made it.
type WebhookSecret struct {
	Shell  Shell
	ID     string
	Secret string
	Beside bool // the one before it signs too, until it is confirmed
}

type onceView struct {
	Title string
	Once  Once
	On    menuItem // where to go on
}

// WebhookSecret writes the secret of a subscription.
func (s *Set) WebhookSecret(w io.Writer, lang Lang, v WebhookSecret) error {
	said := s.speaker(lang)
	note := said.say("webhook_secret.note")
	if v.Beside {
		note = said.say("webhook_secret.note_beside")
	}
	view := onceView{
		Title: said.say("webhook_secret.title"),
		Once:  Once{Label: said.say("webhook_secret.label"), Secret: v.Secret, Note: note},
		On:    menuItem{Text: said.say("webhook_secret.on"), Href: Webhooks.Path(v.Shell.Workspace.ID, v.ID)},
	}
	return s.show(w, lang, "secret", v.Shell, said, view)
}
