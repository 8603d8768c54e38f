package authority

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// Approve answers a pending request with yes for a workspace and the optional
// scopes that its person ticked, once, and returns where the browser goes: the
// registered redirect URI with a code. Nothing is stored when it refuses.
func (a *Authority) Approve(ctx context.Context, who token.Actor, session *token.Token, id token.ID, workspace string, ticked token.Scopes) (string, error) {
	to := ""
	err := a.anew(ctx, func() (err error) {
		to, err = a.approveNow(ctx, who, session, id, workspace, ticked)
		return err
	})
	return to, err
}

// approveNow is Approve on what is known at this moment; Stale says that this has
// changed.
func (a *Authority) approveNow(ctx context.Context, who token.Actor, session *token.Token, id token.ID, workspace string, ticked token.Scopes) (string, error) {
	born := a.cfg.Judge.Applied()
	asked, err := a.Pending(ctx, session, id)
	if err != nil {
		return "", err
	}
	choice, err := asked.find(workspace)
	if err != nil {
		return "", err
	}
	if choice.Refusal != nil {
		return "", choice.Refusal
	}
	scopes := asked.granted(choice, ticked)
	q := asked.Request
	now := a.cfg.Now()
	grant := &token.Grant{
		ID: token.NewID(now, token.Long), Contract: q.Contract, Client: q.Client, Person: session.Person, Workspace: choice.Workspace.ID,
		Scopes: scopes, Installed: q.Installed, CreatedAt: now.UnixMilli(),
	}
	code, secret, err := a.makeCode(ctx, grant, q, session)
	if err != nil {
		return "", err
	}
	code.Born = born // the choice was made on older knowledge than the code
	if err := a.approve(ctx, who, id, grant, code, choice.Workspace); err != nil {
		return "", err
	}
	return a.redirect(q, url.Values{"code": {secret}}), nil
}

// granted are the required scopes, and the optional ones that were ticked.
func (q *Asked) granted(choice *Choice, ticked token.Scopes) token.Scopes {
	scopes := q.Request.Scopes
	if !q.Request.Installed {
		// On the standard face the client's optional scopes stand in scope.
		scopes = scopes.Filter(func(s string) bool { return q.Client.Scope.Has(s) || ticked.Has(s) })
	}
	return scopes.Union(choice.Optional.Filter(ticked.Has))
}

// makeCode makes the code of a grant through the one mint's own steps.
func (a *Authority) makeCode(ctx context.Context, g *token.Grant, q Request, session *token.Token) (*token.Token, string, error) {
	facts, err := json.Marshal(codeFacts{RedirectURI: q.RedirectURI, Challenge: q.Challenge, Nonce: q.Nonce, AuthTime: session.IssuedAt / 1000})
	if err != nil {
		return nil, "", fmt.Errorf("write a code: %w", err)
	}
	o := &Order{
		Kind: token.AuthCode, Contract: g.Contract, Client: g.Client, Workspace: g.Workspace, Person: g.Person, Scopes: g.Scopes,
		Audience: q.Audience, Data: string(facts), Family: g,
	}
	s, err := a.read(ctx, o)
	if err != nil {
		return nil, "", err
	}
	if err := a.check(o, s); err != nil {
		return nil, "", err
	}
	return a.make(ctx, o, s, a.cfg.Now())
}

// approve commits the answer, the grant and its code together.
func (a *Authority) approve(ctx context.Context, who token.Actor, id token.ID, g *token.Grant, code *token.Token, w *token.Workspace) error {
	action := "consent.given"
	if g.Installed {
		action = "app.installed"
	}
	return a.cfg.Store.Do(ctx, func(tx Tx) error {
		won, err := tx.AnswerAuthorization(ctx, id, token.Approved, g.ID)
		if err != nil {
			return err
		}
		if !won {
			return requestOver()
		}
		// An install outlives its person: what they held must be so still.
		if err := tx.RefuseStale(ctx, code); err != nil {
			return err
		}
		if err := tx.InsertGrant(ctx, g); err != nil {
			return err
		}
		if err := tx.InsertToken(ctx, code); err != nil {
			return err
		}
		e := audit.Note(time.UnixMilli(tx.Now()), who, g.Workspace, action, audit.Target{Kind: "grant", ID: g.ID.String(), Name: g.Client},
			map[string]any{"client": g.Client, "scopes": g.Scopes})
		return record(ctx, tx, w, e)
	})
}

// Deny answers a pending request with no. It returns where the browser goes,
// or "" where the contract sends no answer and our own page says so.
func (a *Authority) Deny(ctx context.Context, who token.Actor, session *token.Token, id token.ID) (string, error) {
	asked, err := a.Pending(ctx, session, id)
	if err != nil {
		return "", err
	}
	q := asked.Request
	w, err := a.cfg.Judge.Workspace(ctx, q.Workspace) // the one that was asked for, nil where the person would have chosen
	if err != nil {
		return "", err
	}
	err = a.cfg.Store.Do(ctx, func(tx Tx) error {
		won, err := tx.AnswerAuthorization(ctx, id, token.Denied, 0)
		if err != nil || !won {
			return orElse(err, requestOver())
		}
		return note(ctx, tx, who, w, "consent.denied", audit.Target{Kind: "client", ID: q.Client}, nil)
	})
	if err != nil || q.Installed {
		return "", err
	}
	return a.redirect(q, url.Values{"error": {"access_denied"}, "error_description": {"the person did not give access"}}), nil
}

// RedirectError returns where the browser goes when a request is refused after
// its redirect URI was found to be right (RFC 6749, 4.1.2.1).
func (a *Authority) RedirectError(q Request, r *token.Refusal) string {
	return a.redirect(q, url.Values{"error": {string(r.Code)}, "error_description": {r.Text}})
}

// redirect adds an answer to the registered redirect URI, state byte for byte
// and, on the standard face, iss (RFC 9207).
func (a *Authority) redirect(q Request, answer url.Values) string {
	if q.State != "" {
		answer.Set("state", q.State)
	}
	if q.Issuer {
		answer.Set("iss", a.cfg.Issuer)
	}
	sep := "?"
	if strings.Contains(q.RedirectURI, "?") {
		sep = "&"
	}
	return q.RedirectURI + sep + answer.Encode()
}
