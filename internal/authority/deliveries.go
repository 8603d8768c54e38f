package authority

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"math/rand/v2"
	"slices"

	"github.com/fichadev/ficha/internal/policy"
	"github.com/fichadev/ficha/internal/token"
)

// What a try of a delivery came to.
const (
	Delivered = "delivered"
	Retried   = "retried"
	Dead      = "dead"
)

// The notices about a subscription that fails; each is the name of its event.
const (
	WebhookUnhealthy = "webhook.unhealthy"
	WebhookDisabling = "webhook.disabling"
	WebhookDisabled  = "webhook.disabled"
)

// Settled is what a batch of tries came to, for who counts it.
type Settled struct {
	Tries   []string // a word for each whose claim still stood
	Notices []string // that were given
}

// mostAttempts is how many tries of a delivery are remembered.
const mostAttempts = 20

// SettleDeliveries writes down what tries came to, all in one commit: a delivery
// that arrived, that is tried again later, or that is dead; and what that says of
// its subscription, which is disabled after three days of failures with two
// notices before, or at once where its receiver said 410. A failed try whose
// claim was over counts for nothing.
func (a *Authority) SettleDeliveries(ctx context.Context, tries []token.Try) (out Settled, err error) {
	tries = slices.Clone(tries)
	slices.SortFunc(tries, func(a, b token.Try) int { // those who settle at once lock in one order
		return cmp.Or(cmp.Compare(a.Shipment.Webhook, b.Shipment.Webhook), cmp.Compare(a.Shipment.ID, b.Shipment.ID))
	})
	err = a.cfg.Store.Do(ctx, func(tx Tx) error {
		out = Settled{}
		for _, t := range tries {
			if err := a.settle(ctx, tx, t, &out); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

func (a *Authority) settle(ctx context.Context, tx Tx, t token.Try, out *Settled) error {
	v, word := afterTry(t, tx.Now())
	won, err := tx.SettleDelivery(ctx, v, t.Shipment.NextAt)
	if err != nil || !won {
		return err
	}
	out.Tries = append(out.Tries, word)
	if t.Arrived {
		return tx.ForgetWebhookFailures(ctx, v.Webhook)
	}
	notice, err := a.heedFailure(ctx, tx, t)
	if notice != "" {
		out.Notices = append(out.Notices, notice)
	}
	return err
}

// afterTry returns a shipment as it is after a try, and the word for that.
func afterTry(t token.Try, now int64) (*token.Shipment, string) {
	v := t.Shipment
	v.Tries++
	v.Attempts = append(slices.Clone(v.Attempts), t.Attempt)
	v.Attempts = v.Attempts[max(0, len(v.Attempts)-mostAttempts):]
	pause, again := policy.DeliveryPause(v.Tries, rand.Float64()) //nolint:gosec // it only spreads retries
	switch {
	case t.Arrived:
		v.State = token.DeliveryDone
		return &v, Delivered
	case again && !t.Gone:
		v.State, v.NextAt = token.DeliveryDue, now+pause.Milliseconds()
		return &v, Retried
	}
	v.State = token.DeliveryDead
	return &v, Dead
}

// heedFailure counts a failed try and gives the notice that it calls for.
func (a *Authority) heedFailure(ctx context.Context, tx Tx, t token.Try) (notice string, err error) {
	s, err := tx.CountWebhookFailure(ctx, t.Shipment.Webhook, t.Attempt.At)
	if err != nil || s == nil {
		return "", err
	}
	if t.Gone {
		return WebhookDisabled, a.silence(ctx, tx, s, "gone")
	}
	n := policy.WebhookNotice(s.WebhookHealth, tx.Now())
	if n == policy.NoNotice {
		return "", nil
	}
	if err := tx.SetWebhookNotices(ctx, s.ID, int64(n)); err != nil {
		return "", err
	}
	switch n {
	case policy.Unhealthy:
		return WebhookUnhealthy, tellOthers(ctx, tx, s, WebhookUnhealthy, "")
	case policy.Disabling:
		return WebhookDisabling, tellOthers(ctx, tx, s, WebhookDisabling, "")
	}
	return WebhookDisabled, a.silence(ctx, tx, s, "failing")
}

// silence disables a subscription, and says so to those who can enable it again.
func (a *Authority) silence(ctx context.Context, tx Tx, s *token.Subscription, reason string) error {
	if won, err := tx.DisableWebhook(ctx, s.Workspace, s.ID, reason); err != nil || !won {
		return err
	}
	if err := tellOthers(ctx, tx, s, WebhookDisabled, reason); err != nil {
		return err
	}
	to, err := a.adminsOf(ctx, s.Workspace)
	if err != nil {
		return err
	}
	return postEach(ctx, tx, to, token.Letter{Kind: token.LetterWebhookDisabled, Workspace: s.Workspace, Data: map[string]string{"host": hostOf(s.URL)}})
}

// tellOthers writes a notice about a subscription, which the other ones of its
// workspace hear: it would not arrive there itself.
func tellOthers(ctx context.Context, tx Tx, s *token.Subscription, action, reason string) error {
	w, err := tx.Workspace(ctx, s.Workspace)
	if err != nil || w == nil {
		return err
	}
	others := *w
	others.Webhooks = slices.DeleteFunc(slices.Clone(w.Webhooks), func(h token.Webhook) bool { return h.ID == s.ID })
	detail := map[string]any{"failures": s.Failures, "failing_since": s.FailingSince}
	if reason != "" {
		detail["reason"] = reason
	} else {
		detail["disabled_from"] = s.FailingSince + policy.DeliveryHorizon().Milliseconds()
	}
	return note(ctx, tx, token.Actor{Kind: token.System, ID: "webhooks"}, &others, action, onWebhook(s.Webhook), detail)
}

// WebhookKeys opens what the deliveries of a subscription are signed with: its
// secret, the next one while it rotates, and its private key. One of the two
// that cannot be opened is left out, so that rotating mends it at once; an error
// says that none can.
func (a *Authority) WebhookKeys(to token.Receiver) (secrets []string, private ed25519.PrivateKey, err error) {
	for _, sealed := range [][]byte{to.Secret, to.NextSecret} {
		if len(sealed) == 0 {
			continue
		}
		secret, fault := a.WebhookSecret(to.ID, sealed)
		if fault != nil {
			err = fault
			continue
		}
		secrets = append(secrets, secret)
	}
	if len(secrets) == 0 && err != nil {
		return nil, nil, err
	}
	return secrets, a.webhookKey(to.ID), nil
}

// NeedsSecret reports whether nothing can be signed for a subscription, since
// its secret cannot be opened: it takes another one.
func (a *Authority) NeedsSecret(s *token.Subscription) bool {
	_, _, err := a.WebhookKeys(s.Receiver())
	return err != nil
}

// WebhookPublicKey returns the key with which everybody can verify what is
// delivered for a subscription, as Standard Webhooks spells it.
func (a *Authority) WebhookPublicKey(id token.ID) string {
	public, _ := a.webhookKey(id).Public().(ed25519.PublicKey)
	return "whpk_" + base64.StdEncoding.EncodeToString(public)
}

// webhookKey derives the key pair of a subscription: it need not be kept.
func (a *Authority) webhookKey(id token.ID) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(a.cfg.Master.Derive("webhook ed25519 " + id.String()))
}
