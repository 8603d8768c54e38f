// Package sink knows where else the records of the audit go: which files,
// syslog servers and HTTPS collectors, in which form, and how each is fed
// without losing a record and without anybody waiting for it.
package sink

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// A Sink is one place that records go to. One goroutine at a time delivers to
// it.
type Sink struct {
	// Name tells sinks apart: it keeps how far a sink is, and stands in metrics.
	// Without ?name= it is where the sink is, without path and query where those
	// may be known to few.
	Name string

	form func(*token.Event) ([]byte, error)
	to   target
}

// A target takes lines, all of them or an error. A nil error means that they
// are where they belong.
type target interface {
	deliver(ctx context.Context, lines []line) error
}

// A line is a record in the form of its sink, without a line's end.
type line struct {
	of   *token.Event
	text []byte
}

// Parse reads what FICHA_AUDIT_SINKS lists:
//
//	file:/var/log/ficha/audit.jsonl
//	syslog+udp://host:514   syslog+tcp://host:514   syslog+tls://host:6514
//	https://collector.example.com/path
//
// Each takes ?format=json (default) or ocsf, and ?name=. With TLS ?ca= names a
// file of the certificates that are trusted in place of the system's; with
// https ?bearer_file= names the file of a token. host is what this machine calls
// itself to syslog. It does not connect anywhere.
func Parse(list []string, host string) ([]*Sink, error) {
	var all []*Sink
	for _, text := range list {
		s, err := parse(strings.TrimSpace(text), host)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(all, func(o *Sink) bool { return o.Name == s.Name }) {
			return nil, fmt.Errorf("audit-sinks: two sinks are called %s: tell them apart by ?name=", s.Name)
		}
		all = append(all, s)
	}
	return all, nil
}

// An address is what is written of a sink.
type address struct {
	*url.URL
	query url.Values
}

func parse(text, host string) (*Sink, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("audit-sinks: one of them is no URL: write it as file:/path, syslog+tls://host:6514 or https://host/path")
	}
	if u.User != nil {
		return nil, fmt.Errorf("audit-sinks: %s: a secret in an address is read by others: put it into a file and name that with ?bearer_file=", u.Host)
	}
	a := address{u, u.Query()}
	s := &Sink{Name: u.Scheme + "://" + u.Host}
	if u.Scheme == "file" {
		s.Name = "file:" + u.Path
	}
	if name := a.query.Get("name"); name != "" {
		s.Name = name
	}
	if s.to, err = a.target(host); err == nil {
		s.form, err = a.form()
	}
	if err != nil {
		return nil, fmt.Errorf("audit-sinks: %s: %w", s.Name, err)
	}
	return s, nil
}

// target is where an address leads. Parameters that it does not take are an
// error: a misspelt one would be silent.
func (a address) target(host string) (target, error) {
	takes := []string{"format", "name"}
	defaultPort := "514"
	switch a.Scheme {
	case "file":
		if !filepath.IsAbs(a.Path) || a.Host != "" {
			return nil, errors.New("write it with the whole path, as file:/var/log/ficha/audit.jsonl")
		}
		return &file{path: filepath.Clean(a.Path)}, a.only(takes)
	case "syslog+tls":
		takes, defaultPort = append(takes, "ca"), "6514"
	case "https":
		takes = append(takes, "ca", "bearer_file")
	case "http":
		if ip := net.ParseIP(a.Hostname()); a.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return nil, errors.New("http shows the audit to the network: use https")
		}
		takes = append(takes, "bearer_file")
	case "syslog+udp", "syslog+tcp":
	default:
		return nil, errors.New("use file:, syslog+udp:, syslog+tcp:, syslog+tls: or https:")
	}
	if a.Hostname() == "" {
		return nil, errors.New("it names no host")
	}
	trust, err := a.trust()
	if err = errors.Join(a.only(takes), err); err != nil {
		return nil, err
	}
	if network, ok := strings.CutPrefix(a.Scheme, "syslog+"); ok {
		port := a.Port()
		if port == "" {
			port = defaultPort
		}
		return &syslog{network: network, address: net.JoinHostPort(a.Hostname(), port), trust: trust, host: host}, nil
	}
	return newCollector(a, trust), nil
}

func (a address) only(names []string) error {
	for name := range a.query {
		if !slices.Contains(names, name) {
			return fmt.Errorf("it takes no %s: use %s", name, strings.Join(names, ", "))
		}
	}
	return nil
}

// trust is how the other end is known.
func (a address) trust() (*tls.Config, error) {
	trust := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: a.Hostname()}
	name := a.query.Get("ca")
	if name == "" {
		return trust, nil
	}
	text, err := os.ReadFile(filepath.Clean(name))
	if err != nil {
		return nil, err
	}
	trust.RootCAs = x509.NewCertPool()
	if !trust.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s has no certificate in PEM", name)
	}
	return trust, nil
}

// form is how the records are written.
func (a address) form() (func(*token.Event) ([]byte, error), error) {
	switch a.query.Get("format") {
	case "", "json":
		return (*token.Event).Canonical, nil // the bytes that seals are made over
	case "ocsf":
		return audit.OCSF, nil
	}
	return nil, errors.New("format is json or ocsf")
}

// send brings records to the sink.
func (s *Sink) send(ctx context.Context, records []*token.Event) error {
	lines := make([]line, len(records))
	for i, e := range records {
		text, err := s.form(e)
		if err != nil {
			return err
		}
		lines[i] = line{e, text}
	}
	return s.to.deliver(ctx, lines)
}
