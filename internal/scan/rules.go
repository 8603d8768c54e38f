package scan

import (
	"fmt"
	"strings"

	"github.com/fichadev/ficha/internal/token"
)

// The languages that rules are written in.
const (
	Gitleaks   = "gitleaks"   // its configuration, TOML
	TruffleHog = "trufflehog" // its configuration of custom detectors, YAML
	Regex      = "regex"      // a name, a tab and an expression on each line
)

// A Rule lets another program find one sort of secret. It cannot look at a
// checksum; the first character of each part is as narrow as the number in it.
type Rule struct {
	Name    string // as Match.Name has it, and Ficha's before it
	Text    string // for people
	Regex   string // RE2, PCRE and Hyperscan; the secret is its first group
	Keyword string // stands in every such secret; empty: nothing does
}

// Of a number of 64 bits in base62, and of one of 32.
const (
	wide   = `[0-9A-L][0-9A-Za-z]{10}`
	narrow = `[0-4][0-9A-Za-z]{5}`

	body = wide + wide + wide + narrow + narrow
	end  = `(?:[^0-9A-Za-z]|$)`
)

// Rules returns the rules for a server whose opaque secrets have a prefix, such
// as fch_sandbox_.
func Rules(format *token.Format) []Rule {
	var rules []Rule
	for _, kind := range token.SecretKinds() {
		prefix := format.Prefix(kind)
		rules = append(rules, Rule{
			Name: "ficha_" + nameOf(token.Opaque, kind), Text: "Ficha: " + strings.ReplaceAll(nameOf(token.Opaque, kind), "_", " "),
			Regex: `(` + prefix + body + `)` + end, Keyword: prefix,
		})
	}
	return append(rules,
		Rule{Name: "ficha_contentful_token", Text: "Ficha: personal token of the Contentful contract", Regex: `(` + token.ContentfulPrefix + body + `)` + end, Keyword: token.ContentfulPrefix},
		Rule{Name: "ficha_" + nameOf(token.Whsec, token.KindWebhookSecret), Text: "Ficha: secret of a webhook", Regex: `(` + token.WebhookPrefix + `[0-9A-Za-z+/]{43}=)` + end, Keyword: token.WebhookPrefix},
		Rule{Name: "ficha_" + nameOf(token.Hex, ""), Text: "Ficha: token of the Chronos contract", Regex: `(?:^|[^0-9a-f])([0-9a-f]{72})(?:[^0-9a-f]|$)`},
		Rule{
			Name: "ficha_" + nameOf(token.Signed, ""), Text: "Ficha: signed token",
			Regex: `(eyJ[0-9A-Za-z_-]+\.eyJqdGkiOi[IJ][0-9A-Za-z_-]+\.[0-9A-Za-z_-]{80,})`, Keyword: "eyJqdGkiOi",
		})
}

// Write returns rules in a language; false if there is no such language.
func Write(language string, rules []Rule) (string, bool) {
	var out strings.Builder
	switch language {
	case Gitleaks:
		out.WriteString("title = \"Secrets of Ficha, beside gitleaks's own\"\n\n[extend]\nuseDefault = true\n")
		for _, r := range rules {
			fmt.Fprintf(&out, "\n[[rules]]\nid = %q\ndescription = %q\nregex = '''%s'''\nsecretGroup = 1\n", strings.ReplaceAll(r.Name, "_", "-"), r.Text, r.Regex)
			if r.Keyword != "" {
				fmt.Fprintf(&out, "keywords = [%q]\n", strings.ToLower(r.Keyword))
			}
		}
	case TruffleHog:
		out.WriteString("detectors:\n")
		for _, r := range rules {
			fmt.Fprintf(&out, "  - name: %s\n    keywords: [%s]\n    regex:\n      secret: '%s'\n", r.Name, keywordsOf(r), r.Regex)
		}
	case Regex:
		for _, r := range rules {
			out.WriteString(r.Name + "\t" + r.Regex + "\n")
		}
	default:
		return "", false
	}
	return out.String(), true
}

// keywordsOf returns one keyword at least, which TruffleHog asks for, and beside
// which alone it looks. Of hexadecimal digits some are decimal.
func keywordsOf(r Rule) string {
	if r.Keyword == "" {
		return `"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"`
	}
	return `"` + r.Keyword + `"`
}
