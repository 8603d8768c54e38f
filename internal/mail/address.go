package mail

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"strconv"
)

// A post is where letters are handed in.
type post struct {
	host           string
	port           int
	user, password string // empty: nobody signs in
	from           mail.Address
	secure         security
}

// security is how the connection is kept from others.
type security int

const (
	upgraded security = iota // by STARTTLS, or not at all
	wrapped                  // TLS from the first byte (RFC 8314)
	open                     // on this machine, or where the operator says so
)

// parsePost reads the address of the mail server and whom letters are from,
// which is a mailbox at the issuer's host unless one of them says else. No
// error repeats the address: it holds a password.
func parsePost(address, from, issuer string) (post, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Path != "" && u.Path != "/" || u.Fragment != "" {
		return post{}, errors.New("smtp-url: write it as smtp://user:password@mail.example.com:587")
	}
	p := post{host: u.Hostname(), user: u.User.Username()}
	p.password, _ = u.User.Password()
	if err := p.protect(u.Scheme); err != nil {
		return p, err
	}
	if text := u.Port(); text != "" {
		if p.port, err = strconv.Atoi(text); err != nil || p.port < 1 || p.port > 65535 {
			return p, errors.New("smtp-url: its port is no port")
		}
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil || len(query) > 1 || len(query) == 1 && !query.Has("from") {
		return p, errors.New("smtp-url: after the ? only from=ADDRESS may stand")
	}
	return p, p.sendFrom(cmp.Or(from, query.Get("from"), usualFrom(issuer)))
}

// usualFrom returns whom letters are from where nobody says: ficha at the host
// of the server's own address.
func usualFrom(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil || u.Hostname() == "" || net.ParseIP(u.Hostname()) != nil {
		return "Ficha <ficha@localhost>"
	}
	return "Ficha <ficha@" + u.Hostname() + ">"
}

// protect settles how the connection is kept from others, and the usual port.
func (p *post) protect(scheme string) error {
	switch scheme {
	case "smtp":
		p.port = 587
		if ip := net.ParseIP(p.host); p.host == "localhost" || ip != nil && ip.IsLoopback() {
			p.secure = open
		}
	case "smtps":
		p.port, p.secure = 465, wrapped
	case "smtp+plain":
		p.port, p.secure = 25, open
	default:
		return fmt.Errorf("smtp-url: %q is no way to send mail: use smtp://, smtps:// or, without encryption, smtp+plain://", scheme)
	}
	return nil
}

func (p *post) sendFrom(from string) error {
	a, err := mail.ParseAddress(from)
	if err != nil {
		return errors.New(`mail-from: whom are letters from? Set FICHA_MAIL_FROM to an address such as "Ficha <ficha@example.com>"`)
	}
	p.from = *a
	return nil
}
