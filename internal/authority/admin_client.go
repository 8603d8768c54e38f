package authority

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/keys"
	"github.com/fichadev/ficha/internal/token"
)

// PutClient makes the client that is declared, or changes what differs. Its
// workspace is its home for ever. A number of 0 is assigned to a new client and
// leaves that of an old one; secrets, resources and instants are not declared
// here. secret, which may be empty, is used only while the client never had
// one, or has no live one and is restored. Metadata is the registration as
// given, a JSON object. It takes an admin of the workspace, and a super admin to
// give the right to impersonate. A disabled client is KeptEnded unless restored,
// and then none of its tokens comes back to life.
func (a *Authority) PutClient(ctx context.Context, who token.Actor, d *token.Client, secret string, o Options) (Outcome, error) {
	if err := checkClient(d); err != nil {
		return "", err
	}
	if d.SigningAlg == keys.RS256 {
		// Its first key takes a second to make: now, not at the first token.
		if err := a.cfg.Keeper.EnsureAlg(ctx, keys.RS256); err != nil {
			return "", fmt.Errorf("make a key for a client: %w", err)
		}
	}
	put := clientPut{who: who, want: d, secret: secret, Options: o}
	var out Outcome
	err := a.cfg.Store.Do(ctx, func(tx Tx) (err error) {
		out, err = put.do(ctx, tx)
		return err
	})
	return out, err
}

// A clientPut is one declaration of a client by an actor.
type clientPut struct {
	Options
	who    token.Actor
	want   *token.Client
	secret string
}

func checkClient(d *token.Client) error {
	if d.ID == "" || len(d.ID) > 200 || slices.ContainsFunc([]byte(d.ID), func(b byte) bool { return b <= ' ' || b > '~' }) {
		return token.AtField("client_id", "use 1 to 200 printable ASCII characters without space")
	}
	if err := CheckText("client_name", d.Name, 200); err != nil {
		return err
	}
	if _, err := token.MakeScopes(d.Scope); err != nil {
		return err
	}
	_, err := token.MakeScopes(d.OptionalScope)
	return err
}

func (p clientPut) do(ctx context.Context, tx Tx) (Outcome, error) {
	w, err := tx.Workspace(ctx, p.want.Workspace)
	if err != nil || w == nil {
		return "", orElse(err, noWorkspace())
	}
	if err := mayAdministrate(ctx, tx, p.who, w.ID, ""); err != nil {
		return "", err
	}
	for range 4 { // another node may be quicker with the id or the number
		old, err := tx.Client(ctx, p.want.ID)
		if err != nil {
			return "", err
		}
		if old != nil {
			return p.change(ctx, tx, w, old)
		}
		if won, err := p.add(ctx, tx, w); err != nil || won {
			return Created, err
		}
	}
	return "", lostRace()
}

func (p clientPut) add(ctx context.Context, tx Tx, w *token.Workspace) (bool, error) {
	if err := p.mayGive(ctx, tx, p.want.MayImpersonate); err != nil {
		return false, err
	}
	c := *p.want
	c.CreatedAt, c.DisabledAt, c.Secrets = tx.Now(), 0, nil
	var err error
	if c.Number, err = numberFor(ctx, tx, "clients", c.ID, c.Number, tx.ClientNumbered); err != nil {
		return false, err
	}
	if won, err := tx.AddClient(ctx, &c); err != nil || !won {
		return false, err
	}
	if err := putFirstSecret(ctx, tx, &c, p.secret); err != nil {
		return false, err
	}
	return true, note(ctx, tx, p.who, w, "client.created", clientTarget(&c), map[string]any{"number": c.Number, "scope": c.Scope})
}

// mayGive refuses who may not give the right to impersonate, where it is given.
func (p clientPut) mayGive(ctx context.Context, tx Tx, gives bool) error {
	if !gives {
		return nil
	}
	return mayAdministrate(ctx, tx, p.who, p.want.Workspace, "give the right to impersonate")
}

func clientTarget(c *token.Client) audit.Target {
	return audit.Target{Kind: "client", ID: c.ID, Name: c.Name}
}

func putFirstSecret(ctx context.Context, tx Tx, c *token.Client, secret string) error {
	if secret == "" {
		return nil
	}
	now := tx.Now()
	return tx.PutSecret(ctx, c.ID, token.Secret{
		ID: token.NewID(time.UnixMilli(now), token.Long), Hash: token.HashOf(secret), LastFour: token.LastFour(secret), CreatedAt: now,
	})
}

