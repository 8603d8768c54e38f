package keys

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

func sortedNames(m map[string]string) string {
	return strings.Join(slices.Sorted(maps.Keys(m)), " ")
}

// verify is what a resource server with a stock library does.
func verify(text string, keys jose.JSONWebKeySet, algs ...string) ([]byte, error) {
	var allowed []jose.SignatureAlgorithm
	for _, alg := range algs {
		allowed = append(allowed, jose.SignatureAlgorithm(alg))
	}
	signed, err := jose.ParseSignedCompact(text, allowed)
	if err != nil {
		return nil, err
	}
	return signed.Verify(keys)
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func TestSignedTokensVerifyWithAStockLibrary(t *testing.T) {
	m := master(1)
	for _, alg := range algs() {
		row := generated(t, m, alg, Active, start)
		r := loaded(t, m, row)
		s, err := r.Signer(alg)
		if err != nil {
			t.Fatal(err)
		}
		payload := `{"jti":"0123456789abc"}`
		for range 50 { // r and s of ES256 are at times shorter than 32 bytes
			text, err := s.Sign([]byte("before "), []byte(payload))
			if err != nil {
				t.Fatal(err)
			}
			compact, ok := strings.CutPrefix(string(text), "before ")
			if !ok {
				t.Fatalf("%s: dst was overwritten: %s", alg, text)
			}
			if got, err := verify(compact, set(t, r.JWKS()), alg); err != nil || string(got) != payload {
				t.Fatalf("%s: verify = %q, %v", alg, got, err)
			}
			if alg == RS256 {
				break
			}
		}
		if s.Alg() != alg || s.Key() != row.ID {
			t.Errorf("signer of %s %s, want %s %s", s.Alg(), s.Key(), alg, row.ID)
		}
	}
}

func TestHeaderIsFixedByTheKey(t *testing.T) {
	m := master(1)
	row := generated(t, m, ES256, Active, start)
	s, err := loaded(t, m, row).Signer(ES256)
	if err != nil {
		t.Fatal(err)
	}
	access, err := s.Sign(nil, []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	identity, err := s.SignAs("JWT", nil, []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		string(access):   `{"alg":"ES256","typ":"at+jwt","kid":"` + row.ID + `"}`,
		string(identity): `{"alg":"ES256","typ":"JWT","kid":"` + row.ID + `"}`,
	} {
		head, _, _ := strings.Cut(text, ".")
		if got, err := base64.RawURLEncoding.DecodeString(head); err != nil || string(got) != want {
			t.Errorf("header = %s, %v; want %s", got, err, want)
		}
		if _, err := verify(text, set(t, loaded(t, m, row).JWKS()), ES256); err != nil {
			t.Errorf("verify %s: %v", want, err)
		}
	}
}

func TestForgedTokensAreRejected(t *testing.T) {
	m := master(1)
	for _, alg := range algs() {
		row := generated(t, m, alg, Active, start)
		r := loaded(t, m, row)
		s, err := r.Signer(alg)
		if err != nil {
			t.Fatal(err)
		}
		text, err := s.Sign(nil, []byte(`{"sub":"one"}`))
		if err != nil {
			t.Fatal(err)
		}
		keys := set(t, r.JWKS())
		for name, forged := range forgeries(t, string(text), row) {
			if got, err := verify(forged, keys, append(algs(), "HS256")...); err == nil {
				t.Errorf("%s, %s: accepted as %s", alg, name, got)
			}
		}
	}
}

// forgeries returns what an attacker makes of a token and its public key.
func forgeries(t *testing.T, text string, row Row) map[string]string {
	t.Helper()
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		t.Fatalf("%s has %d parts", text, len(parts))
	}
	payload, signature := parts[1], parts[2]
	pemText := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: row.Public})
	if _, err := x509.ParsePKIXPublicKey(row.Public); err != nil {
		t.Fatal(err)
	}
	symmetric := b64(`{"alg":"HS256","typ":"at+jwt","kid":"`+row.ID+`"}`) + "." + payload
	none := b64(`{"alg":"none","typ":"at+jwt","kid":"`+row.ID+`"}`) + "." + payload
	forged := map[string]string{
		"none":                none + ".",
		"none with signature": none + "." + signature,
		"changed payload":     parts[0] + "." + b64(`{"sub":"two"}`) + "." + signature,
		"changed typ":         b64(`{"alg":"`+row.Alg+`","typ":"JWT","kid":"`+row.ID+`"}`) + "." + payload + "." + signature,
		"stripped":            parts[0] + "." + payload + ".",
		"HS256 with PEM":      symmetric + "." + mac(pemText, symmetric),
		"HS256 with DER":      symmetric + "." + mac(row.Public, symmetric),
	}
	raw, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil {
		t.Fatal(err)
	}
	for _, bit := range []int{0, 7, len(raw) * 4, len(raw)*8 - 1} {
		flipped := slices.Clone(raw)
		flipped[bit/8] ^= 1 << (bit % 8)
		forged[fmt.Sprintf("flipped bit %d", bit)] = parts[0] + "." + payload + "." + b64(string(flipped))
	}
	return forged
}

func mac(key []byte, text string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return b64(string(h.Sum(nil)))
}

func TestSignAddsToRoomThatIsThere(t *testing.T) {
	m := master(1)
	s, err := loaded(t, m, generated(t, m, EdDSA, Active, start)).Signer(EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	payload := AppendPayload(nil, sample())
	dst := make([]byte, 0, 2048)
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := s.Sign(dst, payload); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 2 {
		t.Errorf("%v allocations a signature, want at most 2", allocs)
	}
}

func BenchmarkSign(b *testing.B) {
	m := master(1)
	for _, alg := range algs() {
		s, err := loaded(b, m, generated(b, m, alg, Active, start)).Signer(alg)
		if err != nil {
			b.Fatal(err)
		}
		claims := sample()
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			var payload, text []byte
			for b.Loop() {
				payload = AppendPayload(payload[:0], claims)
				if text, err = s.Sign(text[:0], payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
