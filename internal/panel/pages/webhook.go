package pages

import (
	"io"
	"strconv"
	"time"
)

// WebhookPage is the page of one subscription with its deliveries. Its forms
// post to test, rotate, enable, end and replay beneath it.
type WebhookPage struct {
	Shell      Shell
	Now        time.Time
	Webhook    Webhook
	PublicKey  string
	Turning    *Turning   // the rotation of its secret that is open; nil: none is
	State      string     // which deliveries are shown: due, delivered, dead; empty: all
	Deliveries []Delivery // newest first
	Pager      Pager
}

// A Delivery is one event on its way to a subscription.
type Delivery struct {
	ID, Type string
	At       time.Time
	State    string // due | delivered | dead
	NextAt   time.Time
	Tries    int
	Attempts []Attempt // oldest first
	Body     string    // of one delivery, not in lists
}

// An Attempt is one try of a delivery.
type Attempt struct {
	At     time.Time
	Took   time.Duration
	Status int    // of the answer; 0: there was none
	Fault  string // a word, why it failed
}

type webhookView struct {
	Title    string
	Facts    []Fact
	Change   menuItem
	Deeds    []Confirm
	Test     string // where the test is posted; empty: it hears nothing
	Turning  *turningView
	Filter   filterView
	Table    Table
	ReplayTo string
	Since    []Field
}

// filterView is a form that asks for the page again, narrowed.
type filterView struct {
	Action, Submit, Clear string
	Hidden                []Hidden // that is not typed
	Fields                []Field
}

// WebhookPage writes the page of a subscription.
func (s *Set) WebhookPage(w io.Writer, lang Lang, v WebhookPage) error {
	said := s.speaker(lang)
	h, at := v.Webhook, v.Shell.Workspace.ID
	path := func(more string) string { return Webhooks.Path(at, h.ID, more) }
	view := webhookView{
		Title: h.URL, Change: menuItem{Text: said.say("webhook.change"), Href: path("events")}, Turning: said.turning(v.Turning),
		Facts: []Fact{
			{said.say("webhooks.state"), said.health(h, v.Now)},
			{said.say("webhooks.events"), Cell{Chips: said.patterns(h.Events, len(h.Events))}},
			{said.say("webhooks.recent"), Cell{Text: said.recent(h)}},
			{said.say("webhook.public_key"), Cell{Text: v.PublicKey, Code: true, Note: said.say("webhook.public_key_note")}},
			{said.say("fact.created"), Cell{When: said.when(h.CreatedAt, v.Now)}},
		},
		Deeds: said.webhookDeeds(v, path), Table: said.deliveries(v), Filter: said.deliveryFilter(v),
	}
	if h.DisabledAt.IsZero() {
		view.Test, view.ReplayTo = path("test"), path("replay")
		view.Since = []Field{{Name: "since", Type: "datetime-local", Label: said.say("webhook.replay_since"), Hint: said.say("field.utc")}}
		said.fields(view.Since, Wrong{})
	}
	return s.show(w, lang, "webhook", v.Shell, said, view)
}

// webhookDeeds are what may be done to a subscription.
func (p *speaker) webhookDeeds(v WebhookPage, path func(string) string) []Confirm {
	var deeds []Confirm
	if v.Turning == nil {
		deeds = append(deeds, Confirm{
			ID: "rotate", Button: p.say("webhook.rotate"), Title: p.say("webhook.rotate_title"), Text: p.say("webhook.rotate_text"), Post: path("rotate"),
			Submit: p.say("webhook.rotate"),
		})
	}
	if !v.Webhook.DisabledAt.IsZero() {
		deeds = append(deeds, Confirm{
			ID: "enable", Button: p.say("webhook.enable"), Title: p.say("webhook.enable_title"), Text: p.say("webhook.enable_text"), Post: path("enable"),
			Submit: p.say("webhook.enable"),
		})
	}
	return append(deeds, Confirm{
		ID: "end", Button: p.say("webhook.end"), Title: p.say("webhook.end_title"), Text: p.say("webhook.end_text"), Post: path("end"),
		Submit: p.say("webhook.end"), Grave: true,
	})
}

func (p *speaker) deliveryFilter(v WebhookPage) filterView {
	field := Field{Name: "state", Type: "select", Label: p.say("webhooks.state"), Optional: true, Options: []Option{{Text: p.say("filter.all")}}}
	for _, state := range []string{"due", "delivered", "dead"} {
		field.Options = append(field.Options, Option{Value: state, Text: p.deliveryState(state), Chosen: state == v.State})
	}
	f := filterView{Action: Webhooks.Path(v.Shell.Workspace.ID, v.Webhook.ID), Submit: p.say("filter.apply"), Fields: []Field{field}}
	if v.State != "" {
		f.Clear = f.Action
	}
	return f
}

