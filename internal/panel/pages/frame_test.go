package pages

import (
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestHeadersForbidScriptFrameCacheAndReferrer(t *testing.T) {
	h := make(http.Header)
	SecurityHeaders(h, "", "")
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; " +
			"frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
		"X-Frame-Options":            "DENY",
		"X-Content-Type-Options":     "nosniff",
		"Referrer-Policy":            "no-referrer",
		"Cache-Control":              "no-store",
		"Cross-Origin-Opener-Policy": "same-origin",
	}
	for name, value := range want {
		if got := h.Get(name); got != value {
			t.Errorf("%s = %q, want %q", name, got, value)
		}
	}
	if h.Get("Permissions-Policy") == "" {
		t.Error("no Permissions-Policy")
	}
}

func TestOnlyTheScriptWithTheNonceOfTheAnswerRuns(t *testing.T) {
	h := make(http.Header)
	SecurityHeaders(h, "", "n0nce")
	if got := h.Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'none'; script-src 'nonce-n0nce'; style-src 'self';") {
		t.Errorf("policy %q", got)
	}
}

func TestFormMayEndWhereTheApplicationLeadsAndByNoOtherScheme(t *testing.T) {
	cases := map[string]string{
		"https://app.example/callback?x=1":  " https:",
		"http://localhost:3000/oauth":       " http:",
		"http://[::1]:8080/cb":              " http:",
		"com.example.app:/callback":         " com.example.app:",
		"HTTPS://app.example/cb":            " https:",
		"":                                  "",
		"/panel/":                           "",
		"//app.example/cb":                  "",
		"javascript:alert(1)":               "",
		"data:text/html,x":                  "",
		"https://a;script-src https://evil": "",
		"https://a;script-src":              " https:",
		"a;b:c":                             "",
	}
	for uri, want := range cases {
		if got := formTarget(uri); got != want {
			t.Errorf("formTarget(%q) = %q, want %q", uri, got, want)
		}
	}
}

func FuzzRedirectAddsNoDirective(f *testing.F) {
	f.Add("https://app.example/cb")
	f.Add("https://a;script-src *")
	f.Add("x:;\r\nSet-Cookie: a=b")
	f.Fuzz(func(t *testing.T, uri string) {
		if got := formTarget(uri); strings.ContainsAny(got, ";,'*\r\n") || strings.Count(got, " ") > 1 {
			t.Errorf("formTarget(%q) = %q", uri, got)
		}
	})
}

func TestLanguageIsChosenThenAcceptedThenEnglish(t *testing.T) {
	s := newSet(t)
	cases := []struct {
		accept, chosen string
		want           Lang
	}{
		{"", "", English},
		{"de-AT,de;q=0.9,en;q=0.8", "", German},
		{"de", "es", Spanish},
		{"de", "xx", German},
		{"de", "../../etc", German},
		{"pt-PT", "", Portuguese},
		{"pt", "", Portuguese},
		{"es-MX,es;q=0.9", "", Spanish},
		{"ja", "", English},
		{"ja, es;q=0.5", "", Spanish},
		{"en-GB,de;q=0.9", "", English},
		{"\x00;;;q=", "", English},
		{strings.Repeat("de,", 4000), "", English},
	}
	for _, c := range cases {
		if got := s.Language(c.accept, c.chosen); got != c.want {
			t.Errorf("Language(%.40q, %q) = %s, want %s", c.accept, c.chosen, got, c.want)
		}
	}
}

func TestUnknownLanguageIsRenderedInEnglish(t *testing.T) {
	s := newSet(t)
	for _, p := range samples() {
		if doc := mustParse(t, p.html(t, s, "fr")); doc.all("html")[0].attr["lang"] != "en" {
			t.Errorf("%s in French is not the English page", p.name)
		}
	}
}

func TestLanguageLinksComeBackToTheSamePage(t *testing.T) {
	links := languageLinks(German, "/panel/login?next=%2Foauth2%2Fauthorize%3Fa%3Db&lang=es")
	if len(links) != len(Languages()) {
		t.Fatalf("%d links, want %d", len(links), len(Languages()))
	}
	for i, lang := range Languages() {
		want := languageLink{lang, lang.Name(), "/panel/login?lang=" + string(lang) + "&next=%2Foauth2%2Fauthorize%3Fa%3Db", lang == German}
		if links[i] != want {
			t.Errorf("link %d = %v, want %v", i, links[i], want)
		}
	}
	for _, here := range []string{"", "https://evil.example/panel/", "//evil.example/panel/", "javascript:alert(1)", "/other", "%zz"} {
		if links := languageLinks(English, here); links != nil {
			t.Errorf("languageLinks(%q) = %v, want none", here, links)
		}
	}
}

