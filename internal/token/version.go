package token

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// A Version names a state of a document that several people change: who read one
// state does not undo what somebody else did since. Empty, it is any.
type Version string

// VersionOf returns the version of a document's text.
func VersionOf(text []byte) Version {
	sum := sha256.Sum256(text)
	return Version(hex.EncodeToString(sum[:8]))
}

// Meets refuses with Outdated what is meant for another state than is.
func (v Version) Meets(is Version) error {
	if v == "" || v == is {
		return nil
	}
	return Errorf(Outdated, "somebody else has changed it since you read it; read it again, and repeat your change where it is still needed")
}

// Version returns that of what was set last.
func (p *Policy) Version() Version {
	declared := *p.Declared()
	declared.Next = nil
	text, err := json.Marshal(declared)
	if err != nil {
		return "" // nothing in a policy is without a text
	}
	return VersionOf(text)
}
