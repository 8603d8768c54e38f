package resources

import (
	"net/url"
	"strconv"
	"strings"
)

// The functions of this file return what is wrong with a URI, "" if nothing.

// redirectFault checks where a browser may be sent: https, http on this
// machine, or a native program's own scheme (RFC 8252, 7.1).
func redirectFault(raw string, native bool) string {
	u, fault := absolute(raw)
	switch {
	case fault != "":
		return fault
	case web(u):
		return endpointFault(raw)
	case native && strings.Contains(u.Scheme, "."):
		return ""
	case native:
		return "is of a scheme that is not the program's own; use https, or a scheme with a dot such as com.example.app"
	}
	return "is neither https nor http on localhost, 127.0.0.1 or [::1]; other schemes need application_type: native"
}

// endpointFault checks where a server sends or a browser goes with secrets:
// https, or http on this machine.
func endpointFault(raw string) string {
	fault := pageFault(raw)
	if fault != "" {
		return fault
	}
	if u, _ := absolute(raw); u.Scheme == "http" && !loopback(u.Hostname()) {
		return "is http; use https (http is for localhost, 127.0.0.1 and [::1])"
	}
	return ""
}

// pageFault checks a page for people: http or https with a host.
func pageFault(raw string) string {
	u, fault := absolute(raw)
	switch {
	case fault != "":
		return fault
	case !web(u):
		return "is not an address of the web; begin it with https://"
	case u.Hostname() == "" || strings.Contains(u.Host, "*") || strings.HasSuffix(u.Host, ":"):
		return "has no host, or one with a wildcard or without its port; write each address out"
	case !validPort(u.Port()):
		return "has a port that does not exist; use 1 to 65535"
	}
	return ""
}

// absolute reads an absolute URI without fragment (RFC 6749, 3.1.2) and
// without a name and password, which have hidden the true host from many eyes.
func absolute(raw string) (*url.URL, string) {
	if !visible(raw, 2048) || strings.ContainsAny(raw, "\\\"<>^`{|}") {
		return nil, "is not a URI; use 1 to 2048 of the characters that RFC 3986 allows"
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || !u.IsAbs() || u.Host == "" && u.Path == "" && u.Opaque == "":
		return nil, "is not an absolute URI; begin it with https://"
	case strings.Contains(raw, "#"):
		return nil, "has a fragment; remove what follows the #"
	case u.User != nil:
		return nil, "has a name or password before the host; remove what precedes the @"
	}
	return u, ""
}

func web(u *url.URL) bool { return u.Scheme == "https" || u.Scheme == "http" }

func loopback(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}

func validPort(port string) bool {
	n, err := strconv.Atoi(port)
	return port == "" || err == nil && n >= 1 && n <= 65535
}
