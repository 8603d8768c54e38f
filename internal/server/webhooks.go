package server

import (
	"context"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/webhook"
)

// deliveries makes what sends the outbox: it is woken by this node's commits and
// counts what its tries came to.
func (s *Server) deliveries() {
	tries := s.Metrics.Counters("webhook_deliveries_total", "Tries of deliveries, by what they came to: delivered, retried or dead.", "outcome")
	notices := s.Metrics.Counters("webhook_notices_total", "Notices about subscriptions that fail.", "notice")
	for _, outcome := range []string{authority.Delivered, authority.Retried, authority.Dead} {
		tries.WithLabelValues(outcome)
	}
	for _, notice := range []string{authority.WebhookUnhealthy, authority.WebhookDisabling, authority.WebhookDisabled} {
		notices.WithLabelValues(notice)
	}
	s.Webhooks = webhook.New(webhook.Config{
		Outbox: s.Store, Allow: s.Config.WebhookAllow, Now: s.Config.Now, Log: s.Config.Log,
		Keys: func(to token.Receiver) (webhook.Keys, error) {
			secrets, private, err := s.Authority.WebhookKeys(to)
			return webhook.Keys{Secrets: secrets, Private: private}, err
		},
		Settle: func(ctx context.Context, done []token.Try) error {
			told, err := s.Authority.SettleDeliveries(ctx, done)
			for _, t := range told.Tries {
				tries.WithLabelValues(t).Inc()
			}
			for _, n := range told.Notices {
				notices.WithLabelValues(n).Inc()
			}
			return err
		},
	})
	s.Store.OnOutbox(s.Webhooks.Wake)
}
