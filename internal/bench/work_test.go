package bench

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/url"
	"strconv"
	"sync/atomic"
)

// A work is one row of the table: what all connections ask.
type work struct {
	name    string
	budget  float64 // the least share of the bare handler; 0: none was set
	callers []caller
}

var errWrong = errors.New("wrong answer")

// machine is the client that issues, revokes and asks; its tokens are opaque.
var machine = basic("machine")

func basic(client string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(client+":"+secretOf(client))) + "\r\n"
}

// secretOf is as long as a secret that we would have made.
func secretOf(client string) string { return client + "-secret-of-forty-three-characters-in-all" }

// post appends a form, as a program would send it.
func post(buf []byte, path, header string, form ...string) []byte {
	length := 0
	for _, piece := range form {
		length += len(piece)
	}
	buf = append(buf, "POST "+path+" HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench/1\r\n"...)
	buf = append(buf, header...)
	buf = append(buf, "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: "...)
	buf = strconv.AppendInt(buf, int64(length), 10)
	buf = append(buf, "\r\n\r\n"...)
	for _, piece := range form {
		buf = append(buf, piece...)
	}
	return buf
}

// each makes a caller for every connection.
func each(of func(n int) caller) []caller {
	all := make([]caller, connections)
	for n := range all {
		all[n] = of(n)
	}
	return all
}

// bare asks the bare handler what introspection is asked.
func bare() []caller {
	return each(func(int) caller {
		return caller{
			ask: func(buf []byte) []byte {
				return post(buf, "/", machine, "token=fch_at_0000000000000000000000000000000000000000000")
			},
			check: has200(`"active":true`),
		}
	})
}

// has200 checks for a status and a text of the body.
func has200(text string) func(answer) error {
	want := []byte(text)
	return func(a answer) error {
		if a.status != 200 || !bytes.Contains(a.body, want) {
			return errWrong
		}
		return nil
	}
}

// next deals secrets out, each to one connection, over and over.
func next(secrets []string) func() string {
	var dealt atomic.Int64
	return func() string { return secrets[int(dealt.Add(1)-1)%len(secrets)] }
}

func introspect(secrets []string) []caller {
	deal := next(secrets)
	return each(func(int) caller {
		return caller{
			ask:   func(buf []byte) []byte { return post(buf, "/oauth2/introspect", machine, "token=", deal()) },
			check: has200(`"active":true`),
		}
	})
}

func verify(secrets []string) []caller {
	deal := next(secrets)
	return each(func(int) caller {
		return caller{
			ask: func(buf []byte) []byte {
				buf = append(buf, "GET /verify HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench/1\r\nAuthorization: Bearer "...)
				return append(append(buf, deal()...), "\r\n\r\n"...)
			},
			check: func(a answer) error {
				if a.status != 200 || !bytes.Contains(a.head, []byte("\r\nX-Auth-Client: machine\r\n")) {
					return errWrong
				}
				return nil
			},
		}
	})
}

// issue gets tokens by client credentials.
func issue(client string) []caller {
	header := basic(client)
	return each(func(int) caller {
		return caller{
			ask:   func(buf []byte) []byte { return post(buf, "/oauth2/token", header, "grant_type=client_credentials") },
			check: has200(`"access_token":"`),
		}
	})
}

// refresh exchanges refresh tokens, each connection its own. A public client's
// are replaced at each use, and the next exchange uses the new one.
func refresh(client string, secrets []string) []caller {
	header, named := basic(client), ""
	if client == "spa" {
		header, named = "", "&client_id=spa"
	}
	return each(func(n int) caller {
		mine := secrets[n]
		return caller{
			ask: func(buf []byte) []byte {
				return post(buf, "/oauth2/token", header, "grant_type=refresh_token&refresh_token=", url.QueryEscape(mine), named)
			},
			check: func(a answer) error {
				got, ok := a.text("refresh_token")
				if a.status != 200 || !ok || (got != mine) != (client == "spa") {
					return errWrong
				}
				mine = got
				return nil
			},
		}
	})
}

var errSpent = errors.New("there are no more tokens to revoke: make more")

// revoke ends tokens, each once. An empty answer has no field to look at: that
// they ended is asked afterwards.
func revoke(secrets []string) []caller {
	deal, left := next(secrets), atomic.Int64{}
	left.Store(int64(len(secrets)))
	return each(func(int) caller {
		return caller{
			ask: func(buf []byte) []byte { return post(buf, "/oauth2/revoke", machine, "token=", deal()) },
			check: func(a answer) error {
				switch {
				case a.status != 200:
					return errWrong
				case left.Add(-1) < 0:
					return errSpent
				}
				return nil
			},
		}
	})
}

// ended asks about tokens that were revoked.
func ended(secrets []string) []caller {
	all := introspect(secrets)
	for n := range all {
		all[n].check = has200(`"active":false`)
	}
	return all
}
