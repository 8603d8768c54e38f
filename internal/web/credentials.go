package web

import (
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/fichadev/ficha/internal/token"
)

// maxCredential is the longest header with a credential that is read, in bytes.
// It leaves room for a JWT of many claims.
const maxCredential = 8 << 10

// Bearer returns the token of "Authorization: Bearer" (RFC 6750, 2.1) or of the
// header AccessToken, which has no scheme. It refuses both if they differ, and
// either if repeated; without one the refusal is InvalidToken because of
// token.MissingToken. It never looks into body or query.
func (c *Call) Bearer() (secret string, err error) {
	authorization, err := c.single("Authorization")
	if err != nil {
		return "", err
	}
	secret, _ = cutScheme(authorization, "Bearer")
	plain, err := c.single("Accesstoken") // as net/http spells it
	if err != nil {
		return "", err
	}
	switch {
	case secret == "":
		secret = plain
	case plain != "" && plain != secret:
		return "", token.Errorf(token.InvalidRequest, "Authorization and AccessToken name different tokens: send one")
	}
	if secret == "" {
		return "", token.Errorf(token.InvalidToken, "a token is required").Because(token.MissingToken)
	}
	if !visible(secret) {
		return "", token.Errorf(token.InvalidToken, "the token is malformed")
	}
	return secret, nil
}

// single returns a header that may stand once, empty if it does not.
func (c *Call) single(name string) (string, error) {
	lines := c.Request.Header[name]
	switch {
	case len(lines) == 0:
		return "", nil
	case len(lines) > 1:
		return "", token.Errorf(token.InvalidRequest, "the header %s stands more than once", name)
	case len(lines[0]) > maxCredential:
		return "", token.Errorf(token.InvalidRequest, "the header %s is over %d bytes", name, maxCredential)
	}
	return lines[0], nil
}

// cutScheme returns what follows an authentication scheme, whose case does not
// matter (RFC 9110, 11.1).
func cutScheme(header, scheme string) (rest string, ok bool) {
	name, rest, found := strings.Cut(header, " ")
	if !found || !strings.EqualFold(name, scheme) {
		return "", false
	}
	return strings.Trim(rest, " "), true
}

// visible reports whether a secret is printable ASCII without space.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Basic returns the client id and secret of "Authorization: Basic", both
// decoded as RFC 6749, 2.3.1 says: form-encoded inside base64. ok is false if
// the request has none; err is InvalidRequest if it has a malformed, repeated
// or oversized one.
func (c *Call) Basic() (id, secret string, ok bool, err error) {
	header, err := c.single("Authorization")
	if err != nil {
		return "", "", false, err
	}
	encoded, ok := cutScheme(header, "Basic")
	if !ok {
		return "", "", false, nil
	}
	id, secret, ok = parseBasic(encoded)
	if !ok {
		return "", "", false, token.Errorf(token.InvalidRequest, "the Basic credentials are malformed (RFC 6749, 2.3.1)")
	}
	return id, secret, true, nil
}

func parseBasic(encoded string) (id, secret string, ok bool) {
	pair, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", "", false
	}
	rawID, rawSecret, ok := strings.Cut(string(pair), ":")
	if !ok {
		return "", "", false
	}
	id, err = url.QueryUnescape(rawID)
	if err != nil || checkValue("client_id", id) != nil {
		return "", "", false
	}
	secret, err = url.QueryUnescape(rawSecret)
	if err != nil || checkValue("client_secret", secret) != nil {
		return "", "", false
	}
	return id, secret, true
}
