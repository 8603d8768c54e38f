package token

import "strings"

// A ScopeInfo is one entry of the catalogue of scopes. Texts are by language
// tag; a text without a language stands under "".
type ScopeInfo struct {
	Name        string
	Description map[string]string
	Use         map[string]string // what it is suggested for
	CreatedAt   int64             // ms
}

// Domain returns what the scope is grouped under: what stands before the first
// ':' or '.', or the whole name.
func (s *ScopeInfo) Domain() string {
	if i := strings.IndexAny(s.Name, ":."); i >= 0 {
		return s.Name[:i]
	}
	return s.Name
}

// A Resource is a resource server: who tokens are for (RFC 8707).
type Resource struct {
	Identifier          string // an absolute URI
	Workspace           string
	Scopes              Scopes
	TokenFormat         string // opaque | jwt | "": the client's
	IntrospectionClient string // the client that may ask about its tokens; empty: none
	CreatedAt           int64  // ms
}
