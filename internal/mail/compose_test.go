package mail

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

const issuer = "https://tokens.example.com"

func newWriterFor(tb testing.TB) *writer {
	tb.Helper()
	w, err := newWriter(mail.Address{Name: "Ficha", Address: "ficha@example.test"}, issuer)
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

// filled returns a letter of a kind with a value in each blank.
func filled(kind token.LetterKind) token.Letter {
	l := token.Letter{ID: 1 << 40, To: "u1", Kind: kind, Data: map[string]string{}, Workspace: "ws1", At: 1_795_000_000_000}
	for _, name := range kind.Blanks() {
		l.Data[name] = "<" + name + "> & value"
		if strings.HasSuffix(name, "_at") {
			l.Data[name] = "1795348800000" // 2026-11-22 12:00
		}
	}
	return l
}

// parts is a letter as a mail program reads it.
type parts struct {
	header     mail.Header
	subject    string
	text, html string
	raw        string
}

func read(tb testing.TB, w *writer, l token.Letter, to reader) parts {
	tb.Helper()
	m, err := w.compose(l, to)
	if err != nil {
		tb.Fatal(err)
	}
	var raw strings.Builder
	if _, err := m.WriteTo(&raw); err != nil {
		tb.Fatal(err)
	}
	got, err := mail.ReadMessage(strings.NewReader(raw.String()))
	if err != nil {
		tb.Fatal(err)
	}
	p := parts{header: got.Header, raw: raw.String()}
	if p.subject, err = new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject")); err != nil {
		tb.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		tb.Fatalf("%s: %v", kind, err)
	}
	body := multipart.NewReader(got.Body, params["boundary"])
	p.text, p.html = part(tb, body, "text/plain"), part(tb, body, "text/html")
	return p
}

