package pages

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// SecurityHeaders sets what every page is sent with: no script, no frame, no
// cache, no referrer. Chromium holds form-action against redirects too, so the
// redirect URI of the request that a form may end at has to be named: by the
// consent page, and by a sign-in in the middle of one. Empty for all others.
func SecurityHeaders(h http.Header, redirectURI string) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'"+
		formTarget(redirectURI)+"; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
}

// What a CSP source can be made of. A URL's host may hold ';' and ',', which
// would begin a directive or a policy of their own.
var (
	cspHost   = regexp.MustCompile(`^[a-z0-9.-]+(:[0-9]+)?$`)
	cspScheme = regexp.MustCompile(`^[a-z][a-z0-9+.-]*$`)
)

// formTarget is a redirect URI as a CSP source with a space before it, or
// nothing. CSP has no form for an IPv6 address, hence the scheme alone there
// and for the schemes that native apps register.
func formTarget(redirectURI string) string {
	u, err := url.Parse(redirectURI)
	if err != nil || !cspScheme.MatchString(u.Scheme) {
		return ""
	}
	host := strings.ToLower(u.Host)
	switch u.Scheme {
	case "javascript", "data", "blob", "vbscript", "filesystem", "about":
		return ""
	case "http", "https":
		if cspHost.MatchString(host) {
			return " " + u.Scheme + "://" + host
		}
		if !strings.HasPrefix(host, "[") {
			return ""
		}
	}
	return " " + u.Scheme + ":"
}
