package authority

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/policy"
	"github.com/fichadev/ficha/internal/token"
)

// sealWebhook is the purpose under which the secrets of subscriptions are
// sealed; each is bound to its subscription's id.
const sealWebhook = "webhook"

// mostWebhooks bounds what one deed of a workspace leaves in the outbox.
const mostWebhooks = 50

// PutWebhook makes the subscription of a workspace at an address, or changes
// what it hears. It returns the subscription and the secret of a new one: the
// one that is declared, or one it makes (Standard Webhooks: whsec_ and 32 random
// bytes in base64). One that was ended is KeptEnded unless restored, which makes
// a new one. It takes an admin of the workspace.
func (a *Authority) PutWebhook(ctx context.Context, who token.Actor, d token.Webhook, secret string, o Options) (token.Webhook, string, Outcome, error) {
	if err := a.checkWebhook(who, d); err != nil {
		return d, "", "", err
	}
	p := webhookPut{Options: o, who: who, want: d, secret: secret}
	var hook token.Webhook
	var out Outcome
	err := a.cfg.Store.Do(ctx, func(tx Tx) (err error) {
		hook, out, err = a.putWebhook(ctx, tx, &p)
		return err
	})
	if err != nil || out != Created && out != Restored {
		return hook, "", out, err
	}
	return hook, p.secret, out, nil
}

// A webhookPut is one declaration of a subscription by an actor.
type webhookPut struct {
	Options
	who    token.Actor
	want   token.Webhook
	secret string // made where none is declared
}

// putWebhook looks before it locks, so that what is as declared is not written.
// Those who subscribe at once wait for each other: one an address.
func (a *Authority) putWebhook(ctx context.Context, tx Tx, p *webhookPut) (token.Webhook, Outcome, error) {
	if err := mayAdministrate(ctx, tx, p.who, p.want.Workspace, ""); err != nil {
		return p.want, "", err
	}
	_, next, out, err := p.plan(ctx, tx)
	if err != nil || out == Unchanged || out == KeptEnded {
		return next, out, err
	}
	if _, err := tx.LockWorkspace(ctx, p.want.Workspace); err != nil {
		return next, "", err
	}
	w, next, out, err := p.plan(ctx, tx)
	action := "webhook.changed"
	switch {
	case err != nil || out == Unchanged || out == KeptEnded:
		return next, out, err
	case out == Changed:
		_, err = tx.RenewWebhook(ctx, next)
	case len(w.Webhooks) >= mostWebhooks:
		return next, "", token.Errorf(token.Conflict, "a workspace has at most %d subscriptions; end one that is not needed", mostWebhooks)
	case out == Restored:
		action = "webhook.restored"
		next, err = a.addWebhook(ctx, tx, p)
	default:
		action = "webhook.created"
		next, err = a.addWebhook(ctx, tx, p)
	}
	if err != nil {
		return next, "", err
	}
	return next, out, note(ctx, tx, p.who, w, action, onWebhook(next), map[string]any{"events": next.Events})
}

// plan says what the declaration comes to: the workspace, and the subscription
// as it would be.
func (p *webhookPut) plan(ctx context.Context, tx Tx) (*token.Workspace, token.Webhook, Outcome, error) {
	w, err := tx.Workspace(ctx, p.want.Workspace)
	if err != nil || w == nil {
		return nil, p.want, "", orElse(err, noWorkspace())
	}
	if i := slices.IndexFunc(w.Webhooks, func(h token.Webhook) bool { return h.URL == p.want.URL }); i >= 0 {
		h, c := w.Webhooks[i], changes{Options: p.Options}
		setList(&c, "events", &h.Events, p.want.Events)
		if c.fields == nil {
			return w, h, Unchanged, nil
		}
		return w, h, Changed, nil
	}
	ended, err := tx.EndedWebhook(ctx, w.ID, p.want.URL)
	switch {
	case ended && !p.Restore:
		return w, p.want, KeptEnded, err
	case ended:
		return w, p.want, Restored, err
	}
	return w, p.want, Created, err
}

// addWebhook enters a new subscription with its sealed secret.
func (a *Authority) addWebhook(ctx context.Context, tx Tx, p *webhookPut) (token.Webhook, error) {
	h := p.want
	h.ID = token.NewID(time.UnixMilli(tx.Now()), token.Long)
	p.secret = cmp.Or(p.secret, newWebhookSecret())
	sealed, err := a.sealedWebhook(h.ID, p.secret)
	if err != nil {
		return h, err
	}
	return h, tx.PutWebhook(ctx, h, sealed)
}

