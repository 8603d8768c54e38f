package authority

import (
	"context"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// webhookTx is what a deed on subscriptions and their deliveries writes.
type webhookTx interface {
	EndedWebhook(ctx context.Context, workspace, url string) (bool, error)
	RenewWebhook(ctx context.Context, h token.Webhook) (bool, error)
	PutWebhook(ctx context.Context, h token.Webhook, secret token.SealedSecret) error
	EndWebhook(ctx context.Context, workspace string, id token.ID) (bool, error)
	SetNextWebhookSecret(ctx context.Context, workspace string, id token.ID, next token.SealedSecret) (bool, error)
	MarkWebhook(ctx context.Context, id token.ID, secret, next token.SealedSecret) error
	TurnWebhookSecret(ctx context.Context, workspace string, id token.ID) (bool, error)

	Subscription(ctx context.Context, id token.ID) (*token.Subscription, error)
	EnableWebhook(ctx context.Context, workspace string, id token.ID) (bool, error)
	DisableWebhook(ctx context.Context, workspace string, id token.ID, reason string) (bool, error)
	CountWebhookFailure(ctx context.Context, id token.ID, at int64) (*token.Subscription, error)
	ForgetWebhookFailures(ctx context.Context, id token.ID) error
	SetWebhookNotices(ctx context.Context, id token.ID, n int64) error

	SettleDelivery(ctx context.Context, v *token.Shipment, claimed int64) (bool, error)
	ReplayDeliveries(ctx context.Context, webhook, from, until token.ID) (n int, next token.ID, err error)
	MissedEvents(ctx context.Context, workspace string, webhook, from, until token.ID) (missed []*token.Event, next token.ID, err error)
	AddDeliveries(ctx context.Context, out []token.Delivery) error
}

// testEvent is what a subscription is tried with.
const testEvent = "webhook.test"

func noWebhook() *token.Refusal {
	return token.Errorf(token.NotFound, "there is no such subscription in this workspace")
}

// changeWebhook runs one deed on a subscription of a workspace that has not
// ended, by one of its admins.
func (a *Authority) changeWebhook(ctx context.Context, who token.Actor, workspace string, id token.ID, deed func(Tx, *token.Workspace, *token.Subscription) error) error {
	return a.cfg.Store.Do(ctx, func(tx Tx) error {
		if err := mayAdministrate(ctx, tx, who, workspace, ""); err != nil {
			return err
		}
		s, err := tx.Subscription(ctx, id)
		if err != nil {
			return err
		}
		if s == nil || s.Workspace != workspace || s.EndedAt != 0 {
			return noWebhook()
		}
		w, err := tx.Workspace(ctx, workspace)
		if err != nil || w == nil {
			return orElse(err, noWebhook())
		}
		return deed(tx, w, s)
	})
}

// ChangeWebhook changes what a subscription hears. It takes an admin of the
// workspace. NotFound says that there is no such one, Invalid that the events
// are none.
func (a *Authority) ChangeWebhook(ctx context.Context, who token.Actor, workspace string, id token.ID, events []string) error {
	if err := checkEvents(who, events); err != nil {
		return err
	}
	return a.changeWebhook(ctx, who, workspace, id, func(tx Tx, w *token.Workspace, s *token.Subscription) error {
		s.Events = events
		if won, err := tx.RenewWebhook(ctx, s.Webhook); err != nil || !won {
			return orElse(err, noWebhook())
		}
		return note(ctx, tx, who, w, "webhook.changed", onWebhook(s.Webhook), map[string]any{"events": events})
	})
}

// EnableWebhook lets a disabled subscription hear again what happens from now
// on; what it missed is replayed on demand. It takes an admin of the workspace.
// Conflict says that it was not disabled.
func (a *Authority) EnableWebhook(ctx context.Context, who token.Actor, workspace string, id token.ID) error {
	return a.changeWebhook(ctx, who, workspace, id, func(tx Tx, w *token.Workspace, s *token.Subscription) error {
		won, err := tx.EnableWebhook(ctx, workspace, id)
		if err != nil {
			return err
		}
		if !won {
			return token.Errorf(token.Conflict, "the subscription is not disabled").Because(token.Lost)
		}
		return note(ctx, tx, who, w, "webhook.enabled", onWebhook(s.Webhook), nil)
	})
}

// TestWebhook sends an event to one subscription, whatever it listens to, and
// returns the event's id. It takes an admin of the workspace. Conflict says that
// the subscription is disabled.
func (a *Authority) TestWebhook(ctx context.Context, who token.Actor, workspace string, id token.ID) (event token.ID, err error) {
	err = a.changeWebhook(ctx, who, workspace, id, func(tx Tx, w *token.Workspace, s *token.Subscription) error {
		if s.DisabledAt != 0 {
			return token.Errorf(token.Conflict, "the subscription is disabled; enable it first")
		}
		alone := *w
		alone.Webhooks = []token.Webhook{{ID: id, Workspace: workspace, Events: []string{"*"}}}
		e := audit.Note(time.UnixMilli(tx.Now()), who, workspace, testEvent, onWebhook(s.Webhook), nil)
		event = e.ID
		return record(ctx, tx, &alone, e)
	})
	return event, err
}

// ReplayWebhook makes deliveries to a subscription due again whose events lie
// between two ids, the second left out: those that arrived, those that are dead,
// and those that were never written because the subscription was disabled, as
// far as the audit holds their events. Each has the id it always had. It goes
// some hundred at a time and returns how many, and the id to go on from, 0 at
// the end. It takes an admin of the workspace.
func (a *Authority) ReplayWebhook(ctx context.Context, who token.Actor, workspace string, id, from, until token.ID) (n int, next token.ID, err error) {
	err = a.changeWebhook(ctx, who, workspace, id, func(tx Tx, w *token.Workspace, s *token.Subscription) error {
		if s.DisabledAt != 0 {
			return token.Errorf(token.Conflict, "the subscription is disabled; enable it first")
		}
		until := max(from, min(until, token.FirstID(time.UnixMilli(tx.Now()).Add(time.Millisecond))))
		missed, next0, err := tx.MissedEvents(ctx, workspace, id, from, until)
		if err != nil {
			return err
		}
		if next0 != 0 {
			until = next0
		}
		if n, next, err = tx.ReplayDeliveries(ctx, id, from, until); err != nil {
			return err
		}
		if next == 0 {
			next = next0
		}
		added, err := addMissed(ctx, tx, w, s, missed, next)
		n += added
		if err != nil || n == 0 {
			return err
		}
		return note(ctx, tx, who, w, "webhook.replayed", onWebhook(s.Webhook), map[string]any{"deliveries": n})
	})
	return n, next, err
}

// addMissed writes the deliveries of events that a subscription listens to, up
// to an id (0: all), and returns how many those are.
func addMissed(ctx context.Context, tx Tx, w *token.Workspace, s *token.Subscription, missed []*token.Event, before token.ID) (int, error) {
	alone := *w
	alone.Webhooks = []token.Webhook{s.Webhook}
	var out []token.Delivery
	for _, e := range missed {
		if before != 0 && e.ID >= before {
			break
		}
		if e.Action == testEvent {
			continue // it was one subscription's alone
		}
		rows, err := audit.Deliveries(&alone, e)
		if err != nil {
			return 0, err
		}
		out = append(out, rows...)
	}
	return len(out), tx.AddDeliveries(ctx, out)
}
