package main

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/fichadev/ficha/internal/token"
)

// tokenTest checks what a token opens: the check of each new version of a token
// that a pipeline makes. It asks with the token itself, and that is a use of it:
// where it replaces another, that one's grace begins.
type tokenTest struct {
	remote `embed:""`
	Scope  []string `help:"It must open this; several with commas, or again." placeholder:"SCOPE"`
	Not    []string `help:"It must not open this." placeholder:"SCOPE"`
	JUnit  string   `name:"junit" help:"Write the outcome as JUnit XML to a file; - is the standard output." placeholder:"FILE"`
}

// A check is one thing that was asked of a token, and what is wrong with it.
type check struct{ name, wrong string }

// Run tells what was checked; the first thing that is wrong makes it exit 1.
func (c *tokenTest) Run(ctx context.Context) error {
	if c.Token == "" {
		return errors.New("there is nothing to test: put the token into FICHA_TOKEN")
	}
	var said struct {
		Active bool
		Scope  string
	}
	if err := c.post(ctx, "/v1/tokens/introspect", map[string]string{"token": c.Token}, &said); err != nil {
		said.Active, said.Scope = false, "" // a token that may not ask opens nothing either
		fmt.Fprintln(os.Stderr, "ficha:", err)
	}
	checks, err := c.checks(said.Active, said.Scope)
	if err != nil {
		return err
	}
	if err := c.report(checks); err != nil {
		return err
	}
	return verdictOf(checks)
}

func (c *tokenTest) checks(active bool, scope string) ([]check, error) {
	held, err := token.ParseScopes(scope)
	if err != nil {
		return nil, fmt.Errorf("the server names scopes that cannot be read: %w", err)
	}
	all := []check{{name: "the token is active"}}
	if !active {
		all[0].wrong = "the token is not active: it is unknown, ended, expired or suspended"
	}
	for _, scope := range c.Scope {
		one := check{name: "it opens " + scope}
		if !active || !held.Has(scope) {
			one.wrong = "it lacks " + scope
		}
		all = append(all, one)
	}
	for _, scope := range c.Not {
		one := check{name: "it does not open " + scope}
		if active && held.Has(scope) {
			one.wrong = "it opens " + scope + ", which it must not"
		}
		all = append(all, one)
	}
	return all, nil
}

// report prints one line a check, or JUnit XML.
func (c *tokenTest) report(checks []check) error {
	if c.JUnit == "" {
		for _, one := range checks {
			mark := "ok  "
			if one.wrong != "" {
				mark = "FAIL"
			}
			fmt.Println(mark, one.name)
		}
		return nil
	}
	if c.JUnit == "-" {
		return writeJUnit(os.Stdout, checks)
	}
	f, err := os.Create(c.JUnit)
	if err != nil {
		return fmt.Errorf("write the outcome: %w", err)
	}
	return errors.Join(writeJUnit(f, checks), f.Close())
}

func verdictOf(checks []check) error {
	var wrong []string
	for _, one := range checks {
		if one.wrong != "" {
			wrong = append(wrong, one.wrong)
		}
	}
	if wrong == nil {
		return nil
	}
	return errors.New(strings.Join(wrong, "; "))
}

// The parts of JUnit's XML that every reader of it knows.
type (
	junitSuite struct {
		XMLName  xml.Name    `xml:"testsuite"`
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		Failure *junitFailure `xml:"failure"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
	}
)

func writeJUnit(w io.Writer, checks []check) error {
	suite := junitSuite{Name: "ficha token test", Tests: len(checks)}
	for _, one := range checks {
		done := junitCase{Name: one.name, Class: "ficha.token"}
		if one.wrong != "" {
			done.Failure = &junitFailure{one.wrong}
			suite.Failures++
		}
		suite.Cases = append(suite.Cases, done)
	}
	text, err := xml.MarshalIndent(suite, "", "  ")
	if err != nil {
		return fmt.Errorf("write the outcome: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, text)
	return err
}
