package pages

import "strings"

// A Wrong says why a form was not taken.
type Wrong struct {
	Fields map[string]string // by input name: the rule's own sentence, in English
	Whole  Objection         // where it is about no field
	Detail string            // the rule's own sentence about the whole, in English
}

// An Objection says why something was not done.
type Objection string

// NotTaken is said where a form of one button was sent with what cannot be used.
const NotTaken Said = "said.not_taken"

// The objections. Any other value is shown as Impossible.
const (
	Impossible Objection = "impossible"  // not in the state that it is in
	SuperOnly  Objection = "super_only"  // it takes a super admin
	NotAllowed Objection = "not_allowed" // it takes other rights
	TooOften   Objection = "too_often"   // wait
	Outdated   Objection = "outdated"    // somebody else has changed it meanwhile
)

func (o Objection) key() string {
	switch o {
	case SuperOnly:
		return "error.super_only"
	case NotAllowed:
		return "error.not_allowed"
	case TooOften:
		return "error.too_often"
	case Outdated:
		return "error.outdated"
	}
	return "error.impossible"
}

// Said returns the objection as the page says it that follows.
func (o Objection) Said() Said {
	switch o {
	case SuperOnly:
		return "said.super_only"
	case NotAllowed:
		return "said.not_allowed"
	case TooOften:
		return "said.too_often"
	}
	return "said.impossible"
}

// fields ties fields to their hints and to what is wrong, and returns the lines
// of the summary above the form. What is wrong with no field of these is said of
// the whole.
func (p *speaker) fields(fields []Field, w Wrong) []Mistake {
	var all []Mistake
	known := map[string]bool{}
	for i := range fields {
		f := &fields[i]
		known[f.Name] = true
		p.describe(f, nil, 0)
		detail, wrong := w.Fields[f.Name]
		if !wrong {
			continue
		}
		f.Invalid = true
		if f.Error, f.Detail = p.fault(f.Name, detail); f.empty() {
			f.Error, f.Detail = p.say(FieldMissing.key()), ""
		}
		f.Describe = strings.TrimSpace(f.Ident() + "-error " + f.Describe)
		all = append(all, f.mistake())
	}
	for name, detail := range w.Fields {
		if !known[name] {
			all = append(all, Mistake{Text: p.say(FieldInvalid.key()), Detail: name + ": " + detail})
		}
	}
	if w.Whole != "" {
		all = append(all, Mistake{Text: p.say(w.Whole.key()), Detail: w.Detail})
	}
	return all
}

// fault says in the reader's language what a field takes, and keeps the rule's
// own sentence where ours does not say all that can be wrong.
func (p *speaker) fault(field, detail string) (text, more string) {
	switch field {
	case "type", "kind", "class", "severity", "status", "used", "sort", "format", "role", "contract", "outcome", "then", "approval",
		"on_leak", "existing", "require_second_factor", "window_minutes", "short_window_minutes", "over_ms":
		return p.say("fault.choice"), ""
	case "since", "until", "live_until", "warn_from", "enforce_from", "created_from", "created_before", "expires_from", "expires_before":
		return p.say("fault.date"), detail
	case "email":
		return p.say("fault.email"), detail
	case "events":
		return p.say("fault.events"), ""
	case "ttl":
		return p.say("fault.ttl"), detail
	case "scopes", "scope", "optional_scope":
		return p.say("fault.scopes"), detail
	case "owner", "move_to":
		return p.say("fault.member"), detail
	case "redirect_uris":
		return p.say("fault.redirects"), detail
	case "url":
		return p.say("fault.url"), detail
	case "addresses":
		return p.say("fault.addresses"), detail
	case "max_ttl", "default_ttl", "rotate_after", "idle_expiry", "access_token_ttl":
		return p.say("fault.span"), detail
	case "over", "percentile", "objective", "factor", "for_minutes", "min_requests", "min_bad", "max_uses", "max_per_owner", "grace_seconds":
		return p.say("fault.number"), detail
	case "name", "client_name", "description", "purpose", "reason":
		return p.say("fault.text"), detail
	}
	return p.say(FieldInvalid.key()), detail
}
