package panel

import (
	"net/url"
	"strings"
	"testing"
)

func TestSignInLeadsToOurOwnPagesOnly(t *testing.T) {
	for next, want := range map[string]string{
		"":                                   homePath,
		"/":                                  homePath,
		"/panel/":                            "/panel/",
		"/panel/consent?request=abc":         "/panel/consent?request=abc",
		"/oauth2/authorize?a=b&state=%2F":    "/oauth2/authorize?a=b&state=%2F",
		"/oauth/authorize?scope=a%20b":       "/oauth/authorize?scope=a%20b",
		"/oauth/62515/authorize":             "/oauth/62515/authorize",
		"/oauth2/authorize/x":                homePath,
		"/oauth2/token":                      homePath,
		"/v1/tokens":                         homePath,
		"/oauth2authorize":                   homePath,
		"//evil.example":                     homePath,
		"//evil.example/panel/":              homePath,
		"///evil.example/panel/":             homePath,
		"/\\evil.example":                    homePath,
		"/panel/\\evil.example":              homePath,
		"\\\\evil.example":                   homePath,
		"/panel/%5cevil.example":             homePath,
		"/panel//evil.example":               homePath,
		"/panel/..//evil.example":            homePath,
		"/panel/../v1/tokens":                homePath,
		"/panel/%2e%2e/v1/tokens":            homePath,
		"/panel/%252e%252e/x":                homePath,
		"https://evil.example/panel/":        homePath,
		"https:/panel/":                      homePath,
		"javascript:alert(1)":                homePath,
		"panel/":                             homePath,
		" /panel/":                           homePath,
		"/panel/ x":                          homePath,
		"/panel/\tx":                         homePath,
		"/panel/\r\nSet-Cookie: a=b":         homePath,
		"/panel/é":                           homePath,
		"/panel/#//evil.example":             homePath,
		"/panel/%zz":                         homePath,
		"@evil.example/panel/":               homePath,
		"/panel/@evil.example":               "/panel/@evil.example",
		"/oauth2/authorize?x=//evil.example": "/oauth2/authorize?x=//evil.example",
	} {
		if got := local(next); got != want {
			t.Errorf("local(%q) = %q, want %q", next, got, want)
		}
	}
}

func TestReadingScopesAreToldByTheirName(t *testing.T) {
	for scope, want := range map[string]bool{
		"catalog:read": true, "crm.objects.contacts.read": true, "content_management_read": true, "read": true, "openid": true, "email": true,
		"content:write": false, "forms": false, "spread": false, "read:all": false, "oauth": false, "admin:write": false, "": false,
	} {
		if got := reads(scope); got != want {
			t.Errorf("reads(%q) = %v, want %v", scope, got, want)
		}
	}
}

// FuzzLocal holds every answer to what a browser would make of it.
func FuzzLocal(f *testing.F) {
	for _, seed := range []string{"/panel/", "//evil.example", "/\\evil.example", "/oauth/1/authorize?a=%2F%2F", "/panel/%2f..//x"} {
		f.Add(seed)
	}
	base, err := url.Parse("https://tokens.example.com/panel/login")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, next string) {
		to, err := base.Parse(local(next))
		if err != nil || to.Scheme != "https" || to.Host != "tokens.example.com" || to.User != nil {
			t.Errorf("local(%q) leads to %v, %v", next, to, err)
		}
		if strings.ContainsAny(local(next), "\\\r\n\t ") {
			t.Errorf("local(%q) = %q", next, local(next))
		}
	})
}
