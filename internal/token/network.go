package token

import "net/netip"

// ParseNetwork reads a network as CIDR of either version, or one address. An
// IPv4 network that is written as IPv6 is the IPv4 network, since a caller has
// one address however a proxy spells it. It refuses with Invalid at field.
func ParseNetwork(field, text string) (netip.Prefix, error) {
	network, err := netip.ParsePrefix(text)
	if err != nil {
		one, err := netip.ParseAddr(text)
		if err != nil || one.Zone() != "" {
			return network, AtField(field, "%.64q is no network; write 192.0.2.0/24, 2001:db8::/32 or one address", text)
		}
		network = netip.PrefixFrom(one, one.BitLen())
	}
	if a := network.Addr(); a.Is4In6() {
		if network.Bits() < 96 {
			return network, AtField(field, "%s is wider than all of IPv4; write the IPv4 network itself", text)
		}
		network = netip.PrefixFrom(a.Unmap(), network.Bits()-96)
	}
	if network != network.Masked() {
		return network, AtField(field, "%s names more than its network; write %s", text, network.Masked())
	}
	return network, nil
}

// mostNetworks is how many networks one token or one kind of a policy may list:
// each use walks them.
const mostNetworks = 100

// ParseNetworks reads a list of networks, nil for none. It refuses as
// ParseNetwork, and more than 100.
func ParseNetworks(field string, texts []string) ([]netip.Prefix, error) {
	if len(texts) > mostNetworks {
		return nil, AtField(field, "may name at most %d networks", mostNetworks)
	}
	var all []netip.Prefix
	for _, text := range texts {
		network, err := ParseNetwork(field, text)
		if err != nil {
			return nil, err
		}
		all = append(all, network)
	}
	return all, nil
}

// Within reports whether each of the networks lies in one of the others. No
// networks are all of them, on either side.
func Within(networks, others []netip.Prefix) bool {
	if len(others) == 0 {
		return true
	}
	for _, n := range networks {
		if !inOneOf(n, others) {
			return false
		}
	}
	return len(networks) > 0
}

func inOneOf(n netip.Prefix, others []netip.Prefix) bool {
	for _, o := range others {
		if o.Bits() <= n.Bits() && o.Contains(n.Addr()) {
			return true
		}
	}
	return false
}

// Reaches reports whether an address, in any spelling, lies in one of the
// networks. No networks are all of them; what is no address lies in none.
func Reaches(networks []netip.Prefix, address string) bool {
	if len(networks) == 0 {
		return true
	}
	at, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	at = at.Unmap().WithZone("")
	for _, n := range networks {
		if n.Contains(at) {
			return true
		}
	}
	return false
}

// CleanAddress returns the one spelling of a network address that somebody wrote
// down, empty for what is none.
func CleanAddress(text string) string {
	if text == "" { // as most are: what fails to be read costs memory
		return ""
	}
	at, err := netip.ParseAddr(text)
	if err != nil {
		return ""
	}
	return at.Unmap().WithZone("").String()
}

// meet returns the networks that lie in both lists. No networks are all of
// them, which both may be.
func meet(some, others []netip.Prefix) []netip.Prefix {
	switch {
	case len(some) == 0:
		return others
	case len(others) == 0:
		return some
	}
	var both []netip.Prefix
	for _, a := range some {
		for _, b := range others {
			switch { // of two networks that meet, one lies in the other
			case a.Overlaps(b) && a.Bits() >= b.Bits():
				both = append(both, a)
			case a.Overlaps(b):
				both = append(both, b)
			}
		}
	}
	return both
}
