package pages

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// The addresses that the templates post and link to. The panel serves them.
const (
	homePath      = "/panel/"
	loginPath     = "/panel/login"
	logoutPath    = "/panel/logout"
	setupPath     = "/panel/setup"
	consentPath   = "/panel/consent"
	workspacePath = "/panel/w/" // and everything in it
	securityPath  = "/panel/security"
)

// element is one element of a parsed page.
type element struct {
	name     string
	attr     map[string]string
	text     string // its own and its descendants'
	children []*element
}

// parse reads a page strictly: every element that needs an end has one, in
// order, and no attribute is given twice.
func parse(html string) (*element, error) {
	d := xml.NewDecoder(strings.NewReader(html))
	d.Strict, d.Entity = false, xml.HTMLEntity
	stack := []*element{{}}
	for {
		tok, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if stack, err = grow(stack, tok); err != nil {
			return nil, err
		}
	}
	if len(stack) != 1 {
		return nil, fmt.Errorf("<%s> is never closed", stack[len(stack)-1].name)
	}
	return stack[0], nil
}

func grow(stack []*element, tok xml.Token) ([]*element, error) {
	top := stack[len(stack)-1]
	switch tok := tok.(type) {
	case xml.StartElement:
		e := &element{name: tok.Name.Local, attr: make(map[string]string)}
		for _, a := range tok.Attr {
			if _, twice := e.attr[a.Name.Local]; twice {
				return nil, fmt.Errorf("<%s> has %s twice", e.name, a.Name.Local)
			}
			e.attr[a.Name.Local] = a.Value
		}
		top.children = append(top.children, e)
		if !slices.Contains([]string{"meta", "link", "input", "br", "wbr", "img"}, e.name) {
			stack = append(stack, e)
		}
	case xml.EndElement:
		if top.name != tok.Name.Local {
			return nil, fmt.Errorf("</%s> closes <%s>", tok.Name.Local, top.name)
		}
		stack = stack[:len(stack)-1]
	case xml.CharData:
		for _, e := range stack {
			e.text += string(tok)
		}
	}
	return stack, nil
}

// all returns e's descendants of the given names, in order; none means every one.
func (e *element) all(names ...string) []*element {
	var found []*element
	for _, c := range e.children {
		if len(names) == 0 || slices.Contains(names, c.name) {
			found = append(found, c)
		}
		found = append(found, c.all(names...)...)
	}
	return found
}

// with returns the first of list whose attribute has the value, or nil.
func with(list []*element, attr, value string) *element {
	for _, e := range list {
		if e.attr[attr] == value {
			return e
		}
	}
	return nil
}

func mustParse(t testing.TB, html string) *element {
	t.Helper()
	doc, err := parse(html)
	if err != nil {
		t.Fatalf("%v in:\n%s", err, html)
	}
	return doc
}

func TestParserSeesBrokenMarkup(t *testing.T) {
	for _, bad := range []string{"<p>", "<p></b>", "<ul><li></ul></li>", "</p>", `<p id="a" id="b"></p>`} {
		if _, err := parse(bad); err == nil {
			t.Errorf("parse(%q) saw nothing wrong", bad)
		}
	}
}

func TestEveryPageIsWellFormedInItsLanguage(t *testing.T) {
	everyPage(t, func(t *testing.T, lang Lang, html string) {
		doc := mustParse(t, html)
		if got := doc.all("html")[0].attr["lang"]; got != string(lang) {
			t.Errorf("html lang = %q, want %q", got, lang)
		}
		if got := len(doc.all("h1")); got != 1 {
			t.Errorf("%d h1, want 1", got)
		}
		title := strings.TrimSuffix(doc.all("title")[0].text, " · Ficha")
		if h1 := doc.all("h1")[0].text; title == "" || title != h1 {
			t.Errorf("title %q, h1 %q: want the same words", title, h1)
		}
		if strings.Contains(html, "no value") || strings.Contains(html, "{{") {
			t.Errorf("a blank was left in:\n%s", html)
		}
	})
}

