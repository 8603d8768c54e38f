package upstream

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/fichadev/ficha/internal/token"
)

// A Question is what must be kept of a question to check its answer. It is the
// browser's to carry and not to read or change.
type Question struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`       // RFC 7636
	Asked    int64  `json:"asked"`          // ms
	Anew     bool   `json:"anew,omitempty"` // the person must show anew who they are
}

// Ask returns where a browser goes to sign in, and what is kept of it. With
// anew, having signed in at the provider before is not enough. Unavailable says
// that the provider cannot be reached.
func (p *Provider) Ask(ctx context.Context, anew bool) (address string, q Question, err error) {
	k, err := p.discover(ctx)
	if err != nil {
		return "", q, err
	}
	q = Question{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Asked: p.now().UnixMilli(), Anew: anew}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(q.Verifier), oidc.Nonce(q.Nonce)}
	if anew {
		// Not prompt=login: some refuse it, and none has to prove that it did as
		// it was told. Who is asked for max_age must say auth_time (OpenID
		// Connect Core, 3.1.2.1).
		options = append(options, oauth2.SetAuthURLParam("max_age", "0"))
	}
	return k.oauth.AuthCodeURL(q.State, options...), q, nil
}

// An Answer is what a browser brings back from the provider.
type Answer struct{ State, Code, Issuer, Error string }

// Claims are what the provider vouches for.
type Claims struct {
	Subject  string // of its account, for ever
	Email    string
	Verified bool // the address is the person's own
}

// Check returns what the answer to a question vouches for. AccessDenied says
// that it vouches for nothing: it was given to another question, to another
// browser or by somebody else, the person said no, or what the provider signed
// is not right; with reason NotAnew, that the person was not asked anew.
// Unavailable says that the provider cannot be reached.
func (p *Provider) Check(ctx context.Context, q Question, a Answer) (Claims, error) {
	if subtle.ConstantTimeCompare([]byte(q.State), []byte(a.State)) != 1 {
		return Claims{}, p.refused(errors.New("the answer is to another question"))
	}
	k, err := p.discover(ctx)
	if err != nil {
		return Claims{}, err
	}
	switch {
	case a.Issuer != p.cfg.Issuer && (a.Issuer != "" || k.names):
		// Another provider's code must not be sent to this one (RFC 9207, 2.4).
		return Claims{}, p.refused(errors.New("the answer is from another provider"))
	case a.Error != "" || a.Code == "":
		return Claims{}, p.refused(errors.New("the provider answered without a code"))
	}
	given, err := k.oauth.Exchange(p.with(ctx), a.Code, oauth2.VerifierOption(q.Verifier))
	if err != nil {
		return Claims{}, p.notGiven(err)
	}
	raw, _ := given.Extra("id_token").(string)
	said, err := p.verify(ctx, k, q, raw)
	if err != nil {
		return Claims{}, err
	}
	return p.complete(ctx, k, given, said)
}

// refused is the refusal of an answer.
func (p *Provider) refused(cause error) *token.Refusal {
	r := token.Errorf(token.AccessDenied, "%s did not sign you in; try again, or sign in with your password", p.cfg.Name)
	r.Cause = shortened(cause)
	return r
}

// notGiven says why a code brought nothing. What the provider answered stays
// out of the log, but for the word of RFC 6749, 5.2.
func (p *Provider) notGiven(err error) error {
	said, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return p.unreachable(err)
	}
	cause := fmt.Errorf("the provider refused the code: %s %q", said.Response.Status, said.ErrorCode)
	if said.ErrorCode == "invalid_grant" {
		return p.refused(cause)
	}
	return p.unreachable(cause) // it is down, or we are not its client: nothing that the person did
}

// said is what of an ID token, or of the answer about its person, we read.
type said struct {
	Subject    string `json:"sub"`
	Email      string `json:"email"`
	Verified   *truth `json:"email_verified"`
	Owned      *truth `json:"xms_edov"` // Entra's word for it: the domain of the address is the tenant's
	Authorized string `json:"azp"`
	SignedIn   int64  `json:"auth_time"` // seconds
}

// truth is a flag that some providers write as text or as a number.
type truth bool

// UnmarshalJSON reads true, "true", 1 and "1" as true and all else as false.
func (t *truth) UnmarshalJSON(text []byte) error {
	*t = truth(slices.Contains([]string{"true", "1"}, strings.Trim(string(text), `"`)))
	return nil
}

// vouches reports whether the address is the person's own, and whether that is
// said at all.
func (s said) vouches() (yes, told bool) {
	if s.Email == "" || s.Verified == nil && s.Owned == nil {
		return false, false
	}
	return bool(*cmp.Or(s.Verified, s.Owned)), true
}

// leeway is how far the provider's clock may be from ours.
const leeway = 2 * time.Minute

// verify checks an ID token (OpenID Connect Core, 3.1.3.7): the library its
// signature, algorithm, issuer, audience and expiry, we the rest.
func (p *Provider) verify(ctx context.Context, k *known, q Question, raw string) (said, error) {
	t, err := k.verifier.Verify(p.with(ctx), raw)
	if err != nil {
		return said{}, p.refused(err)
	}
	var s said
	if err := t.Claims(&s); err != nil {
		return said{}, p.refused(err)
	}
	asked := time.UnixMilli(q.Asked)
	switch {
	case subtle.ConstantTimeCompare([]byte(t.Nonce), []byte(q.Nonce)) != 1:
		return s, p.refused(errors.New("the ID token has another nonce"))
	case s.Authorized != p.cfg.ClientID && (s.Authorized != "" || len(t.Audience) > 1):
		return s, p.refused(errors.New("the ID token was issued to another client"))
	case t.IssuedAt.Before(asked.Add(-leeway)) || t.IssuedAt.After(p.now().Add(leeway)):
		return s, p.refused(errors.New("the ID token was not issued now"))
	case !isSubject(s.Subject):
		return s, p.refused(errors.New("the ID token has no subject of 1 to 255 characters"))
	case q.Anew && time.Unix(s.SignedIn, 0).Before(asked.Add(-leeway)):
		return s, p.refused(errors.New("the person was not asked anew")).Because(token.NotAnew)
	}
	return s, nil
}

// isSubject reports whether a subject is one (OpenID Connect Core, 2) that can
// be kept and shown.
func isSubject(s string) bool {
	return s != "" && len(s) <= 255 && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// complete asks for the address where the ID token does not vouch for one, as
// with providers that keep their tokens small. Address and word for it are
// taken from one answer, never from two.
func (p *Provider) complete(ctx context.Context, k *known, given *oauth2.Token, s said) (Claims, error) {
	subject := s.Subject
	if _, told := s.vouches(); !told && k.provider.UserInfoEndpoint() != "" {
		info, err := k.provider.UserInfo(p.with(ctx), oauth2.StaticTokenSource(given))
		if err != nil {
			return Claims{}, p.unreachable(err)
		}
		s = said{}
		if err := info.Claims(&s); err != nil {
			return Claims{}, p.refused(err)
		}
		if s.Subject != subject { // OpenID Connect Core, 5.3.2
			return Claims{}, p.refused(errors.New("the provider tells of another person"))
		}
	}
	vouched, _ := s.vouches()
	return Claims{Subject: subject, Email: s.Email, Verified: vouched}, nil
}
