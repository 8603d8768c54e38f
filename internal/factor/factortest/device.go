// Package factortest knows a device with passkeys, for tests: it answers as a
// browser does whose person says yes to everything.
package factortest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
)

// A Device holds one passkey, made by Create and used by Get.
type Device struct {
	Origin  string // of the pages it stands at
	Counter uint32 // goes up with each answer

	key  *ecdsa.PrivateKey
	id   []byte
	user []byte
}

// encoding is that of Web Authentication in JSON.
var encoding = base64.RawURLEncoding

// asked is what a device reads of a question.
type asked struct {
	Challenge string `json:"challenge"`
	User      struct {
		ID string `json:"id"`
	} `json:"user"`
}

// Flags of authenticator data (Web Authentication, 6.1): present, verified, and
// that a public key follows.
const (
	present  = 0x01
	verified = 0x04
	attested = 0x40
)

// Create answers a question for a new passkey.
func (d *Device) Create(options []byte) ([]byte, error) {
	var q asked
	if err := json.Unmarshal(options, &q); err != nil {
		return nil, err
	}
	var err error
	if d.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	if d.user, err = encoding.DecodeString(q.User.ID); err != nil {
		return nil, err
	}
	d.id = make([]byte, 32)
	rand.Read(d.id)
	cose, err := d.cose()
	if err != nil {
		return nil, err
	}
	data := d.data(present | verified | attested)
	data = append(data, make([]byte, 16)...) // the make of the device: not told
	data = append(data, 0, byte(len(d.id)))  //nolint:gosec // 32
	data = append(append(data, d.id...), cose...)

	// CBOR: a map of fmt: "none", attStmt: {}, authData: bytes.
	object := append([]byte{0xa3, 0x63}, "fmt"...)
	object = append(append(object, 0x64), "none"...)
	object = append(append(object, 0x67), "attStmt"...)
	object = append(append(object, 0xa0, 0x68), "authData"...)
	object = append(object, 0x59, byte(len(data)>>8), byte(len(data))) //nolint:gosec // under 64 KiB
	object = append(object, data...)
	return d.answer(map[string]any{
		"clientDataJSON": encoding.EncodeToString(d.client("webauthn.create", q.Challenge)), "attestationObject": encoding.EncodeToString(object),
	})
}

// Get answers a question to sign in.
func (d *Device) Get(options []byte) ([]byte, error) {
	var q asked
	if err := json.Unmarshal(options, &q); err != nil {
		return nil, err
	}
	if d.key == nil {
		return nil, errors.New("this device has no passkey")
	}
	d.Counter++
	data, client := d.data(present|verified), d.client("webauthn.get", q.Challenge)
	over := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte{}, data...), over[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, d.key, digest[:])
	if err != nil {
		return nil, err
	}
	return d.answer(map[string]any{
		"clientDataJSON": encoding.EncodeToString(client), "authenticatorData": encoding.EncodeToString(data),
		"signature": encoding.EncodeToString(signature), "userHandle": encoding.EncodeToString(d.user),
	})
}

// data is how authenticator data begins.
func (d *Device) data(flags byte) []byte {
	at, _ := url.Parse(d.Origin) // the test's own
	site := sha256.Sum256([]byte(at.Hostname()))
	return binary.BigEndian.AppendUint32(append(site[:], flags), d.Counter)
}

func (d *Device) client(kind, challenge string) []byte {
	return fmt.Appendf(nil, `{"type":%q,"challenge":%q,"origin":%q,"crossOrigin":false}`, kind, challenge, d.Origin)
}

// cose is the public key (RFC 9053, 7.1): a CBOR map of EC2, ES256, P-256, x, y.
func (d *Device) cose() ([]byte, error) {
	point, err := d.key.PublicKey.Bytes() // 0x04, x, y
	if err != nil {
		return nil, err
	}
	out := []byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20}
	out = append(append(out, point[1:33]...), 0x22, 0x58, 0x20)
	return append(out, point[33:]...), nil
}

func (d *Device) answer(response map[string]any) ([]byte, error) {
	id := encoding.EncodeToString(d.id)
	return json.Marshal(map[string]any{"id": id, "rawId": id, "type": "public-key", "clientExtensionResults": map[string]any{}, "response": response})
}