func part(tb testing.TB, body *multipart.Reader, want string) string {
	tb.Helper()
	p, err := body.NextRawPart()
	if err != nil {
		tb.Fatal(err)
	}
	if kind := p.Header.Get("Content-Type"); !strings.HasPrefix(kind, want+"; charset=UTF-8") || p.Header.Get("Content-Transfer-Encoding") != "quoted-printable" {
		tb.Fatalf("a part is %s, want %s", kind, want)
	}
	text, err := io.ReadAll(quotedprintable.NewReader(p))
	if err != nil {
		tb.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

func TestEveryKindIsWrittenInEveryLanguage(t *testing.T) {
	w := newWriterFor(t)
	subjects := map[string]string{}
	for _, kind := range token.LetterKinds() {
		for _, lang := range languages() {
			name := fmt.Sprintf("%s in %s", kind, lang)
			p := read(t, w, filled(kind), reader{address: "ana@example.com", name: "Ana <b>", locale: lang, workspace: "Acme & Co"})
			if other := subjects[lang+p.subject]; other != "" {
				t.Errorf("%s has the subject of %s: %s", name, other, p.subject)
			}
			subjects[lang+p.subject] = name
			if at, err := p.header.Date(); err != nil || at.UnixMilli() != filled(kind).At {
				t.Errorf("%s: its date is %v, %v; want that of the deed", name, at, err)
			}
			if strings.ContainsAny(p.subject, "\r\n") || len([]rune(p.subject)) > 120 {
				t.Errorf("%s: subject %q", name, p.subject)
			}
			if err := soundHTML(p.html); err != nil {
				t.Errorf("%s: %v in\n%s", name, err, p.html)
			}
			if !strings.Contains(p.html, `<html lang="`+lang+`"`) || !strings.Contains(p.html, "Ana &lt;b&gt;") || !strings.Contains(p.text, "Ana <b>") {
				t.Errorf("%s: not said to its reader in their language:\n%s", name, p.html)
			}
			for _, said := range []string{p.text, p.html} {
				if strings.Count(said, "://") != 1 || strings.Count(said, issuer+"/panel/") != 1 {
					t.Errorf("%s has not one link, to us:\n%s", name, said)
				}
				if strings.Contains(said, "<no value>") || strings.Contains(said, "{{") {
					t.Errorf("%s has a blank left:\n%s", name, said)
				}
			}
			for name, value := range filled(kind).Data {
				if !strings.Contains(p.text, shown(name, value)) {
					t.Errorf("%s does not say %s:\n%s", kind, name, p.text)
				}
			}
		}
	}
}

// soundHTML reads a page strictly: every element that needs an end has one, in
// order, and nothing in it asks for anything of others.
func soundHTML(page string) error {
	if !strings.HasPrefix(page, "<!doctype html>\n") {
		return fmt.Errorf("no doctype")
	}
	var opened []string
	tag := regexp.MustCompile(`<(/?)([a-z]+)((?: [a-z-]+="[^"<>]*")*)>`)
	body := strings.TrimPrefix(page, "<!doctype html>")
	for _, m := range tag.FindAllStringSubmatch(body, -1) {
		switch {
		case m[2] == "meta":
		case slices.Contains([]string{"img", "script", "link", "iframe", "style", "form"}, m[2]):
			return fmt.Errorf("<%s> in a letter", m[2])
		case m[1] == "":
			opened = append(opened, m[2])
		case len(opened) == 0 || opened[len(opened)-1] != m[2]:
			return fmt.Errorf("</%s> closes %v", m[2], opened)
		default:
			opened = opened[:len(opened)-1]
		}
	}
	if left := tag.ReplaceAllString(body, ""); strings.ContainsAny(left, "<>") || len(opened) > 0 {
		return fmt.Errorf("left open: %v, or no tag: %q", opened, left)
	}
	return nil
}

func TestCataloguesHaveNoMissingAndNoUnusedKey(t *testing.T) {
	want := []string{"hello", "hello.nobody", "somebody", "open", "footer", "fact.workspace", "password_reset.open", "invitation.open"}
	for _, kind := range token.LetterKinds() {
		want = append(want, string(kind)+".subject", string(kind)+".what", string(kind)+".do")
		for _, name := range kind.Blanks() {
			want = append(want, "fact."+name)
		}
	}
	slices.Sort(want)
	want = slices.Compact(want)
	blank := regexp.MustCompile(`\{\{\.\w+\}\}`)
	sentences := map[string]map[string]string{}
	for _, lang := range languages() {
		text, err := catalogues.ReadFile("catalogue/" + lang + ".json")
		if err != nil {
			t.Fatal(err)
		}
		of := map[string]string{}
		if err := json.Unmarshal(text, &of); err != nil {
			t.Fatal(err)
		}
		sentences[lang] = of
		if have := slices.Sorted(maps.Keys(of)); !slices.Equal(have, want) {
			t.Errorf("%s has the keys\n%v, want\n%v", lang, have, want)
		}
		same := 0
		for key, sentence := range of {
			got, want := blank.FindAllString(sentence, -1), blank.FindAllString(sentences["en"][key], -1)
			slices.Sort(got)
			slices.Sort(want)
			if strings.TrimSpace(sentence) == "" || !slices.Equal(got, want) {
				t.Errorf("%s: %s has the blanks %v, English %v", lang, key, got, want)
			}
			if sentence == sentences["en"][key] {
				same++
			}
		}
		if lang != "en" && same > 0 {
			t.Errorf("%s: %d sentences are the English ones", lang, same)
		}
	}
}

func TestLetterFitsItsReader(t *testing.T) {
	w := newWriterFor(t)
	for locale, want := range map[string]string{"": "en", "fr": "en", "nonsense!": "en", "en-GB": "en", "es-MX": "es", "pt": "pt-BR", "pt-PT": "pt-BR", "de-AT": "de"} {
		if p := read(t, w, filled(token.LetterTokenExpired), reader{address: "ana@example.com", locale: locale}); p.header.Get("Content-Language") != want {
			t.Errorf("%q is written to in %s, want %s", locale, p.header.Get("Content-Language"), want)
		}
	}
	l := token.Letter{ID: 1 << 40, Address: "ana@example.com", Kind: token.LetterApprovalGiven, Data: map[string]string{"token": "0001", "name": "", "by": ""}}
	p := read(t, w, l, reader{address: "ana@example.com"})
	if !strings.HasPrefix(p.text, "Hello,\n") || !strings.Contains(p.text, "Somebody approved the token “0001”") || strings.Contains(p.text, "By:") {
		t.Errorf("with little known:\n%s", p.text)
	}
}

func TestNamesAreOneShortLine(t *testing.T) {
	for name, want := range map[string]string{
		"two\r\n lines": "two lines", "a\x00b\x1bc": "abc", "Bank\u202egnp.exe": "Bankgnp.exe", "in\u200bvisible": "invisible", "\xffx": "x",
		"=?utf-8?q?x?=": "= ?utf-8?q?x?=", "http://x": "http x", "://x://": "x", "x ://y": "x y", "Zoë 👩\u200d🚀": "Zoë 👩\u200d🚀", strings.Repeat("ü", 121): strings.Repeat("ü", 120) + "…",
	} {
		if got := plain(name); got != want {
			t.Errorf("plain(%q) = %q, want %q", name, got, want)
		}
	}
}

// hostile are names that people give things to reach where names do not belong.
var hostile = []string{
	"x\r\nBcc: eve@example.com", "x\nBcc: eve@example.com\n\nGood day", "Bcc: eve@example.com", "x\r\n\r\n<h1>hi</h1>", "x\x00y", "x\u2028Bcc: eve@example.com",
	"=?utf-8?q?=0D=0ABcc:_eve@example.com?=", "Bank\u202egnp.exe", strings.Repeat("w", 5000), strings.Repeat("ü ", 3000), "日本語のトークン", "Zoë 👩\u200d🚀",
	`","eve@example.com`, "<eve@example.com>", "https://evil.example/?a=b", "://0", "\xff\xfe", "   ", "{{.site}}", "--boundary\r\n", ".",
}

func TestNamesDoNotReachTheHeader(t *testing.T) {
	w := newWriterFor(t)
	for _, name := range hostile {
		checkHostile(t, w, name)
	}
}

func FuzzHeaderValues(f *testing.F) {
	for _, name := range hostile {
		f.Add(name)
	}
	w := newWriterFor(f)
	f.Fuzz(func(t *testing.T, name string) { checkHostile(t, w, name) })
}

// checkHostile writes a letter whose every word is hostile and reads it as a
// mail program would.
func checkHostile(t *testing.T, w *writer, name string) {
	t.Helper()
	l := filled(token.LetterInstallRequest)
	l.Data["app"], l.Data["by"], l.Workspace = name, name, name
	p := read(t, w, l, reader{address: "ana@example.com", name: name, locale: name, workspace: name})
	have := slices.Sorted(maps.Keys(p.header))
	want := []string{"Auto-Submitted", "Content-Language", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To"}
	if !slices.Equal(have, want) {
		t.Errorf("%q: header %v, want %v", name, have, want)
	}
	for key, values := range p.header {
		if len(values) != 1 || strings.ContainsAny(values[0], "\r\n") {
			t.Errorf("%q: %s is %q", name, key, values)
		}
	}
	if to, err := p.header.AddressList("To"); err != nil || len(to) != 1 || to[0].Address != "ana@example.com" {
		t.Errorf("%q: to %v, %v", name, to, err)
	}
	by, app := plain(name), plain(name)
	if by == "" {
		by = "Somebody"
		for _, lang := range languages() {
			if s, _ := w.words[lang].say("somebody", nil); strings.HasPrefix(p.subject, s) {
				by = s
			}
		}
	}
	if !strings.HasPrefix(p.subject, by) || !strings.Contains(strings.TrimPrefix(p.subject, by), app) {
		t.Errorf("%q: subject %q", name, p.subject)
	}
	for line := range strings.Lines(p.raw) {
		if len(line) > 998 || !strings.HasSuffix(line, "\r\n") {
			t.Errorf("%q: a line of %d bytes: RFC 5322, 2.1.1", name, len(line))
		}
	}
	if err := soundHTML(p.html); err != nil || strings.Count(p.text, "://") != 1 {
		t.Errorf("%q: %v\n%s", name, err, p.text)
	}
}

func TestAddressIsOneMailbox(t *testing.T) {
	w := newWriterFor(t)
	for _, address := range []string{
		"", "ana", "ana@example.com, eve@example.com", "ana@example.com\r\nBcc: eve@example.com", "Ana <ana@example.com>", "ana@example.com\nDATA",
		"<ana@example.com>", "ana@example.com eve@example.com", "\"ana\r\n\"@example.com",
	} {
		if _, err := w.compose(filled(token.LetterTokenExpired), reader{address: address}); err == nil {
			t.Errorf("a letter to %q was written", address)
		}
	}
}
