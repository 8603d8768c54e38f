package authority

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// MakeCalendar gives a person's calendar of a workspace a new address and
// returns what is secret in it; the address before opens nothing more. It takes
// a person who administrates the workspace.
func (a *Authority) MakeCalendar(ctx context.Context, who token.Actor, workspace string) (secret string, made token.Calendar, err error) {
	if err := needsPerson(who); err != nil {
		return "", made, err
	}
	secret = strings.ToLower(rand.Text())
	made = token.Calendar{Person: who.ID, Workspace: workspace, Hash: token.HashOf(secret), Born: a.cfg.Judge.Applied()}
	err = a.cfg.Store.Do(ctx, func(tx Tx) error {
		if err := mayAdministrate(ctx, tx, who, workspace, ""); err != nil {
			return err
		}
		made.CreatedAt = tx.Now()
		if err := tx.PutCalendar(ctx, made); err != nil {
			return err
		}
		return noteCalendar(ctx, tx, who, workspace, "user.calendar_made")
	})
	return secret, made, err
}

// EndCalendar ends the address of a person's calendar. NotFound says that there
// is none.
func (a *Authority) EndCalendar(ctx context.Context, who token.Actor, workspace string) error {
	if err := needsPerson(who); err != nil {
		return err
	}
	return a.cfg.Store.Do(ctx, func(tx Tx) error {
		ended, err := tx.EndCalendar(ctx, who.ID, workspace)
		if err != nil || !ended {
			return orElse(err, noCalendar())
		}
		return noteCalendar(ctx, tx, who, workspace, "user.calendar_ended")
	})
}

func needsPerson(who token.Actor) error {
	if who.Kind != token.User {
		return token.Errorf(token.Forbidden, "a calendar is a person's: sign in, or use a personal token")
	}
	return nil
}

func noteCalendar(ctx context.Context, tx Tx, who token.Actor, workspace, action string) error {
	w, err := tx.Workspace(ctx, workspace)
	if err != nil {
		return err
	}
	return note(ctx, tx, who, w, action, audit.Target{Kind: "user", ID: who.ID, Name: who.Name}, nil)
}

// CalendarOf returns the calendar that the secret of its address opens. One of a
// person who no longer administrates the workspace, or did not at any moment
// since it was made, is as unknown as any other: NotFound.
func (a *Authority) CalendarOf(ctx context.Context, secret string) (*token.Calendar, error) {
	c, err := a.cfg.Store.Calendar(ctx, token.HashOf(secret))
	if err != nil || c == nil {
		return nil, orElse(err, noCalendar())
	}
	w, err := a.cfg.Judge.Workspace(ctx, c.Workspace)
	if err != nil || w == nil || w.DisabledAt != 0 || w.Cutoffs.Hit(c.Born, c.CreatedAt) {
		return nil, orElse(err, noCalendar())
	}
	p, err := a.cfg.Judge.Person(ctx, c.Person)
	if err != nil || p == nil || p.DisabledAt != 0 || p.Cutoffs.Hit(c.Born, c.CreatedAt) {
		return nil, orElse(err, noCalendar())
	}
	if m := p.In(c.Workspace); !m.IsAdmin() || m.Cutoffs.Hit(c.Born, c.CreatedAt) {
		return nil, noCalendar()
	}
	return c, nil
}

func noCalendar() *token.Refusal {
	return token.Errorf(token.NotFound, "there is no such calendar; make its address anew")
}
