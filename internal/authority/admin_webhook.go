package authority

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// sealWebhook is the purpose under which the secrets of subscriptions are
// sealed; each is bound to its subscription's id.
const sealWebhook = "webhook"

// PutWebhook makes the subscription of a workspace at an address, or changes
// what it hears. It returns the subscription and the secret of a new one: the
// one that is declared, or one it makes (Standard Webhooks: whsec_ and 32 random
// bytes in base64). One that was ended is KeptEnded unless restored, which makes
// a new one. It takes an admin of the workspace.
func (a *Authority) PutWebhook(ctx context.Context, who token.Actor, d token.Webhook, secret string, o Options) (token.Webhook, string, Outcome, error) {
	if err := checkWebhook(d); err != nil {
		return d, "", "", err
	}
	var put webhookPut
	err := a.cfg.Store.Do(ctx, func(tx Tx) (err error) {
		put, err = a.putWebhook(ctx, tx, who, d, secret, o)
		return err
	})
	return put.hook, put.secret, put.outcome, err
}

type webhookPut struct {
	hook    token.Webhook
	secret  string // of a new one
	outcome Outcome
}

func checkWebhook(d token.Webhook) error {
	if d.URL == "" || len(d.URL) > 2048 {
		return token.AtField("url", "use an address of at most 2048 characters")
	}
	if len(d.Events) == 0 || len(d.Events) > 64 {
		return token.AtField("events", "name 1 to 64 events, such as token.*")
	}
	return nil
}

func (a *Authority) putWebhook(ctx context.Context, tx Tx, who token.Actor, d token.Webhook, secret string, o Options) (webhookPut, error) {
	if err := mayAdministrate(ctx, tx, who, d.Workspace, ""); err != nil {
		return webhookPut{}, err
	}
	// Those who subscribe at once wait for each other: one an address.
	if _, err := tx.LockWorkspace(ctx, d.Workspace); err != nil {
		return webhookPut{}, err
	}
	w, err := tx.Workspace(ctx, d.Workspace)
	if err != nil || w == nil {
		return webhookPut{}, orElse(err, noWorkspace())
	}
	if i := slices.IndexFunc(w.Webhooks, func(h token.Webhook) bool { return h.URL == d.URL }); i >= 0 {
		return renewWebhook(ctx, tx, who, w, w.Webhooks[i], d, o)
	}
	ended, err := tx.EndedWebhook(ctx, d.Workspace, d.URL)
	if err != nil {
		return webhookPut{}, err
	}
	out, action := Created, "webhook.created"
	switch {
	case ended && !o.Restore:
		return webhookPut{hook: d, outcome: KeptEnded}, nil
	case ended:
		out, action = Restored, "webhook.restored"
	}
	d.ID = token.NewID(time.UnixMilli(tx.Now()), token.Long)
	if secret == "" {
		secret = newWebhookSecret()
	}
	sealed, err := a.cfg.Master.Seal(sealWebhook, []byte(secret), []byte(d.ID.String()))
	if err != nil {
		return webhookPut{}, err
	}
	if err := tx.PutWebhook(ctx, d, sealed); err != nil {
		return webhookPut{}, err
	}
	return webhookPut{d, secret, out}, note(ctx, tx, who, w, action, onWebhook(d), map[string]any{"events": d.Events})
}

func renewWebhook(ctx context.Context, tx Tx, who token.Actor, w *token.Workspace, old, d token.Webhook, o Options) (webhookPut, error) {
	c := changes{Options: o}
	setList(&c, "events", &old.Events, d.Events)
	if c.fields == nil {
		return webhookPut{hook: old, outcome: Unchanged}, nil
	}
	if won, err := tx.RenewWebhook(ctx, old); err != nil || !won {
		return webhookPut{}, orElse(err, lostRace())
	}
	return webhookPut{hook: old, outcome: Changed}, note(ctx, tx, who, w, "webhook.changed", onWebhook(old), map[string]any{"events": old.Events})
}

// newWebhookSecret is as long as the hash that it keys.
func newWebhookSecret() string {
	var key [32]byte
	rand.Read(key[:]) //nolint:errcheck // crypto/rand.Read never fails (Go 1.24)
	return "whsec_" + base64.StdEncoding.EncodeToString(key[:])
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
			return orElse(err, token.Errorf(token.NotFound, "there is no such subscription in this workspace"))
		}
		return note(ctx, tx, who, w, "webhook.ended", onWebhook(token.Webhook{ID: id}), nil)
	})
}
