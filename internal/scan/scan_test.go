package scan

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/fichadev/ficha/internal/keys"
	"github.com/fichadev/ficha/internal/token"
)

const issuer = "https://tokens.example.test"

func formatOf(t testing.TB, environment string) *token.Format {
	t.Helper()
	f, err := token.NewFormat(environment, []byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// minted returns a real secret of every sort, by the name that a match has.
func minted(t testing.TB, environment string) map[string]string {
	t.Helper()
	f, all := formatOf(t, environment), map[string]string{}
	id := func() token.ID { return token.NewID(time.UnixMilli(1_800_000_000_000), token.Long) }
	for _, kind := range token.SecretKinds() {
		all[nameOf(token.Opaque, kind)] = f.Mint(kind, id())
	}
	all["contentful_token"] = f.MintWith(token.ContentfulPrefix, id())
	all["chronos_token"] = f.MintHex(id())
	all["webhook_secret"] = token.WebhookPrefix + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7, 250}, 16))
	all["signed_token"] = signed(id())
	return all
}

// signed returns a token as the server writes it, under a signature that nobody
// looks at here.
func signed(id token.ID) string {
	part := base64.RawURLEncoding.EncodeToString
	payload := keys.AppendPayload(nil, keys.Claims{ID: id, Issuer: issuer, Subject: "backend", Client: "backend", IssuedAt: 1, ExpiresAt: 2, Kind: token.Service})
	return part([]byte(`{"alg":"ES256","kid":"k1","typ":"at+jwt"}`)) + "." + part(payload) + "." + part(bytes.Repeat([]byte{7, 90}, 32))
}

func TestEverySortOfSecretIsFoundWhereItStands(t *testing.T) {
	for _, environment := range []string{"", "sandbox"} {
		for name, secret := range minted(t, environment) {
			for _, text := range []string{"%s", "first\n  KEY=%s\n", `{"token": "%s"}`, "https://x.example/?token=%s&a=b", "a,%s,b", "Bearer %s\r\n", "`%s`.", "x%s\\n"} {
				found := Find(fmt.Appendf(nil, text, secret), "")
				if len(found) != 1 || found[0].Secret != secret {
					t.Errorf("%s in %q: found %d", name, text, len(found))
					continue
				}
				want := name
				if name == "contentful_token" {
					want = "personal_token"
				}
				if found[0].Name() != want {
					t.Errorf("%s is called %s", name, found[0].Name())
				}
			}
		}
	}
}

func TestNearMissesAreNotFound(t *testing.T) {
	for name, secret := range minted(t, "") {
		if name == "signed_token" {
			continue // it has no checksum
		}
		half := len(secret) / 2
		for _, other := range []string{
			secret[:len(secret)-1], secret[1:], secret[:half] + "-" + secret[half:], secret[:half] + "\n" + secret[half:],
			secret[:len(secret)-5] + "1a2b3", strings.ToUpper(secret), strings.Replace(secret, "fch_", "fch_Sandbox_", 1) + "0",
		} {
			if found := Find([]byte(other), ""); len(found) != 0 && found[0].Secret != secret {
				t.Errorf("%s: found %q in a near miss", name, Show(&found[0]))
			}
		}
	}
	for _, other := range []string{
		"fch_", "fch_pat_", "fch_pat_short", strings.Repeat("fch_pat_", 50), strings.Repeat("CFPAT-", 50), "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln",
		strings.Repeat("0123456789abcdef", 40), strings.Repeat("f", 72), "sha256:" + strings.Repeat("ab", 32), strings.Repeat(".eyJqdGkiOi", 40),
	} {
		if found := Find([]byte(other), ""); len(found) != 0 {
			t.Errorf("found %q in %q", found[0].Secret, other)
		}
	}
}

func TestSignedTokensOfAnotherIssuerAreNotMeant(t *testing.T) {
	secret := minted(t, "")["signed_token"]
	for asked, want := range map[string]int{issuer: 1, "": 1, "https://other.example": 0} {
		if found := Find([]byte(secret), asked); len(found) != want {
			t.Errorf("of %q: found %d, want %d", asked, len(found), want)
		}
	}
}

// Wherever a secret lies, also across two chunks, and however the text arrives,
// it is found once, with its line.
func TestSecretIsFoundOnceAcrossChunks(t *testing.T) {
	for name, secret := range minted(t, "") {
		for _, at := range []int{0, 1, chunk - 1, chunk - 40, chunk, chunk + kept - len(secret), chunk + kept - 20, chunk + kept, 2*chunk - 7, 2*chunk + 30} {
			text := bytes.Repeat([]byte("0123456 "), at/8+1)[:at]
			lines := 1
			if at > 20 {
				text[10], text[at-1], lines = '\n', '\n', 3
			}
			text = append(append(text, secret...), bytes.Repeat([]byte(" zz\n"), chunk/3)...)
			if at == 1 {
				text[0] = '='
			}
			var found []Match
			r := Reader{}
			must(t, r.Read(iotest.HalfReader(bytes.NewReader(text)), func(m Match) { found = append(found, m) }))
			if len(found) != 1 || found[0].Secret != secret {
				t.Fatalf("%s at %d: found %d times", name, at, len(found))
			}
			column := 1
			if at > 0 && at <= 20 {
				column = at + 1
			}
			if found[0].Line != lines || found[0].Column != column {
				t.Errorf("%s at %d: line %d, column %d, want %d and %d", name, at, found[0].Line, found[0].Column, lines, column)
			}
		}
	}
}

