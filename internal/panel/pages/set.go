package pages

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"net/url"

	"golang.org/x/text/language"
)

//go:embed templates/*.html
var templates embed.FS

//go:embed style.css
var stylesheet []byte

// Config is what every page of one server shares.
type Config struct {
	Issuer      string // the server's public base URL; its host tells people where they are
	Environment string // shown as a badge unless empty or "production"
}

// A Set holds the pages, parsed for every language. It never changes after
// New, so many may render from it at once.
type Set struct {
	host        string
	environment string
	style       string
	matcher     language.Matcher
	words       map[Lang]words
	pages       map[Lang]map[string]*template.Template
}

// New parses every template and catalogue once. An error means that the
// issuer is no URL with a host, or that what is embedded is broken.
func New(cfg Config) (*Set, error) {
	issuer, err := url.Parse(cfg.Issuer)
	if err != nil || issuer.Host == "" {
		return nil, fmt.Errorf("issuer %q is not an absolute URL: set it to the server's public base URL", cfg.Issuer)
	}
	s := &Set{host: issuer.Host, environment: badge(cfg.Environment), style: stylePath(), matcher: newMatcher()}
	if s.words, err = loadWords(); err != nil {
		return nil, err
	}
	s.pages = make(map[Lang]map[string]*template.Template)
	for _, lang := range Languages() {
		if s.pages[lang], err = parsePages(s.words[lang]); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// badge is the environment worth showing: production goes without saying.
func badge(environment string) string {
	if environment == "production" {
		return ""
	}
	return environment
}

// stylePath names the style sheet by its content, so that it may be cached for
// ever and never be stale.
func stylePath() string {
	sum := sha256.Sum256(stylesheet)
	return "/panel/style-" + hex.EncodeToString(sum[:8]) + ".css"
}

// Style returns the style sheet and the path that every page loads it from.
// The path changes with the content: serve it as text/css and immutable. The
// bytes are shared, do not write to them.
func (s *Set) Style() (path string, css []byte) { return s.style, stylesheet }

// parsePages gives each page the frame and one language's words.
func parsePages(w words) (map[string]*template.Template, error) {
	pages := make(map[string]*template.Template)
	for _, name := range []string{"login", "setup", "home", "consent", "needs_admin", "problem"} {
		page, err := template.New("frame.html").
			Funcs(template.FuncMap{"t": w.say, "plain": plain}).
			ParseFS(templates, "templates/frame.html", "templates/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("parse page %s: %w", name, err)
		}
		pages[name] = page
	}
	return pages, nil
}

// page is what a template sees: the frame's own data and one view.
type page struct {
	Lang        Lang
	Host        string
	Environment string
	Style       string
	Links       []languageLink
	View        any
}

// render writes one page, or nothing: a fault half way sends no half page.
func (s *Set) render(w io.Writer, lang Lang, name, here string, view any) error {
	lang = known(lang)
	data := page{
		Lang: lang, Host: s.host, Environment: s.environment, Style: s.style,
		Links: languageLinks(lang, here), View: view,
	}
	var out bytes.Buffer
	if err := s.pages[lang][name].Execute(&out, data); err != nil {
		return fmt.Errorf("render page %s in %s: %w", name, lang, err)
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("send page %s: %w", name, err)
	}
	return nil
}
