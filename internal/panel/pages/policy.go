package pages

import (
	"io"
	"maps"
	"strconv"
	"strings"
	"time"
)

// A PolicyRule is one rule of a policy: its key, and the kinds it is about.
type PolicyRule struct {
	Key   string
	Kinds []string
	Form  string // of what is typed: span, count, words or ticks
}

// PolicyRules are the rules by kind of token, in the order of the form. An input
// is named KEY.KIND; the ticks of a rule have all the name KEY.
func PolicyRules() []PolicyRule {
	all := []string{"service", "personal", "impersonated", "ephemeral", "access", "refresh"}
	return []PolicyRule{
		{"max_ttl", all, "span"},
		{"default_ttl", all[:5], "span"},
		{"rotate_after", all[:2], "span"},
		{"idle_expiry", all[:2], "span"},
		{"max_per_owner", all[:4], "count"},
		{"scopes", all[:5], "words"},
		{"addresses", all, "words"},
		{"approval", all[:3], "ticks"},
	}
}

// PolicySaved is said after a policy was set.
const PolicySaved Said = "said.policy_saved"

// A PolicyForm is a policy as it is typed, by the name of the input. Beside
// those of the rules: require_purpose, require_owner, require_expiry,
// require_pkce (boxes), on_leak, require_second_factor, existing, warn_from, enforce_from.
type PolicyForm map[string]string

// Simulated is what a policy would refuse of the tokens that live.
type Simulated struct {
	From    time.Time
	Looked  int
	Whole   bool // all were looked at; otherwise the counts are at least so much
	Refused int
	ByRule  []RuleCount
	Owners  []OwnerCount
	First   []SimulatedToken // the first of those that would be refused
	Lacking []string         // e-mails of members without a second factor
}

// A RuleCount is how many tokens a rule would refuse.
type RuleCount struct {
	Rule  string
	Count int
}

// An OwnerCount is how many tokens of an owner would be refused.
type OwnerCount struct {
	Owner string // e-mail or id; empty: of nobody
	Count int
}

// A SimulatedToken is a token that would be refused, and by which rules.
type SimulatedToken struct {
	ID, Name, Kind, Owner, LastFour string
	ExpiresAt                       time.Time
	Rules                           []string
	Texts                           []string // the rules' own sentences, in English
}

// PolicyPage is the page of a workspace's policy. Its form posts to the page's
// own address, with action try, count
// or save, and with the version that Form names.
type PolicyPage struct {
	Shell  Shell
	Now    time.Time
	Force  PolicyForm // the policy in force
	Coming PolicyForm // the one that is warned of; nil: none is
	From   time.Time  // when that one is enforced
	Form   PolicyForm // what is typed: the coming one, or the one in force
	Tried  *Simulated // what is typed, tried; nil: it was not
	Wrong  Wrong
	Super  bool // who sees it may save
}

type policyView struct {
	Force, Coming []Fact
	ComingText    string
	Problems      []Mistake
	Post          string
	Rules         []ruleSet
	Rest, Dates   []Field
	Tried         *triedView
	Super         bool
	Version       string
}

// A ruleSet is the inputs of one rule.
type ruleSet struct {
	Key, Label, Hint string
	Error, Detail    string
	Fields           []Field
}

type triedView struct {
	Text          string
	Good, Part    bool
	Rules, Owners []Fact
	Table         Table
}

