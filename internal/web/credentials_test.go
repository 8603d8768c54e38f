package web_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/web"
)

func credentialStage(t testing.TB) *stage {
	bearer := route("/bearer", func(c *web.Call) error {
		secret, err := c.Bearer()
		if err != nil {
			return err
		}
		return c.WriteRaw(200, "text/plain", []byte(secret))
	})
	bearer.Rule.Auth = web.AuthBearer
	basic := route("/basic", func(c *web.Call) error {
		id, secret, err := c.Basic()
		if err != nil {
			return err
		}
		return c.WriteJSON(200, append([]string{id}, secret...))
	})
	return newStage(t, nil, bearer, basic)
}

func TestBearerIsReadFromEitherHeader(t *testing.T) {
	s := credentialStage(t)
	for _, headers := range [][]string{
		{"Authorization: Bearer fch_acc_1"},
		{"Authorization: bearer fch_acc_1"},
		{"Authorization: BEARER   fch_acc_1 "},
		{"AccessToken: fch_acc_1"},
		{"accesstoken: fch_acc_1"},
		{"Authorization: Bearer fch_acc_1", "AccessToken: fch_acc_1"},
		{"Authorization: Basic YTpi", "AccessToken: fch_acc_1"},
	} {
		if w := s.do("GET", "/bearer", "", headers...); w.Code != 200 || w.Body.String() != "fch_acc_1" {
			t.Errorf("%q: got %d %s", headers, w.Code, w.Body)
		}
	}
}

func TestDoubtfulBearerIsRefused(t *testing.T) {
	s := credentialStage(t)
	for _, c := range []struct {
		status  int
		code    string
		headers []string
	}{
		{401, "invalid_token", nil},
		{401, "invalid_token", []string{"Authorization: Basic YTpi"}},
		{401, "invalid_token", []string{"Authorization: Bearer"}},
		{401, "invalid_token", []string{"Authorization: Bearer "}},
		{401, "invalid_token", []string{"Authorization: fch_acc_1"}},
		{401, "invalid_token", []string{"Authorization: Bearer a b"}},
		{401, "invalid_token", []string{"Authorization: Bearer \u00e9"}},
		{400, "invalid_request", []string{"Authorization: Bearer a", "AccessToken: b"}},
		{400, "invalid_request", []string{"Authorization: Bearer a", "Authorization: Bearer a"}},
		{400, "invalid_request", []string{"Authorization: Bearer a", "Authorization: Basic YTpi"}},
		{400, "invalid_request", []string{"AccessToken: a", "AccessToken: a"}},
		{400, "invalid_request", []string{"Authorization: Bearer " + strings.Repeat("a", 9000)}},
	} {
		w := s.do("GET", "/bearer?access_token=fch_acc_1", "access_token=fch_acc_1", append(c.headers, formHeader)...)
		refused(t, w, c.status, c.code)
	}
}

func basicHeader(pair string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
}

// A secret that a program sent as it is may hold what encoding gives a meaning.
func TestBasicIsReadAsItWasSentToo(t *testing.T) {
	s := credentialStage(t)
	for header, want := range map[string]string{
		basicHeader("client:secret"):                      `["client","secret"]`,
		basicHeader("a%3Ab:c%25d+e%3A"):                   `["a:b","c%d e:","c%25d+e%3A"]`,
		basicHeader("client:q83+b/c3=="):                  `["client","q83 b/c3==","q83+b/c3=="]`,
		basicHeader("50%off:100%"):                        `["50%off","100%"]`,
		basicHeader("client:"):                            `["client",""]`,
		basicHeader("client:a:b"):                         `["client","a:b"]`,
		"Authorization: basic " + basicHeader("a:b")[21:]: `["a","b"]`,
		"Authorization: Bearer token":                     `[""]`,
		"X-None: 1":                                       `[""]`,
	} {
		if w := s.do("GET", "/basic", "", header); w.Body.String() != want {
			t.Errorf("%s: got %d %s, want %s", header, w.Code, w.Body, want)
		}
	}
}

func TestMalformedBasicIsRefused(t *testing.T) {
	s := credentialStage(t)
	for _, headers := range [][]string{
		{"Authorization: Basic !!!"},
		{"Authorization: Basic "},
		{basicHeader("no colon")},
		{basicHeader("a%00:b")},
		{basicHeader("a:\xff")},
		{basicHeader("a:" + strings.Repeat("s", 4097))},
		{basicHeader("a:" + strings.Repeat("s", 9000))},
		{basicHeader("a:b"), basicHeader("a:b")},
	} {
		refused(t, s.do("GET", "/basic", "", headers...), 400, "invalid_request")
	}
}
