package pages

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/url"
	"path"
	"strings"
	"sync"

	"golang.org/x/text/language"
)

//go:embed templates
var templates embed.FS

//go:embed style.css
var stylesheet []byte

//go:embed app.js
var script []byte

// Config is what every page of one server shares.
type Config struct {
	Issuer      string // the server's public base URL; its host tells people where they are
	Environment string // shown as a badge unless empty or "production"
}

// A Set holds the pages in every language. Many may render from it at once.
type Set struct {
	host        string
	environment string
	style       string
	script      string
	matcher     language.Matcher
	words       map[Lang]words
	pages       map[Lang]map[string]parsing
}

// A parsing is one page in one language, parsed when it is first asked for:
// together they take 25 MB, and most servers are asked for few.
type parsing func() (*template.Template, error)

// New returns the pages of a server. An error means that the issuer is no URL
// with a host.
func New(cfg Config) (*Set, error) {
	issuer, err := url.Parse(cfg.Issuer)
	if err != nil || issuer.Host == "" {
		return nil, fmt.Errorf("issuer %q is not an absolute URL: set it to the server's public base URL", cfg.Issuer)
	}
	s := &Set{
		host: issuer.Host, environment: badge(cfg.Environment), matcher: newMatcher(),
		words: newWords(),
		style: assetPath("style", ".css", stylesheet), script: assetPath("app", ".js", script),
	}
	s.pages = make(map[Lang]map[string]parsing)
	for _, lang := range Languages() {
		if s.pages[lang], err = listPages(s.words[lang]); err != nil {
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

// assetPath names a file by its content, so that it may be cached for ever and
// never be stale.
func assetPath(name, ext string, content []byte) string {
	sum := sha256.Sum256(content)
	return "/panel/" + name + "-" + hex.EncodeToString(sum[:8]) + ext
}

// Style returns the style sheet and the path that every page loads it from.
// The path changes with the content: serve it as text/css and immutable. The
// bytes are shared, do not write to them.
func (s *Set) Style() (path string, css []byte) { return s.style, stylesheet }

// Script returns the script and the path that pages load it from, as Style
// does: serve it as text/javascript and immutable.
func (s *Set) Script() (path string, js []byte) { return s.script, script }

// listPages gives each page its layout and one language's words. A page in
// templates/plain stands alone in the middle, for people who are on their way
// elsewhere; one in templates/shell has the panel around it.
func listPages(w words) (map[string]parsing, error) {
	pages := make(map[string]parsing)
	for _, layout := range []string{"plain", "shell"} {
		base := sync.OnceValues(func() (*template.Template, error) {
			return template.New(layout+".html").
				Funcs(template.FuncMap{"t": w.say, "plain": plain, "soft": soft}).
				ParseFS(templates, "templates/"+layout+".html", "templates/parts/*.html")
		})
		files, err := fs.Glob(templates, "templates/"+layout+"/*.html")
		if err != nil {
			return nil, fmt.Errorf("list pages of %s: %w", layout, err)
		}
		for _, file := range files {
			pages[strings.TrimSuffix(path.Base(file), ".html")] = sync.OnceValues(func() (*template.Template, error) {
				return parsePage(base, file)
			})
		}
	}
	return pages, nil
}

// parsePage puts a page into a copy of its layout.
func parsePage(layout parsing, file string) (*template.Template, error) {
	base, err := layout()
	if err != nil {
		return nil, err
	}
	page, err := base.Clone()
	if err != nil {
		return nil, err
	}
	return page.ParseFS(templates, file)
}

// page is what a template sees: the layout's own data and one view.
type page struct {
	Lang        Lang
	Host        string
	Environment string
	Style       string
	Script      string
	Nonce       string // empty: the page runs no script
	Links       []languageLink
	Shell       *shellView // nil on a page that stands alone
	View        any
}

// render writes a page that stands alone, in the way of draw.
func (s *Set) render(w io.Writer, lang Lang, name, here string, view any) error {
	return s.draw(w, name, page{Lang: known(lang), Links: languageLinks(known(lang), here), View: view})
}

// alone writes a page that stands alone, with a script if there is a nonce.
func (s *Set) alone(w io.Writer, lang Lang, name, here, nonce string, said *speaker, view any) error {
	if said.err != nil {
		return said.err
	}
	return s.draw(w, name, page{Lang: known(lang), Nonce: nonce, Links: languageLinks(known(lang), here), View: view})
}

// draw writes one page, or nothing: a fault half way sends no half page.
func (s *Set) draw(w io.Writer, name string, data page) error {
	data.Host, data.Environment, data.Style, data.Script = s.host, s.environment, s.style, s.script
	parsed, err := s.pages[data.Lang][name]()
	if err != nil {
		return fmt.Errorf("parse page %s: %w", name, err)
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, data); err != nil {
		return fmt.Errorf("render page %s in %s: %w", name, data.Lang, err)
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("send page %s: %w", name, err)
	}
	return nil
}
