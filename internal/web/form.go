package web

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/fichadev/ficha/internal/token"
)

const (
	formType = "application/x-www-form-urlencoded"

	maxParameters = 64
	maxName       = 256
	maxValue      = 4096
)

// A Form is the parameters of a body or a query. The zero value has none.
type Form struct{ parameters []parameter }

type parameter struct{ name, value string }

// Get returns the value of a parameter. One that is missing and one without a
// value are the same (RFC 6749, 3.1): empty.
func (f Form) Get(name string) string {
	for i := range f.parameters {
		if f.parameters[i].name == name {
			return f.parameters[i].value
		}
	}
	return ""
}

// Has reports whether a parameter was sent, even without a value.
func (f Form) Has(name string) bool {
	return slices.ContainsFunc(f.parameters, func(p parameter) bool { return p.name == name })
}

// All returns every value of a parameter, in order: for those that may repeat.
func (f Form) All(name string) []string {
	var values []string
	for _, p := range f.parameters {
		if p.name == name {
			values = append(values, p.value)
		}
	}
	return values
}

// Names returns the names that were sent, each once, in order.
func (f Form) Names() []string {
	var names []string
	for _, p := range f.parameters {
		if !slices.Contains(names, p.name) {
			names = append(names, p.name)
		}
	}
	return names
}

// Within reports whether nothing was sent but parameters of these names.
func (f Form) Within(names ...string) bool {
	return !slices.ContainsFunc(f.parameters, func(p parameter) bool { return !slices.Contains(names, p.name) })
}

// Form reads a body of type application/x-www-form-urlencoded; no body is an
// empty form. The query is not looked at. It refuses a parameter that is sent
// twice (RFC 6749, 3.2) unless repeats names it, one over 4 kB, one that is not
// UTF-8 or holds a NUL, and more of them than the rule of the route allows.
func (c *Call) Form(repeats ...string) (Form, error) {
	body, err := c.Body()
	if err != nil {
		return Form{}, err
	}
	if len(body) == 0 {
		return Form{}, nil
	}
	if mediaType(c.Request) != formType {
		return Form{}, token.Errorf(token.InvalidRequest, "the body must be of type %s", formType)
	}
	return parseForm(string(body), repeats, cmp.Or(c.Rule().Parameters, maxParameters))
}

// Query reads the query by the rules of Form, at most 64 parameters.
func (c *Call) Query(repeats ...string) (Form, error) {
	return parseForm(c.Request.URL.RawQuery, repeats, maxParameters)
}

func parseForm(text string, repeats []string, most int) (Form, error) {
	var f Form
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		if len(f.parameters) == most {
			return Form{}, token.Errorf(token.InvalidRequest, "there are more than %d parameters", most)
		}
		p, err := parsePair(pair)
		if err != nil {
			return Form{}, err
		}
		if f.Has(p.name) && !slices.Contains(repeats, p.name) {
			return Form{}, badParameter(p.name, "it is sent more than once")
		}
		if f.parameters == nil {
			f.parameters = make([]parameter, 0, 8)
		}
		f.parameters = append(f.parameters, p)
	}
	return f, nil
}

func parsePair(pair string) (parameter, error) {
	rawName, rawValue, _ := strings.Cut(pair, "=")
	name, err := url.QueryUnescape(rawName)
	if err != nil || len(name) > maxName || !cleanText(name) {
		return parameter{}, token.Errorf(token.InvalidRequest, "a parameter has a name that cannot be read")
	}
	value, err := url.QueryUnescape(rawValue)
	if err != nil {
		return parameter{}, badParameter(name, "it is badly escaped")
	}
	return parameter{name, value}, checkValue(name, value)
}

// checkValue holds every text that comes in to what every store can keep.
func checkValue(name, value string) error {
	if len(value) > maxValue {
		return badParameter(name, "it is over 4096 bytes")
	}
	if !cleanText(value) {
		return badParameter(name, "it is not UTF-8 text without NUL")
	}
	return nil
}

func cleanText(s string) bool {
	return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

// badParameter refuses one parameter by name.
func badParameter(name, why string) *token.Refusal {
	name = shorten(name)
	return &token.Refusal{
		Code: token.InvalidRequest, Text: "the parameter " + name + " cannot be taken: " + why,
		Fields: []token.Field{{Name: name, Text: why}},
	}
}

// shorten cuts a name that the caller chose to what a sentence can hold.
func shorten(name string) string {
	if len(name) > 64 {
		name = name[:64]
	}
	return strings.ToValidUTF8(name, "")
}
