package authority

import (
	"context"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// mostSecrets is how many live secrets a client may have: the old, the new, and
// room for a mistake.
const mostSecrets = 5

// DisableClient ends every token of a client and lets it in no more. NotFound
// says that there is no such client in the workspace, Conflict that it is
// disabled already.
func (a *Authority) DisableClient(ctx context.Context, who token.Actor, workspace, id, reason string) error {
	if err := CheckText("reason", reason, 200); err != nil {
		return err
	}
	return a.changeClient(ctx, who, workspace, id, func(tx Tx, c *token.Client) (*token.Event, error) {
		if c.DisabledAt != 0 {
			return nil, token.Errorf(token.Conflict, "the client is disabled already")
		}
		c.DisabledAt = tx.Now()
		tx.Cut(token.Cutoff{Support: token.Support{Kind: token.OnClient, ID: c.ID}, Reason: reason})
		return noteClient(tx, who, c, "client.disabled", map[string]any{"reason": reason}), tx.PutClient(ctx, c)
	})
}

// EnableClient lets a disabled client in again; no token of it comes back to
// life. Conflict says that it is not disabled.
func (a *Authority) EnableClient(ctx context.Context, who token.Actor, workspace, id string) error {
	return a.changeClient(ctx, who, workspace, id, func(tx Tx, c *token.Client) (*token.Event, error) {
		if c.DisabledAt == 0 {
			return nil, token.Errorf(token.Conflict, "the client is not disabled")
		}
		c.DisabledAt = 0
		return noteClient(tx, who, c, "client.enabled", nil), tx.PutClient(ctx, c)
	})
}

// AddSecret gives a client one more secret beside those that live and returns
// it with the text, which exists in the reply alone. Conflict says that the
// client is public or has as many as it may.
func (a *Authority) AddSecret(ctx context.Context, who token.Actor, workspace, id string) (made token.Secret, secret string, err error) {
	err = a.changeClient(ctx, who, workspace, id, func(tx Tx, c *token.Client) (*token.Event, error) {
		live := 0
		for _, s := range c.Secrets {
			if s.Live(tx.Now()) {
				live++
			}
		}
		switch {
		case c.Public():
			return nil, token.Errorf(token.Conflict, "a public client has no secret")
		case live >= mostSecrets:
			return nil, token.Errorf(token.Conflict, "the client has %d live secrets; end one first", live)
		}
		if err := mayHoldSecret(ctx, tx, who, c); err != nil {
			return nil, err
		}
		made = token.Secret{ID: token.NewID(time.UnixMilli(tx.Now()), token.Long), CreatedAt: tx.Now()}
		secret = a.cfg.Format.Mint(token.ClientSecret, made.ID)
		made.Hash, made.LastFour = token.HashOf(secret), token.LastFour(secret)
		return noteClient(tx, who, c, "client.secret_added", secretDetail(made)), tx.PutSecret(ctx, c.ID, made)
	})
	return made, secret, err
}

// mayHoldSecret refuses who would get the right to impersonate with the secret of
// a client that has it, and may not give it.
func mayHoldSecret(ctx context.Context, tx Tx, who token.Actor, c *token.Client) error {
	if !c.MayImpersonate {
		return nil
	}
	return mayAdministrate(ctx, tx, who, c.Workspace, "have a new secret of a client that may impersonate")
}

// EndSecret ends one secret of a client at once; tokens that were issued with it
// live on, and of two secrets of a rotation the other stays. NotFound says that there is no such live secret.
func (a *Authority) EndSecret(ctx context.Context, who token.Actor, workspace, id string, secret token.ID) error {
	return a.changeClient(ctx, who, workspace, id, func(tx Tx, c *token.Client) (*token.Event, error) {
		won, err := tx.EndSecret(ctx, c.ID, secret)
		if err != nil || !won {
			return nil, orElse(err, token.Errorf(token.NotFound, "the client has no such live secret"))
		}
		err = a.settleTurn(ctx, tx, who, token.RotatesClientSecret, c.ID, secret)
		return noteClient(tx, who, c, "client.secret_ended", secretDetail(token.Secret{ID: secret})), err
	})
}

func secretDetail(s token.Secret) map[string]any {
	detail := map[string]any{"secret": s.ID.String()}
	if s.LastFour != "" {
		detail["last_four"] = s.LastFour
	}
	return detail
}

// changeClient runs one change of a workspace's client, by one of its admins,
// with its record. Two who change one client wait for each other.
func (a *Authority) changeClient(ctx context.Context, who token.Actor, workspace, id string, change func(Tx, *token.Client) (*token.Event, error)) error {
	return a.cfg.Store.Do(ctx, func(tx Tx) error {
		if err := mayAdministrate(ctx, tx, who, workspace, ""); err != nil {
			return err
		}
		if _, err := tx.LockClient(ctx, id); err != nil {
			return err
		}
		c, err := tx.Client(ctx, id)
		if err != nil {
			return err
		}
		if c == nil || c.Workspace != workspace {
			return token.Errorf(token.NotFound, "there is no such client in this workspace")
		}
		e, err := change(tx, c)
		if err != nil {
			return err
		}
		w, err := tx.Workspace(ctx, workspace)
		if err != nil {
			return err
		}
		return record(ctx, tx, w, e)
	})
}

func noteClient(tx Tx, who token.Actor, c *token.Client, action string, detail map[string]any) *token.Event {
	return audit.Note(time.UnixMilli(tx.Now()), who, c.Workspace, action, audit.Target{Kind: "client", ID: c.ID, Name: c.Name}, detail)
}
