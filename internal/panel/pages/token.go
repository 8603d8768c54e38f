package pages

import "time"

// A Token is a credential as lists and its own page show it. It never holds a
// secret. A zero instant is none.
type Token struct {
	ID, Secret string // of the credential, and of the row that is shown
	Name       string // may be empty
	LastFour   string
	Kind       string // service, personal, …
	Status     string // as token.Status says
	Href       string // its page; empty: it has none here
	Workspace  string // the name of the one it opens; empty: every one of its person's
	Scopes     []string
	Purpose    string
	Owner      Somebody // who answers for it
	Holder     Somebody // whom it acts as
	By         Somebody // who made it, where that is known
	Client     string   // the app it belongs to
	Created    time.Time
	Expires    time.Time
	Rule       string // of Expires: what ends it, where that is not its own expiry
	Used       Use
}

// Somebody is a person or a team that a page names.
type Somebody struct {
	Name string
	Href string // their page; empty: there is none, or it is not the reader's to see
	Left bool   // they are no member any more
}

// A Use is the last use of a credential.
type Use struct {
	At                    time.Time
	Address, Agent, Route string
	Count                 int64
}

// kind says what kind of credential it is.
func (p *speaker) kind(kind string) string {
	switch kind {
	case "access":
		return p.say("kind.access")
	case "refresh":
		return p.say("kind.refresh")
	case "service":
		return p.say("kind.service")
	case "ephemeral":
		return p.say("kind.ephemeral")
	case "impersonated":
		return p.say("kind.impersonated")
	case "personal":
		return p.say("kind.personal")
	case "client_secret":
		return p.say("kind.client_secret")
	case "client_token":
		return p.say("kind.client_token")
	case "webhook_secret":
		return p.say("kind.webhook_secret")
	}
	return kind
}

// statusWord says a status, also as the choice of a filter.
func (p *speaker) statusWord(status string) string {
	switch status {
	case "active":
		return p.say("status.active")
	case "pending":
		return p.say("status.pending")
	case "retiring":
		return p.say("status.retiring")
	case "suspended":
		return p.say("status.suspended")
	case "waiting":
		return p.say("status.waiting")
	case "retired":
		return p.say("status.retired")
	case "expired":
		return p.say("status.expired")
	case "revoked":
		return p.say("status.revoked")
	case "live":
		return p.say("status.live")
	}
	return status
}

// soon is how long before its end a token is said to expire.
const soon = 7 * 24 * time.Hour

// status says the state of a token in one word, with what to do about it. What
// needs somebody comes before what is as it should be.
func (p *speaker) status(t Token, now time.Time) []Chip {
	word := p.statusWord(t.Status)
	chip := Chip{Text: word, Tone: "bad"}
	switch t.Status {
	case "active":
		chip.Tone = "good"
		if !t.Expires.IsZero() && t.Expires.Sub(now) < soon && t.Expires.Sub(t.Created) > soon {
			chip = Chip{p.say("status.expiring"), "warn", p.say("status.expiring_do")}
		}
	case "pending":
		chip.Tone, chip.Title = "warn", p.say("status.pending_do")
	case "retiring":
		chip.Tone, chip.Title = "warn", p.say("status.retiring_do")
	case "suspended":
		chip.Tone, chip.Title = "warn", p.say("status.suspended_do")
	case "waiting":
		chip.Tone, chip.Title = "warn", p.say("status.waiting_do")
	default:
		chip.Title = p.say("status.over_do")
	}
	if t.Owner.Left {
		return []Chip{chip, {p.say("status.left"), "warn", p.say("status.left_do")}}
	}
	return []Chip{chip}
}

// named says a credential by its name, or where it has none by its kind.
func (p *speaker) named(t Token) string {
	if t.Name != "" {
		return t.Name
	}
	return p.say("token.unnamed", "Kind", p.kind(t.Kind))
}

// tail is what a secret can be told by.
func tail(lastFour string) string {
	if lastFour == "" {
		return ""
	}
	return "…" + lastFour
}

func (p *speaker) nameCell(t Token) Cell {
	return Cell{Text: p.named(t), Href: t.Href, Note: joined(" · ", tail(t.LastFour), p.kind(t.Kind))}
}

// usedCell says when and whence a credential was last used.
func (p *speaker) usedCell(u Use, now time.Time) Cell {
	if u.At.IsZero() {
		return Cell{Text: p.say("token.never_used")}
	}
	return Cell{When: p.moment(u.At, now), Note: joined(" · ", u.Route, u.Address, u.Agent)}
}

// expiresCell says when a token ends, and by what.
func (p *speaker) expiresCell(t Token, now time.Time) Cell {
	if t.Expires.IsZero() {
		return Cell{Text: p.say("token.never")}
	}
	return Cell{When: p.moment(t.Expires, now), Note: joined(" · ", p.exact(t.Expires), p.endRule(t.Rule))}
}

// endRule says what ends a token before its own expiry.
func (p *speaker) endRule(rule string) string {
	switch rule {
	case "idle":
		return p.say("rule.idle")
	case "policy":
		return p.say("rule.policy")
	case "rotation":
		return p.say("rule.rotation")
	case "approval":
		return p.say("rule.approval")
	}
	return ""
}

// personCell names who answers for something.
func (p *speaker) personCell(s Somebody) Cell {
	if s.Name == "" {
		return Cell{Text: p.say("token.nobody")}
	}
	cell := Cell{Text: s.Name, Href: s.Href}
	if s.Left {
		cell.Note = p.say("status.left")
	}
	return cell
}

// joined puts what there is of some words beside each other.
func joined(between string, words ...string) string {
	text := ""
	for _, w := range words {
		switch {
		case w == "":
		case text == "":
			text = w
		default:
			text += between + w
		}
	}
	return text
}
