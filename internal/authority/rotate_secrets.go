package authority

import (
	"context"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// A SecretTurn asks for a new secret of a client, of a subscription, or in the
// place of a client token of the Chronos contract.
type SecretTurn struct {
	What       token.Rotating
	Workspace  string
	Credential string        // the client's id, the subscription's, the client token's
	Secret     token.ID      // of a client that has several: which one goes; 0: its only one
	Grace      time.Duration // as in Turn
	Reason     string        // as in Turn
}

// RotateSecret gives a credential that is no token a new secret, which exists in
// the reply alone. It takes an admin of the workspace. It refuses with NotFound
// what is not there, with Conflict while another rotation of it is open, and
// where it is not clear which secret goes.
func (a *Authority) RotateSecret(ctx context.Context, who token.Actor, turn SecretTurn) (r *token.Rotation, secret string, err error) {
	if err := CheckGrace(turn.Grace, turn.Reason); err != nil {
		return nil, "", err
	}
	err = a.cfg.Store.Do(ctx, func(tx Tx) error {
		if err := mayAdministrate(ctx, tx, who, turn.Workspace, ""); err != nil {
			return err
		}
		w, err := tx.Workspace(ctx, turn.Workspace)
		if err != nil || w == nil {
			return orElse(err, noWorkspace())
		}
		if _, err := tx.LockWorkspace(ctx, w.ID); err != nil {
			return err
		}
		r = &token.Rotation{
			ID: token.NewID(time.UnixMilli(tx.Now()), token.Long), What: turn.What, Workspace: w.ID, Credential: turn.Credential,
			New: token.NewID(time.UnixMilli(tx.Now()), token.Long), State: token.RotationPending, Grace: int64(turn.Grace / time.Second),
			Reason: turn.Reason, MadeBy: by(who), CreatedAt: tx.Now(),
		}
		if secret, err = a.addTurned(ctx, tx, who, &turn, r); err != nil {
			return err
		}
		return a.openTurn(ctx, tx, who, w, r)
	})
	return r, secret, err
}

// openTurn writes a rotation and its records. One without a grace goes through
// all its states at once.
func (a *Authority) openTurn(ctx context.Context, tx Tx, who token.Actor, w *token.Workspace, r *token.Rotation) error {
	added, err := tx.AddRotation(ctx, r)
	if err != nil || !added {
		return orElse(err, token.Errorf(token.Conflict, "another rotation of this credential is open: confirm, cancel or finish it first").Because(token.Lost))
	}
	if r.Grace == 0 {
		reason := r.Reason
		_, err := a.advance(ctx, tx, who, r, func(r *token.Rotation, now int64) error {
			r.Confirm(now)
			r.Reason = reason
			return r.Finish(now, true)
		})
		if err != nil {
			return err
		}
	}
	notes := notesOfTurn(time.UnixMilli(tx.Now()), who, r)
	out, err := deliveriesOf(w, notes)
	if err != nil {
		return err
	}
	return tx.Records(ctx, notes, out)
}

// addTurned finds the secret that goes and enters the one that comes.
func (a *Authority) addTurned(ctx context.Context, tx Tx, who token.Actor, turn *SecretTurn, r *token.Rotation) (string, error) {
	switch turn.What {
	case token.RotatesClientSecret:
		return a.addClientSecret(ctx, tx, who, turn, r)
	case token.RotatesClientToken:
		return a.addClientToken(ctx, tx, r)
	case token.RotatesWebhookSecret:
		return a.addWebhookSecret(ctx, tx, r)
	}
	return "", token.Errorf(token.NotFound, "no such credential has secrets that rotate")
}

func (a *Authority) addClientSecret(ctx context.Context, tx Tx, who token.Actor, turn *SecretTurn, r *token.Rotation) (string, error) {
	c, err := tx.Client(ctx, r.Credential)
	if err != nil || c == nil || c.Workspace != r.Workspace {
		return "", orElse(err, token.Errorf(token.NotFound, "there is no such client in this workspace"))
	}
	if err := mayHoldSecret(ctx, tx, who, c); err != nil {
		return "", err
	}
	old, err := goingSecret(c, turn.Secret, tx.Now())
	if err != nil {
		return "", err
	}
	r.Old, r.OldExpires, r.Name = old.ID, old.ExpiresAt, c.Name
	made := token.Secret{ID: r.New, CreatedAt: tx.Now(), Replaces: old.ID}
	secret := a.cfg.Format.Mint(token.ClientSecret, made.ID)
	made.Hash, made.LastFour = token.HashOf(secret), token.LastFour(secret)
	return secret, tx.PutSecret(ctx, c.ID, made)
}

// goingSecret returns the live secret that a rotation replaces: the one that is
// named, or the only one.
func goingSecret(c *token.Client, named token.ID, now int64) (*token.Secret, error) {
	var found *token.Secret
	for i := range c.Secrets {
		s := &c.Secrets[i]
		if !s.Live(now) || named != 0 && s.ID != named {
			continue
		}
		if found != nil {
			return nil, token.AtField("secret_id", "the client has several live secrets: name the one that goes")
		}
		found = s
	}
	switch {
	case found != nil:
		return found, nil
	case c.Public():
		return nil, token.Errorf(token.Conflict, "a public client has no secret")
	}
	return nil, token.Errorf(token.NotFound, "the client has no such live secret")
}

func (a *Authority) addClientToken(ctx context.Context, tx Tx, r *token.Rotation) (string, error) {
	all, err := tx.ClientTokens(ctx, r.Workspace)
	if err != nil {
		return "", err
	}
	for _, c := range all {
		if c.ID.String() != r.Credential || !c.Live(tx.Now()) {
			continue
		}
		r.Old, r.Name = c.ID, "…"+c.LastFour
		secret := a.cfg.Format.MintHex(r.New)
		made := newClientToken(tx, r.Workspace, secret)
		made.ID, made.Replaces = r.New, c.ID
		_, err := tx.PutClientToken(ctx, made)
		return secret, err
	}
	return "", token.Errorf(token.NotFound, "the workspace has no such live client token")
}

func (a *Authority) addWebhookSecret(ctx context.Context, tx Tx, r *token.Rotation) (string, error) {
	id, ok := token.ParseID(r.Credential)
	secret := newWebhookSecret()
	sealed, err := a.sealedWebhook(id, secret)
	if err != nil || !ok {
		return "", orElse(err, noWebhook())
	}
	r.Old = id
	there, err := tx.SetNextWebhookSecret(ctx, r.Workspace, id, sealed)
	if err != nil || !there {
		return "", orElse(err, noWebhook())
	}
	return secret, nil
}

// clientSecrets are the secrets of a client.
type clientSecrets struct {
	tx     Tx
	client string
}

func (s clientSecrets) confirm(ctx context.Context, id token.ID) (bool, error) {
	return s.tx.ConfirmSecret(ctx, s.client, id)
}

func (s clientSecrets) retire(ctx context.Context, id token.ID, at int64) error {
	_, err := s.tx.RetireSecret(ctx, s.client, id, at)
	return err
}

func (s clientSecrets) end(ctx context.Context, id token.ID) error {
	_, err := s.tx.EndSecret(ctx, s.client, id)
	return err
}

// clientTokens are a workspace's secrets in the Chronos contract.
type clientTokens struct {
	tx        Tx
	workspace string
}

func (s clientTokens) confirm(ctx context.Context, id token.ID) (bool, error) {
	return s.tx.ConfirmClientToken(ctx, s.workspace, id)
}

func (s clientTokens) retire(ctx context.Context, id token.ID, at int64) error {
	_, err := s.tx.RetireClientToken(ctx, s.workspace, id, at)
	return err
}

func (s clientTokens) end(ctx context.Context, id token.ID) error {
	_, err := s.tx.DropClientToken(ctx, s.workspace, id)
	return err
}

// webhookSecrets are those that deliveries are signed with: with both while a
// rotation is open, so that nothing changes before one of them goes.
type webhookSecrets struct {
	tx Tx
	r  *token.Rotation
}

func (webhookSecrets) confirm(context.Context, token.ID) (bool, error) { return true, nil }
func (webhookSecrets) retire(context.Context, token.ID, int64) error   { return nil }

func (s webhookSecrets) end(ctx context.Context, id token.ID) (err error) {
	if id == s.r.New {
		_, err = s.tx.SetNextWebhookSecret(ctx, s.r.Workspace, s.r.Old, token.SealedSecret{})
	} else {
		_, err = s.tx.TurnWebhookSecret(ctx, s.r.Workspace, s.r.Old)
	}
	return err
}
