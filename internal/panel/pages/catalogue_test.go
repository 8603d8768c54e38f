package pages

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// catalogue reads one language's files as they are written: a sentence, or one for
// each plural.
func catalogue(t *testing.T, lang Lang) map[string]string {
	t.Helper()
	flat := make(map[string]string)
	files, err := filepath.Glob("catalogue/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if name := filepath.Base(file); name == string(lang)+".json" || strings.HasSuffix(name, "."+string(lang)+".json") {
			flatten(t, file, flat)
		}
	}
	return flat
}

func flatten(t *testing.T, file string, flat map[string]string) {
	t.Helper()
	data, err := catalogues.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]any
	if err := json.Unmarshal(data, &raw); err != nil {
		t.Fatal(err)
	}
	for key, value := range raw {
		if _, twice := flat[key]; twice {
			t.Errorf("%s: %s is in another file too", file, key)
		}
		switch value := value.(type) {
		case string:
			flat[key] = value
		case map[string]any:
			one, _ := value["one"].(string)
			other, _ := value["other"].(string)
			flat[key] = one + other
		}
	}
}

// usedKeys finds what templates and code ask the catalogue for: every quoted
// word with a dot in it that is the name of no file.
func usedKeys(t *testing.T) map[string]bool {
	t.Helper()
	files, _ := filepath.Glob("*.go")
	pages, _ := filepath.Glob("templates/*.html")
	more, _ := filepath.Glob("templates/*/*.html")
	key := regexp.MustCompile(`"([a-z_]+(?:\.[a-z_]+)+)"`)
	used := make(map[string]bool)
	for _, file := range slices.Concat(files, pages, more) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range key.FindAllStringSubmatch(string(text), -1) {
			if !slices.Contains([]string{".html", ".css", ".js"}, filepath.Ext(found[1])) {
				used[found[1]] = true
			}
		}
	}
	return used
}

func TestCataloguesHaveNoMissingAndNoUnusedKey(t *testing.T) {
	used := usedKeys(t)
	if len(used) < 50 {
		t.Fatalf("found only %d keys in templates and code", len(used))
	}
	for _, lang := range Languages() {
		written := catalogue(t, lang)
		for key := range used {
			if written[key] == "" {
				t.Errorf("%s: %s is missing", lang, key)
			}
		}
		for key := range written {
			if !used[key] && !strings.HasPrefix(key, "event.") { // TestEveryEventIsToldInASentence looks at those
				t.Errorf("%s: %s is unused", lang, key)
			}
		}
	}
}

func TestEveryTranslationHasTheSameBlanks(t *testing.T) {
	blank := regexp.MustCompile(`\{\{\.\w+\}\}`)
	english := catalogue(t, English)
	for _, lang := range Languages()[1:] {
		for key, text := range catalogue(t, lang) {
			got, want := blank.FindAllString(text, -1), blank.FindAllString(english[key], -1)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s: %s has blanks %v, English %v", lang, key, got, want)
			}
		}
	}
}

func TestTranslationsAreNotEnglish(t *testing.T) {
	english := catalogue(t, English)
	for _, lang := range Languages()[1:] {
		same := 0
		for key, text := range catalogue(t, lang) {
			if text == english[key] {
				same++
			}
		}
		if same > 3+len(english)/40 { // "Admin", "Error 400" and the like
			t.Errorf("%s: %d sentences are the English ones", lang, same)
		}
	}
}

func TestScopeErrorsAreInHubSpotsWords(t *testing.T) {
	want := map[ProblemCode]string{
		ScopesInsufficient: "Couldn't complete the connection: Authorization failed because the provided scopes are insufficient.",
		ScopesMismatch: "Couldn't complete the connection: Authorization failed because there is a mismatch between the scopes " +
			"in the install URL and the app's configured scopes.",
	}
	s := newSet(t)
	for code, text := range want {
		doc := mustParse(t, problem("", Problem{Code: code, Status: 400}).html(t, s, English))
		if !strings.Contains(doc.text, text) {
			t.Errorf("%s says %q, want %q", code, doc.text, text)
		}
	}
}