// change looks before it locks, so that what is as declared is not written.
func (p clientPut) change(ctx context.Context, tx Tx, w *token.Workspace, old *token.Client) (Outcome, error) {
	plan, err := p.plan(old, tx.Now())
	if err != nil || plan.next == nil {
		return plan.outcome, err
	}
	if _, err := tx.LockClient(ctx, old.ID); err != nil {
		return "", err
	}
	if old, err = tx.Client(ctx, old.ID); err != nil {
		return "", err
	}
	if plan, err = p.plan(old, tx.Now()); err != nil || plan.next == nil {
		return plan.outcome, err
	}
	next := plan.next
	if err := p.mayGive(ctx, tx, next.MayImpersonate && (!old.MayImpersonate || plan.secret != "")); err != nil {
		return "", err
	}
	if next.Number, err = numberFor(ctx, tx, "clients", next.ID, next.Number, tx.ClientNumbered); err != nil {
		return "", err
	}
	if err := tx.PutClient(ctx, next); err != nil {
		return "", err
	}
	if err := putFirstSecret(ctx, tx, next, plan.secret); err != nil {
		return "", err
	}
	action := "client.changed"
	if plan.outcome == Restored {
		action = "client.enabled"
	}
	return plan.outcome, note(ctx, tx, p.who, w, action, clientTarget(next), map[string]any{"fields": plan.fields})
}

// A clientPlan is what a declaration over a client comes to.
type clientPlan struct {
	next    *token.Client // nil: nothing is to be written
	secret  string        // to be entered with it
	fields  []string      // what differs
	outcome Outcome
}

func (p clientPut) plan(old *token.Client, now int64) (clientPlan, error) {
	switch {
	case old.Workspace != p.want.Workspace:
		return clientPlan{}, token.AtField("client_id", "is taken by a client of another workspace; choose another")
	case old.DisabledAt != 0 && !p.Restore:
		return clientPlan{outcome: KeptEnded}, nil
	}
	next, c := *old, changes{Options: p.Options}
	overClient(&c, &next, p.want)
	var err error
	if next.Metadata, err = overMetadata(&c, old.Metadata, p.want.Metadata); err != nil {
		return clientPlan{}, err
	}
	plan := clientPlan{next: &next, outcome: Changed}
	if p.secret != "" && needsSecret(old, p.Options, now) {
		plan.secret = p.secret
		c.add("client_secret")
	}
	if old.DisabledAt != 0 {
		plan.outcome, next.DisabledAt = Restored, 0
		c.add("disabled_at")
	}
	if plan.fields = c.fields; plan.fields == nil {
		return clientPlan{outcome: Unchanged}, nil
	}
	return plan, nil
}

// needsSecret reports whether a declared secret is used: what people ended is
// not brought back by declaring it again.
func needsSecret(c *token.Client, o Options, now int64) bool {
	if c.Public() || len(c.Secrets) > 0 && !o.Restore {
		return false
	}
	return !slices.ContainsFunc(c.Secrets, func(s token.Secret) bool { return s.Live(now) })
}

// overClient overlays the fields that the server acts on, under the names that
// a resources file gives them.
func overClient(c *changes, next, d *token.Client) {
	if d.Number != 0 {
		set(c, "number", &next.Number, d.Number)
	}
	set(c, "client_name", &next.Name, d.Name)
	set(c, "description", &next.Description, d.Description)
	set(c, "token_endpoint_auth_method", &next.AuthMethod, d.AuthMethod)
	setList(c, "redirect_uris", &next.RedirectURIs, d.RedirectURIs)
	setList(c, "grant_types", &next.GrantTypes, d.GrantTypes)
	setList(c, "scope", &next.Scope, d.Scope)
	setList(c, "optional_scope", &next.OptionalScope, d.OptionalScope)
	set(c, "distribution", &next.Distribution, d.Distribution)
	setList(c, "distribution", &next.Workspaces, d.Workspaces)
	set(c, "installable_by", &next.InstallableBy, d.InstallableBy)
	set(c, "introspect", &next.Introspect, d.Introspect)
	set(c, "may_impersonate", &next.MayImpersonate, d.MayImpersonate)
	set(c, "access_token_ttl", &next.AccessTTL, d.AccessTTL)
	set(c, "access_token_format", &next.AccessFormat, d.AccessFormat)
	set(c, "access_token_signing_alg", &next.SigningAlg, d.SigningAlg)
	set(c, "refresh_token_policy", &next.RefreshPolicy, d.RefreshPolicy)
	set(c, "refresh_token_ttl", &next.RefreshTTL, d.RefreshTTL)
	set(c, "refresh_token_idle_ttl", &next.RefreshIdle, d.RefreshIdle)
}

// overMetadata overlays a registration: whole, or, where only some fields are
// declared, those that it gives. Keys come by value or by address, not both.
func overMetadata(c *changes, old, d string) (string, error) {
	next := d
	if c.Only != nil {
		have, give := map[string]json.RawMessage{}, map[string]json.RawMessage{}
		if err := errors.Join(readObject(old, &have), readObject(d, &give)); err != nil {
			return "", fmt.Errorf("read a registration: %w", err)
		}
		if give["jwks"] != nil || give["jwks_uri"] != nil {
			delete(have, "jwks")
			delete(have, "jwks_uri")
		}
		maps.Copy(have, give)
		text, err := json.Marshal(have)
		if err != nil {
			return "", fmt.Errorf("write a registration: %w", err)
		}
		next = string(text)
	}
	if next != old {
		c.add("metadata")
	}
	return next, nil
}

func readObject(text string, into *map[string]json.RawMessage) error {
	if text == "" {
		return nil
	}
	return json.Unmarshal([]byte(text), into)
}
