package authority

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/guess"
	"github.com/fichadev/ficha/internal/token"
)

// The ways in which a client shows who it is. ByVendor is a contract's own:
// there token_endpoint_auth_method has no say.
const (
	ByBasic  = "client_secret_basic"
	ByPost   = "client_secret_post"
	ByNone   = "none"
	ByVendor = ""
)

// AuthenticateClient returns the live client that an id and a secret, shown in
// a way, belong to. A secret that can be read in two ways is given in both: it is
// one try. Unknown client, wrong secret, disabled client or home workspace are
// the same InvalidClient; who has the right secret and shows it in another way
// than the registered one is told so.
func (a *Authority) AuthenticateClient(ctx context.Context, who token.Actor, way, id string, secret ...string) (*token.Client, error) {
	if id == "" {
		return nil, token.Errorf(token.InvalidClient, "the client did not say who it is")
	}
	c, err := a.cfg.Judge.Client(ctx, id)
	if err != nil {
		return nil, err
	}
	// The comparison is made for an unknown client too: one answer, one cost.
	if c == nil {
		c = &token.Client{AuthMethod: ByBasic, DisabledAt: 1}
	}
	open, err := a.open(ctx, c)
	if err != nil {
		return nil, err
	}
	var otherwise error
	for _, reading := range secret {
		s, err := a.shown(c, way, reading)
		switch {
		case !open:
		case err == nil:
			return c, a.shownSecret(ctx, who, s)
		case errors.Is(err, errWrongSecret):
			otherwise = cmp.Or(a.expiredSecret(who, c, token.HashOf(reading)), otherwise)
		default:
			otherwise = err
		}
	}
	if otherwise != nil {
		return nil, otherwise
	}
	return nil, a.wrongClient(who)
}

// open reports whether a client may show itself at all: neither it nor its home
// workspace is disabled.
func (a *Authority) open(ctx context.Context, c *token.Client) (bool, error) {
	home, err := a.cfg.Judge.Workspace(ctx, c.Workspace)
	return c.DisabledAt == 0 && home != nil && home.DisabledAt == 0, err
}

// errWrongSecret says that what a client showed is no live secret of its own.
var errWrongSecret = errors.New("not a secret of the client")

// shown returns the secret that a client has shown, nil where it has none.
func (a *Authority) shown(c *token.Client, way, secret string) (*token.Secret, error) {
	if way == ByNone {
		if !c.Public() || secret != "" {
			return nil, errWrongSecret
		}
		return nil, nil
	}
	s := a.held(c, secret, token.HashOf(secret))
	switch {
	case s == nil:
		return nil, errWrongSecret
	case way != ByVendor && way != c.AuthMethod:
		return nil, token.Errorf(token.InvalidClient, "the secret is right, but this client is registered for %s and sent it by %s", c.AuthMethod, way)
	}
	return s, nil
}

// held returns the live secret of the client that the text is, nil if none.
func (a *Authority) held(c *token.Client, secret string, hash token.Hash) (found *token.Secret) {
	now := a.cfg.Now().UnixMilli()
	for i := range c.Secrets {
		s := &c.Secrets[i]
		if subtle.ConstantTimeCompare(s.Hash[:], hash[:]) == 1 && s.Live(now) && secret != "" {
			found = s
		}
	}
	return found
}

// shownSecret notes the use of a secret. The first one of a secret that
// replaces another is on disk before the yes; one that was given up at the same
// moment is wrong.
func (a *Authority) shownSecret(ctx context.Context, who token.Actor, s *token.Secret) error {
	if s == nil {
		return nil
	}
	a.cfg.Judge.Note(s.ID, token.Use{Now: a.cfg.Now().UnixMilli(), Address: who.Address, Agent: who.Agent})
	if s.Replaces == 0 {
		return nil
	}
	err := a.confirmSecret(ctx, who, s.ID)
	if token.Is(err, token.InvalidToken) {
		return a.wrongClient(who)
	}
	return err
}

