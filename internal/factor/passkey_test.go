package factor_test

import (
	"testing"

	"github.com/fichadev/ficha/internal/factor"
	"github.com/fichadev/ficha/internal/factor/factortest"
)

const issuer = "https://tokens.example.com"

func site(t *testing.T) *factor.Passkeys {
	t.Helper()
	p, err := factor.NewPasskeys(issuer)
	if err != nil || !p.Possible() {
		t.Fatal(err)
	}
	return p
}

// registered returns a device and what is kept of its passkey.
func registered(t *testing.T, p *factor.Passkeys) (*factortest.Device, factor.Owner, []byte) {
	t.Helper()
	ana, device := factor.Owner{ID: "u1", Email: "ana@acme.example"}, &factortest.Device{Origin: issuer}
	c, err := p.Register(ana)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := device.Create(c.Options)
	if err != nil {
		t.Fatal(err)
	}
	id, credential, err := p.Registered(ana, c.Kept, answer)
	if err != nil {
		t.Fatal(err)
	}
	ana.Credentials = [][]byte{credential}
	return device, ana, id
}

// check has a device answer a question and returns what the site says.
func check(t *testing.T, p *factor.Passkeys, device *factortest.Device, ana factor.Owner, id []byte) error {
	t.Helper()
	c, err := p.Ask()
	if err != nil {
		t.Fatal(err)
	}
	answer, err := device.Get(c.Options)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := p.Check(c.Kept, answer, func([]byte) (factor.Owner, error) { return ana, nil })
	if err == nil && string(got) != string(id) {
		t.Errorf("signed in by %x, want %x", got, id)
	}
	return err
}

func TestPasskeySignsInWhereItWasMade(t *testing.T) {
	p := site(t)
	device, ana, id := registered(t, p)
	if err := check(t, p, device, ana, id); err != nil {
		t.Error(err)
	}
	device.Origin = "https://tokens.examp1e.com"
	if check(t, p, device, ana, id) == nil {
		t.Error("an answer given to another site is taken")
	}
}

func TestPasskeyOfAnotherIsRefused(t *testing.T) {
	p := site(t)
	device, _, id := registered(t, p)
	_, other, _ := registered(t, p)
	if check(t, p, device, other, id) == nil {
		t.Error("a passkey signs somebody else in")
	}
	device, ana, id := registered(t, p)
	ana.ID = "u2"
	if check(t, p, device, ana, id) == nil {
		t.Error("a passkey signs in whom it was not made for")
	}
}

func TestPasskeyThatWasCopiedIsRefused(t *testing.T) {
	p := site(t)
	device, ana, id := registered(t, p)
	device.Counter = 10
	c, _ := p.Ask()
	answer, _ := device.Get(c.Options)
	_, credential, err := p.Check(c.Kept, answer, func([]byte) (factor.Owner, error) { return ana, nil })
	if err != nil {
		t.Fatal(err)
	}
	ana.Credentials = [][]byte{credential}
	device.Counter = 3
	if check(t, p, device, ana, id) == nil {
		t.Error("a counter that went back is taken")
	}
}

func TestBareAddressHasNoPasskeys(t *testing.T) {
	for _, bare := range []string{"http://127.0.0.1:8080", "http://[::1]:8080"} {
		p, err := factor.NewPasskeys(bare)
		if err != nil || p.Possible() {
			t.Errorf("%s: %v", bare, err)
		}
		if _, err := p.Ask(); err == nil {
			t.Error("asks for a passkey that no browser has")
		}
	}
}
