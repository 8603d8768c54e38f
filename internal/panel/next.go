package panel

import (
	"net/url"
	"strings"
)

// local returns where somebody goes after signing in: next if it is a page of
// ours that has a reason to send people here, else the account page. Anything
// else would let a stranger's link end on a stranger's page (an open redirect).
func local(next string) string {
	if !strings.HasPrefix(next, "/") || strings.ContainsFunc(next, func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' || r == '#' }) {
		return homePath
	}
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil {
		return homePath
	}
	// The decoded path: a browser, or a proxy before us, may decode it too.
	if strings.Contains(u.Path, "//") || strings.Contains(u.Path, "/.") || strings.ContainsAny(u.Path, "\\%") {
		return homePath
	}
	if u.Path != "/oauth2/authorize" && !strings.HasPrefix(u.Path, "/oauth/") && !strings.HasPrefix(u.Path, homePath) {
		return homePath
	}
	return next
}

// loginFor returns the address of the sign-in that leads on to next.
func loginFor(next string) string {
	if next == homePath {
		return loginPath
	}
	return loginPath + "?" + url.Values{"next": {next}}.Encode()
}

// loginAnew returns the address of the sign-in for who must show anew who they
// are.
func loginAnew(next string) string {
	return loginPath + "?" + url.Values{"next": {next}, "prompt": {"login"}}.Encode()
}
