package authority

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/fichadev/ficha/internal/alert"
	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// TurnAlert writes what became of an incident, if it is still as it was: another
// node may have been quicker, and that is no fault. Where it fires or is
// resolved, the same commit holds the record, what subscribers hear, and letters
// to up to five of those who administrate the workspace.
func (a *Authority) TurnAlert(ctx context.Context, was, next token.Alert) error {
	var told []string
	if tells(was, next) {
		var err error
		if told, err = a.adminsOf(ctx, next.Workspace); err != nil {
			return err
		}
	}
	return a.cfg.Store.Do(ctx, func(tx Tx) error {
		if was.State == "" {
			next.ID = token.NewID(time.UnixMilli(tx.Now()), token.Long)
		}
		if won, err := tx.TurnAlert(ctx, was, next); err != nil || !won || !tells(was, next) {
			return err
		}
		if err := noteAlert(ctx, tx, next); err != nil {
			return err
		}
		return tx.Post(ctx, lettersOf(next, told)...)
	})
}

// tells reports whether people hear of it: of what is pending they do not.
func tells(was, next token.Alert) bool {
	return was.State != next.State && (next.State == token.AlertFiring || next.State == token.AlertResolved)
}

func noteAlert(ctx context.Context, tx Tx, n token.Alert) error {
	w, err := tx.Workspace(ctx, n.Workspace)
	if err != nil || w == nil {
		return err
	}
	action := "alert.firing"
	if n.State == token.AlertResolved {
		action = "alert.resolved"
	}
	detail := map[string]any{"rule": n.Rule, "class": n.Class, "severity": n.Severity, "since": n.Since}
	maps.Copy(detail, n.Detail)
	who := token.Actor{Kind: token.System, ID: "alerts", Workspace: n.Workspace}
	return note(ctx, tx, who, w, action, audit.Target{Kind: "alert", ID: n.ID.String(), Name: n.Rule}, detail)
}

func lettersOf(n token.Alert, to []string) []token.Letter {
	letters := make([]token.Letter, len(to))
	for i, id := range to {
		l := token.Letter{To: id, Kind: token.LetterAlertResolved, Workspace: n.Workspace, Data: map[string]string{"alert": n.Rule}}
		if n.State == token.AlertFiring {
			l.Kind = token.LetterAlertFiring
			l.Data["value"], l.Data["threshold"] = fmt.Sprint(n.Detail["value"]), fmt.Sprint(n.Detail["threshold"])
		}
		letters[i] = l
	}
	return letters
}

// PutAlertRules gives a workspace rules of its own, or with nil the built-in
// ones again; without any rule it is never told. It takes an admin of the
// workspace. What is as declared is not written. It refuses with Outdated where
// the rules are not in the state that they are changed from.
func (a *Authority) PutAlertRules(ctx context.Context, who token.Actor, workspace string, rules []alert.Rule, from token.Version) error {
	if err := alert.Check(rules); err != nil {
		return err
	}
	var text []byte
	if rules != nil {
		var err error
		if text, err = json.Marshal(rules); err != nil {
			return fmt.Errorf("write the rules of alerts: %w", err)
		}
	}
	return a.cfg.Store.Do(ctx, func(tx Tx) error {
		if err := mayAdministrate(ctx, tx, who, workspace, ""); err != nil {
			return err
		}
		if _, err := tx.LockWorkspace(ctx, workspace); err != nil {
			return err
		}
		had, err := tx.AlertRules(ctx, workspace)
		if err != nil || bytes.Equal(had, text) {
			return err
		}
		if err := from.Meets(token.VersionOf(had)); err != nil {
			return err
		}
		w, err := tx.Workspace(ctx, workspace)
		if err != nil || w == nil {
			return orElse(err, noWorkspace())
		}
		if err := tx.PutAlertRules(ctx, workspace, text); err != nil {
			return err
		}
		detail := map[string]any{"rules": len(rules), "built_in": rules == nil}
		return note(ctx, tx, who, w, "alert.rules_changed", onWorkspace(w), detail)
	})
}
