package web

import (
	"net/netip"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// Internal says what comes from the house itself. The zero value: nothing does.
type Internal struct {
	Networks []netip.Prefix // whence
	// Header and Value mark what a trusted proxy calls internal. The proxy must
	// overwrite what its own caller sent under that name.
	Header, Value string
}

// Class returns token.Internal or token.External: from which side the caller
// comes.
func (c *Call) Class() string {
	if in := &c.floor.internal; in.Header != "" && c.proxied {
		if lines := c.Request.Header[in.Header]; len(lines) == 1 && lines[0] == in.Value {
			return token.Internal
		}
	}
	return c.ClassOf(c.address)
}

// ClassOf returns the class of traffic from an address that somebody else saw,
// external where it is none.
func (c *Call) ClassOf(address string) string {
	networks := c.floor.internal.Networks
	if len(networks) == 0 {
		return token.External
	}
	a, err := netip.ParseAddr(address)
	if err != nil {
		return token.External
	}
	a = clean(a)
	for _, n := range networks {
		if n.Contains(a) {
			return token.Internal
		}
	}
	return token.External
}

// Protect says that the call asks on behalf of a protected service, so that its
// answer is counted as traffic: of a route by its declared name, and of the
// workspace and the client that SetActor and SetClient tell of. The last word
// counts.
func (c *Call) Protect(route string) { c.protects = route }

// counted counts the answer of a call that asked for a protected service.
func (c *Call) counted(took time.Duration) {
	c.floor.metrics.Traffic.Note(token.Request{
		At: c.start.UnixMilli(), Workspace: c.actor.Workspace, Route: c.protects, Client: c.client, Class: c.Class(), Status: c.status, Took: took,
	})
}