// PolicyPage writes the policy, its form, and what became of trying it.
func (s *Set) PolicyPage(w io.Writer, lang Lang, v PolicyPage) error {
	said := s.speaker(lang)
	view := policyView{Force: said.policyFacts(v.Force), Post: Policies.Path(v.Shell.Workspace.ID), Super: v.Super, Version: v.Form["version"], Rest: said.policyRest(v.Form), Dates: said.policyDates(v.Form)}
	if v.Coming != nil {
		view.Coming, view.ComingText = said.policyFacts(v.Coming), said.say("policy.coming", "When", said.exact(v.From))
	}
	v.Wrong.Fields = maps.Clone(v.Wrong.Fields)
	for _, r := range PolicyRules() {
		set := said.ruleSet(r, v.Form)
		view.Problems = append(view.Problems, said.ruleMistakes(&set, v.Wrong)...)
		view.Rules = append(view.Rules, set)
	}
	rest := append(view.Rest, view.Dates...) //nolint:gocritic // both are told of in one summary
	view.Problems = append(view.Problems, said.fields(rest, v.Wrong)...)
	view.Rest, view.Dates = rest[:len(view.Rest)], rest[len(view.Rest):]
	if v.Tried != nil {
		view.Tried = said.tried(v.Tried, v.Shell.Workspace.ID, v.Now)
	}
	return s.show(w, lang, "policy", v.Shell, said, view)
}

// ruleSet lays the inputs of a rule out.
func (p *speaker) ruleSet(r PolicyRule, form PolicyForm) ruleSet {
	set := ruleSet{Key: r.Key, Label: p.policyRule(r.Key), Hint: p.ruleHint(r.Form)}
	if r.Form == "ticks" {
		ticks := Field{Name: r.Key, ID: r.Key + "-kinds", Type: "checks", Label: p.say("policy.kinds"), Optional: true}
		for _, kind := range r.Kinds {
			ticks.Options = append(ticks.Options, Option{Value: kind, Text: p.kinds(kind), Chosen: strings.Contains(" "+form[r.Key]+" ", " "+kind+" ")})
		}
		set.Fields = []Field{ticks}
	} else {
		for _, kind := range r.Kinds {
			f := Field{Name: r.Key + "." + kind, Type: "text", Label: p.kinds(kind), Value: form[r.Key+"."+kind], Optional: true}
			if r.Form == "words" {
				f.Type = "textarea"
			}
			set.Fields = append(set.Fields, f)
		}
	}
	return set
}

// ruleMistakes ties what is wrong to a rule, or to the input of it that cannot be
// read, and takes it from what is told of elsewhere.
func (p *speaker) ruleMistakes(set *ruleSet, w Wrong) (all []Mistake) {
	if detail, wrong := w.Fields[set.Key]; wrong {
		delete(w.Fields, set.Key)
		set.Error, set.Detail = p.fault(set.Key, detail)
		all = append(all, Mistake{set.Key, set.Label, set.Error, set.Detail})
	}
	for i := range set.Fields {
		f := &set.Fields[i]
		if _, wrong := w.Fields[f.Name]; !wrong {
			continue
		}
		delete(w.Fields, f.Name)
		f.Error, _ = p.fault(set.Key, "")
		f.Invalid, f.Describe = true, f.Ident()+"-error"
		all = append(all, Mistake{f.Ident(), set.Label + ", " + f.Label, f.Error, ""})
	}
	return all
}

func (p *speaker) policyRest(form PolicyForm) []Field {
	var fields []Field
	for _, key := range []string{"require_purpose", "require_owner", "require_expiry", "require_pkce"} {
		fields = append(fields, Field{Name: key, Type: "checkbox", Value: "yes", Label: p.policyRule(key), Checked: form[key] != ""})
	}
	choice := func(key string, values ...string) {
		f := Field{Name: key, Type: "select", Label: p.policyRule(key), Optional: true}
		for _, value := range values {
			f.Options = append(f.Options, Option{Value: value, Text: p.choice(value), Chosen: value == form[key]})
		}
		fields = append(fields, f)
	}
	choice("on_leak", "", "revoke", "notify")
	choice("require_second_factor", "", "admins", "everyone")
	choice("existing", "", "keep", "end")
	return fields
}

func (p *speaker) policyDates(form PolicyForm) []Field {
	return []Field{
		{Name: "warn_from", Type: "datetime-local", Label: p.say("policy.warn_from"), Hint: p.say("policy.warn_from_hint"), Value: form["warn_from"], Optional: true},
		{Name: "enforce_from", Type: "datetime-local", Label: p.say("policy.enforce_from"), Hint: p.say("policy.enforce_from_hint"), Value: form["enforce_from"], Optional: true},
	}
}

