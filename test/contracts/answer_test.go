package contracts

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// An answer is what came back, and where a browser ended.
type answer struct {
	code   int
	header http.Header
	body   string
	url    *url.URL
}

var (
	checkLine = regexp.MustCompile(`(?s)^(\S+)(?: (\S+))? (==|!=|contains|!contains|~|!~|<=|>=)(?: (.*))?$`)
	keepLine  = regexp.MustCompile(`^(\S+) (\S+)(?: (\S+))?$`)
)

// judge checks a line that is about the answer, or keeps what it names.
func (p *player) judge(a *answer, l line) error {
	if l.word == "let" {
		m := keepLine.FindStringSubmatch(l.rest)
		if m == nil {
			return errors.New("write: let NAME WHAT")
		}
		value, err := a.what(m[2], m[3])
		if err == nil && (value == "" || value == "absent") {
			err = errors.New("there is no such value")
		}
		p.values[m[1]] = value
		return err
	}
	m := checkLine.FindStringSubmatch(l.word + " " + l.rest)
	if m == nil {
		return errors.New("is no word of scripts")
	}
	got, err := a.what(m[1], m[2])
	if err != nil {
		return err
	}
	holds, err := compare(got, m[3], m[4])
	if err == nil && !holds {
		err = fmt.Errorf("got %.120s", got)
	}
	return err
}

func compare(got, operator, want string) (bool, error) {
	switch strings.TrimPrefix(operator, "!") {
	case "==":
		return got == want, nil
	case "=":
		return got != want, nil
	case "contains":
		return strings.Contains(got, want) != (operator[0] == '!'), nil
	case "~":
		found, err := regexp.MatchString(want, got)
		return found != (operator[0] == '!'), err
	}
	number, err := strconv.ParseFloat(got, 64)
	if err != nil {
		return false, fmt.Errorf("%.100q is no number", got)
	}
	limit, err := strconv.ParseFloat(want, 64)
	return operator == "<=" && number <= limit || operator == ">=" && number >= limit, err
}

// what returns the part of an answer that a line names.
func (a *answer) what(word, part string) (string, error) {
	switch word {
	case "code":
		return strconv.Itoa(a.code), nil
	case "body":
		return a.body, nil
	case "header":
		return strings.Join(a.header.Values(part), ", "), nil
	case "url":
		return a.url.String(), nil
	case "param":
		return a.url.Query().Get(part), nil
	case "json":
		return valueAt(a.body, part)
	}
	return "", fmt.Errorf("an answer has no %s", word)
}

var pathStep = regexp.MustCompile(`\.([^.\[]+)|\[(\d+)\]`)

// valueAt returns the value at a path such as .items[0].sys.id: a text as it
// is, anything else as JSON, and "absent" where there is none.
func valueAt(body, path string) (string, error) {
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return "", fmt.Errorf("the body is no JSON: %w", err)
	}
	for _, m := range pathStep.FindAllStringSubmatch(path, -1) {
		object, _ := v.(map[string]any)
		list, _ := v.([]any)
		i, _ := strconv.Atoi(m[2])
		var ok bool
		if v, ok = object[m[1]]; m[2] != "" {
			if ok = i < len(list); ok {
				v = list[i]
			}
		}
		if !ok {
			return "absent", nil
		}
	}
	if text, ok := v.(string); ok {
		return text, nil
	}
	text, err := json.Marshal(v)
	return string(text), err
}
