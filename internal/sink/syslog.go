package sink

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// A syslog server is told in messages of RFC 5424: by UDP one datagram each
// (RFC 5426), by TCP and TLS counted in octets (RFC 6587, 3.4.1; RFC 5425, 4.3).
type syslog struct {
	network string // udp, tcp or tls
	address string
	trust   *tls.Config
	host    string
}

// mostDatagram is the longest message by UDP; the protocol has 65,507 bytes, and
// IPv6 a few less.
const mostDatagram = 60_000

// deliver sends the lines over a connection of their own. Syslog acknowledges
// nothing, and what TCP has taken may be lost with the other's process: so we
// say that we are done, and count the lines as received when the other, having
// read all up to there, closes too. By UDP nobody can know.
func (s *syslog) deliver(ctx context.Context, lines []line) error {
	conn, err := s.dial(ctx)
	if err != nil {
		return fmt.Errorf("reach the syslog server: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })() // it wakes who waits for it
	if s.network == "udp" {
		return s.datagrams(conn, lines)
	}
	var b bytes.Buffer
	for _, l := range lines {
		text := s.message(l)
		b.WriteString(strconv.Itoa(len(text)))
		b.WriteByte(' ')
		b.Write(text)
	}
	if _, err := conn.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write to the syslog server: %w", err)
	}
	return finish(conn)
}

// finish ends our direction and waits for the other to end theirs.
func finish(conn net.Conn) error {
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.New("the connection to the syslog server cannot be half closed")
	}
	if err := half.CloseWrite(); err != nil {
		return fmt.Errorf("end what was said to the syslog server: %w", err)
	}
	if _, err := io.Copy(io.Discard, conn); err != nil {
		return fmt.Errorf("the syslog server does not say that it has read all: %w", err)
	}
	return nil
}

func (s *syslog) dial(ctx context.Context) (net.Conn, error) {
	if s.network == "tls" {
		d := tls.Dialer{Config: s.trust}
		return d.DialContext(ctx, "tcp", s.address)
	}
	var d net.Dialer
	return d.DialContext(ctx, s.network, s.address)
}

func (s *syslog) datagrams(conn net.Conn, lines []line) error {
	for _, l := range lines {
		text := s.message(l)
		if len(text) > mostDatagram {
			short, err := cut(l)
			if err != nil {
				return err
			}
			text = s.message(short)
		}
		if _, err := conn.Write(text); err != nil {
			return fmt.Errorf("write to the syslog server: %w", err)
		}
	}
	return nil
}

// cut is what is told of a record that no datagram can hold: that it is there.
func cut(l line) (line, error) {
	text, err := json.Marshal(struct {
		ID        string `json:"id"`
		At        int64  `json:"at"`
		Workspace string `json:"workspace"`
		Action    string `json:"action"`
		Cut       bool   `json:"cut"`
	}{l.of.ID.String(), l.of.At, l.of.Workspace, l.of.Action, true})
	return line{l.of, text}, err
}

// message is a record as RFC 5424, 6 has it: facility 13 (log audit), severity 6
// (informational) or, of what was refused, 4 (warning). The action stands as
// MSGID, the record's id in the message. No byte order mark: JSON begins with
// none (RFC 8259, 8.1).
func (s *syslog) message(l line) []byte {
	priority := 13*8 + 6
	if l.of.Outcome == token.Refused {
		priority = 13*8 + 4
	}
	at := time.UnixMilli(l.of.At).UTC().Format("2006-01-02T15:04:05.000Z07:00")
	head := fmt.Sprintf("<%d>1 %s %s ficha - %s - ", priority, at, printable(s.host, 255), printable(l.of.Action, 32))
	return append([]byte(head), l.text...)
}

// printable is a header field: printable ASCII, so long at most, "-" if empty.
func printable(text string, most int) string {
	out := make([]byte, 0, most)
	for i := 0; i < len(text) && len(out) < most; i++ {
		if text[i] > ' ' && text[i] <= '~' {
			out = append(out, text[i])
		}
	}
	if len(out) == 0 {
		return "-"
	}
	return string(out)
}