func TestEveryPageIsWithoutInlineScriptAndStyle(t *testing.T) {
	script, _ := newSet(t).Script()
	everyPage(t, func(t *testing.T, _ Lang, html string) {
		for _, e := range mustParse(t, html).all() {
			if e.name == "img" && strings.HasPrefix(e.attr["src"], "/panel/") && e.attr["alt"] != "" {
				continue // a picture of ours
			}
			if e.name == "script" && e.attr["src"] == script && e.attr["nonce"] != "" && e.text == "" {
				continue
			}
			if slices.Contains([]string{"script", "style", "iframe", "object", "embed", "base", "img"}, e.name) {
				t.Errorf("there is a <%s>", e.name)
			}
			for name := range e.attr {
				if name == "style" || strings.HasPrefix(name, "on") {
					t.Errorf("<%s> has %s", e.name, name)
				}
			}
		}
	})
}

func TestEveryInputIsLabelledAndEveryReferenceResolves(t *testing.T) {
	everyPage(t, func(t *testing.T, _ Lang, html string) {
		doc := mustParse(t, html)
		ids := uniqueIDs(t, doc)
		labels := doc.all("label")
		for _, e := range doc.all("input", "select", "textarea") {
			if e.attr["type"] == "hidden" {
				continue
			}
			label := with(labels, "for", e.attr["id"])
			if e.attr["id"] == "" || label == nil || strings.TrimSpace(label.text) == "" {
				t.Errorf("%s %q has no label", e.name, e.attr["name"])
			}
		}
		for _, e := range doc.all() {
			references := strings.Fields(e.attr["for"] + " " + e.attr["form"] + " " + e.attr["aria-describedby"] + " " + e.attr["commandfor"] + " " + e.attr["aria-labelledby"])
			for _, id := range references {
				if !ids[id] {
					t.Errorf("<%s> refers to #%s, which is not there", e.name, id)
				}
			}
		}
	})
}

func uniqueIDs(t *testing.T, doc *element) map[string]bool {
	t.Helper()
	ids := make(map[string]bool)
	for _, e := range doc.all() {
		id := e.attr["id"]
		if id != "" && ids[id] {
			t.Errorf("id %q is there twice", id)
		}
		ids[id] = true
	}
	return ids
}

func TestEveryLinkAndFormLeadsSomewhereKnown(t *testing.T) {
	paths := []string{homePath, loginPath, logoutPath, setupPath, consentPath, consentPath + "/request", "/panel/found", "/panel/invitations", "/panel/forgot", "/panel/reset", "/panel/profile", "/panel/login/second", "/panel/login/passkey", "/panel/login/upstream"}
	everyPage(t, func(t *testing.T, _ Lang, html string) {
		doc := mustParse(t, html)
		ids := uniqueIDs(t, doc)
		for _, a := range doc.all("a") {
			href := a.attr["href"]
			path, _, _ := strings.Cut(href, "?")
			known := slices.Contains(paths, path) || strings.HasPrefix(path, workspacePath) || strings.HasPrefix(path, securityPath) || strings.HasPrefix(href, "mailto:") || href[0] == '#' && ids[href[1:]]
			if !known || strings.TrimSpace(a.text) == "" {
				t.Errorf("link %q to %q", a.text, href)
			}
		}
		for _, form := range doc.all("form") {
			to := form.attr["action"]
			ends := strings.HasPrefix(to, "/panel/grants/") && strings.HasSuffix(to, "/end")
			if form.attr["method"] != "post" && form.attr["class"] != "filters" || !ends && !slices.Contains(paths, to) && !strings.HasPrefix(to, workspacePath) && !strings.HasPrefix(to, securityPath) {
				t.Errorf("form %v", form.attr)
			}
		}
		for _, button := range doc.all("button") {
			opens := button.attr["type"] == "button" && (ids[button.attr["commandfor"]] || ids[button.attr["data-copy"]])
			if button.attr["type"] != "submit" && !opens || strings.TrimSpace(button.text) == "" {
				t.Errorf("button %q %v", button.text, button.attr)
			}
		}
	})
}

