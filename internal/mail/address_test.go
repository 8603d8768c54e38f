package mail

import (
	"net/mail"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAddressOfTheMailServer(t *testing.T) {
	from := mail.Address{Name: "Ficha", Address: "ficha@example.com"}
	for address, want := range map[string]post{
		"smtp://mail.example.com":                             {host: "mail.example.com", port: 587},
		"smtp://u%40x:p%2Fw@mail.example.com:2525/":           {host: "mail.example.com", port: 2525, user: "u@x", password: "p/w"},
		"smtp://mail.example.com?from=other@example.com":      {host: "mail.example.com", port: 587},
		"smtp://127.0.0.1:25":                                 {host: "127.0.0.1", port: 25, secure: open},
		"smtp://[::1]:25":                                     {host: "::1", port: 25, secure: open},
		"smtp://localhost":                                    {host: "localhost", port: 587, secure: open},
		"smtps://mail.example.com":                            {host: "mail.example.com", port: 465, secure: wrapped},
		"smtps://localhost:1465":                              {host: "localhost", port: 1465, secure: wrapped},
		"smtp+plain://relay.internal":                         {host: "relay.internal", port: 25, secure: open},
		"smtp://localhost.example.com":                        {host: "localhost.example.com", port: 587},
		"smtp://127.0.0.1.example.com?from=Ana+<a@b.example>": {host: "127.0.0.1.example.com", port: 587},
	} {
		want.from = from
		got, err := parsePost(address, "Ficha <ficha@example.com>", "")
		if d := cmp.Diff(want, got, cmp.AllowUnexported(post{})); err != nil || d != "" {
			t.Errorf("%s: %v\n%s", address, err, d)
		}
	}
	if p, err := parsePost("smtp://h?from=Ana%20%3Ca@b.example%3E", "", ""); err != nil || p.from.Address != "a@b.example" {
		t.Errorf("from in the address: %+v, %v", p.from, err)
	}
}

func TestLettersAreFromTheServersOwnHostUnlessSomebodySaysElse(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://tokens.example.com": "ficha@tokens.example.com", "http://127.0.0.1:8080": "ficha@localhost", "http://[::1]:80": "ficha@localhost",
		"http://localhost:8080": "ficha@localhost",
	} {
		if p, err := parsePost("smtp://127.0.0.1:25", "", issuer); err != nil || p.from.Address != want {
			t.Errorf("%s: from %+v, %v; want %s", issuer, p.from, err, want)
		}
	}
}

func TestWrongAddressSaysWhatToDoAndNoPassword(t *testing.T) {
	for _, address := range []string{
		"", "mail.example.com:587", "smtp://", "http://u:hunter2@mail.example.com", "smtp://u:hunter2@mail.example.com/path", "smtp://u:hunter2@h:99999",
		"smtp://u:hunter2@h:x", "smtp://u:hunter2@h?from=a@b.example&to=c@d.example", "smtp://u:hunter2@h?form=a@b.example",
		"smtp://u:hunter2@h?from=nobody", "smtp://u:hunter2@h?%zz", "smtp://u:hunter2%zz@h", "smtp://u:hunter2@h?from=a@b.example#x",
	} {
		if _, err := parsePost(address, "", "https://tokens.example.com"); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
