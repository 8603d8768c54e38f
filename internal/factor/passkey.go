package factor

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// Passkeys registers and checks passkeys of one site. It never changes, so many
// may use it at once.
type Passkeys struct{ site *webauthn.WebAuthn }

// NewPasskeys returns the passkeys of a server with that public base URL. A
// browser has none for a host that is a bare address: the result is nil then,
// and Possible says so.
func NewPasskeys(issuer string) (*Passkeys, error) {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("issuer %q is no base URL", issuer)
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return nil, nil
	}
	site, err := webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: u.Host, RPOrigins: []string{u.Scheme + "://" + u.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("passkeys: %w", err)
	}
	return &Passkeys{site}, nil
}

// Possible reports whether browsers have passkeys for this site.
func (p *Passkeys) Possible() bool { return p != nil }

// An Owner is whose passkeys they are.
type Owner struct {
	ID          string
	Email, Name string
	Credentials [][]byte // as Register and Check returned them
}

// A Ceremony is a question to a browser and what is needed to check its answer.
// Kept is not the browser's to change.
type Ceremony struct {
	Options []byte // JSON, for navigator.credentials
	Kept    []byte
}

// errNoPasskeys is what a site without passkeys answers.
var errNoPasskeys = errors.New("this site has no passkeys")

// Register asks for a new passkey of an owner, on a device that has none yet.
func (p *Passkeys) Register(o Owner) (Ceremony, error) {
	who, err := p.owner(o)
	if err != nil {
		return Ceremony{}, err
	}
	var known []protocol.CredentialDescriptor
	for _, c := range who.credentials {
		known = append(known, c.Descriptor())
	}
	options, session, err := p.site.BeginRegistration(who, webauthn.WithExclusions(known))
	if err != nil {
		return Ceremony{}, fmt.Errorf("ask for a passkey: %w", err)
	}
	return ceremony(options.Response, session)
}

// Registered checks the answer to Register and returns the passkey: its id, and
// what to keep of it. An error means that the answer is not to be taken.
func (p *Passkeys) Registered(o Owner, kept, answer []byte) (id, credential []byte, err error) {
	who, err := p.owner(o)
	if err != nil {
		return nil, nil, err
	}
	var session webauthn.SessionData
	if err := json.Unmarshal(kept, &session); err != nil {
		return nil, nil, fmt.Errorf("read a ceremony: %w", err)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return nil, nil, fmt.Errorf("read a new passkey: %w", err)
	}
	c, err := p.site.CreateCredential(who, session, parsed)
	if err != nil {
		return nil, nil, fmt.Errorf("check a new passkey: %w", err)
	}
	credential, err = json.Marshal(c)
	return c.ID, credential, err
}

// Ask asks anybody to sign in with a passkey of theirs.
func (p *Passkeys) Ask() (Ceremony, error) {
	if p == nil {
		return Ceremony{}, errNoPasskeys
	}
	options, session, err := p.site.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return Ceremony{}, fmt.Errorf("ask for a passkey: %w", err)
	}
	return ceremony(options.Response, session)
}

// Check checks the answer to Ask. owner is asked whose passkey an id is. It
// returns the id and what to keep of the passkey from now on.
func (p *Passkeys) Check(kept, answer []byte, owner func(id []byte) (Owner, error)) (id, credential []byte, err error) {
	if p == nil {
		return nil, nil, errNoPasskeys
	}
	var session webauthn.SessionData
	if err := json.Unmarshal(kept, &session); err != nil {
		return nil, nil, fmt.Errorf("read a ceremony: %w", err)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return nil, nil, fmt.Errorf("read a passkey's answer: %w", err)
	}
	c, err := p.site.ValidateDiscoverableLogin(func(id, _ []byte) (webauthn.User, error) {
		o, err := owner(id)
		if err != nil {
			return nil, err
		}
		return p.owner(o)
	}, session, parsed)
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("check a passkey's answer: %w", err)
	case c.Authenticator.CloneWarning: // somebody has a copy of the key
		return nil, nil, errors.New("check a passkey's answer: its counter went back")
	}
	credential, err = json.Marshal(c)
	return c.ID, credential, err
}

// user is an owner as the library wants it.
type user struct {
	Owner
	credentials []webauthn.Credential
}

func (p *Passkeys) owner(o Owner) (*user, error) {
	if p == nil {
		return nil, errNoPasskeys
	}
	u := &user{Owner: o, credentials: make([]webauthn.Credential, len(o.Credentials))}
	for i, text := range o.Credentials {
		if err := json.Unmarshal(text, &u.credentials[i]); err != nil {
			return nil, fmt.Errorf("read a passkey: %w", err)
		}
	}
	return u, nil
}

// WebAuthnID returns what devices know the owner by: it tells nothing of them
// and is short enough (Web Authentication, 5.4.3).
func (u *user) WebAuthnID() []byte {
	sum := sha256.Sum256([]byte("ficha user\x00" + u.ID))
	return sum[:]
}

// WebAuthnName returns the address that the device shows.
func (u *user) WebAuthnName() string { return u.Email }

// WebAuthnDisplayName returns the name that the device shows.
func (u *user) WebAuthnDisplayName() string { return u.Name }

// WebAuthnCredentials returns the owner's passkeys.
func (u *user) WebAuthnCredentials() []webauthn.Credential { return u.credentials }

// ceremony writes both halves of a question down.
func ceremony(options any, session *webauthn.SessionData) (c Ceremony, err error) {
	if c.Options, err = json.Marshal(options); err != nil {
		return c, fmt.Errorf("write a ceremony: %w", err)
	}
	c.Kept, err = json.Marshal(session)
	return c, err
}
