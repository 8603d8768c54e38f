package web

import (
	"encoding/base64"
	"net/url"
	"slices"
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

// Basic returns the client id of "Authorization: Basic" and the readings of its
// secret, decoded as RFC 6749, 2.3.1 says: form-encoded inside base64. Programs
// that do not encode it are many, so that a secret in which that makes a
// difference is returned as it was sent too, after the other reading. secret is
// empty if the request has none; err is InvalidRequest if it has a malformed,
// repeated or oversized one.
func (c *Call) Basic() (id string, secret []string, err error) {
	header, err := c.single("Authorization")
	if err != nil {
		return "", nil, err
	}
	encoded, ok := cutScheme(header, "Basic")
	if !ok {
		return "", nil, nil
	}
	id, secret = parseBasic(encoded)
	if secret == nil {
		return "", nil, token.Errorf(token.InvalidRequest, "the Basic credentials are malformed (RFC 6749, 2.3.1)")
	}
	return id, secret, nil
}

func parseBasic(encoded string) (id string, secret []string) {
	pair, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", nil
	}
	rawID, rawSecret, ok := strings.Cut(string(pair), ":")
	if !ok {
		return "", nil
	}
	if id, err = url.QueryUnescape(rawID); err != nil {
		id = rawID
	}
	if checkValue("client_id", id) != nil {
		return "", nil
	}
	if decoded, err := url.QueryUnescape(rawSecret); err == nil && checkValue("client_secret", decoded) == nil {
		secret = append(secret, decoded)
	}
	if !slices.Contains(secret, rawSecret) && checkValue("client_secret", rawSecret) == nil {
		secret = append(secret, rawSecret)
	}
	return id, secret
}
