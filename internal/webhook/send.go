package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

const (
	// timeout is the longest try, from the look-up of the name to the end of the
	// answer.
	timeout = 10 * time.Second
	// mostAnswer is how much of an answer's body is read, so that a short one
	// leaves the connection usable. Nothing of it is kept: it may hold a secret.
	mostAnswer = 64 << 10
)

// A courier tries deliveries. It is safe for use by many at once.
type courier struct {
	secure, plain *http.Client // for https, and for http
	local         *http.Client // for http to an address that names this machine itself
	within        time.Duration
	now           func() time.Time
}

func newCourier(g guard, now func() time.Time) *courier {
	return &courier{secure: g.client(g.public), plain: g.client(g.allowed), local: g.client(g.local), within: timeout, now: now}
}

// try sends a shipment once. What it returns tells nothing of the address, which
// may carry a secret.
func (c *courier) try(ctx context.Context, to string, v token.Shipment, keys Keys) token.Try {
	began := c.now()
	status, err := c.post(ctx, to, v, keys, began)
	out := token.Try{
		Shipment: v, Attempt: token.Attempt{At: began.UnixMilli(), Took: c.now().Sub(began).Milliseconds(), Status: status},
		Arrived: status/100 == 2, Gone: status == http.StatusGone,
	}
	if err != nil {
		out.Attempt.Fault = fault(err)
	}
	return out
}

// post returns the status of the answer, 0 if there was none.
func (c *courier) post(ctx context.Context, to string, v token.Shipment, keys Keys, at time.Time) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, c.within)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(v.Body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Ficha-Webhooks")
	sign(req.Header, v.Event, at, v.Body, keys)
	answer, err := c.clientFor(req.URL).Do(req)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	// The receiver has said what it has to say; who drips the rest of it is told
	// by the end of the connection.
	_, _ = io.CopyN(io.Discard, answer.Body, mostAnswer)
	return answer.StatusCode, nil
}

// clientFor returns the client that may reach an address. That http on this very
// machine was named at all is the operator's doing: only the server's own file
// may subscribe it.
func (c *courier) clientFor(u *url.URL) *http.Client {
	switch host := u.Hostname(); {
	case u.Scheme == "https":
		return c.secure
	case host == "localhost" || host == "127.0.0.1" || host == "::1":
		return c.local
	}
	return c.plain
}

// fault says in a word why there was no answer.
func fault(err error) string {
	_, unknownName := errors.AsType[*net.DNSError](err)
	_, badCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, badRecord := errors.AsType[tls.RecordHeaderError](err)
	bad, ok := errors.AsType[*url.Error](err)
	switch {
	case errors.Is(err, errAddress):
		return "address_not_allowed"
	case ok && bad.Timeout() || errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case unknownName:
		return "name_not_found"
	case badCertificate || badRecord:
		return "tls"
	}
	return "no_connection"
}

func (c *courier) close() {
	c.secure.CloseIdleConnections()
	c.plain.CloseIdleConnections()
	c.local.CloseIdleConnections()
}
