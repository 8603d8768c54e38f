package webhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// Keys are what the deliveries of one subscription are signed with: one or two
// secrets while they rotate, and the private key whose public half everybody
// may know.
type Keys struct {
	Secrets []string
	Private ed25519.PrivateKey
}

// sign sets the headers of one try: the id is the event's and the same on every
// try, the timestamp is the try's. There is one signature for each key.
func sign(h http.Header, event token.ID, at time.Time, body []byte, keys Keys) {
	id, stamp := event.String(), strconv.FormatInt(at.Unix(), 10)
	content := append([]byte(id+"."+stamp+"."), body...)
	var signatures []string
	for _, secret := range keys.Secrets {
		mac := hmac.New(sha256.New, secretBytes(secret))
		mac.Write(content)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	signatures = append(signatures, "v1a,"+base64.StdEncoding.EncodeToString(ed25519.Sign(keys.Private, content)))
	h.Set("Webhook-Id", id)
	h.Set("Webhook-Timestamp", stamp)
	h.Set("Webhook-Signature", strings.Join(signatures, " "))
}

// secretBytes returns the key that a secret stands for: what follows whsec_, in
// base64. A secret that was declared as any other text is its own bytes.
func secretBytes(secret string) []byte {
	if text, standard := strings.CutPrefix(secret, "whsec_"); standard {
		if key, err := base64.StdEncoding.DecodeString(text); err == nil {
			return key
		}
	}
	return []byte(secret)
}
