package authority

import (
	"context"
	"encoding/json"
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
	var out Outcome
	err := a.cfg.Store.Do(ctx, func(tx Tx) (err error) {
		out, err = putClient(ctx, tx, who, d, secret, o)
		return err
	})
	return out, err
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

func putClient(ctx context.Context, tx Tx, who token.Actor, d *token.Client, secret string, o Options) (Outcome, error) {
	w, err := tx.Workspace(ctx, d.Workspace)
	if err != nil {
		return "", err
	}
	if w == nil {
		return "", noWorkspace()
	}
	if err := mayAdministrate(ctx, tx, who, w.ID, ""); err != nil {
		return "", err
	}
	for range 4 { // another node may be quicker with the id or the number
		old, err := tx.Client(ctx, d.ID)
		if err != nil {
			return "", err
		}
		if old != nil {
			return changeOldClient(ctx, tx, who, w, old, d, secret, o)
		}
		if won, err := addClient(ctx, tx, who, w, d, secret); err != nil || won {
			return Created, err
		}
	}
	return "", lostRace()
}

func addClient(ctx context.Context, tx Tx, who token.Actor, w *token.Workspace, d *token.Client, secret string) (bool, error) {
	if d.MayImpersonate {
		if err := mayAdministrate(ctx, tx, who, w.ID, "give the right to impersonate"); err != nil {
			return false, err
		}
	}
	c := *d
	c.CreatedAt, c.DisabledAt, c.Secrets = tx.Now(), 0, nil
	var err error
	if c.Number, err = numberFor(ctx, tx, "clients", c.ID, d.Number, tx.ClientNumbered); err != nil {
		return false, err
	}
	if won, err := tx.AddClient(ctx, &c); err != nil || !won {
		return false, err
	}
	if err := putFirstSecret(ctx, tx, &c, secret); err != nil {
		return false, err
	}
	return true, note(ctx, tx, who, w, "client.created", clientTarget(&c), map[string]any{"number": c.Number, "scope": c.Scope})
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

// changeOldClient looks before it locks, so that what is as declared is not
// written.
func changeOldClient(ctx context.Context, tx Tx, who token.Actor, w *token.Workspace, old, d *token.Client, secret string, o Options) (Outcome, error) {
	p, err := planClient(old, d, secret, o, tx.Now())
	if err != nil || p.next == nil {
		return p.outcome, err
	}
	if _, err := tx.LockClient(ctx, d.ID); err != nil {
		return "", err
	}
	if old, err = tx.Client(ctx, d.ID); err != nil {
		return "", err
	}
	if p, err = planClient(old, d, secret, o, tx.Now()); err != nil || p.next == nil {
		return p.outcome, err
	}
	if p.next.MayImpersonate && !old.MayImpersonate {
		if err := mayAdministrate(ctx, tx, who, w.ID, "give the right to impersonate"); err != nil {
			return "", err
		}
	}
	if p.next.Number, err = numberFor(ctx, tx, "clients", d.ID, p.next.Number, tx.ClientNumbered); err != nil {
		return "", err
	}
	if err := tx.PutClient(ctx, p.next); err != nil {
		return "", err
	}
	if err := putFirstSecret(ctx, tx, p.next, p.secret); err != nil {
		return "", err
	}
	action := "client.changed"
	if p.outcome == Restored {
		action = "client.enabled"
	}
	return p.outcome, note(ctx, tx, who, w, action, clientTarget(p.next), map[string]any{"fields": p.fields})
}

// A clientPlan is what a declaration over a client comes to.
type clientPlan struct {
	next    *token.Client // nil: nothing is to be written
	secret  string        // to be entered with it
	fields  []string      // what differs
	outcome Outcome
}

func planClient(old, d *token.Client, secret string, o Options, now int64) (clientPlan, error) {
	switch {
	case old.Workspace != d.Workspace:
		return clientPlan{}, token.AtField("client_id", "is taken by a client of another workspace; choose another")
	case old.DisabledAt != 0 && !o.Restore:
		return clientPlan{outcome: KeptEnded}, nil
	}
	next, c := *old, changes{Options: o}
	overClient(&c, &next, d)
	var err error
	if next.Metadata, err = overMetadata(&c, old.Metadata, d.Metadata); err != nil {
		return clientPlan{}, err
	}
	p := clientPlan{next: &next, outcome: Changed}
	if secret != "" && needsSecret(old, o, now) {
		p.secret = secret
		c.add("client_secret")
	}
	if old.DisabledAt != 0 {
		p.outcome, next.DisabledAt = Restored, 0
		c.add("disabled_at")
	}
	if p.fields = c.fields; p.fields == nil {
		return clientPlan{outcome: Unchanged}, nil
	}
	return p, nil
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
	if c.Only == nil {
		if old != d {
			c.add("metadata")
		}
		return d, nil
	}
	have, give := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	for text, into := range map[string]*map[string]json.RawMessage{old: &have, d: &give} {
		if text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(text), into); err != nil {
			return "", fmt.Errorf("read a registration: %w", err)
		}
	}
	next := maps.Clone(have)
	maps.Copy(next, give)
	for one, other := range map[string]string{"jwks": "jwks_uri", "jwks_uri": "jwks"} {
		if give[one] != nil {
			delete(next, other)
		}
	}
	text, err := json.Marshal(next)
	if err != nil {
		return "", fmt.Errorf("write a registration: %w", err)
	}
	if string(text) == old {
		return old, nil
	}
	for key, value := range next {
		if string(value) != string(have[key]) {
			c.add(key)
		}
	}
	if len(c.fields) == 0 {
		c.add("metadata")
	}
	slices.Sort(c.fields)
	return string(text), nil
}