func TestEveryPageLoadsTheStyleItsSetServes(t *testing.T) {
	path, _ := newSet(t).Style()
	everyPage(t, func(t *testing.T, _ Lang, html string) {
		link := with(mustParse(t, html).all("link"), "rel", "stylesheet")
		if link == nil || link.attr["href"] != path {
			t.Errorf("stylesheet link %v, want %s", link, path)
		}
	})
}

// hostile is what people and apps call themselves when they mean harm.
const hostile = `</title><script>alert(1)</script>"'><img src=x onerror=alert(2)>{{.}}`

func hostileShell(person Person) Shell {
	w := Workspace{ID: hostile, Name: hostile}
	return Shell{Here: hostile, Person: person, Workspace: w, Workspaces: []Workspace{w, w}, Areas: []Area{Tokens}, Area: Tokens, Crumbs: []Crumb{{hostile, "/panel/"}}}
}

func hostileSamples() []sample {
	person := Person{hostile, hostile}
	return slices.Concat(hostilePlain(person), hostileAdmin(hostileShell(person)), hostileAccount(hostileShell(person)), hostileTokens(hostileShell(person)), hostileInventory(hostileShell(person)), hostileMember(hostileShell(person)))
}

func hostilePlain(person Person) []sample {
	app := App{hostile, hostile, hostile, false, hostile}
	scopes := []Scope{{Name: hostile, Described: map[string]string{"en": hostile}, Ticked: true}}
	one := Consent{Here: "/panel/consent?request=" + hostile, Again: hostile, RequestID: hostile, App: app, Person: person,
		Workspaces: []Workspace{{ID: hostile, Name: hostile}}, Required: scopes, Optional: scopes, AccessTTL: 1}
	several, many := one, one
	several.Workspaces = []Workspace{{ID: hostile, Name: hostile}, {ID: "b", Name: hostile}}
	many.Workspaces = slices.Repeat(one.Workspaces, 20)
	return []sample{
		login("login", Login{Here: "/panel/login?next=" + hostile, Next: hostile, Email: hostile, Error: hostile}),
		setup("setup", Setup{Token: hostile, Email: hostile, Name: hostile, Workspace: hostile,
			Errors: map[string]FieldError{"email": hostile}}),
		home("home", Home{Shell: hostileShell(person), Memberships: []Membership{{hostile, "", hostile}}}),
		consent("one", func(c *Consent) { *c = one }),
		consent("several", func(c *Consent) { *c = several }),
		consent("many", func(c *Consent) { *c = many }),
		needsAdmin("needs_admin", NeedsAdmin{Here: hostile, App: app, Person: person, Workspace: hostile, Missing: scopes,
			Admins: []Person{person}}),
		problem("problem", Problem{Code: hostile, Status: 400, Request: hostile}),
	}
}

func TestMarkupInNamesIsText(t *testing.T) {
	s := newSet(t)
	for _, p := range hostileSamples() {
		t.Run(p.name, func(t *testing.T) {
			html := p.html(t, s, English)
			doc := mustParse(t, html)
			if bad := doc.all("script", "img"); len(bad) > 0 {
				t.Errorf("markup of a name became <%s>:\n%s", bad[0].name, html)
			}
			for _, e := range doc.all() {
				if _, ok := e.attr["onerror"]; ok {
					t.Errorf("markup of a name became an attribute of <%s>", e.name)
				}
			}
			if with(doc.all("input"), "value", hostile) == nil && !strings.Contains(doc.text, hostile) {
				t.Errorf("the name is not on the page as it was given:\n%s", html)
			}
		})
	}
}
