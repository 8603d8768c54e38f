package web

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"strings"
)

// whence returns the caller's address, the id of the request, and whether the
// peer is a trusted proxy: headers of proxies are read only then.
func (f *Floor) whence(r *http.Request) (address, id string, proxied bool) {
	if len(f.proxies) == 0 {
		return peerAddress(r.RemoteAddr), newRequestID(), false
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !f.trusts(peer.Addr()) {
		return peerAddress(r.RemoteAddr), newRequestID(), false
	}
	if ids := r.Header["X-Request-Id"]; len(ids) == 1 && saneID(ids[0]) {
		id = ids[0]
	} else {
		id = newRequestID()
	}
	return f.forwardedFor(peer.Addr(), r.Header["X-Forwarded-For"]).String(), id, true
}

// peerAddress cuts the port off a peer's address.
func peerAddress(remote string) string {
	peer, err := netip.ParseAddrPort(remote)
	if err != nil {
		return ""
	}
	return clean(peer.Addr()).String()
}

// clean gives an address its one spelling.
func clean(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

func (f *Floor) trusts(a netip.Addr) bool {
	a = clean(a)
	for _, p := range f.proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// forwardedFor walks X-Forwarded-For from the right, where the proxy nearest to
// us wrote, and stops at the first address that is no proxy of ours: what
// stands left of it is the caller's own invention.
func (f *Floor) forwardedFor(peer netip.Addr, lines []string) netip.Addr {
	last := clean(peer)
	for i := len(lines) - 1; i >= 0; i-- {
		rest := lines[i]
		for rest != "" {
			var hop string
			if at := strings.LastIndexByte(rest, ','); at >= 0 {
				rest, hop = rest[:at], rest[at+1:]
			} else {
				rest, hop = "", rest
			}
			a, ok := parseHop(strings.TrimSpace(hop))
			if !ok {
				return last
			}
			last = a
			if !f.trusts(a) {
				return last
			}
		}
	}
	return last
}

// parseHop reads an address, with or without a port.
func parseHop(hop string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(hop); err == nil {
		return clean(a), true
	}
	if ap, err := netip.ParseAddrPort(hop); err == nil {
		return clean(ap.Addr()), true
	}
	return netip.Addr{}, false
}

// newRequestID returns a random UUID (RFC 9562, version 4). It names a request
// and opens nothing, so that it needs no secret source of randomness.
func newRequestID() string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], rand.Uint64()) //nolint:gosec // no secret, see above
	binary.BigEndian.PutUint64(raw[8:], rand.Uint64()) //nolint:gosec // no secret, see above
	raw[6] = raw[6]&0x0f | 0x40
	raw[8] = raw[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[0:8], raw[0:4])
	hex.Encode(text[9:13], raw[4:6])
	hex.Encode(text[14:18], raw[6:8])
	hex.Encode(text[19:23], raw[8:10])
	hex.Encode(text[24:36], raw[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// saneID reports whether a proxy's request id may go into logs and answers.
func saneID(id string) bool {
	if len(id) < 8 || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}
