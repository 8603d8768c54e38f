package pages

import (
	"net/url"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// A Lang is one of the languages that the pages are written in, as a BCP 47 tag.
type Lang string

// The languages. English is what everybody gets whom none of them fits.
const (
	English    Lang = "en"
	Spanish    Lang = "es"
	Portuguese Lang = "pt-BR"
	German     Lang = "de"
)

// Languages lists what the pages are written in, the default first.
func Languages() []Lang { return []Lang{English, Spanish, Portuguese, German} }

// Name returns the language's name in itself, for those who read no other.
func (l Lang) Name() string {
	switch l {
	case Spanish:
		return "Español"
	case Portuguese:
		return "Português"
	case German:
		return "Deutsch"
	}
	return "English"
}

// known keeps a language that has pages and turns any other into English.
func known(lang Lang) Lang {
	if slices.Contains(Languages(), lang) {
		return lang
	}
	return English
}

func newMatcher() language.Matcher {
	var tags []language.Tag
	for _, lang := range Languages() {
		tags = append(tags, language.MustParse(string(lang)))
	}
	return language.NewMatcher(tags)
}

// Language picks the pages' language: what the person chose (a cookie or a
// query value) if there are pages in it, else the best match for the
// Accept-Language header, else English. It takes any text and never fails.
func (s *Set) Language(acceptLanguage, chosen string) Lang {
	if slices.Contains(Languages(), Lang(chosen)) {
		return Lang(chosen)
	}
	if len(acceptLanguage) > 1024 { // no browser sends that much
		return English
	}
	wanted, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil {
		return English
	}
	_, index, _ := s.matcher.Match(wanted...)
	return Languages()[index]
}

// languageLink leads to the same page in another language.
type languageLink struct {
	Lang    Lang
	Name    string
	Href    string
	Current bool
}

// languageLinks leads back to here once for every language. Here is a path of
// ours with its query; for anything else there are no links.
func languageLinks(current Lang, here string) []languageLink {
	at, err := url.Parse(here)
	if err != nil || at.IsAbs() || at.Host != "" || !strings.HasPrefix(at.Path, "/panel/") {
		return nil
	}
	var links []languageLink
	for _, lang := range Languages() {
		query := at.Query()
		query.Set("lang", string(lang))
		href := url.URL{Path: at.Path, RawQuery: query.Encode()}
		links = append(links, languageLink{lang, lang.Name(), href.String(), lang == current})
	}
	return links
}
