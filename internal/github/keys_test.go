package github

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// The example of GitHub's documentation, with its test key.
const (
	documentedKey       = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsz9ugWDj5jK5ELBK42ynytbo38gP\nHzZFI03Exwz8Lh/tCfL3YxwMdLjB+bMznsanlhK0RwcGP3IDb34kQDIo3Q==\n-----END PUBLIC KEY-----\n"
	documentedID        = "f9525bf080f75b3506ca1ead061add62b8633a346606dc5fe544e29231c6ee0d"
	documentedSignature = "MEUCIFLZzeK++IhS+y276SRk2Pe5LfDrfvTXu6iwKKcFGCrvAiEAhHN2kDOhy2I6eGkOFmxNkOJ+L2y8oQ9A2T9GGJo6WJY="
	documentedBody      = `[{"token":"some_token","type":"some_type","url":"some_url","source":"some_source"}]`
)

func listOf(t *testing.T, keys map[string]string) []byte {
	t.Helper()
	list := []map[string]any{}
	for id, key := range keys {
		list = append(list, map[string]any{"key_identifier": id, "key": key, "is_current": true})
	}
	text, err := json.Marshal(map[string]any{"public_keys": list})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func inFile(t *testing.T, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func another(t *testing.T, curve elliptic.Curve) (*ecdsa.PrivateKey, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func TestDocumentedMessageIsGitHubs(t *testing.T) {
	k, err := NewKeys(inFile(t, listOf(t, map[string]string{documentedID: documentedKey})), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Verify(t.Context(), documentedID, documentedSignature, []byte(documentedBody)); err != nil {
		t.Error(err)
	}
	other, _ := another(t, elliptic.P256())
	sum := sha256.Sum256([]byte(documentedBody))
	forged, err := ecdsa.SignASN1(rand.Reader, other, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string][3]string{
		"another body":    {documentedID, documentedSignature, documentedBody + "\n"},
		"another's key":   {documentedID, base64.StdEncoding.EncodeToString(forged), documentedBody},
		"an unknown key":  {"0000", documentedSignature, documentedBody},
		"no key":          {"", documentedSignature, documentedBody},
		"no signature":    {documentedID, "", documentedBody},
		"no base64":       {documentedID, "%%", documentedBody},
		"a cut signature": {documentedID, documentedSignature[:40], documentedBody},
	} {
		if err := k.Verify(t.Context(), try[0], try[1], []byte(try[2])); !token.Is(err, token.Forbidden) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeysAreAskedForOnceAnHourAndKeptThroughAnOutage(t *testing.T) {
	now, asked := time.Unix(1_800_000_000, 0), 0
	answer, fault := listOf(t, map[string]string{"old": documentedKey}), error(nil)
	k := &Keys{now: func() time.Time { return now }, load: func(context.Context) ([]byte, error) { asked++; return answer, fault }}
	for i, step := range []struct {
		later  time.Duration
		answer map[string]string
		fault  error
		key    string
		known  bool
		asked  int
	}{
		{0, nil, nil, "old", true, 1},
		{0, map[string]string{"new": documentedKey}, nil, "new", false, 1},
		{59 * time.Minute, nil, nil, "new", false, 1},
		{2 * time.Minute, nil, nil, "new", true, 2},
		{2 * time.Hour, nil, errors.New("down"), "new", true, 3},
		{time.Minute, nil, errors.New("down"), "old", false, 3},
	} {
		now = now.Add(step.later)
		if step.answer != nil {
			answer = listOf(t, step.answer)
		}
		fault = step.fault
		key, err := k.key(t.Context(), step.key)
		if err != nil || (key != nil) != step.known || asked != step.asked {
			t.Errorf("step %d: key %v, error %v, asked %d times", i, key != nil, err, asked)
		}
	}
	never := &Keys{now: func() time.Time { return now }, load: func(context.Context) ([]byte, error) { return nil, errors.New("down") }}
	for range 2 {
		if err := never.Verify(t.Context(), "old", documentedSignature, nil); !token.Is(err, token.Unavailable) {
			t.Errorf("without keys: %v", err)
		}
	}
}

func TestKeysThatCannotBeUsedAreRefusedAtTheStart(t *testing.T) {
	_, weak := another(t, elliptic.P384())
	for name, text := range map[string][]byte{
		"empty": nil, "no list": []byte(`{}`), "no PEM": listOf(t, map[string]string{"a": "x"}), "another curve": listOf(t, map[string]string{"a": weak}),
	} {
		if _, err := NewKeys(inFile(t, text), time.Now); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	for _, from := range []string{"http://api.github.example/keys", "ftp://x/", filepath.Join(t.TempDir(), "none.json")} {
		if _, err := NewKeys(from, time.Now); err == nil {
			t.Errorf("%s: taken", from)
		}
	}
	if _, err := NewKeys("https://api.github.example/keys", time.Now); err != nil {
		t.Errorf("an https address: %v", err)
	}
}
