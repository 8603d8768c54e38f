package pages

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed catalogue/*.json
var catalogues embed.FS

// words says the catalogue's sentences in one language.
type words struct {
	localizer func() (*i18n.Localizer, error)
}

// newWords returns the words of every language. The catalogues are read when
// the first sentence is asked for: they take 3 MB, and a server that nobody
// visits needs none.
func newWords() map[Lang]words {
	catalogue := sync.OnceValues(readCatalogues)
	all := make(map[Lang]words)
	for _, lang := range Languages() {
		all[lang] = words{sync.OnceValues(func() (*i18n.Localizer, error) {
			bundle, err := catalogue()
			if err != nil {
				return nil, err
			}
			return i18n.NewLocalizer(bundle, string(lang)), nil
		})}
	}
	return all
}

func readCatalogues() (*i18n.Bundle, error) {
	bundle := i18n.NewBundle(language.English)
	files, err := fs.Glob(catalogues, "catalogue/*.json")
	if err != nil {
		return nil, fmt.Errorf("list catalogues: %w", err)
	}
	for _, file := range files { // en.json, shell.en.json: the language is what stands before the ending
		if _, err := bundle.LoadMessageFileFS(catalogues, file); err != nil {
			return nil, fmt.Errorf("read catalogue %s: %w", file, err)
		}
	}
	return bundle, nil
}

func (w words) localize(c *i18n.LocalizeConfig) (string, error) {
	l, err := w.localizer()
	if err != nil {
		return "", err
	}
	text, err := l.Localize(c)
	if err != nil {
		return "", fmt.Errorf("sentence %s: %w", c.MessageID, err)
	}
	return text, nil
}

// say returns the sentence of a key with its blanks filled from pairs of name
// and value. It fails on a key that no catalogue has and on an odd pair.
func (w words) say(key string, pairs ...any) (string, error) {
	if len(pairs)%2 != 0 {
		return "", fmt.Errorf("sentence %s: a blank without its value", key)
	}
	blanks := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		value := pairs[i+1]
		if text, ok := value.(string); ok {
			value = plain(text)
		}
		blanks[fmt.Sprint(pairs[i])] = value
	}
	return w.localize(&i18n.LocalizeConfig{MessageID: key, TemplateData: blanks})
}

// duration says a length of time in its largest whole unit: 90 minutes stay
// minutes, 24 hours are a day. Under a minute it is one minute.
func (w words) duration(d time.Duration) (string, error) {
	key, count := "duration.minutes", max(1, int(d/time.Minute))
	switch {
	case d >= 24*time.Hour && d%(24*time.Hour) == 0:
		key, count = "duration.days", int(d/(24*time.Hour))
	case d >= time.Hour && d%time.Hour == 0:
		key, count = "duration.hours", int(d/time.Hour)
	}
	return w.count(key, count)
}

// count returns the sentence of a key that has a plural for a number.
func (w words) count(key string, n int) (string, error) {
	return w.localize(&i18n.LocalizeConfig{MessageID: key, PluralCount: n})
}

// A speaker says many sentences and keeps the first fault.
type speaker struct {
	words
	err error
}

func (p *speaker) say(key string, pairs ...any) string {
	text, err := p.words.say(key, pairs...)
	if p.err == nil {
		p.err = err
	}
	return text
}

func (p *speaker) count(key string, n int) string {
	text, err := p.words.count(key, n)
	if p.err == nil {
		p.err = err
	}
	return text
}

// plain drops from a supplied name what could make a sentence read otherwise
// than it is written: control characters and marks that turn the direction of
// text. Joiners stay, because some scripts are misspelt without them.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\u202f': // within our own numbers, where no line may end
			return r
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u200b', r == '\ufeff':
			return -1
		}
		return r
	}, name)
}

// soft is plain with the places at which a line may end in an e-mail address, a
// scope or an id: without them one that is too long for its column breaks
// anywhere.
func soft(text string) template.HTML {
	text = template.HTMLEscapeString(plain(text))
	if strings.Contains(text, "@") || !strings.Contains(text, " ") {
		text = strings.NewReplacer("@", "@<wbr>", ".", ".<wbr>", "_", "_<wbr>", ":", ":<wbr>", "/", "/<wbr>").Replace(text)
	}
	return template.HTML(text) //nolint:gosec // escaped above; an escape holds none of these marks
}
