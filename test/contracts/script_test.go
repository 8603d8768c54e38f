// Package contracts knows what strangers were promised: it runs the program
// as it is shipped and speaks to it as the five vendors' documents say.
// README.md lists the words of the scripts in testdata.
package contracts

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A line is one word of a script with what follows it.
type line struct {
	number     int
	word, rest string
}

// A step is one request: its first line says which, the others what it
// carries, what must hold of the answer and what is kept of it.
type step struct {
	title string // the comment above it
	lines []line
}

// parseScript reads steps, which empty lines part. An indented line goes on
// with the one above it.
func parseScript(text string) []step {
	var steps []step
	var now step
	for i, raw := range strings.Split(text+"\n\n", "\n") {
		switch trimmed := strings.TrimSpace(raw); {
		case trimmed == "":
			if len(now.lines) > 0 {
				steps = append(steps, now)
				now = step{}
			}
		case strings.HasPrefix(raw, "#"):
			now.title = strings.TrimSpace(now.title + " " + strings.TrimSpace(raw[1:]))
		case raw[0] == ' ' || raw[0] == '\t':
			if n := len(now.lines); n > 0 {
				now.lines[n-1].rest = strings.TrimPrefix(now.lines[n-1].rest+"\n"+trimmed, "\n")
			}
		default:
			word, rest, _ := strings.Cut(trimmed, " ")
			now.lines = append(now.lines, line{i + 1, word, strings.TrimSpace(rest)})
		}
	}
	return steps
}

// A player runs one script against one server.
type player struct {
	base     string
	values   map[string]string
	browsers map[string]*browser
}

// play runs a script and says where it first did not hold. It returns the
// secrets that were kept on the way: long values of one word.
func play(ctx context.Context, base, name, text string) (secrets []string, err error) {
	p := &player{base, map[string]string{"base": base}, map[string]*browser{}}
	steps := parseScript(text)
	if len(steps) == 0 {
		return nil, fmt.Errorf("%s holds no step", name)
	}
	for _, s := range steps {
		if err := p.run(ctx, s); err != nil {
			return nil, fmt.Errorf("%s:%d: %s\n%w", name, s.lines[0].number, s.title, err)
		}
		for _, value := range p.values {
			if len(value) > 30 && !strings.Contains(value, " ") && value != base && !slices.Contains(secrets, value) {
				secrets = append(secrets, value)
			}
		}
	}
	return secrets, nil
}

// run sends a step's request and checks the answer; with the word "within",
// again and again until it holds.
func (p *player) run(ctx context.Context, s step) error {
	i := slices.IndexFunc(s.lines, func(l line) bool { return l.word == "within" })
	if i < 0 {
		return p.once(ctx, s)
	}
	most, err := time.ParseDuration(s.lines[i].rest)
	if err != nil {
		return err
	}
	s.lines = slices.Delete(slices.Clone(s.lines), i, i+1)
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	end := time.NewTimer(most)
	defer end.Stop()
	for {
		err := p.once(ctx, s)
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-end.C:
			return fmt.Errorf("not within %s: %w", most, err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p *player) once(ctx context.Context, s step) error {
	q := request{header: http.Header{}, fields: url.Values{}}
	var after []line
	for i, l := range s.lines {
		rest, err := p.expand(l.rest)
		if err != nil {
			return fmt.Errorf("line %d: %w", l.number, err)
		}
		l.rest = rest
		if i == 0 {
			q.method, q.path = l.word, rest
		} else if !q.carry(l) {
			after = append(after, l)
		}
	}
	a, err := p.send(ctx, q)
	if err != nil {
		return err
	}
	var wrong []error
	for _, l := range after {
		if err := p.judge(a, l); err != nil {
			wrong = append(wrong, fmt.Errorf("line %d: %s %s: %w", l.number, l.word, l.rest, err))
		}
	}
	if wrong != nil {
		wrong = append(wrong, fmt.Errorf("the answer: %d %v at %s\n%.2000s", a.code, a.header, a.url, a.body))
	}
	return errors.Join(wrong...)
}

var variable = regexp.MustCompile(`\$[a-z][a-z0-9_]*`)

// expand puts in the values that were kept.
func (p *player) expand(text string) (string, error) {
	var unknown error
	text = variable.ReplaceAllStringFunc(text, func(name string) string {
		value, ok := p.values[name[1:]]
		if !ok {
			unknown = fmt.Errorf("%s has no value", name)
		}
		return value
	})
	return text, unknown
}

// A request is what a step sends.
type request struct {
	method, path string // or what a browser does: open, submit
	header       http.Header
	query        string
	fields       url.Values // of a form
	unticked     [][2]string
	body         string
	as           string // whose browser
}

// carry takes a line that belongs to the request, and reports whether it does.
func (q *request) carry(l line) bool {
	name, value, _ := strings.Cut(l.rest, " ")
	switch l.word {
	case "header":
		if checkLine.MatchString("header " + l.rest) {
			return false // it is about the answer
		}
		q.header.Add(name, value)
	case "query":
		if q.query != "" {
			q.query += "&"
		}
		q.query += url.QueryEscape(name) + "=" + url.QueryEscape(value)
	case "form":
		q.fields.Add(name, value)
	case "field":
		q.fields.Set(name, value)
	case "untick":
		q.unticked = append(q.unticked, [2]string{name, value})
	case "basic":
		r := http.Request{Header: q.header}
		r.SetBasicAuth(name, value)
	case "posttype":
		q.header.Set("Content-Type", l.rest)
	case "postbody":
		q.body = l.rest
	case "as":
		q.as = l.rest
	default:
		return false
	}
	return true
}
