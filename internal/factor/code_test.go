package factor

import (
	"bytes"
	"encoding/base32"
	"image/png"
	"strings"
	"testing"
	"time"
)

// RFC 6238, appendix B, to six digits.
func TestCodesAreThoseOfTheStandard(t *testing.T) {
	secret := base32.StdEncoding.EncodeToString([]byte("12345678901234567890"))
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1234567890: "005924", 20000000000: "353130"} {
		if got, err := Code(secret, at/30); err != nil || got != want {
			t.Errorf("at %d: %s, %v; want %s", at, got, err, want)
		}
		if step, ok := Step(secret, want[:3]+" "+want[3:], time.Unix(at, 0)); !ok || step != at/30 {
			t.Errorf("at %d: step %d, %v", at, step, ok)
		}
	}
}

func TestCodeIsTakenOneStepEarlyOrLateAndNoMore(t *testing.T) {
	secret, now := NewSecret(), time.Unix(1_795_000_000, 0)
	at := now.Unix() / period
	for _, near := range []int64{-2, -1, 0, 1, 2} {
		code, err := Code(secret, at+near)
		if err != nil {
			t.Fatal(err)
		}
		step, ok := Step(secret, code, now)
		if want := near >= -1 && near <= 1; ok != want || ok && step != at+near {
			t.Errorf("%d steps away: %d, %v", near, step, ok)
		}
	}
	for _, wrong := range []string{"", "12345", "1234567", "abcdef", strings.Repeat("0", 500)} {
		if _, ok := Step(secret, wrong, now); ok {
			t.Errorf("%q is taken", wrong)
		}
	}
	if _, ok := Step("not base32!", "123456", now); ok {
		t.Error("a broken secret takes a code")
	}
}

func TestImageIsAPicture(t *testing.T) {
	data, err := Image(NewSecret(), "tokens.example.com", "ana@acme.example")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(data)); err != nil {
		t.Error(err)
	}
}

func TestRecoveryCodesAreManyAndReadAsPeopleTypeThem(t *testing.T) {
	seen := map[string]bool{}
	for _, code := range NewRecoveryCodes() {
		plain := PlainRecoveryCode(code)
		if plain == "" || seen[plain] || PlainRecoveryCode(" "+strings.ToUpper(strings.ReplaceAll(code, "-", " "))+"\n") != plain {
			t.Errorf("%s reads as %q", code, plain)
		}
		seen[plain] = true
	}
	if len(seen) != 10 {
		t.Errorf("%d codes", len(seen))
	}
	for _, none := range []string{"", "123456", "aaaa-aaaa-aaaa-aaa1", "aaaa-aaaa-aaaa"} {
		if PlainRecoveryCode(none) != "" {
			t.Errorf("%q reads as a code", none)
		}
	}
}
