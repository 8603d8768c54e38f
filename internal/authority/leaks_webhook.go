package authority

import (
	"context"
	"log/slog"
	"net/url"

	"github.com/fichadev/ficha/internal/token"
)

// exposedWebhook returns the subscription whose deliveries are signed with a
// secret of that hash, nil if none is. Who has it can forge deliveries and open
// nothing here, so that it is reported and not ended: without it the receiver
// would refuse what is genuine. People rotate it.
func (a *Authority) exposedWebhook(ctx context.Context, hash token.Hash, lastFour string) (*exposure, error) {
	s, err := a.cfg.Store.MarkedSubscription(ctx, a.webhookMark(hash))
	if err != nil || s == nil {
		return nil, err
	}
	x := &exposure{
		what: token.RotatesWebhookSecret, kind: string(token.KindWebhookSecret), target: onWebhook(s.Webhook), over: s.EndedAt != 0,
		secret: token.Secret{ID: s.ID, Hash: hash, LastFour: lastFour}, host: hostOf(s.URL),
	}
	x.workspace, err = a.cfg.Judge.Workspace(ctx, s.Workspace)
	return x, err
}

// hostOf returns as much of a subscription's address as may be told: the rest
// may hold a secret.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// MarkWebhooks gives the secrets of subscriptions that are older than marks
// theirs, some hundred a commit. Of one whose secret changes at the same moment
// the new secret has its mark already; one that cannot be opened is passed over.
func (a *Authority) MarkWebhooks(ctx context.Context) error {
	const step = 200
	for after := token.ID(0); ; {
		page, err := a.cfg.Store.UnmarkedWebhooks(ctx, after, step)
		if err != nil || len(page) == 0 {
			return err
		}
		after = page[len(page)-1].ID
		err = a.cfg.Store.Do(ctx, func(tx Tx) error {
			for _, to := range page {
				if err := a.markWebhook(ctx, tx, to); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

func (a *Authority) markWebhook(ctx context.Context, tx Tx, to token.Receiver) error {
	secret, next := token.SealedSecret{Sealed: to.Secret}, token.SealedSecret{Sealed: to.NextSecret}
	for _, s := range []*token.SealedSecret{&secret, &next} {
		if len(s.Sealed) == 0 {
			continue
		}
		plain, err := a.WebhookSecret(to.ID, s.Sealed)
		if err != nil {
			a.warnUnopened(ctx, to.ID, s.Sealed, err)
			return nil
		}
		s.Mark = a.webhookMark(token.HashOf(plain))
	}
	return tx.MarkWebhook(ctx, to.ID, secret, next)
}

// warnUnopened says once of a secret, for as long as this process lives, that it
// cannot be opened: nobody mends it by hearing of it every hour.
func (a *Authority) warnUnopened(ctx context.Context, id token.ID, sealed []byte, fault error) {
	if _, told := a.unopened.LoadOrStore(token.HashOf(string(sealed)), true); !told {
		a.cfg.Log.WarnContext(ctx, "the secret of a webhook cannot be opened: rotate it", slog.String("webhook", id.String()), slog.Any("error", fault))
	}
}
