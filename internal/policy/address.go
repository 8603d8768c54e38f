package policy

import (
	"net/netip"
	"slices"
)

// private are the networks that are nobody's on the internet, beside those that
// netip knows: what a tenant names must not lead this server into them.
var private = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),        // RFC 1122: this network
	netip.MustParsePrefix("100.64.0.0/10"),    // RFC 6598: shared by carriers; some clouds' metadata
	netip.MustParsePrefix("192.0.0.0/24"),     // RFC 6890: protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),     // RFC 5737: documentation
	netip.MustParsePrefix("192.88.99.0/24"),   // RFC 7526: 6to4 relays
	netip.MustParsePrefix("198.18.0.0/15"),    // RFC 2544: benchmarks
	netip.MustParsePrefix("198.51.100.0/24"),  // RFC 5737
	netip.MustParsePrefix("203.0.113.0/24"),   // RFC 5737
	netip.MustParsePrefix("240.0.0.0/4"),      // RFC 1112: reserved, and broadcast
	netip.MustParsePrefix("168.63.129.16/32"), // a cloud's metadata and agents on a public address
	netip.MustParsePrefix("::/96"),            // RFC 4291: IPv4-compatible
	netip.MustParsePrefix("64:ff9b::/96"),     // RFC 6052: NAT64 embeds any IPv4 address
	netip.MustParsePrefix("64:ff9b:1::/48"),   // RFC 8215: the same, locally
	netip.MustParsePrefix("100::/64"),         // RFC 6666: discard
	netip.MustParsePrefix("2001::/23"),        // RFC 2928: protocol assignments, Teredo among them
	netip.MustParsePrefix("2001:db8::/32"),    // RFC 3849: documentation
	netip.MustParsePrefix("2002::/16"),        // RFC 3056: 6to4 embeds any IPv4 address
	netip.MustParsePrefix("fec0::/10"),        // RFC 3879: site-local
}

// PublicAddress reports whether an address is one of the internet's: none of
// this machine, of a private network or of a range that leads into one, in
// either spelling of IPv4.
func PublicAddress(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && !slices.ContainsFunc(private, func(p netip.Prefix) bool { return p.Contains(ip) })
}
