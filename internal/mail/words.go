package mail

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"text/template"

	"golang.org/x/text/language"

	"github.com/fichadev/ficha/internal/token"
)

//go:embed catalogue/*.json
var catalogues embed.FS

// languages lists what letters are written in. The first is for those whom none
// fits.
func languages() []string { return []string{"en", "es", "pt-BR", "de"} }

// words are the sentences of one language by key, each with blanks.
type words map[string]*template.Template

func loadWords(lang string) (words, error) {
	text, err := catalogues.ReadFile("catalogue/" + lang + ".json")
	if err != nil {
		return nil, err
	}
	var sentences map[string]string
	if err := json.Unmarshal(text, &sentences); err != nil {
		return nil, fmt.Errorf("read catalogue %s: %w", lang, err)
	}
	w := words{}
	for key, sentence := range sentences {
		if w[key], err = template.New(key).Option("missingkey=error").Parse(sentence); err != nil {
			return nil, fmt.Errorf("read catalogue %s: %w", lang, err)
		}
	}
	for _, kind := range token.LetterKinds() { // better at the start than when somebody should hear of it
		if w[string(kind)+".subject"] == nil {
			return nil, fmt.Errorf("catalogue %s has no letter %s", lang, kind)
		}
	}
	return w, nil
}

// say fills the blanks of a sentence. It fails on a key that the catalogue does
// not have and on a blank without a value.
func (w words) say(key string, blanks map[string]string) (string, error) {
	sentence := w[key]
	if sentence == nil {
		return "", fmt.Errorf("there is no sentence %s", key)
	}
	var b strings.Builder
	if err := sentence.Execute(&b, blanks); err != nil {
		return "", err
	}
	return b.String(), nil
}

func newMatcher() language.Matcher {
	var tags []language.Tag
	for _, lang := range languages() {
		tags = append(tags, language.MustParse(lang))
	}
	return language.NewMatcher(tags)
}
