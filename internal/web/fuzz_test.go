package web

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fichadev/ficha/internal/token"
)

// FuzzBasic: whatever is accepted is clean text, there are two readings at most,
// and writing the first again reads the same.
func FuzzBasic(f *testing.F) {
	f.Add("Y2xpZW50OnNlY3JldA==")
	f.Add("YTpxODN2KzhiL2NcJWE1") // a secret with + and %
	f.Fuzz(func(t *testing.T, encoded string) {
		id, secret := parseBasic(encoded)
		if len(secret) == 0 {
			return
		}
		if len(secret) > 2 || checkValue("id", id) != nil {
			t.Errorf("%q gives %q %q", encoded, id, secret)
		}
		for _, reading := range secret {
			if checkValue("secret", reading) != nil {
				t.Errorf("%q gives unclean %q", encoded, reading)
			}
		}
		again := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id) + ":" + url.QueryEscape(secret[0])))
		if id2, secret2 := parseBasic(again); id2 != id || len(secret2) == 0 || secret2[0] != secret[0] {
			t.Errorf("%q reads as %q %q, again as %q %q", encoded, id, secret, id2, secret2)
		}
	})
}

// FuzzBearer: a token is visible ASCII and stood in a header; the two headers
// never disagree.
func FuzzBearer(f *testing.F) {
	f.Add("Bearer abc", "")
	f.Add("Bearer abc", "abc")
	f.Add("", "abc")
	f.Fuzz(func(t *testing.T, authorization, plain string) {
		c := &Call{Request: &http.Request{Header: http.Header{"Authorization": {authorization}, "Accesstoken": {plain}}}}
		secret, err := c.Bearer()
		if err != nil {
			if token.AsRefusal(err) == nil || secret != "" {
				t.Errorf("%q %q: %q and %v, want a refusal alone", authorization, plain, secret, err)
			}
			return
		}
		if secret == "" || !visible(secret) || !strings.Contains(authorization, secret) && plain != secret {
			t.Errorf("%q %q gives %q", authorization, plain, secret)
		}
		if named, _ := cutScheme(authorization, "bearer"); named != "" && plain != "" && named != plain {
			t.Errorf("%q %q differ and give %q", authorization, plain, secret)
		}
	})
}

// FuzzForm: what is accepted is what net/url reads, each name once, all clean.
func FuzzForm(f *testing.F) {
	f.Add("grant_type=client_credentials&scope=a+b")
	f.Add("a=1&a=2")
	f.Fuzz(func(t *testing.T, text string) {
		form, err := parseForm(text, []string{"resource"}, maxParameters)
		if err != nil {
			if token.AsRefusal(err) == nil {
				t.Errorf("%q: %v is no refusal", text, err)
			}
			return
		}
		if strings.Contains(text, ";") {
			return // net/url refuses what the URL standard reads as text
		}
		want, err := url.ParseQuery(text)
		if err != nil || len(want) != len(form.Names()) {
			t.Fatalf("%q: names %q, net/url reads %v %v", text, form.Names(), want, err)
		}
		for name, values := range want {
			if got := form.All(name); !slices.Equal(got, values) || len(got) > 1 && name != "resource" {
				t.Errorf("%q: %q is %q, net/url reads %q", text, name, got, values)
			}
			if checkValue(name, form.Get(name)) != nil {
				t.Errorf("%q: unclean %q", text, form.Get(name))
			}
		}
	})
}

// FuzzJSON: the scanner agrees with a walk over the decoder's own tokens.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1,"x"]},"c":null}`))
	f.Add([]byte(`{"a":1,"A":2}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		err := scanJSON(text)
		if !json.Valid(text) || !utf8.Valid(text) || longWord(text) {
			return
		}
		if want := mayDecode(text); (err == nil) != want {
			t.Errorf("%q: the scanner says %v, the decoder's tokens %v", text, err, want)
		}
	})
}

// longWord reports whether a number may be over the limit: left to the scanner.
func longWord(text []byte) bool { return len(text) > maxWord && bytes.ContainsAny(text, "0123456789") }

// mayDecode is the scanner's rule, told by encoding/json.
func mayDecode(text []byte) bool {
	type open struct {
		object  bool
		names   []string
		atValue bool // the last token was a name
	}
	var stack []open
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	for {
		tok, err := dec.Token()
		if err != nil {
			return !bytes.Contains(bytes.ReplaceAll(text, []byte(`\\`), nil), []byte(`\u0000`))
		}
		if n := len(stack); n > 0 && stack[n-1].object && tok != json.Delim('}') {
			top := &stack[n-1]
			if top.atValue = !top.atValue; top.atValue {
				name, _ := tok.(string) // where a key stands there is nothing else
				if slices.ContainsFunc(top.names, func(other string) bool { return strings.EqualFold(other, name) }) {
					return false
				}
				top.names = append(top.names, name)
				continue
			}
		}
		switch tok {
		case json.Delim('{'), json.Delim('['):
			stack = append(stack, open{object: tok == json.Delim('{')})
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:len(stack)-1]
		}
		if len(stack) > maxDepth {
			return false
		}
	}
}
