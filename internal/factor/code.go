package factor

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"image/png"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

// period is how many seconds a code is shown for (RFC 6238, 4.1).
const period = 30

// NewSecret returns a secret of 160 bits, as RFC 4226, 4 recommends, in base32
// for people who type it into their app.
func NewSecret() string {
	raw := make([]byte, 20)
	rand.Read(raw) // never fails (Go 1.24)
	return base32.StdEncoding.EncodeToString(raw)
}

// Step returns the step whose code it is, of the one at that instant and its
// neighbours: clocks differ and people are slow (RFC 6238, 5.2). The caller
// takes each step once. It reports false for a wrong code.
func Step(secret, code string, now time.Time) (step int64, ok bool) {
	code = strings.ReplaceAll(strings.TrimSpace(code), " ", "")
	at := now.Unix() / period
	for _, near := range []int64{at, at - 1, at + 1} {
		if near < 0 {
			continue
		}
		right, err := Code(secret, near)
		if err == nil && subtle.ConstantTimeCompare([]byte(right), []byte(code)) == 1 {
			return near, true
		}
	}
	return 0, false
}

// Code returns the six digits that an app shows in a step.
func Code(secret string, step int64) (string, error) {
	return hotp.GenerateCodeCustom(secret, uint64(step), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}) //nolint:gosec // a step is no negative number
}

// Image returns the picture that an app reads a secret from: a QR code of the
// otpauth address, as PNG.
func Image(secret, site, account string) ([]byte, error) {
	address := url.URL{Scheme: "otpauth", Host: "totp", Path: "/" + site + ":" + account, RawQuery: url.Values{
		"secret": {secret}, "issuer": {site}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {fmt.Sprint(period)},
	}.Encode()}
	key, err := otp.NewKeyFromURL(address.String())
	if err != nil {
		return nil, fmt.Errorf("draw a secret: %w", err)
	}
	picture, err := key.Image(240, 240)
	if err != nil {
		return nil, fmt.Errorf("draw a secret: %w", err)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, picture); err != nil {
		return nil, fmt.Errorf("draw a secret: %w", err)
	}
	return out.Bytes(), nil
}

// recoveryCount is how many recovery codes somebody is given.
const recoveryCount = 10

// NewRecoveryCodes returns ten codes of 80 random bits each, in groups that
// people can type. A hash of such a code needs no salt and no slow function.
func NewRecoveryCodes() []string {
	codes := make([]string, recoveryCount)
	for i := range codes {
		raw := make([]byte, 10)
		rand.Read(raw)
		text := strings.ToLower(base32.StdEncoding.EncodeToString(raw))
		codes[i] = text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:]
	}
	return codes
}

// PlainRecoveryCode returns a code as it is hashed, however it was typed; empty
// for what is none.
func PlainRecoveryCode(typed string) string {
	code := strings.NewReplacer("-", "", " ", "").Replace(strings.ToLower(strings.TrimSpace(typed)))
	if len(code) != 16 || strings.Trim(code, "abcdefghijklmnopqrstuvwxyz234567") != "" {
		return ""
	}
	return code
}
