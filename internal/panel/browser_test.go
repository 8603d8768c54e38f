package panel_test

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/server/servertest"
)

// A browser is one without scripts: it keeps cookies, follows redirects inside
// the house and posts forms as they stand on the page.
type browser struct {
	t      *testing.T
	h      *servertest.House
	client *http.Client
	accept string // Accept-Language
}

func newBrowser(t *testing.T, h *servertest.House) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{t: t, h: h, client: &http.Client{Jar: jar, CheckRedirect: stay}}
}

// A shown page is what a browser ends on: a page of ours, or the address
// outside that it was sent to.
type shown struct {
	b      *browser
	status int
	header http.Header
	url    string // where it ended
	away   string // not empty: sent outside, where nobody went
	html   string
	text   string
	forms  []*form
}

// A form as the page holds it: what a browser would post without a click.
type form struct {
	page    *shown
	id      string
	method  string
	action  string
	fields  url.Values
	choices map[string][]string // values that boxes, radios and lists offer
}

// open reads an address of the house and follows where it leads.
func (b *browser) open(path string) *shown {
	b.t.Helper()
	return b.follow(b.do(http.MethodGet, b.h.URL+path, nil))
}

// A reply is one answer, read to its end.
type reply struct {
	StatusCode int
	Header     http.Header
	body       string
	url        *url.URL
}

// do sends one request as a browser does from a page of ours. A page that
// sends no referrer sends no origin either (Fetch, 3.2).
func (b *browser) do(method, address string, values url.Values, header ...string) *reply {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, address, strings.NewReader(values.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", "null")
	}
	if b.accept != "" {
		req.Header.Set("Accept-Language", b.accept)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return &reply{res.StatusCode, res.Header, string(body), req.URL}
}

func (b *browser) follow(res *reply) *shown {
	b.t.Helper()
	for range 10 {
		to := res.Header.Get("Location")
		if to == "" {
			return b.show(res)
		}
		if res.StatusCode != http.StatusFound && res.StatusCode != http.StatusSeeOther {
			b.t.Fatalf("%s redirects with %d: a form would be posted on", res.url.Path, res.StatusCode)
		}
		next, err := res.url.Parse(to)
		if err != nil {
			b.t.Fatal(err)
		}
		if !strings.HasPrefix(next.String(), b.h.URL+"/") {
			return &shown{b: b, status: res.StatusCode, header: res.Header, away: next.String()}
		}
		res = b.do(http.MethodGet, next.String(), nil)
	}
	b.t.Fatalf("%s redirects for ever", res.url)
	return nil
}

func (b *browser) show(res *reply) *shown {
	b.t.Helper()
	s := &shown{b: b, status: res.StatusCode, header: res.Header, url: res.url.RequestURI(), html: res.body}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
		s.parse()
	}
	return s
}

// parse reads the forms and the text of the page.
func (s *shown) parse() {
	d := xml.NewDecoder(strings.NewReader(s.html))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var now *form
	var list string
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			s.text = strings.Join(strings.Fields(s.text), " ")
			return
		}
		if err != nil {
			s.b.t.Fatalf("%s is no page: %v", s.url, err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			a := attributes(tok)
			switch {
			case tok.Name.Local == "form":
				now = &form{page: s, id: a["id"], method: a["method"], action: a["action"], fields: url.Values{}, choices: map[string][]string{}}
				s.forms = append(s.forms, now)
			case now != nil && tok.Name.Local == "input":
				now.add(a)
			case now != nil && tok.Name.Local == "select":
				list = a["name"]
			case now != nil && tok.Name.Local == "option":
				now.choices[list] = append(now.choices[list], a["value"])
				if _, selected := a["selected"]; selected {
					now.fields.Set(list, a["value"])
				}
			}
		case xml.EndElement:
			if tok.Name.Local == "form" {
				now = nil
			}
		case xml.CharData:
			s.text += string(tok)
		}
	}
}

func attributes(e xml.StartElement) map[string]string {
	a := map[string]string{}
	for _, one := range e.Attr {
		a[one.Name.Local] = one.Value
	}
	return a
}

func (f *form) add(a map[string]string) {
	name := a["name"]
	if kind := a["type"]; kind == "checkbox" || kind == "radio" {
		f.choices[name] = append(f.choices[name], a["value"])
		if _, checked := a["checked"]; !checked {
			return
		}
	}
	f.fields.Add(name, a["value"])
}

// form returns the form that posts to an address.
func (s *shown) form(action string) *form {
	s.b.t.Helper()
	i := slices.IndexFunc(s.forms, func(f *form) bool { return f.action == action && f.method == "post" })
	if i < 0 {
		s.b.t.Fatalf("%s (%d) has no form that posts to %s:\n%s", s.url, s.status, action, s.text)
	}
	return s.forms[i]
}

// fill types into an input, or chooses.
func (f *form) fill(pairs ...string) *form {
	for i := 0; i+1 < len(pairs); i += 2 {
		f.fields.Set(pairs[i], pairs[i+1])
	}
	return f
}

// post clicks the button that sends the form; pairs are what the button adds.
func (f *form) post(pairs ...string) *shown {
	f.page.b.t.Helper()
	return f.page.b.follow(f.raw(pairs...))
}

// raw clicks and follows nothing.
func (f *form) raw(pairs ...string) *reply {
	f.page.b.t.Helper()
	values := url.Values{}
	for name, all := range f.fields {
		values[name] = slices.Clone(all)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return f.page.b.do(http.MethodPost, f.page.b.h.URL+f.action, values)
}

// signIn signs somebody in and returns the page that follows.
func (b *browser) signIn(email string) *shown {
	b.t.Helper()
	return b.open("/panel/login?prompt=login").form("/panel/login").fill("email", email, "password", password).post()
}

// cookie returns the value of a cookie that the browser holds.
func (b *browser) cookie(name string) string {
	at, err := url.Parse(b.h.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(at) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}
