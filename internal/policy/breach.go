package policy

import (
	"slices"
	"strconv"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// A Rule names one rule of a policy, as its key in the policy.
type Rule string

// The rules that a token may break.
const (
	MaxTTL         Rule = "max_ttl"
	RequireExpiry  Rule = "require_expiry"
	RequirePurpose Rule = "require_purpose"
	RequireOwner   Rule = "require_owner"
	AllowedScopes  Rule = "scopes"
	Networks       Rule = "addresses"
	PerOwner       Rule = "max_per_owner"
	Idle           Rule = "idle_expiry"
	Age            Rule = "rotate_after"
)

// A Breach is one rule that a token breaks. It is told of in words only when
// somebody asks: a simulation finds many.
type Breach struct {
	Rule   Rule
	Policy *token.Policy
	Token  *token.Token
}

// Field returns where in an order it would be mended, empty where it cannot be.
func (b Breach) Field() string {
	switch b.Rule {
	case MaxTTL, RequireExpiry:
		return "ttl"
	case RequirePurpose:
		return "purpose"
	case RequireOwner, PerOwner:
		return "owner"
	case AllowedScopes:
		return "scopes"
	case Networks:
		return "addresses"
	}
	return ""
}

// Text returns a sentence for who holds the token.
func (b Breach) Text() string {
	p, t := b.Policy, b.Token
	switch b.Rule {
	case MaxTTL:
		return "it may live at most " + text(limitsOf(t.Kind, p).Most)
	case RequireExpiry:
		return "it never expires, and this workspace requires an expiry"
	case RequirePurpose:
		return "this workspace requires a purpose"
	case RequireOwner:
		return "this workspace requires an owner, or counts tokens by theirs: name one"
	case AllowedScopes:
		return "this workspace does not allow " + string(t.Kind) + " tokens the scope " + t.Scopes.Filter(func(s string) bool { return !p.Allows(t.Kind, s) }).String()
	case Networks:
		if !ownWithin(p, t) {
			return "they must lie within the networks that this workspace allows " + string(t.Kind) + " tokens"
		}
		return "it was last used from an address that is not allowed"
	case PerOwner:
		return "its owner has more than " + strconv.FormatInt(p.MaxPerOwner[t.Kind], 10)
	case Idle:
		return "it was not used for " + text(seconds(p.IdleExpiry[t.Kind]))
	case Age:
		return "its secret is older than " + text(seconds(p.RotateAfter[t.Kind]))
	}
	return ""
}

func ownWithin(p *token.Policy, t *token.Token) bool {
	return len(t.Addresses) == 0 || token.Within(t.Addresses, p.Addresses[t.Kind])
}

// Governed tells the kinds that people or programs hold on purpose, under a
// name, from the routine ones of a protocol.
func Governed(k token.Kind) bool {
	switch k {
	case token.Service, token.Impersonated, token.Personal:
		return true
	}
	return false
}

// Breaches returns the rules that a token breaks as it was issued; those that
// take its uses or the tokens beside it are Used's and the commit's to find. A
// refresh token's life is its family's, and is not judged here.
func Breaches(p *token.Policy, t *token.Token) []Breach {
	all := Facts(p, t)
	limits := limitsOf(t.Kind, p)
	switch {
	case t.Kind == token.Refresh:
	case t.ExpiresAt == 0 && t.Kind == token.Personal && p.RequireExpiry:
		all = append(all, Breach{RequireExpiry, p, t})
	case limits.Most > 0 && (t.ExpiresAt == 0 || t.ExpiresAt-t.IssuedAt > limits.Most.Milliseconds()):
		all = append(all, Breach{MaxTTL, p, t})
	}
	return all
}

// Facts returns the rules that a token breaks by what it is, its lifetime
// aside.
func Facts(p *token.Policy, t *token.Token) []Breach {
	var all []Breach
	_, counted := p.MaxPerOwner[t.Kind]
	if p.RequirePurpose && t.Purpose == "" && Governed(t.Kind) {
		all = append(all, Breach{RequirePurpose, p, t})
	}
	if t.Owner == "" && (counted || p.RequireOwner && Governed(t.Kind)) {
		all = append(all, Breach{RequireOwner, p, t})
	}
	if len(p.Scopes) > 0 && slices.ContainsFunc(t.Scopes, func(s string) bool { return !p.Allows(t.Kind, s) }) {
		all = append(all, Breach{AllowedScopes, p, t})
	}
	if !ownWithin(p, t) {
		all = append(all, Breach{Networks, p, t})
	}
	return all
}

// Used returns the rules that a token breaks by how it is used: where it was
// last seen, since when it was not (ms; 0: never), and how old its secret is at
// an instant.
func Used(p *token.Policy, t *token.Token, last token.Seen, now int64) []Breach {
	var all []Breach
	if last.Address != "" && !token.Reaches(p.Addresses[t.Kind], last.Address) {
		all = append(all, Breach{Networks, p, t})
	}
	if end := IdleEnd(p, t, last.Last); end != 0 && now >= end {
		all = append(all, Breach{Idle, p, t})
	}
	if by := rotateBy(p, t); by != 0 && now >= by {
		all = append(all, Breach{Age, p, t})
	}
	return all
}

// IdleEnd returns when a token is ended for not being used (ms), 0 if it is not
// for that: so long after its last use (ms), or, where it was never used, after
// it was issued. The notice that precedes it may move it back, never forward.
func IdleEnd(p *token.Policy, t *token.Token, lastUsed int64) int64 {
	idle := p.IdleExpiry[t.Kind]
	if idle == 0 {
		return 0
	}
	return max(lastUsed, t.IssuedAt) + idle*time.Second.Milliseconds()
}

// rotateBy returns by when the secret of a token should be replaced (ms), 0 if
// its age is not limited.
func rotateBy(p *token.Policy, t *token.Token) int64 {
	age := p.RotateAfter[t.Kind]
	if age == 0 {
		return 0
	}
	return t.IssuedAt + age*time.Second.Milliseconds()
}
