package authority

import (
	"context"

	"github.com/fichadev/ficha/internal/token"
)

// sessions is the memory of where people are signed in.
type sessions interface {
	SignedIn(ctx context.Context, person string, below token.ID, limit int) ([]token.SignedIn, error)
}

// SignIn makes the session of a person who has shown who they are. It is listed
// in the commit that makes it: no session works that its person cannot see.
func (a *Authority) SignIn(ctx context.Context, who token.Actor, p *token.Person) (*Issued, error) {
	return a.Issue(ctx, who, Order{Kind: token.Session, Contract: "panel", Person: p.ID})
}

// SignOut ends a session. It is no refusal if it had ended.
func (a *Authority) SignOut(ctx context.Context, who token.Actor, session *token.Token) error {
	if err := a.Revoke(ctx, who, session, "signed out"); !token.Is(err, token.Conflict) {
		return err
	}
	return nil
}

// mostSessions is how many sessions a page lists, and one step ends.
const mostSessions = 100

// Sessions returns where a person is signed in, the newest hundred.
func (a *Authority) Sessions(ctx context.Context, person string) ([]token.SignedIn, error) {
	return a.cfg.Store.SignedIn(ctx, person, 0, mostSessions)
}

// EndSession ends a session of the actor's own. NotFound says that there is no
// such session of theirs.
func (a *Authority) EndSession(ctx context.Context, who token.Actor, id token.ID) error {
	r, err := a.cfg.Judge.Record(ctx, id)
	if err != nil && !token.Is(err, token.InvalidToken) {
		return err
	}
	if r == nil || r.Token.Kind != token.Session || who.Kind != token.User || r.Token.Person != who.ID {
		return token.Errorf(token.NotFound, "there is no such session; it may have ended already")
	}
	return a.SignOut(ctx, who, r.Token)
}

// EndSessions ends every session of the actor's but one, which may be 0: a
// hundred a step, each session by itself: if we die in between, those that were
// come to have ended, and to ask again ends the others.
func (a *Authority) EndSessions(ctx context.Context, who token.Actor, but token.ID) error {
	below := token.ID(0)
	for {
		page, err := a.cfg.Store.SignedIn(ctx, who.ID, below, mostSessions)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, s := range page {
			below = s.Token
			if s.Token == but {
				continue
			}
			if err := a.EndSession(ctx, who, s.Token); err != nil && !token.Is(err, token.NotFound) {
				return err
			}
		}
	}
}
