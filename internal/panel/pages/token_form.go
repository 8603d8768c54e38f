package pages

import (
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// TokenForm is the page on which a token is ordered. It posts to Tokens/new:
// what was typed, the key Once, and the button action, create or preview. The
// scopes of each resource travel in a parameter that begins with "scopes-".
type TokenForm struct {
	Shell Shell
	Now   time.Time
	Kinds []string // that the person may make
	Typed TokenOrder
	Once  string // tells a repeated post from a second order

	Copies []Token // that the form may be filled in from

	Scopes       []Scope       // on offer; those typed are ticked
	Usual, Most  time.Duration // lifetimes; 0: for ever
	MustExpire   bool
	NeedsPurpose bool
	Waits        bool // somebody approves it first
	Several      bool // the person has more workspaces than this one

	Wrong   Wrong
	Preview bool // say what would be made, and how programs do it
	Issuer  string
}

// A TokenOrder is what was typed, as it was typed.
type TokenOrder struct {
	Kind, Name, Purpose, Owner string
	Scopes                     []string
	Expires                    string // seconds, "date" or "never"
	Date                       string // 2006-01-02
	Everywhere                 bool
	Addresses, Format, MaxUses string
}

// A template is a kind of token that many people need, to begin with.
type tokenTemplate struct {
	key           string
	kind, expires string
	scopes        []string
}

var tokenTemplates = []tokenTemplate{
	{"template.editorial", "service", "2592000", []string{"content:write"}},
	{"template.frontend", "service", "7776000", []string{"catalog:read"}},
	{"template.media", "service", "2592000", []string{"assets:write"}},
	{"template.deploy", "ephemeral", "3600", []string{"content:write", "catalog:read"}},
}

type tokenFormView struct {
	Title     string
	Kinds     []menuItem
	Templates []menuItem
	Copy      *filterView // fills the form in from another token
	Action    string
	Once      string
	Kind      string
	Mistakes  []Mistake
	Basics    []Field
	Picker    picker
	Expiry    expiryField
	Limits    []Field // folded under what restricts it
	Open      bool    // they are not folded
	Sentence  string
	Pattern   string // the sentence with {name}, {what} and {until} left open
	Nothing   string
	Waits     bool
	Preview   bool
	Examples  []example
}

// An expiryField chooses the end of a token.
type expiryField struct {
	Options  []pickerOption
	Hint     string
	Date     string
	UntilDay string // of the sentence, with {date} left open
	Error    string
	Detail   string // what Error leaves open, in English
}

// TokenForm writes the page on which a token is ordered.
func (s *Set) TokenForm(w io.Writer, lang Lang, v TokenForm) error {
	lang = known(lang)
	said := s.speaker(lang)
	at := v.Shell.Workspace.ID
	picker, err := s.picker(lang, said, v.Scopes)
	if err != nil {
		return err
	}
	view := tokenFormView{
		Title: said.formTitle(v.Typed.Kind), Action: Tokens.Path(at, "new"), Once: v.Once, Kind: v.Typed.Kind, Picker: picker,
		Basics: said.basics(v), Expiry: said.expiry(v), Limits: said.restrictions(v), Waits: v.Waits, Preview: v.Preview,
		Pattern: said.sentence("{name}", "{what}", "{until}"), Nothing: said.say("picker.nothing"),
	}
	view.Mistakes = said.orderMistakes(&view, v.Wrong)
	view.Open = slices.ContainsFunc(view.Limits, func(f Field) bool { return f.Error != "" || f.Value != "" && f.Type != "select" })
	for _, kind := range v.Kinds {
		view.Kinds = append(view.Kinds, menuItem{said.kind(kind), view.Action + "?type=" + kind, kind == v.Typed.Kind})
	}
	view.Templates, view.Copy = said.templates(v, view.Action), said.copies(v, view.Action)
	view.Sentence = said.sentence(joined("", v.Typed.Name), joined("", picker.said()), view.Expiry.chosen())
	if v.Preview {
		view.Examples = examples(v)
	}
	return s.show(w, lang, "token_new", v.Shell, said, view)
}

func (p *speaker) formTitle(kind string) string {
	switch kind {
	case "personal":
		return p.say("form.title_personal")
	case "ephemeral":
		return p.say("form.title_ephemeral")
	}
	return p.say("form.title_service")
}

// copies is the form that fills this one in from another token, nil where there
// is none.
func (p *speaker) copies(v TokenForm, action string) *filterView {
	if len(v.Copies) == 0 {
		return nil
	}
	from := Field{Name: "from", Type: "select", Label: p.say("form.copy_from")}
	for _, t := range v.Copies {
		from.Options = append(from.Options, Option{Value: t.Secret, Text: joined(" ", p.named(t), tail(t.LastFour))})
	}
	return &filterView{Action: action, Submit: p.say("form.copy"), Fields: []Field{from}}
}

// templates lead to the form filled in, each that the person may make.
func (p *speaker) templates(v TokenForm, action string) (all []menuItem) {
	for _, t := range tokenTemplates {
		offered := func(scope string) bool {
			return slices.ContainsFunc(v.Scopes, func(s Scope) bool { return s.Name == scope })
		}
		if !slices.Contains(v.Kinds, t.kind) || slices.ContainsFunc(t.scopes, func(scope string) bool { return !offered(scope) }) {
			continue
		}
		name := p.templateName(t.key)
		query := url.Values{"type": {t.kind}, "name": {name}, "scopes": {strings.Join(t.scopes, " ")}, "expires": {t.expires}, "purpose": {name}}
		all = append(all, menuItem{Text: name, Href: action + "?" + query.Encode()})
	}
	return all
}

func (p *speaker) templateName(key string) string {
	switch key {
	case "template.editorial":
		return p.say("template.editorial")
	case "template.frontend":
		return p.say("template.frontend")
	case "template.media":
		return p.say("template.media")
	}
	return p.say("template.deploy")
}

// basics are the fields that come first.
func (p *speaker) basics(v TokenForm) []Field {
	fields := []Field{{Name: "name", Type: "text", Autocomplete: "off", Label: p.say("form.name"), Hint: p.say("form.name_hint"), Value: v.Typed.Name, Focus: true}}
	purpose := Field{Name: "purpose", Type: "text", Label: p.say("form.purpose"), Hint: p.say("form.purpose_hint"), Value: v.Typed.Purpose, Optional: !v.NeedsPurpose}
	fields = append(fields, purpose)
	if v.Typed.Kind != "personal" {
		fields = append(fields, Field{Name: "owner", Type: "text", Label: p.say("form.owner"), Hint: p.say("form.owner_hint"), Value: v.Typed.Owner})
	}
	if v.Typed.Kind == "personal" && v.Several {
		fields = append(fields, Field{Name: "where", Type: "radio", Label: p.say("form.where"), Options: []Option{
			{Value: "here", Text: v.Shell.Workspace.Name, Chosen: !v.Typed.Everywhere},
			{Value: "everywhere", Text: p.say("token.opens_all"), Chosen: v.Typed.Everywhere},
		}})
	}
	return fields
}

// restrictions are the fields about where a token works.
func (p *speaker) restrictions(v TokenForm) []Field {
	fields := []Field{{Name: "addresses", Type: "textarea", Label: p.say("form.addresses"), Hint: p.say("form.addresses_hint"), Value: v.Typed.Addresses, Optional: true}}
	if v.Typed.Kind == "personal" {
		return fields
	}
	fields = append(fields, Field{Name: "format", Type: "select", Label: p.say("form.format"), Optional: true, Options: []Option{
		{Value: "jwt", Text: p.say("form.format_jwt"), Chosen: v.Typed.Format != "opaque"},
		{Value: "opaque", Text: p.say("form.format_opaque"), Chosen: v.Typed.Format == "opaque"},
	}})
	if v.Typed.Kind == "ephemeral" {
		fields = append(fields, Field{Name: "max_uses", Type: "text", InputMode: "numeric", Label: p.say("form.max_uses"), Hint: p.say("form.max_uses_hint"), Value: v.Typed.MaxUses, Optional: true})
	}
	return fields
}

// presets are the lifetimes that are offered, as far as the limit goes.
func presets(kind string) []time.Duration {
	const day = 24 * time.Hour
	if kind == "ephemeral" {
		return []time.Duration{5 * time.Minute, 15 * time.Minute, time.Hour}
	}
	return []time.Duration{time.Hour, day, 7 * day, 30 * day, 90 * day}
}

// expiry offers the lifetimes that the workspace allows. What it forbids is not
// there to be chosen.
func (p *speaker) expiry(v TokenForm) expiryField {
	f := expiryField{Date: v.Typed.Date, UntilDay: p.say("form.until", "When", "{date} 23:59 UTC")}
	add := func(value, text, say string) {
		f.Options = append(f.Options, pickerOption{"expires-" + strconv.Itoa(len(f.Options)), value, text, say, value == v.Typed.Expires})
	}
	for _, life := range v.lives() {
		add(strconv.Itoa(int(life/time.Second)), p.length(life), p.say("form.until", "When", p.exact(v.Now.Add(life))))
	}
	if v.Most == 0 || v.Most > 24*time.Hour {
		add("date", p.say("form.date"), p.say("form.until", "When", v.Typed.Date+" 23:59 UTC"))
	}
	if v.Most == 0 && v.Usual == 0 && !v.MustExpire {
		add("never", p.say("token.never"), p.say("form.no_end"))
	}
	f.Hint = p.say("form.expires_any")
	if v.Most > 0 {
		f.Hint = p.say("form.expires_most", "Duration", p.length(v.Most))
	}
	return f
}

// lives are the lengths of life on offer: the usual ones, and the one that is
// chosen already, as by a link or of a token that is copied.
func (v TokenForm) lives() []time.Duration {
	all := slices.Clone(presets(v.Typed.Kind))
	if n, err := strconv.ParseInt(v.Typed.Expires, 10, 32); err == nil && n > 0 {
		all = append(all, time.Duration(n)*time.Second)
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(d time.Duration) bool { return v.Most > 0 && d > v.Most })
}

// length says a length of time.
func (p *speaker) length(d time.Duration) string {
	text, err := p.duration(d)
	if p.err == nil {
		p.err = err
	}
	return text
}

// chosen is the end that is chosen, as the sentence has it.
func (f expiryField) chosen() string {
	for _, o := range f.Options {
		if o.Chosen {
			return o.Say
		}
	}
	return ""
}

// sentence says what a token may do and for how long.
func (p *speaker) sentence(name, what, until string) string {
	if name == "" {
		name = p.say("form.unnamed")
	}
	if what == "" {
		what = p.say("picker.nothing")
	}
	return p.say("form.sentence", "Name", name, "What", what, "Until", until)
}

// orderMistakes ties what was refused to its fields, and returns the summary.
func (p *speaker) orderMistakes(v *tokenFormView, w Wrong) []Mistake {
	rest := Wrong{Fields: map[string]string{}, Whole: w.Whole, Detail: w.Detail}
	for name, text := range w.Fields {
		rest.Fields[name] = text
	}
	var special []Mistake
	if text, ok := rest.Fields["scopes"]; ok {
		if v.Picker.Wrong, v.Picker.Detail = p.fault("scopes", text); v.Picker.said() == "" {
			v.Picker.Wrong, v.Picker.Detail = p.say("fault.no_scope"), ""
		}
		special = append(special, Mistake{"scopes", p.say("token.scopes"), v.Picker.Wrong, v.Picker.Detail})
		delete(rest.Fields, "scopes")
	}
	if text, ok := rest.Fields["ttl"]; ok {
		v.Expiry.Error, v.Expiry.Detail = p.fault("ttl", text)
		special = append(special, Mistake{"expires", p.say("token.expires"), v.Expiry.Error, v.Expiry.Detail})
		delete(rest.Fields, "ttl")
	}
	n := len(v.Basics)
	fields := append(slices.Clone(v.Basics), v.Limits...)
	all := p.fields(fields, rest)
	v.Basics, v.Limits = fields[:n], fields[n:]
	return append(special, all...)
}
