package policy

import (
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// CriticalAge is how old a secret that can change things should become where
// its workspace says nothing: Be CMS asks for a rotation every 30 days.
const CriticalAge = 30 * day

// RotationAge returns how old the secret of a token should become at most, 0 for any
// age: what the workspace says of its kind, else CriticalAge where it is held by
// a program and opens more than reading.
func RotationAge(p *token.Policy, t *token.Token) time.Duration {
	if p != nil && p.RotateAfter[t.Kind] > 0 {
		return seconds(p.RotateAfter[t.Kind])
	}
	if t.Kind != token.Service && t.Kind != token.ClientSecret {
		return 0
	}
	for _, scope := range t.Scopes {
		if !strings.HasSuffix(scope, ":read") && !strings.HasSuffix(scope, ".read") {
			return CriticalAge
		}
	}
	return 0
}
