package token

import (
	"strings"
	"testing"
	"testing/quick"
	"time"
)

func newFormat(t testing.TB, environment string) *Format {
	t.Helper()
	f, err := NewFormat(environment, []byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSecretCarriesItsAddress(t *testing.T) {
	f := newFormat(t, "sandbox")
	holds := func(ms uint32, class bool, random uint32) bool {
		c := Short
		if class {
			c = Long
		}
		id := MakeID(time.UnixMilli(epoch+int64(ms)*500), c, random)
		for _, secret := range []string{f.Mint(Service, id), f.MintWith(ContentfulPrefix, id), f.MintHex(id)} {
			if got, ok := f.Address(secret); !ok || got != id {
				t.Logf("%s: got %v %v, want %v", secret, got, ok, id)
				return false
			}
		}
		return id > 0 && id.Class() == c
	}
	if err := quick.Check(holds, nil); err != nil {
		t.Error(err)
	}
}

func TestSecretsLookAsPromised(t *testing.T) {
	id := NewID(time.Now(), Long)
	for _, test := range []struct {
		environment string
		kind        Kind
		prefix      string
	}{
		{"", Service, "fch_svc_"}, {"production", Personal, "fch_pat_"}, {"test", Service, "fch_test_svc_"}, {"sandbox", Refresh, "fch_sandbox_ref_"},
	} {
		secret := newFormat(t, test.environment).Mint(test.kind, id)
		if !strings.HasPrefix(secret, test.prefix) || len(secret) != len(test.prefix)+45 {
			t.Errorf("%s %s: got %s, want prefix %s and 45 characters", test.environment, test.kind, secret, test.prefix)
		}
	}
	if hex := newFormat(t, "").MintHex(id); len(hex) != 72 || !isHex(hex) {
		t.Errorf("got %s, want 72 hex digits", hex)
	}
	for _, bad := range []string{"Prod", "a b", "seventeen-letters", strings.Repeat("a", 17)} {
		if _, err := NewFormat(bad, make([]byte, 16)); err == nil {
			t.Errorf("environment %q: got no error", bad)
		}
	}
}

// A prefix of a secret, another case, and a longer one were valid tokens
// elsewhere (CVE-2026-27840).
func TestMutatedSecretHasNoAddress(t *testing.T) {
	f := newFormat(t, "")
	id := NewID(time.Now(), Short)
	for _, secret := range []string{f.Mint(Access, id), f.MintHex(id)} {
		mutants := []string{
			secret[:len(secret)-1], secret + "0", secret[1:], strings.ToUpper(secret), " " + secret, secret + "\n", "",
			strings.TrimPrefix(secret, "fch_"), secret[:20] + "é" + secret[22:],
		}
		for i := range secret {
			b := []byte(secret)
			b[i] ^= 1
			mutants = append(mutants, string(b))
		}
		for _, m := range mutants {
			if got, ok := f.Address(m); ok && m != secret {
				t.Errorf("%q: got address %v, want none", m, got)
			}
		}
	}
}

func TestSecretOfAnotherServerHasNoAddressOfOurs(t *testing.T) {
	other, err := NewFormat("", []byte("another key 0123"))
	if err != nil {
		t.Fatal(err)
	}
	id := NewID(time.Now(), Long)
	if got, ok := newFormat(t, "").Address(other.Mint(Access, id)); ok && got == id {
		t.Error("the address opened under another key")
	}
	if _, ok := newFormat(t, "").Address(newFormat(t, "test").Mint(Access, id)); !ok {
		t.Log("another environment's prefix begins with ours: the row's hash decides")
	}
	if _, ok := newFormat(t, "test").Address(newFormat(t, "").Mint(Access, id)); ok {
		t.Error("a production secret was taken for one of the test environment")
	}
}

// Two secrets of one row, and of neighbouring rows, have nothing in common
// that tells time or volume.
func TestAddressIsHidden(t *testing.T) {
	f := newFormat(t, "")
	seen := map[byte]int{}
	at := time.Now()
	for i := range uint32(2000) {
		secret := f.Mint(Access, MakeID(at, Short, i))
		seen[secret[len("fch_acc_")+5]]++
	}
	// 2,000 draws over 62 characters: about 32 each.
	for c, n := range seen {
		if n > 80 {
			t.Errorf("character %c stands %d times in one place, want about 32", c, n)
		}
	}
	if len(seen) < 55 {
		t.Errorf("got %d different characters in one place, want nearly 62", len(seen))
	}
}

func TestLastFourOfShortSecretIsNotKept(t *testing.T) {
	for secret, want := range map[string]string{"hs-secret": "", "be-client-secret": "cret", "": ""} {
		if got := LastFour(secret); got != want {
			t.Errorf("%q: got %q, want %q", secret, got, want)
		}
	}
}

func FuzzAddress(f *testing.F) {
	format := newFormat(f, "")
	id := NewID(time.Now(), Long)
	f.Add(format.Mint(Access, id))
	f.Add(format.MintHex(id))
	f.Add("eyJhbGciOiJFUzI1NiJ9.eyJqdGkiOiIwNmhpMTdqYjAwMDFjIn0.c2ln")
	f.Add("CFPAT-")
	f.Fuzz(func(t *testing.T, secret string) {
		if id, ok := format.Address(secret); ok && id <= 0 {
			t.Errorf("%q: got address %d", secret, id)
		}
	})
}

func FuzzParseID(f *testing.F) {
	f.Add(NewID(time.Now(), Long).String())
	f.Add("0000000000000")
	f.Fuzz(func(t *testing.T, s string) {
		id, ok := ParseID(s)
		if ok && id.String() != s {
			t.Errorf("%q reads as %d, which is written %q", s, id, id)
		}
	})
}

func FuzzParseScopes(f *testing.F) {
	f.Add("content:write catalog:read")
	f.Add(" a  b a\t")
	f.Fuzz(func(t *testing.T, s string) {
		set, err := ParseScopes(s)
		if err != nil {
			return
		}
		again, err := ParseScopes(set.String())
		if err != nil || again.String() != set.String() {
			t.Errorf("%q: got %q, then %q, %v", s, set, again, err)
		}
	})
}

// The random characters of a secret are as even as chance has it: chi-square
// over each place, of 62 characters, far under what a bias would give.
func TestSecretsAreEvenlyRandom(t *testing.T) {
	const draws = 20_000
	f := newFormat(t, "")
	var seen [22][256]int // the two parts of 11 characters that are random alone
	id := NewID(time.Now(), Long)
	prefix := len("fch_acc_") + 11
	for range draws {
		secret := f.Mint(Access, id)
		for place := range seen {
			seen[place][secret[prefix+place]]++
		}
	}
	for place := range seen {
		if place%11 == 0 {
			continue // the first of 11 characters of 64 bits takes few values
		}
		chi, want := 0.0, float64(draws)/62
		for _, c := range []byte(base62) {
			d := float64(seen[place][c]) - want
			chi += d * d / want
		}
		// 61 degrees of freedom: over 150 once in 10^9 draws of the test.
		if chi > 150 {
			t.Errorf("place %d: chi-square %.1f, want about 61", place, chi)
		}
	}
}