func TestMaskedTextHoldsNoSecret(t *testing.T) {
	for name, secret := range minted(t, "sandbox") {
		text := Mask("https://host.example/" + secret + "/raw?again=" + secret)
		if strings.Contains(text, secret[len(secret)-12:]) || strings.Contains(text, secret[:30]) && name != "signed_token" {
			t.Errorf("%s is told: %s", name, text)
		}
		if !strings.Contains(text, "…"+secret[len(secret)-4:]+"/raw") {
			t.Errorf("%s: nobody knows which it was: %s", name, text)
		}
	}
}

func TestRulesMatchEverySecretAndNoNearMiss(t *testing.T) {
	for _, environment := range []string{"", "sandbox"} {
		secrets, other := minted(t, environment), minted(t, "elsewhere")
		for _, r := range Rules(formatOf(t, environment)) {
			expression := regexp.MustCompile(r.Regex)
			name := strings.TrimPrefix(r.Name, "ficha_")
			secret := secrets[name]
			for _, text := range []string{secret, "a = '" + secret + "'", "\t" + secret + "\n", "x=" + secret + ";"} {
				if got := expression.FindStringSubmatch(text); got == nil || got[1] != secret {
					t.Errorf("%s does not match its secret in %q: %q", name, text, got)
				}
			}
			if !strings.Contains(secret, r.Keyword) {
				t.Errorf("%s lacks its keyword %s", name, r.Keyword)
			}
			misses := []string{secret[:len(secret)-1], secret[1:], strings.ToUpper(secret)}
			for of, one := range secrets {
				if of != name {
					misses = append(misses, one)
				}
			}
			switch name {
			case "signed_token":
				misses = misses[1:]
			case "contentful_token":
				misses = append(slices.Delete(misses, 2, 3), secret+"0", secret[:len(secret)-6]+"zzzzzz")
			case "webhook_secret":
				misses = append(misses, secret+"0")
			case "chronos_token":
				misses = append(misses, secret+"0", "0"+secret)
			default:
				misses = append(misses, secret+"0", secret[:len(secret)-6]+"zzzzzz", other[name])
			}
			for _, miss := range misses {
				if expression.MatchString(miss) {
					t.Errorf("%s matches %q", name, miss)
				}
			}
		}
	}
}

// The fields are those that the tools' own documentation names.
func TestRulesAreWrittenInTheToolsLanguages(t *testing.T) {
	rules := Rules(formatOf(t, "sandbox"))
	text, _ := Write(TruffleHog, rules)
	var config struct {
		Detectors []struct {
			Name     string
			Keywords []string
			Regex    map[string]string
		}
	}
	decoder := yaml.NewDecoder(strings.NewReader(text))
	decoder.KnownFields(true)
	must(t, decoder.Decode(&config))
	secrets := minted(t, "sandbox")
	for i, d := range config.Detectors {
		secret := secrets[strings.TrimPrefix(d.Name, "ficha_")]
		if !slices.ContainsFunc(d.Keywords, func(k string) bool { return k != "" && strings.Contains(secret, k) }) {
			t.Errorf("trufflehog: %s stands beside none of %q", secret, d.Keywords)
		}
		if d.Name != rules[i].Name || len(d.Keywords) == 0 || d.Regex["secret"] != rules[i].Regex {
			t.Errorf("trufflehog: %+v, want %+v", d, rules[i])
		}
	}
	text, _ = Write(Gitleaks, rules)
	rule := regexp.MustCompile(`(?m)^\[\[rules\]\]\nid = "[a-z-]+"\ndescription = "[^"\\]+"\nregex = '''(.+)'''\nsecretGroup = 1\n(?:keywords = \["[^"\\]+"\]\n)?$`)
	if got := rule.FindAllStringSubmatch(text, -1); len(got) != len(rules) || len(config.Detectors) != len(rules) {
		t.Fatalf("gitleaks has %d rules, trufflehog %d, want %d:\n%s", len(got), len(config.Detectors), len(rules), text)
	} else if got[0][1] != rules[0].Regex {
		t.Errorf("gitleaks: %s", got[0][1])
	}
	if text, _ = Write(Regex, rules); strings.Count(text, "\n") != len(rules) {
		t.Errorf("regex: %s", text)
	}
	if _, ok := Write("another", rules); ok {
		t.Error("there is a language that is none")
	}
}

// BenchmarkRead reads text as source code is: words, digits, a few hex runs.
func BenchmarkRead(b *testing.B) {
	line := []byte("func (f *Face) decode(abc, facade int) { return 0xdeadbeef, \"9f86d081884c7d659a2feaa0c55ad015\", fch }\n")
	text := bytes.Repeat(line, 10<<20/len(line))
	b.SetBytes(int64(len(text)))
	r := Reader{}
	for b.Loop() {
		if err := r.Read(bytes.NewReader(text), func(Match) { b.Error("found") }); err != nil {
			b.Fatal(err)
		}
	}
}

func TestReadersErrorIsTold(t *testing.T) {
	r := Reader{}
	if err := r.Read(iotest.ErrReader(io.ErrClosedPipe), func(Match) {}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