// checkWebhook refuses what could make this server speak to its own network for
// a tenant. The server's own file may name any https address, and http on this
// machine. What a name leads to is looked at when it is dialled.
func (a *Authority) checkWebhook(who token.Actor, d token.Webhook) error {
	if err := checkEvents(who, d.Events); err != nil {
		return err
	}
	u, err := url.Parse(d.URL)
	switch {
	case err != nil || len(d.URL) > 2048 || u.Hostname() == "" || u.User != nil || u.Fragment != "":
		return token.AtField("url", "use an https address of at most 2048 characters, without name, password and fragment")
	case strings.ContainsFunc(u.Host, func(r rune) bool { return r > '~' }):
		return token.AtField("url", "has letters in its host that are not ASCII; write that name as xn--")
	case u.Port() != "" && !isPort(u):
		return token.AtField("url", "has a port that nobody can listen on")
	case u.Scheme != "https" && (u.Scheme != "http" || !a.mayPlain(who, u.Hostname())):
		return token.AtField("url", "is not https")
	case who.Kind != token.System && !a.mayReach(u.Hostname()):
		return token.AtField("url", "is not a public address; use a name with a dot that everyone can reach")
	}
	return nil
}

// checkEvents refuses what nobody can hear. The server's own file may name
// events of a newer version.
func checkEvents(who token.Actor, events []string) error {
	if len(events) == 0 || len(events) > 64 {
		return token.AtField("events", "name 1 to 64 events, such as token.*")
	}
	for _, pattern := range events {
		if who.Kind != token.System && !audit.IsEvent(pattern) {
			return token.AtField("events", "has a name that no event has; GET /v1/webhooks/events lists them, and token.* stands for all of a group")
		}
	}
	return nil
}

// mayPlain reports whether http will do for a host: on this machine for the
// server's own file, and where the operator lets deliveries in.
func (a *Authority) mayPlain(who token.Actor, host string) bool {
	if who.Kind == token.System && isLoopback(host) {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return len(a.cfg.WebhookAllow) > 0 && (err != nil || a.allowsWebhook(ip))
}

func isLoopback(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}

// mayReach reports whether a host may be on the internet or where the operator
// lets deliveries in, as far as its text tells: no address of a private network
// in any spelling, and no local name.
func (a *Authority) mayReach(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if ip, err := netip.ParseAddr(host); err == nil {
		return policy.PublicAddress(ip) || a.allowsWebhook(ip)
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	switch {
	case last == "" || last[0] >= '0' && last[0] <= '9':
		return false // a number in another spelling: 127.1, 0x7f.0.0.1
	case last == host || last == "localhost" || last == "local" || last == "internal":
		return len(a.cfg.WebhookAllow) > 0
	}
	return true
}

func (a *Authority) allowsWebhook(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	return slices.ContainsFunc(a.cfg.WebhookAllow, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// newWebhookSecret is as long as the hash that it keys.
func newWebhookSecret() string {
	var key [32]byte
	rand.Read(key[:]) // it never fails (Go 1.24)
	return token.WebhookPrefix + base64.StdEncoding.EncodeToString(key[:])
}

// sealedWebhook returns the secret of a subscription as it is kept.
func (a *Authority) sealedWebhook(id token.ID, secret string) (token.SealedSecret, error) {
	sealed, err := a.cfg.Master.Seal(sealWebhook, []byte(secret), []byte(id.String()))
	return token.SealedSecret{Sealed: sealed, Mark: a.webhookMark(token.HashOf(secret))}, err
}

// webhookMark is how a subscription is found by the hash of its secret. It is
// keyed: people choose some of these secrets, and a hash alone could be guessed.
func (a *Authority) webhookMark(hash token.Hash) string {
	mac := hmac.New(sha256.New, a.cfg.Master.Derive("webhook mark"))
	mac.Write(hash[:])
	return hex.EncodeToString(mac.Sum(nil))
}

// onWebhook names a subscription by its id alone: an address may carry a secret.
func onWebhook(h token.Webhook) audit.Target {
	return audit.Target{Kind: "webhook", ID: h.ID.String()}
}

// WebhookSecret opens the sealed secret of a subscription, for who signs its
// deliveries.
func (a *Authority) WebhookSecret(id token.ID, sealed []byte) (string, error) {
	plain, err := a.cfg.Master.Open(sealWebhook, sealed, []byte(id.String()))
	return string(plain), err
}

// EndWebhook ends a subscription: what waits for it is not sent. It takes an
// admin of the workspace. NotFound says that there is no such live one.
func (a *Authority) EndWebhook(ctx context.Context, who token.Actor, workspace string, id token.ID) error {
	return a.cfg.Store.Do(ctx, func(tx Tx) error {
		if err := mayAdministrate(ctx, tx, who, workspace, ""); err != nil {
			return err
		}
		w, err := tx.Workspace(ctx, workspace)
		if err != nil {
			return err
		}
		if won, err := tx.EndWebhook(ctx, workspace, id); err != nil || !won {
			return orElse(err, noWebhook())
		}
		return note(ctx, tx, who, w, "webhook.ended", onWebhook(token.Webhook{ID: id}), nil)
	})
}
