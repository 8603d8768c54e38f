package token

import (
	"strings"
	"testing"
	"time"
)

// everySecret mints one of each kind, in each form, and says what it is of.
func everySecret(t *testing.T, environment string) map[string]ID {
	t.Helper()
	f, err := NewFormat(environment, []byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]ID{}
	next := func() ID { return NewID(time.UnixMilli(1_800_000_000_000), Long) }
	for _, k := range SecretKinds() {
		id := next()
		all[f.Mint(k, id)] = id
	}
	id := next()
	all[f.MintWith(ContentfulPrefix, id)] = id
	id = next()
	all[f.MintHex(id)] = id
	return all
}

func TestShapeLeadsToTheRowAndNotToTheSecret(t *testing.T) {
	for _, environment := range []string{"", "sandbox", "svc"} {
		f, err := NewFormat(environment, []byte("0123456789abcdef"))
		if err != nil {
			t.Fatal(err)
		}
		for secret, id := range everySecret(t, environment) {
			shape, ok := ShapeOf(secret)
			if got, found := f.Row(shape.Head); !ok || !found || got != id {
				t.Errorf("%s: row %v, want %v", secret[:8], got, id)
			}
			if len(shape.Head) > len(secret)-34 {
				t.Errorf("%s: the head tells %d of %d characters", secret[:8], len(shape.Head), len(secret))
			}
		}
	}
}

func TestNearMissesHaveNoShape(t *testing.T) {
	for secret := range everySecret(t, "sandbox") {
		for name, other := range map[string]string{
			"cut": secret[:len(secret)-1], "one more": secret + "0", "upper case": strings.ToUpper(secret),
			"another digit": secret[:len(secret)-9] + turned(secret[len(secret)-9]) + secret[len(secret)-8:],
			"another sum":   secret[:len(secret)-1] + turned(secret[len(secret)-1]),
			"no prefix":     secret[1:], "another's": "x" + secret[1:], "a space": " " + secret, "empty": "",
		} {
			if _, ok := ShapeOf(other); ok {
				t.Errorf("%s, %s: it has a shape", secret[:8], name)
			}
		}
	}
	for _, other := range []string{
		"fch_sandbox_pat_", "CFPAT-", "eyJ", "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJub2JvZHkgb2Ygb3VycyBhdCBhbGwifQ.x", strings.Repeat("a", 72), strings.Repeat("0", 72),
	} {
		if s, ok := ShapeOf(other); ok {
			t.Errorf("%s has the shape %+v", other, s)
		}
	}
}

func turned(c byte) string {
	if c == '1' {
		return "2"
	}
	return "1"
}