func (p *speaker) deliveryState(state string) string {
	switch state {
	case "delivered":
		return p.say("delivery.delivered")
	case "dead":
		return p.say("delivery.dead")
	}
	return p.say("delivery.due")
}

func (p *speaker) deliveryChip(state string) Chip {
	tone := map[string]string{"delivered": "good", "dead": "bad"}[state]
	return Chip{Text: p.deliveryState(state), Tone: tone}
}

func (p *speaker) deliveries(v WebhookPage) Table {
	at := v.Shell.Workspace.ID
	table := Table{
		Caption: p.say("webhook.deliveries_caption"), Pager: v.Pager, Empty: Empty{Text: p.say("webhook.no_deliveries")},
		Heads: []Head{{Text: p.say("delivery.event")}, {Text: p.say("fact.created")}, {Text: p.say("webhooks.state")}, {Text: p.say("delivery.tries")}, {Text: p.say("delivery.last")}},
	}
	for _, d := range v.Deliveries {
		state := Cell{Chips: []Chip{p.deliveryChip(d.State)}}
		if d.State == "due" && !d.NextAt.IsZero() {
			state.Note = p.say("delivery.next", "When", p.next(d.NextAt, v.Now).Text)
		}
		last := Cell{}
		if n := len(d.Attempts); n > 0 {
			last = p.answer(d.Attempts[n-1])
		}
		table.Rows = append(table.Rows, []Cell{
			{Text: d.Type, Href: Webhooks.Path(at, v.Webhook.ID, "deliveries", d.ID)}, {When: p.when(d.At, v.Now)}, state, {Text: strconv.Itoa(d.Tries)}, last,
		})
	}
	return table
}

// answer says what a try came to.
func (p *speaker) answer(a Attempt) Cell {
	cell := Cell{Text: p.deliveryFault(a.Fault), Note: p.say("delivery.took", "Milliseconds", a.Took.Milliseconds())}
	if a.Status != 0 {
		cell.Text = strconv.Itoa(a.Status)
	}
	if cell.Text == "" {
		cell.Text = p.say("delivery.no_answer")
	}
	return cell
}

// deliveryFault says why nobody answered; a word that a newer version has
// recorded stays.
func (p *speaker) deliveryFault(word string) string {
	switch word {
	case "address_not_allowed":
		return p.say("delivery.address")
	case "timeout":
		return p.say("delivery.timeout")
	case "name_not_found":
		return p.say("delivery.name")
	case "tls":
		return p.say("delivery.tls")
	case "no_connection":
		return p.say("delivery.connection")
	case "secret_unreadable":
		return p.say("delivery.secret")
	}
	return word
}

// DeliveryPage is the page of one delivery and its tries. Its form posts to
// replay beneath it.
type DeliveryPage struct {
	Shell    Shell
	Now      time.Time
	Webhook  string // its id
	Delivery Delivery
	Disabled bool // the subscription hears nothing, so nothing is sent again
}

type deliveryView struct {
	Title  string
	Facts  []Fact
	Table  Table
	Body   string
	Replay string // where the form posts; empty: it cannot be sent again now
}

// DeliveryPage writes the page of a delivery.
func (s *Set) DeliveryPage(w io.Writer, lang Lang, v DeliveryPage) error {
	said := s.speaker(lang)
	d := v.Delivery
	view := deliveryView{Title: d.Type, Body: verbatim(d.Body), Facts: []Fact{
		{said.say("webhooks.state"), Cell{Chips: []Chip{said.deliveryChip(d.State)}}},
		{said.say("delivery.id"), Cell{Text: d.ID, Code: true}},
		{said.say("fact.created"), Cell{When: said.when(d.At, v.Now)}},
	}}
	if d.State == "due" {
		view.Facts = append(view.Facts, Fact{said.say("delivery.next_label"), Cell{When: said.next(d.NextAt, v.Now)}})
	} else if !v.Disabled {
		view.Replay = Webhooks.Path(v.Shell.Workspace.ID, v.Webhook, "deliveries", d.ID)
	}
	view.Table = Table{
		Caption: said.count("delivery.attempts", len(d.Attempts)), Empty: Empty{Text: said.say("delivery.untried")},
		Heads: []Head{{Text: said.say("delivery.attempt")}, {Text: said.say("delivery.at")}, {Text: said.say("delivery.answer")}},
	}
	for i, a := range d.Attempts {
		n := d.Tries - len(d.Attempts) + i + 1
		view.Table.Rows = append(view.Table.Rows, []Cell{{Text: strconv.Itoa(max(n, i+1))}, {When: said.when(a.At, v.Now), Note: said.exact(a.At)}, said.answer(a)})
	}
	return s.show(w, lang, "delivery", v.Shell, said, view)
}