func TestEveryProblemSaysSomethingOfItsOwn(t *testing.T) {
	s := newSet(t)
	for _, lang := range Languages() {
		said := make(map[string]ProblemCode)
		for _, code := range problems() {
			doc := mustParse(t, problem("", Problem{Code: code}).html(t, s, lang))
			text := doc.all("main")[0].text
			if other, twice := said[text]; twice {
				t.Errorf("%s: %s reads like %s", lang, code, other)
			}
			said[text] = code
		}
	}
}

func TestUnknownSentenceIsAFault(t *testing.T) {
	w := newSet(t).words[German]
	if text, err := w.say("no.such"); err == nil {
		t.Errorf("say = %q, want a fault", text)
	}
	if text, err := w.say("login.lead", "Host"); err == nil {
		t.Errorf("say with half a pair = %q, want a fault", text)
	}
}

func TestDurationIsSaidInItsLargestWholeUnit(t *testing.T) {
	s := newSet(t)
	cases := []struct {
		lang   Lang
		length time.Duration
		want   string
	}{
		{English, 0, "1 minute"},
		{English, 30 * time.Second, "1 minute"},
		{English, 30 * time.Minute, "30 minutes"},
		{English, 90 * time.Minute, "90 minutes"},
		{English, time.Hour, "1 hour"},
		{Spanish, 2 * time.Hour, "2 horas"},
		{Portuguese, 24 * time.Hour, "1 dia"},
		{Portuguese, 36 * time.Hour, "36 horas"},
		{German, 15 * 24 * time.Hour, "15 Tage"},
	}
	for _, c := range cases {
		if got, err := s.words[c.lang].duration(c.length); err != nil || got != c.want {
			t.Errorf("duration(%v) in %s = %q, %v; want %q", c.length, c.lang, got, err, c.want)
		}
	}
}

func TestMarksThatTurnTextAreDropped(t *testing.T) {
	cases := map[string]string{
		"Bank\u202egnp.exe":   "Bankgnp.exe",
		"a\x00b\u2066c\u2069": "abc",
		"two\nlines":          "two lines",
		"in\u200bvisible":     "invisible",
		"می\u200cخواهم":       "می\u200cخواهم",
		"Zoë 👩\u200d🚀":        "Zoë 👩\u200d🚀",
	}
	for name, want := range cases {
		if got := plain(name); got != want {
			t.Errorf("plain(%q) = %q, want %q", name, got, want)
		}
	}
	html := consent("", func(c *Consent) { c.App.Name = "Acme\u202eknaB" }).html(t, newSet(t), English)
	if strings.ContainsRune(html, '\u202e') {
		t.Error("a mark that turns text reached the page")
	}
}

func TestScopeTextFallsBackFromLanguageToName(t *testing.T) {
	s := newSet(t)
	described := map[string]string{"en": "Read", "pt": "Ler", "de": "Lesen"}
	cases := []struct {
		lang      Lang
		name      string
		described map[string]string
		want      string
	}{
		{German, "x:read", described, "Lesen"},
		{Portuguese, "x:read", described, "Ler"},
		{Spanish, "x:read", described, "Read"},
		{Spanish, "x:read", map[string]string{"de": "Lesen"}, "x:read"},
		{Spanish, "x:read", map[string]string{"": "Lire"}, "Lire"},
		{English, "x:read", nil, "x:read"},
		{"fr", "x:read", described, "Read"},
		{German, "email", map[string]string{"de": "Alles löschen"}, "Ihre E-Mail-Adresse sehen"},
	}
	for _, c := range cases {
		if got, err := s.ScopeText(c.lang, c.name, c.described); err != nil || got != c.want {
			t.Errorf("ScopeText(%s, %s, %v) = %q, %v; want %q", c.lang, c.name, c.described, got, err, c.want)
		}
	}
}

func TestEveryVendorScopeHasWords(t *testing.T) {
	s := newSet(t)
	seen := make(map[string]string)
	for _, scope := range everyScope() {
		text, err := s.ScopeText(English, scope.Name, nil)
		if err != nil || text == scope.Name || seen[text] != "" {
			t.Errorf("ScopeText(%s) = %q, %v; said already for %q", scope.Name, text, err, seen[text])
		}
		seen[text] = scope.Name
	}
}
