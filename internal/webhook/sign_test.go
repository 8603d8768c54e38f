package webhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

func testKeys(secrets ...string) Keys {
	return Keys{Secrets: secrets, Private: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))}
}

// The reference library and node:crypto verify a real delivery in test/sdk; this
// says which keys sign what.
func TestEveryLiveKeySigns(t *testing.T) {
	event, at, body := token.MakeID(time.UnixMilli(1800000000000), token.Long, 7), time.Unix(1800000001, 0), []byte(`{"type":"x"}`)
	h := http.Header{}
	keys := testKeys("whsec_"+base64.StdEncoding.EncodeToString([]byte("the first secret of 24 b")), "not base64, so its own bytes")
	sign(h, event, at, body, keys)
	content := event.String() + ".1800000001." + string(body)
	if h.Get("webhook-id") != event.String() || h.Get("webhook-timestamp") != "1800000001" {
		t.Errorf("headers are %v", h)
	}
	mac := func(key string) string {
		m := hmac.New(sha256.New, []byte(key))
		m.Write([]byte(content))
		return "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))
	}
	got := strings.Split(h.Get("webhook-signature"), " ")
	if want := []string{mac("the first secret of 24 b"), mac("not base64, so its own bytes")}; len(got) != 3 || !slices.Equal(got[:2], want) {
		t.Errorf("signatures are %q, want %q and a v1a", got, want)
	}
	text, asymmetric := strings.CutPrefix(got[len(got)-1], "v1a,")
	signature, err := base64.StdEncoding.DecodeString(text)
	public, _ := keys.Private.Public().(ed25519.PublicKey)
	if !asymmetric || err != nil || !ed25519.Verify(public, []byte(content), signature) {
		t.Errorf("the last signature is %q, %v, want ed25519's", got[len(got)-1], err)
	}
}

func TestChangedBodyOrTimeHasAnotherSignature(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range []struct {
		event token.ID
		at    int64
		body  string
	}{{1, 1, "a"}, {2, 1, "a"}, {1, 2, "a"}, {1, 1, "b"}} {
		h := http.Header{}
		sign(h, c.event, time.Unix(c.at, 0), []byte(c.body), testKeys("whsec_AAAA"))
		seen[h.Get("webhook-signature")] = true
	}
	if len(seen) != 4 {
		t.Errorf("%d different signatures of 4 different deliveries", len(seen))
	}
}