// policyFacts say what a policy limits; what it does not name is left out.
func (p *speaker) policyFacts(form PolicyForm) []Fact {
	var facts []Fact
	add := func(label string, chips []Chip) {
		if len(chips) > 0 {
			facts = append(facts, Fact{label, Cell{Chips: chips}})
		}
	}
	for _, r := range PolicyRules() {
		var chips []Chip
		for _, kind := range r.Kinds {
			switch value := form[r.Key+"."+kind]; {
			case value != "":
				chips = append(chips, Chip{Text: p.kinds(kind) + ": " + strings.Join(strings.Fields(value), " ")})
			case r.Form == "ticks" && strings.Contains(" "+form[r.Key]+" ", " "+kind+" "):
				chips = append(chips, Chip{Text: p.kinds(kind)})
			}
		}
		add(p.policyRule(r.Key), chips)
	}
	for _, key := range []string{"require_purpose", "require_owner", "require_expiry", "require_pkce"} {
		if form[key] != "" {
			add(p.policyRule(key), []Chip{{Text: p.say("policy.yes")}})
		}
	}
	for _, key := range []string{"on_leak", "require_second_factor", "existing"} {
		if form[key] != "" {
			add(p.policyRule(key), []Chip{{Text: p.choice(form[key])}})
		}
	}
	return facts
}

// tried says what a policy would refuse.
func (p *speaker) tried(t *Simulated, workspace string, now time.Time) *triedView {
	view := &triedView{Good: t.Refused == 0 && t.Whole, Part: !t.Whole}
	switch {
	case t.Refused == 0 && t.Whole:
		view.Text = p.say("policy.tried_none", "Looked", t.Looked, "When", p.exact(t.From))
	case t.Whole:
		view.Text = p.say("policy.tried", "Refused", t.Refused, "Looked", t.Looked, "When", p.exact(t.From))
	default:
		view.Text = p.say("policy.tried_part", "Refused", t.Refused, "Looked", t.Looked, "When", p.exact(t.From))
	}
	for _, r := range t.ByRule {
		view.Rules = append(view.Rules, Fact{p.policyRule(r.Rule), Cell{Text: strconv.Itoa(r.Count)}})
	}
	if len(t.Lacking) > 0 {
		view.Good = false
		view.Rules = append(view.Rules, Fact{p.say("policy.lack_second"), Cell{Text: strings.Join(t.Lacking, ", ")}})
	}
	for _, o := range t.Owners {
		name := o.Owner
		if name == "" {
			name = p.say("policy.nobody")
		}
		view.Owners = append(view.Owners, Fact{name, Cell{Text: strconv.Itoa(o.Count)}})
	}
	view.Table = Table{
		Caption: p.count("policy.tried_caption", len(t.First)),
		Heads:   []Head{{Text: p.say("policy.token")}, {Text: p.say("policy.owner")}, {Text: p.say("policy.expires")}, {Text: p.say("policy.breaks")}},
	}
	for _, one := range t.First {
		view.Table.Rows = append(view.Table.Rows, p.triedRow(one, workspace, now))
	}
	return view
}

func (p *speaker) triedRow(t SimulatedToken, workspace string, now time.Time) []Cell {
	name := t.Name
	if name == "" {
		name = t.ID
	}
	breaks := Cell{Note: joined("; ", t.Texts...), Aside: string(English)}
	for _, rule := range t.Rules {
		breaks.Chips = append(breaks.Chips, Chip{Text: p.policyRule(rule), Tone: "warn"})
	}
	expires := Cell{Text: p.say("policy.never")}
	if !t.ExpiresAt.IsZero() {
		expires = Cell{When: p.when(t.ExpiresAt, now)}
	}
	return []Cell{{Text: name, Href: Tokens.Path(workspace, t.ID), Note: "…" + t.LastFour + " · " + p.kind(t.Kind)}, {Text: t.Owner}, expires, breaks}
}
