package pages

import (
	"strconv"
	"strings"

	"github.com/fichadev/ficha/internal/token"
)

// A picker lets somebody choose scopes: for each resource none, reading,
// writing or both.
type picker struct {
	Groups []pickerGroup
	Wrong  string // what is wrong with the choice; empty: nothing
	Detail string // what Wrong leaves open, in English
}

type pickerGroup struct {
	Heading string
	Rows    []pickerRow
}

// A pickerRow is one resource. Its choice travels under Name, as the scopes of
// the option between spaces.
type pickerRow struct {
	Name     string
	Resource string
	Options  []pickerOption
	Texts    []scopeLine // what its scopes allow
}

type pickerOption struct {
	ID, Value, Text string
	Say             string // its part of the sentence about the token
	Chosen          bool
}

// picker groups what may be chosen by domain and resource; ticked are chosen.
func (s *Set) picker(lang Lang, p *speaker, scopes []Scope) (picker, error) {
	groups, err := s.groupScopes(lang, "scope", scopes)
	if err != nil {
		return picker{}, err
	}
	var all picker
	var bare, headed []pickerGroup
	n := 0
	for _, g := range groups {
		group := pickerGroup{Heading: g.Heading}
		for _, lines := range byResource(g.Scopes) {
			group.Rows = append(group.Rows, p.pickerRow("scopes-"+strconv.Itoa(n), lines))
			n++
		}
		if len(group.Rows) == 1 && titled(group.Rows[0].Resource) == group.Heading {
			group.Heading = "" // the row says it
		}
		if group.Heading == "" {
			bare = append(bare, group)
		} else {
			headed = append(headed, group)
		}
	}
	all.Groups = append(bare, headed...) // what has no heading would seem to stand under the one above
	return all, nil
}

// byResource brings scopes together that differ in reading and writing alone, in
// the order of their first mention.
func byResource(lines []scopeLine) [][]scopeLine {
	var all [][]scopeLine
	place := map[string]int{}
	for _, line := range lines {
		resource, _ := resourceOf(line.Name)
		at, seen := place[resource]
		if !seen {
			at = len(all)
			place[resource] = at
			all = append(all, nil)
		}
		all[at] = append(all[at], line)
	}
	return all
}

// resourceOf splits a scope into what it is about and what it lets do there:
// read, write or, in one word, all that it says. One that is a verb alone is
// about itself.
func resourceOf(scope string) (resource, verb string) {
	at := strings.LastIndexAny(scope, ":._")
	if at < 1 {
		return scope, ""
	}
	switch scope[at+1:] {
	case "read":
		return scope[:at], "read"
	case "write", "manage":
		return scope[:at], "write"
	}
	return scope, ""
}

func (p *speaker) pickerRow(name string, lines []scopeLine) pickerRow {
	resource, _ := resourceOf(lines[0].Name)
	row := pickerRow{Name: name, Resource: resource, Texts: lines}
	var read, write, other string
	chosen := ""
	for _, line := range lines {
		switch _, verb := resourceOf(line.Name); verb {
		case "read":
			read = line.Name
		case "write":
			write = line.Name
		default:
			other = line.Name
		}
		if line.Ticked {
			chosen = strings.TrimSpace(chosen + " " + line.Name)
		}
	}
	add := func(value, text, say string) {
		row.Options = append(row.Options, pickerOption{name + "-" + strconv.Itoa(len(row.Options)), value, text, say, same(value, chosen)})
	}
	add("", p.say("picker.none"), "")
	if other != "" {
		add(other, p.say("picker.use"), other)
	}
	if read != "" {
		add(read, p.say("picker.read"), p.say("picker.say_read", "Resource", resource))
	}
	if write != "" {
		add(write, p.say("picker.write"), p.say("picker.say_write", "Resource", resource))
	}
	if read != "" && write != "" && !token.IsVendor(write) { // theirs includes reading
		add(read+" "+write, p.say("picker.both"), p.say("picker.say_both", "Resource", resource))
	}
	return row
}

// same reports whether two lists of at most two words hold the same.
func same(a, b string) bool {
	first, second, _ := strings.Cut(b, " ")
	return a == b || second != "" && a == second+" "+first
}

// said is what is chosen, as the sentence about the token has it.
func (k picker) said() string {
	text := ""
	for _, g := range k.Groups {
		for _, row := range g.Rows {
			for _, o := range row.Options {
				if o.Chosen {
					text = joined(", ", text, o.Say)
				}
			}
		}
	}
	return text
}
