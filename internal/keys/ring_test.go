package keys

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

var start = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

// generated returns a row of a fresh key in some state, made and moved at an instant.
func generated(t testing.TB, m *Master, alg, state string, at time.Time) Row {
	t.Helper()
	row, err := Generate(m, alg, at)
	if err != nil {
		t.Fatal(err)
	}
	row.State = state
	if state != Next {
		row.ActiveAt = at.UnixMilli()
	}
	return row
}

// loaded returns a ring of rows.
func loaded(t testing.TB, m *Master, rows ...Row) *Ring {
	t.Helper()
	r := NewRing(m)
	if err := r.Load(rows); err != nil {
		t.Fatal(err)
	}
	return r
}

// set reads a key set as other programs do.
func set(t testing.TB, jwks []byte) jose.JSONWebKeySet {
	t.Helper()
	var s jose.JSONWebKeySet
	if err := json.Unmarshal(jwks, &s); err != nil {
		t.Fatalf("%v in %s", err, jwks)
	}
	return s
}

func TestGeneratedKeyIsNamedByItsThumbprint(t *testing.T) {
	m := master(1)
	for _, alg := range algs() {
		row := generated(t, m, alg, Next, start)
		public, err := x509.ParsePKIXPublicKey(row.Public)
		if err != nil {
			t.Fatalf("%s: %v", alg, err)
		}
		sum, err := (&jose.JSONWebKey{Key: public}).Thumbprint(crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		if want := base64.RawURLEncoding.EncodeToString(sum)[:16]; row.ID != want {
			t.Errorf("%s: kid = %s, want %s", alg, row.ID, want)
		}
		if row.State != Next || row.CreatedAt != start.UnixMilli() || row.Alg != alg {
			t.Errorf("row = %+v", row)
		}
		if _, err := x509.ParsePKCS8PrivateKey(row.Private); err == nil {
			t.Errorf("%s: the private key is in clear", alg)
		}
	}
}

func TestUnknownAlgorithmIsNotGenerated(t *testing.T) {
	for _, alg := range []string{"", "none", "HS256", "ES384", "es256"} {
		if _, err := Generate(master(1), alg, start); err == nil {
			t.Errorf("%q: no error", alg)
		}
	}
}

func TestKeySetHasPublicMembersOfPublishedKeysOnly(t *testing.T) {
	m := master(1)
	rows := []Row{
		generated(t, m, RS256, Retiring, start), generated(t, m, EdDSA, Next, start),
		generated(t, m, ES256, Active, start), generated(t, m, ES256, Ended, start),
	}
	members := map[string]string{"EC": "alg crv kid kty use x y", "OKP": "alg crv kid kty use x", "RSA": "alg e kid kty n use"}
	jwks := loaded(t, m, rows...).JWKS()
	var raw struct{ Keys []map[string]string }
	if err := json.Unmarshal(jwks, &raw); err != nil {
		t.Fatal(err)
	}
	for _, key := range raw.Keys {
		if got := sortedNames(key); got != members[key["kty"]] {
			t.Errorf("%s has members %q, want %q", key["kty"], got, members[key["kty"]])
		}
		if key["use"] != "sig" {
			t.Errorf("use = %q", key["use"])
		}
	}
	var order []string
	for _, key := range set(t, jwks).Keys {
		if !key.IsPublic() || !key.Valid() {
			t.Errorf("%s: public %v, valid %v", key.KeyID, key.IsPublic(), key.Valid())
		}
		order = append(order, key.KeyID)
	}
	want := []string{rows[2].ID, rows[1].ID, rows[0].ID} // active, next, retiring
	if len(order) != 3 || order[0] != want[0] || order[1] != want[1] || order[2] != want[2] {
		t.Errorf("keys = %v, want %v", order, want)
	}
}

func TestEmptyRingSignsNothingAndPublishesNothing(t *testing.T) {
	r := NewRing(master(1))
	if got := string(r.JWKS()); got != `{"keys":[]}` {
		t.Errorf("JWKS = %s", got)
	}
	if err := r.Load(nil); err != nil {
		t.Fatal(err)
	}
	if got := string(r.JWKS()); got != `{"keys":[]}` {
		t.Errorf("JWKS = %s", got)
	}
	if _, err := r.Signer(ES256); !errors.Is(err, ErrNoKey) {
		t.Errorf("err = %v, want ErrNoKey", err)
	}
}

func TestActiveKeySignsElseTheNewestRetiring(t *testing.T) {
	m := master(1)
	active := generated(t, m, EdDSA, Active, start)
	next := generated(t, m, EdDSA, Next, start.Add(time.Minute))
	older := generated(t, m, EdDSA, Retiring, start.Add(-2*day))
	newer := generated(t, m, EdDSA, Retiring, start.Add(-day))
	ended := generated(t, m, EdDSA, Ended, start)
	for name, tt := range map[string]struct {
		rows []Row
		want string
	}{
		"active":         {[]Row{newer, next, active, older, ended}, active.ID},
		"between two":    {[]Row{older, next, newer, ended}, newer.ID},
		"next alone":     {[]Row{next}, ""},
		"ended alone":    {[]Row{ended}, ""},
		"another's only": {[]Row{generated(t, m, ES256, Active, start)}, ""},
	} {
		s, err := loaded(t, m, tt.rows...).Signer(EdDSA)
		switch {
		case tt.want == "" && !errors.Is(err, ErrNoKey):
			t.Errorf("%s: err = %v, want ErrNoKey", name, err)
		case tt.want != "" && (err != nil || s.Key() != tt.want):
			t.Errorf("%s: signer %v, %v; want %s", name, s, err, tt.want)
		}
	}
}

func TestRowsThatDoNotOpenLeaveTheRingAsItWas(t *testing.T) {
	m := master(1)
	good := generated(t, m, EdDSA, Active, start)
	other := generated(t, m, EdDSA, Active, start.Add(time.Hour))
	broken := map[string]Row{"changed bytes": other, "pasted private key": other, "other algorithm": other, "other id": other}
	for name, row := range broken {
		switch name {
		case "changed bytes":
			row.Private = bytes.Clone(row.Private)
			row.Private[20] ^= 1
		case "pasted private key":
			row.Private = good.Private
		case "other algorithm":
			row.Alg = ES256
		case "other id":
			row.ID = "anything"
		}
		broken[name] = row
	}
	broken["other master"] = generated(t, master(2), EdDSA, Retiring, start)
	for name, row := range broken {
		r := loaded(t, m, good)
		before := string(r.JWKS())
		if err := r.Load([]Row{good, row}); !errors.Is(err, errOpen) {
			t.Errorf("%s: err = %v, want errOpen", name, err)
		}
		if s, err := r.Signer(EdDSA); err != nil || s.Key() != good.ID || string(r.JWKS()) != before {
			t.Errorf("%s: the ring changed", name)
		}
	}
}

// The database alone must not be able to publish a key, so Public is not read.
func TestForgedPublicKeyIsNotPublished(t *testing.T) {
	m := master(1)
	row := generated(t, m, EdDSA, Active, start)
	honest := string(loaded(t, m, row).JWKS())
	row.Public = generated(t, m, EdDSA, Active, start).Public
	if got := string(loaded(t, m, row).JWKS()); got != honest {
		t.Errorf("JWKS = %s, want %s", got, honest)
	}
}

func TestKeysAreDecryptedOnce(t *testing.T) {
	m := master(1)
	row := generated(t, m, EdDSA, Next, start)
	r := loaded(t, m, row)
	before := r.held.Load().byID[row.ID]
	row.State = Active
	if err := r.Load([]Row{row}); err != nil {
		t.Fatal(err)
	}
	if after, err := r.Signer(EdDSA); err != nil || after != before {
		t.Errorf("the key was opened again, or err = %v", err)
	}
}

func TestRingServesManyWhileItIsReplaced(t *testing.T) {
	m := master(1)
	one := generated(t, m, EdDSA, Active, start)
	two := generated(t, m, EdDSA, Active, start.Add(time.Second))
	r := loaded(t, m, one)
	both := set(t, loaded(t, m, one, two).JWKS())
	done := make(chan struct{})
	var writers, readers sync.WaitGroup
	writers.Go(func() {
		for i := range 300 {
			if err := r.Load([]Row{one, two}[i%2 : i%2+1]); err != nil {
				t.Error(err)
			}
		}
	})
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				signAndVerify(t, r, both)
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
}

func signAndVerify(t *testing.T, r *Ring, keys jose.JSONWebKeySet) {
	s, err := r.Signer(EdDSA)
	if err != nil {
		t.Error(err)
		return
	}
	text, err := s.Sign(nil, []byte(`{}`))
	if err != nil {
		t.Error(err)
	}
	if _, err := verify(string(text), keys, EdDSA); err != nil {
		t.Error(err)
	}
	if len(r.JWKS()) == 0 {
		t.Error("no key set")
	}
}
