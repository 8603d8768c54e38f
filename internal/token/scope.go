package token

import (
	"slices"
	"strings"
)

// Scopes is a set of scope names, kept in the order they were given and
// without repetition. The zero value is the empty set.
type Scopes []string

// Names that every workspace, role and membership has from the start, but for the
// administration's, which admins and super admins alone may hold. They are never
// listed, bought or narrowed there; a client names them in its scope.
const (
	ReadContent   = "content_management_read"   // Contentful
	ManageContent = "content_management_manage" // Contentful; includes ReadContent
	HubSpotBasic  = "oauth"                     // HubSpot
	AdminRead     = "admin:read"                // our administration API
	AdminWrite    = "admin:write"               // our administration API; includes AdminRead
	OfflineAccess = "offline_access"            // OpenID Connect: a refresh token
)

var openID = Scopes{"openid", "profile", "email", "address", "phone", OfflineAccess}

// IsVendor reports whether a scope belongs to every workspace from the start.
func IsVendor(scope string) bool {
	switch scope {
	case ReadContent, ManageContent, HubSpotBasic, AdminRead, AdminWrite:
		return true
	}
	return IsOpenID(scope)
}

// IsOpenID reports whether a scope is one of OpenID Connect's. A resource that
// narrows a token to its own scopes never makes such a request fail.
func IsOpenID(scope string) bool { return slices.Contains(openID, scope) }

// IsAdmin reports whether a scope opens the administration API, which only
// admins and super admins may hold.
func IsAdmin(scope string) bool { return scope == AdminRead || scope == AdminWrite }

// ParseScopes reads a space-separated list (RFC 6749, 3.3). It refuses
// characters that a scope cannot have, and lists over 4,096 bytes or 256 names.
func ParseScopes(s string) (Scopes, error) {
	if len(s) > 4096 {
		return nil, Errorf(InvalidScope, "the list of scopes is over 4096 bytes")
	}
	return MakeScopes(strings.Fields(s))
}

// MakeScopes checks names and drops repetitions.
func MakeScopes(names []string) (Scopes, error) {
	if len(names) > 256 {
		return nil, Errorf(InvalidScope, "more than 256 scopes")
	}
	set := make(Scopes, 0, len(names))
	for _, name := range names {
		if !validScope(name) {
			return nil, Errorf(InvalidScope, "a scope is 1 to 128 printable ASCII characters without space, quote or backslash")
		}
		if !slices.Contains(set, name) {
			set = append(set, name)
		}
	}
	return set, nil
}

// validScope is scope-token of RFC 6749, 3.3.
func validScope(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// String writes the set as RFC 6749 does: separated by single spaces.
func (s Scopes) String() string { return strings.Join(s, " ") }

// Has reports whether the set holds a scope, by name or because a wider one
// includes it.
func (s Scopes) Has(scope string) bool {
	if slices.Contains(s, scope) {
		return true
	}
	switch scope {
	case ReadContent:
		return slices.Contains(s, ManageContent)
	case AdminRead:
		return slices.Contains(s, AdminWrite)
	}
	return false
}

// Missing returns those of want that s does not hold, nil if it holds all.
func (s Scopes) Missing(want Scopes) Scopes {
	var missing Scopes
	for _, w := range want {
		if !s.Has(w) {
			missing = append(missing, w)
		}
	}
	return missing
}

// Filter returns the scopes for which keep is true.
func (s Scopes) Filter(keep func(string) bool) Scopes {
	var kept Scopes
	for _, name := range s {
		if keep(name) {
			kept = append(kept, name)
		}
	}
	return kept
}

// Union returns s followed by those of more that it does not name.
func (s Scopes) Union(more Scopes) Scopes {
	all := slices.Clone(s)
	for _, name := range more {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// Domain returns what stands before the first ':' or '.' of a scope's name.
func Domain(scope string) string {
	if i := strings.IndexAny(scope, ":."); i > 0 {
		return scope[:i]
	}
	return scope
}
