package github

import (
	"encoding/hex"

	"github.com/fichadev/ficha/internal/token"
)

// A Match is one secret that GitHub has found, an element of a message.
type Match struct {
	Token  string `json:"token"`
	Type   string `json:"type"`
	URL    string `json:"url"`
	Source string `json:"source"` // content, commit, pull_request_comment, …
}

// A Label tells GitHub whether what it found is a secret. It names the secret by
// its SHA-256, so that no answer holds one.
type Label struct {
	TokenHash string `json:"token_hash"`
	TokenType string `json:"token_type"`
	Label     string `json:"label"`
}

// LabelOf returns the label of a match that is a secret, or is none.
func LabelOf(m Match, secret bool) Label {
	hash := token.HashOf(m.Token)
	l := Label{TokenHash: hex.EncodeToString(hash[:]), TokenType: m.Type, Label: "false_positive"}
	if secret {
		l.Label = "true_positive"
	}
	return l
}
