package authority

import (
	"cmp"
	"context"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// How many times in how long a person may ask to have applications installed.
const (
	mostAsks  = 5
	askWindow = time.Hour
)

// AskToInstall writes to those who can let an application into a workspace that
// the person of a session asks for it and may not do so: a request that only
// lacks somebody with another role. It ends the request, so that nobody is
// written to twice for one. NotFound says that the request is over, Conflict that
// nobody else could answer it, TooMany that the person has asked often.
func (a *Authority) AskToInstall(ctx context.Context, who token.Actor, session *token.Token, id token.ID, workspace string) error {
	asked, err := a.Pending(ctx, session, id)
	if err != nil {
		return err
	}
	choice, err := asked.find(workspace)
	if err != nil {
		return err
	}
	if choice.Ask == "" {
		return token.Errorf(token.Conflict, "nobody else has to be asked for this")
	}
	admins, err := a.Admins(ctx, choice.Workspace.ID, choice.Ask)
	if err != nil {
		return err
	}
	if wait, blocked := a.asks.Fail(session.Person); blocked {
		return &token.Refusal{Code: token.TooMany, Text: "you have asked for several applications; wait before you ask for more", RetryAfter: wait}
	}
	return a.cfg.Store.Do(ctx, func(tx Tx) error {
		if won, err := tx.AnswerAuthorization(ctx, id, token.Denied, 0); err != nil || !won {
			return orElse(err, requestOver())
		}
		for _, admin := range admins {
			l := token.Letter{
				To: admin.ID, Kind: token.LetterInstallRequest, Workspace: choice.Workspace.ID, Data: map[string]string{"app": cmp.Or(asked.Client.Name, asked.Client.ID), "by": who.Name},
			}
			if err := tx.Post(ctx, l); err != nil {
				return err
			}
		}
		on := audit.Target{Kind: "client", ID: asked.Client.ID, Name: asked.Client.Name}
		return note(ctx, tx, who, choice.Workspace, "app.requested", on, map[string]any{"scopes": asked.Request.Scopes})
	})
}
