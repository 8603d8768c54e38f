// Package github knows how GitHub tells the maker of a secret where it was
// found: the keys it signs with, what it sends, and what it likes to hear back
// (its secret scanning partner program).
package github

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// The headers of a message.
const (
	HeaderKey       = "Github-Public-Key-Identifier"
	HeaderSignature = "Github-Public-Key-Signature"
)

const (
	mostKeys  = 1 << 20 // bytes of a list
	askAgain  = time.Hour
	askWithin = 10 * time.Second
)

// Keys are the public keys that GitHub signs with. They are safe for use by many
// at once.
type Keys struct {
	load func(context.Context) ([]byte, error)
	now  func() time.Time

	mu    sync.Mutex
	keys  map[string]*ecdsa.PublicKey
	asked time.Time // when the list was last asked for, had or not
}

// NewKeys returns the keys that a file holds, or an https address answers, in
// the form of https://api.github.com/meta/public_keys/secret_scanning. A file is
// read at once, and one that cannot be read is an error; an address is first
// asked when a message comes. Either is asked again after an hour at the
// earliest.
func NewKeys(from string, now func() time.Time) (*Keys, error) {
	k := &Keys{now: now}
	if u, err := url.Parse(from); err == nil && u.Scheme == "https" && u.Host != "" {
		client := &http.Client{Timeout: askWithin, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		k.load = func(ctx context.Context) ([]byte, error) { return fetch(ctx, client, from) }
		return k, nil
	}
	if strings.Contains(from, "://") {
		return nil, errors.New("the keys of GitHub come from a file or an https address")
	}
	k.load = func(context.Context) ([]byte, error) { return readFile(from) }
	return k, k.ask(context.Background())
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, mostKeys))
}

func fetch(ctx context.Context, client *http.Client, from string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "ficha")
	answer, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s", answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, mostKeys))
}

// ask reads the list anew. Keys that are had stay when it cannot be read.
func (k *Keys) ask(ctx context.Context) error {
	k.asked = k.now()
	text, err := k.load(ctx)
	if err != nil {
		return fmt.Errorf("read the keys of GitHub: %w", err)
	}
	keys, err := parse(text)
	if err != nil {
		return fmt.Errorf("read the keys of GitHub: %w", err)
	}
	k.keys = keys
	return nil
}

func parse(text []byte) (map[string]*ecdsa.PublicKey, error) {
	var list struct {
		Keys []struct {
			ID  string `json:"key_identifier"`
			Key string `json:"key"`
		} `json:"public_keys"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, err
	}
	keys := map[string]*ecdsa.PublicKey{}
	for _, one := range list.Keys {
		block, _ := pem.Decode([]byte(one.Key))
		if block == nil {
			return nil, fmt.Errorf("key %q is no PEM", one.ID)
		}
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", one.ID, err)
		}
		key, ok := public.(*ecdsa.PublicKey)
		if !ok || key.Curve != elliptic.P256() || one.ID == "" {
			return nil, fmt.Errorf("key %q is no ECDSA key on P-256 with a name", one.ID)
		}
		keys[one.ID] = key
	}
	if len(keys) == 0 {
		return nil, errors.New("public_keys is empty")
	}
	return keys, nil
}

// Verify refuses with Forbidden a body that GitHub did not sign with the named
// key, over all its bytes; an unknown key and a wrong signature are one answer.
// Unavailable says that the keys cannot be had now.
func (k *Keys) Verify(ctx context.Context, id, signature string, body []byte) error {
	key, err := k.key(ctx, id)
	if err != nil {
		return token.Unreachable(err)
	}
	sum := sha256.Sum256(body)
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || key == nil || !ecdsa.VerifyASN1(key, sum[:], raw) {
		return token.Errorf(token.Forbidden, "the signature is none of GitHub's over this body")
	}
	return nil
}

// key returns a key by its name, nil if GitHub has none of it.
func (k *Keys) key(ctx context.Context, id string) (*ecdsa.PublicKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.now().Sub(k.asked) < askAgain {
		if k.keys == nil {
			return nil, errors.New("the keys of GitHub could not be read")
		}
		return k.keys[id], nil
	}
	if err := k.ask(context.WithoutCancel(ctx)); err != nil && k.keys == nil {
		return nil, err
	}
	return k.keys[id], nil
}
