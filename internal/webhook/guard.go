package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/fichadev/ficha/internal/policy"
)

// errAddress says that a name led to an address which no tenant may reach
// through this server.
var errAddress = errors.New("the address is not public")

// A guard dials for deliveries. It looks at the address that is about to be
// connected to, after every look-up, so that no name can lead elsewhere between
// a check and the connection.
type guard struct {
	allow    []netip.Prefix // networks that the operator lets deliveries into
	resolver *net.Resolver  // nil: the system's
}

// client returns the client for deliveries to addresses that permit says yes to.
// It follows no redirect and knows no proxy: either would choose another
// address. It keeps few connections, and none for long.
func (g guard) client(permit func(netip.Addr) bool) *http.Client {
	dialer := &net.Dialer{
		Timeout: timeout, Resolver: g.resolver,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil || !permit(to.Addr().Unmap().WithZone("")) {
				return errAddress
			}
			return nil
		},
	}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dialer.DialContext, ForceAttemptHTTP2: true, DisableCompression: true,
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, TLSHandshakeTimeout: timeout, MaxResponseHeaderBytes: 16 << 10,
			MaxIdleConns: 64, MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second,
		},
	}
}

// public permits the internet and what the operator allows.
func (g guard) public(ip netip.Addr) bool { return policy.PublicAddress(ip) || g.allowed(ip) }

// allowed permits only what the operator allows: there, http will do.
func (g guard) allowed(ip netip.Addr) bool {
	return slices.ContainsFunc(g.allow, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// local permits this machine, and what the operator allows.
func (g guard) local(ip netip.Addr) bool { return ip.IsLoopback() || g.allowed(ip) }