// expiredSecret returns the refusal of a secret of the client that was right
// until it expired, nil for any other: whoever held it may know when that was,
// and who looks after it that it is still about.
func (a *Authority) expiredSecret(who token.Actor, c *token.Client, hash token.Hash) error {
	now := a.cfg.Now().UnixMilli()
	for i := range c.Secrets {
		s := &c.Secrets[i]
		if subtle.ConstantTimeCompare(s.Hash[:], hash[:]) == 1 && s.EndedAt == 0 && s.ExpiresAt != 0 && now >= s.ExpiresAt {
			a.cfg.Judge.NoteLate(s.ID, token.Use{Now: now, Address: who.Address, Agent: who.Agent})
			return token.Errorf(token.InvalidClient, "the client secret expired on %s; make a new one at %s/panel/",
				time.UnixMilli(s.ExpiresAt).UTC().Format(time.RFC3339), a.cfg.Issuer)
		}
	}
	return nil
}

// wrongClient counts a wrong secret against the address it came from. Only the
// failing attempt itself may hear 429: a client with its right secret is never
// refused because others guessed.
func (a *Authority) wrongClient(who token.Actor) error {
	if wait, blocked := a.failures.Fail(guess.Source(who.Address)); blocked {
		return &token.Refusal{Code: token.TooMany, Text: "too many wrong client secrets from this address", RetryAfter: wait}
	}
	return token.Errorf(token.InvalidClient, "the client is not known here or its secret is wrong")
}

// ClientBySecret returns the live client of a workspace that a bearer secret
// belongs to: Be CMS names the workspace and not the client. A workspace that
// is foreign or unknown is the same refusal as a wrong secret.
func (a *Authority) ClientBySecret(ctx context.Context, who token.Actor, workspace, secret string) (*token.Client, error) {
	hash := token.HashOf(secret)
	ids, err := a.cfg.Store.ClientsWithSecret(ctx, workspace, hash)
	if err != nil {
		return nil, err
	}
	var found *token.Client
	var by *token.Secret
	var late error
	for _, id := range ids {
		c, err := a.cfg.Judge.Client(ctx, id)
		if err != nil {
			return nil, err
		}
		if c == nil {
			continue
		}
		open, err := a.open(ctx, c)
		if err != nil {
			return nil, err
		}
		if !open {
			continue
		}
		s := a.held(c, secret, hash)
		if s == nil {
			late = cmp.Or(late, a.expiredSecret(who, c, hash))
			continue
		}
		// Where two clients share a secret, the one that may mint is meant.
		if found == nil || !found.Grants("client_credentials") && c.Grants("client_credentials") {
			found, by = c, s
		}
	}
	switch {
	case found == nil && late != nil:
		return nil, late
	case found == nil:
		return nil, a.wrongClient(who)
	}
	return found, a.shownSecret(ctx, who, by)
}

// ClientOf is ClientBySecret for a caller that names the client too.
func (a *Authority) ClientOf(ctx context.Context, who token.Actor, workspace, id string, secret ...string) (*token.Client, error) {
	c, err := a.AuthenticateClient(ctx, who, ByVendor, id, secret...)
	if err == nil && c.Workspace != workspace {
		return nil, a.wrongClient(who)
	}
	return c, err
}

// MayAsk reports whether a client may learn about a token: its own, one for a
// resource that names it, or any of its workspace where it is registered so. A
// refresh token is between its client and us: nobody else hears that it is
// active and takes it for a bearer.
func MayAsk(c *token.Client, t *token.Token, workspace string) bool {
	if t.Client == c.ID {
		return true
	}
	if t.Kind == token.Refresh {
		return false
	}
	if c.Introspect == "workspace" && workspace != "" && workspace == c.Workspace {
		return true
	}
	for _, r := range c.Resources {
		if slices.Contains(strings.Fields(t.Audience), r) {
			return true
		}
	}
	return false
}
