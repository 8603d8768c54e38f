package mail

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	html "html/template"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	text "text/template"
	"time"

	gomail "github.com/wneessen/go-mail"
	"golang.org/x/text/language"

	"github.com/fichadev/ficha/internal/token"
)

//go:embed templates
var templates embed.FS

// A writer writes letters. It never changes, so many may use it at once.
type writer struct {
	from    mail.Address
	issuer  string
	site    string // the issuer's host: where people are
	matcher language.Matcher
	words   map[string]words
	html    *html.Template
	text    *text.Template
}

func newWriter(from mail.Address, issuer string) (*writer, error) {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("issuer %q is no base URL", issuer)
	}
	w := &writer{from: from, issuer: issuer, site: u.Host, matcher: newMatcher(), words: map[string]words{}}
	for _, lang := range languages() {
		if w.words[lang], err = loadWords(lang); err != nil {
			return nil, err
		}
	}
	if w.html, err = html.ParseFS(templates, "templates/letter.html"); err != nil {
		return nil, err
	}
	w.text, err = text.ParseFS(templates, "templates/letter.txt")
	return w, err
}

// A reader is for whom a letter is.
type reader struct {
	address   string
	name      string // empty: unknown
	locale    string
	workspace string // the name of the letter's; empty: of none
	link      string // the path that this letter alone leads to; empty: the pages
}

// sheet is what the templates see.
type sheet struct {
	Lang, Subject, Hello, What, Do string
	Facts                          []fact
	Open, Link, Footer             string
}

type fact struct{ Label, Value string }

// compose writes a letter. But for a link that is a secret it is the same letter
// however often it is written: mail programs know one by its Message-ID.
func (w *writer) compose(l token.Letter, to reader) (*gomail.Msg, error) {
	address, err := bare(to.address)
	if err != nil {
		return nil, err
	}
	s, err := w.sheet(l, to)
	if err != nil {
		return nil, fmt.Errorf("write a letter: %w", err)
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	from := w.from
	m.FromMailAddress(&from)
	m.ToMailAddress(address)
	m.Subject(s.Subject)
	m.SetMessageIDWithValue(l.ID.String() + from.Address[strings.LastIndexByte(from.Address, '@'):])
	m.SetDateWithValue(time.UnixMilli(l.At).UTC())
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834, section 5: nobody's holiday answers it
	m.SetGenHeader("Content-Language", s.Lang)
	if err := m.SetBodyTextTemplate(w.text, s); err != nil {
		return nil, fmt.Errorf("write a letter: %w", err)
	}
	if err := m.AddAlternativeHTMLTemplate(w.html, s); err != nil {
		return nil, fmt.Errorf("write a letter: %w", err)
	}
	return m, nil
}

// bare reads an address that is one mailbox and nothing else.
func bare(address string) (*mail.Address, error) {
	a, err := mail.ParseAddress(address)
	if err != nil || a.Address != address {
		return nil, errors.New("there is no e-mail address to send it to")
	}
	return a, nil
}

// sheet says a letter in the language of its reader.
func (w *writer) sheet(l token.Letter, to reader) (s sheet, err error) {
	_, index := language.MatchStrings(w.matcher, to.locale)
	s.Lang = languages()[index]
	say := w.words[s.Lang]
	blanks := w.blanks(l, to, say)
	hello := "hello"
	if blanks["person"] == "" {
		hello = "hello.nobody"
	}
	open := "open"
	if to.link != "" {
		open = string(l.Kind) + ".open"
	}
	for key, into := range map[string]*string{
		string(l.Kind) + ".subject": &s.Subject, string(l.Kind) + ".what": &s.What, string(l.Kind) + ".do": &s.Do,
		hello: &s.Hello, open: &s.Open, "footer": &s.Footer,
	} {
		if *into, err = say.say(key, blanks); err != nil {
			return s, err
		}
	}
	s.Link = w.issuer + cmp.Or(to.link, "/panel/")
	s.Facts, err = facts(l, to, say)
	return s, err
}

// blanks returns what a kind's sentences may say, each with words in it.
func (w *writer) blanks(l token.Letter, to reader, say words) map[string]string {
	blanks := map[string]string{"site": w.site, "person": plain(to.name), "workspace": plain(cmp.Or(to.workspace, l.Workspace, w.site))}
	for _, name := range l.Kind.Blanks() {
		blanks[name] = shown(name, l.Data[name])
	}
	if blanks["name"] == "" {
		blanks["name"] = cmp.Or(blanks["last_four"], blanks["token"])
	}
	if blanks["by"] == "" {
		blanks["by"], _ = say.say("somebody", nil) // a test knows that it is there
	}
	return blanks
}

// shown returns a value as people read it.
func shown(name, value string) string {
	if ms, err := strconv.ParseInt(value, 10, 64); err == nil && strings.HasSuffix(name, "_at") {
		return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04 UTC")
	}
	if name == "tokens" {
		names := strings.Split(value, "\n")
		for i := range names {
			names[i] = plain(names[i])
		}
		return strings.Join(names, ", ")
	}
	return plain(value)
}

// facts lists what a letter knows, in the order of its kind.
func facts(l token.Letter, to reader, say words) ([]fact, error) {
	var list []fact
	add := func(name, value string) error {
		if value == "" {
			return nil
		}
		label, err := say.say("fact."+name, nil)
		list = append(list, fact{label, value})
		return err
	}
	if err := add("workspace", plain(cmp.Or(to.workspace, l.Workspace))); err != nil {
		return nil, err
	}
	for _, name := range l.Kind.Blanks() {
		if err := add(name, shown(name, l.Data[name])); err != nil {
			return nil, err
		}
	}
	return list, nil
}
