package token

import (
	"net/netip"
	"slices"
)

// A Policy is a workspace's limits on its tokens. A kind that a map does not
// name is not limited by it. Durations are seconds, instants ms.
type Policy struct {
	MaxTTL      map[Kind]int64          `json:"max_ttl,omitempty"`
	DefaultTTL  map[Kind]int64          `json:"default_ttl,omitempty"`
	Scopes      map[Kind]Scopes         `json:"scopes,omitempty"`        // all that a token may open
	Addresses   map[Kind][]netip.Prefix `json:"addresses,omitempty"`     // whence it may be used
	MaxPerOwner map[Kind]int64          `json:"max_per_owner,omitempty"` // live ones that one owner may have
	IdleExpiry  map[Kind]int64          `json:"idle_expiry,omitempty"`   // unused for so long, it is ended
	RotateAfter map[Kind]int64          `json:"rotate_after,omitempty"`  // how old a secret should become
	Approval    []Kind                  `json:"approval,omitempty"`      // what an administrator says yes to first

	RequirePurpose bool   `json:"require_purpose,omitempty"`
	RequireOwner   bool   `json:"require_owner,omitempty"`
	RequireExpiry  bool   `json:"require_expiry,omitempty"`
	Registration   string `json:"registration,omitempty"` // off | token | open; kept for when it is served: nothing heeds it
	RequirePKCE    bool   `json:"require_pkce,omitempty"` // of every request for a code
	OnLeak         string `json:"on_leak,omitempty"`      // RevokeOnLeak | NotifyOnLeak | "": revoke

	// Impersonation says whether anybody may act as a member: ImpersonationOff,
	// ImpersonationOn or "": on.
	Impersonation string `json:"impersonation,omitempty"`

	// SecondFactor says who must prove two things when they sign in to the pages:
	// SecondForAdmins, SecondForAll or "": nobody.
	SecondFactor string `json:"require_second_factor,omitempty"`

	WarnFrom    int64  `json:"warn_from,omitempty"`    // 0: as soon as it is set
	EnforceFrom int64  `json:"enforce_from,omitempty"` // 0: as soon as it is set
	Existing    string `json:"existing,omitempty"`     // KeepExisting | EndExisting | "": keep

	// Next is the policy that takes this one's place at its EnforceFrom and is
	// warned of until then; nil: none.
	Next *Policy `json:"next,omitempty"`
}

// What becomes of live tokens that break a policy when it is enforced.
const (
	KeepExisting = "keep"
	EndExisting  = "end"
)

// Whether anybody may act as a member of the workspace.
const (
	ImpersonationOn  = "on"
	ImpersonationOff = "off"
)

// Who must prove two things when they sign in.
const (
	SecondForAdmins = "admins"
	SecondForAll    = "everyone"
)

// DemandsSecond reports whether a member must prove two things to sign in.
func (p *Policy) DemandsSecond(m *Membership) bool {
	return m.Live() && (p.SecondFactor == SecondForAll || p.SecondFactor == SecondForAdmins && m.IsAdmin())
}

// At returns the policy that is in force at an instant (ms).
func (p *Policy) At(now int64) *Policy {
	if p.Next != nil && now >= p.Next.EnforceFrom {
		return p.Next
	}
	return p
}

// Coming returns the policy that is warned of at an instant (ms), nil if none
// is.
func (p *Policy) Coming(now int64) *Policy {
	if p.Next == nil || now >= p.Next.EnforceFrom || now < p.Next.WarnFrom {
		return nil
	}
	return p.Next
}

// Declared returns what was set last: the coming policy if there is one.
func (p *Policy) Declared() *Policy {
	if p.Next != nil {
		return p.Next
	}
	return p
}

// Allows reports whether a token of a kind may open a scope. The vendors' are
// always allowed: their contracts owe them.
func (p *Policy) Allows(kind Kind, scope string) bool {
	if p == nil {
		return true
	}
	allowed, limited := p.Scopes[kind]
	return !limited || IsVendor(scope) || allowed.Has(scope)
}

// Approves reports whether tokens of a kind wait for an administrator.
func (p *Policy) Approves(kind Kind) bool { return slices.Contains(p.Approval, kind) }

// A Quota is a place that a new token takes among the live ones of its owner.
// The commit counts: of two who race for the last place, one loses.
type Quota struct {
	Workspace string
	Owner     string
	Kind      Kind
	Most      int64
}

// Full is what is said where no place is left.
func (q Quota) Full() *Refusal {
	return AtField("owner", "has %d live %s tokens, as many as this workspace allows; end one first", q.Most, q.Kind)
}