func TestEnvironmentIsShownUnlessProduction(t *testing.T) {
	for environment, want := range map[string]bool{"": false, "production": false, "sandbox": true, "<b>": true} {
		s, err := New(Config{Issuer: "http://127.0.0.1:8080", Environment: environment})
		if err != nil {
			t.Fatal(err)
		}
		doc := mustParse(t, login("", Login{}).html(t, s, English))
		if got := with(doc.all("span"), "class", "badge") != nil; got != want {
			t.Errorf("environment %q: badge = %v, want %v", environment, got, want)
		}
		if !strings.Contains(doc.text, "127.0.0.1:8080") {
			t.Errorf("the page does not say where it is")
		}
	}
}

func TestIssuerWithoutHostIsRefused(t *testing.T) {
	for _, issuer := range []string{"", "/panel", "tokens.acme.example", "http://%zz"} {
		if _, err := New(Config{Issuer: issuer}); err == nil {
			t.Errorf("New took issuer %q", issuer)
		}
	}
}

func TestStyleLoadsNothingElse(t *testing.T) {
	path, css := newSet(t).Style()
	if !regexp.MustCompile(`^/panel/style-[0-9a-f]{16}\.css$`).MatchString(path) {
		t.Errorf("style path %q", path)
	}
	for _, bad := range []string{"url(", "@import", "@font-face", "</"} {
		if strings.Contains(string(css), bad) {
			t.Errorf("style has %q", bad)
		}
	}
}

// TestContrastsHold reads the colours out of the style sheet and holds them to
// WCAG 2.2: 4.5 for text (1.4.3), 3 for what must be seen to be used (1.4.11).
func TestContrastsHold(t *testing.T) {
	colours := palette(t)
	cases := []struct {
		front, back string
		least       float64
	}{
		{"ink", "ground", 4.5}, {"ink", "sheet", 4.5}, {"ink", "sunk", 4.5}, {"ink", "tint", 4.5},
		{"quiet", "ground", 4.5}, {"quiet", "sheet", 4.5}, {"quiet", "sunk", 4.5},
		{"accent-ink", "accent", 4.5}, {"accent-ink", "accent-deep", 4.5},
		{"accent-deep", "sheet", 4.5}, {"accent-deep", "tint", 4.5},
		{"bad", "sheet", 4.5}, {"bad", "bad-tint", 4.5}, {"warn", "sheet", 4.5}, {"warn", "warn-tint", 4.5}, {"warn", "ground", 4.5},
		{"accent-deep", "ground", 4.5},
		{"edge", "sheet", 3}, {"edge", "sunk", 3}, {"accent", "sheet", 3}, {"accent", "ground", 3}, {"accent", "sunk", 3},
	}
	for _, c := range cases {
		for scheme, name := range []string{"light", "dark"} {
			if got := contrast(colours[c.front][scheme], colours[c.back][scheme]); got < c.least {
				t.Errorf("%s: %s on %s is %.2f, want %.1f", name, c.front, c.back, got, c.least)
			}
		}
	}
}

// palette returns each named colour's luminance, light then dark.
func palette(t *testing.T) map[string][2]float64 {
	t.Helper()
	pair := regexp.MustCompile(`--([a-z-]+): light-dark\(#([0-9a-f]{6}), #([0-9a-f]{6})\)`)
	colours := make(map[string][2]float64)
	for _, m := range pair.FindAllStringSubmatch(string(stylesheet), -1) {
		colours[m[1]] = [2]float64{luminance(m[2]), luminance(m[3])}
	}
	if len(colours) < 10 {
		t.Fatalf("found only %d colours", len(colours))
	}
	return colours
}

// luminance is WCAG 2.2's relative luminance of rrggbb.
func luminance(hex string) float64 {
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, _ := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func contrast(a, b float64) float64 { return (max(a, b) + 0.05) / (min(a, b) + 0.05) }
