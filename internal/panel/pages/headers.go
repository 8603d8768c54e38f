package pages

import (
	"net/http"
	"net/url"
	"regexp"
)

// SecurityHeaders sets what every page is sent with: no frame, no cache, no
// referrer, and no script but ours, which carries the nonce of this answer;
// none at all without a nonce. The redirect URI is that of the request that a form may
// end at, on the consent page and on a sign-in in the middle of one; empty for
// all others.
func SecurityHeaders(h http.Header, redirectURI, nonce string) {
	h.Set("Content-Security-Policy", "default-src 'none'; "+scripts(nonce)+"style-src 'self'; img-src 'self' data:; form-action 'self'"+
		formTarget(redirectURI)+"; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
}

// scripts lets the script with a nonce run.
func scripts(nonce string) string {
	if nonce == "" {
		return ""
	}
	return "script-src 'nonce-" + nonce + "'; "
}

// cspScheme is what a scheme source of a policy can be made of.
var cspScheme = regexp.MustCompile(`^[a-z][a-z0-9+.-]*$`)

// formTarget is a redirect URI's scheme as a CSP source with a space before it,
// or nothing. Chromium holds form-action against every redirect that follows a
// form: our own to the application, and the application's to wherever it wants
// its people next, which it registered with nobody. Hence the scheme and not
// the host.
func formTarget(redirectURI string) string {
	u, err := url.Parse(redirectURI)
	if err != nil || !cspScheme.MatchString(u.Scheme) {
		return ""
	}
	switch u.Scheme {
	case "javascript", "data", "blob", "vbscript", "filesystem", "about":
		return ""
	}
	return " " + u.Scheme + ":"
}
