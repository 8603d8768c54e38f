package server

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/resources"
	"github.com/fichadev/ficha/internal/store"
	"github.com/fichadev/ficha/internal/token"
)

// A holder is this server as a resources file sees it.
type holder struct {
	*Server
	founder string // first super admin of new workspaces, a user id; empty: none
}

// Put hands a declaration to the room that decides it.
func (h holder) Put(ctx context.Context, who token.Actor, d resources.Declaration, o resources.Options) (resources.Outcome, error) {
	opts := authority.Options{Restore: o.Restore, Only: d.Given()}
	if o.Prune {
		opts.Only = nil // what the file no longer says goes
	}
	var out authority.Outcome
	var err error
	switch d := d.(type) {
	case *resources.Scope:
		out, err = h.Authority.PutScope(ctx, who, &token.ScopeInfo{Name: d.Name, Description: d.Description, Use: d.Use}, opts)
	case *resources.Workspace:
		out, err = h.Authority.PutWorkspace(ctx, who, workspaceOf(d), h.founder, opts)
	case *resources.ClientToken:
		out, err = h.Authority.PutClientToken(ctx, who, d.Workspace, d.Secret, opts)
	case *resources.Role:
		out, err = h.Authority.PutRole(ctx, who, token.Role{Workspace: d.Workspace, Name: d.Name, Scopes: d.Scopes}, opts)
	case *resources.User:
		return h.putUser(ctx, who, d, o)
	case *resources.Enrolment:
		return h.putMembership(ctx, who, d, o)
	case *resources.Client:
		out, err = h.putClient(ctx, who, d, opts)
	case *resources.Resource:
		out, err = h.Authority.PutResource(ctx, who, &token.Resource{
			Identifier: d.Identifier, Workspace: d.Workspace, Scopes: d.Scopes, TokenFormat: d.TokenFormat, IntrospectionClient: d.IntrospectionClient,
		}, opts)
	case *resources.Import:
		out, err = h.importToken(ctx, who, d, opts)
	case *resources.Webhook:
		_, _, out, err = h.Authority.PutWebhook(ctx, who, token.Webhook{Workspace: d.Workspace, URL: d.URL, Events: d.Events}, d.Secret, opts)
	default:
		err = fmt.Errorf("nobody holds a %T", d)
	}
	return resources.Outcome(out), err
}

func workspaceOf(d *resources.Workspace) *token.Workspace {
	return &token.Workspace{
		ID: d.ID, Name: d.Name, Number: d.Number, Domain: d.Domain, Scopes: d.Scopes, AllScopes: d.AllScopes, Policy: d.Policy, Teams: d.Teams, Spaces: d.Spaces,
	}
}

func (h holder) putUser(ctx context.Context, who token.Actor, d *resources.User, o resources.Options) (resources.Outcome, error) {
	want := identity.Declared{Email: d.Email, Name: d.Name, Number: d.Number, Password: d.Password}
	return restoring(o, func(o identity.Options) (identity.Outcome, error) {
		_, out, err := h.Identity.PutUser(ctx, who, want, o)
		return out, err
	})
}

// restoring tells what was brought back from what merely changed.
func restoring(o resources.Options, put func(identity.Options) (identity.Outcome, error)) (resources.Outcome, error) {
	out, err := put(identity.Options{})
	if err != nil || out != identity.KeptEnded || !o.Restore {
		return resources.Outcome(out), err
	}
	if out, err = put(identity.Options{Restore: true}); out == identity.Changed {
		return resources.Restored, err
	}
	return resources.Outcome(out), err
}

func (h holder) putMembership(ctx context.Context, who token.Actor, d *resources.Enrolment, o resources.Options) (resources.Outcome, error) {
	p, err := h.person(ctx, d.Email)
	if err != nil {
		return "", err
	}
	if p == nil {
		return "", token.Errorf(token.NotFound, "there is no user %s", d.Email)
	}
	want := identity.DeclaredMembership{
		Workspace: d.Workspace, Role: d.Role, Scopes: d.Scopes, Narrowed: d.Narrowed, Teams: d.Teams, Spaces: d.Spaces, MayImpersonate: d.MayImpersonate,
	}
	if m := p.In(d.Workspace); m != nil && !o.Prune {
		keep(&want, m, d)
	}
	return restoring(o, func(o identity.Options) (identity.Outcome, error) {
		return h.Identity.PutMembership(ctx, who, p.ID, want, o)
	})
}

// keep leaves what the file does not mention as it is: a membership is put
// whole.
func keep(want *identity.DeclaredMembership, m *token.Membership, d *resources.Enrolment) {
	if !d.Gives("role") {
		want.Role = m.Role
	}
	if !d.Gives("scopes") {
		want.Scopes, want.Narrowed = m.Scopes, m.Narrowed
	}
	if !d.Gives("teams") {
		want.Teams = m.Teams
	}
	if !d.Gives("spaces") {
		want.Spaces = m.Spaces
	}
	if !d.Gives("may_impersonate") {
		want.MayImpersonate = m.MayImpersonate
	}
}

// person returns the user with that address, nil if there is none.
func (h holder) person(ctx context.Context, email string) (*token.Person, error) {
	id, err := h.Store.PersonByEmail(ctx, identity.CanonicalEmail(email))
	if err != nil || id == "" {
		return nil, err
	}
	return h.Store.Person(ctx, id)
}

func (h holder) putClient(ctx context.Context, who token.Actor, d *resources.Client, o authority.Options) (authority.Outcome, error) {
	metadata, err := json.Marshal(d.Metadata)
	if err != nil {
		return "", fmt.Errorf("write a registration: %w", err)
	}
	return h.Authority.PutClient(ctx, who, &token.Client{
		ID: d.ID, Number: d.Number, Workspace: d.Workspace, Name: d.Name, Description: d.Description, AuthMethod: d.AuthMethod, RedirectURIs: d.RedirectURIs,
		GrantTypes: d.GrantTypes, Scope: d.Scope, OptionalScope: d.OptionalScope, Distribution: d.Distribution, Workspaces: d.Workspaces,
		InstallableBy: d.InstallableBy, Introspect: d.Introspect, MayImpersonate: d.MayImpersonate, AccessTTL: d.AccessTTL, AccessFormat: d.AccessFormat,
		SigningAlg: d.SigningAlg, RefreshPolicy: d.RefreshPolicy, RefreshTTL: d.RefreshTTL, RefreshIdle: d.RefreshIdleTTL, Metadata: string(metadata),
	}, d.Secret, o)
}

func (h holder) importToken(ctx context.Context, who token.Actor, d *resources.Import, o authority.Options) (authority.Outcome, error) {
	t := authority.Imported{
		Kind: d.Kind, Secret: d.Secret, Workspace: d.Workspace, Client: d.Client, Name: d.Name, Purpose: d.Purpose, Owner: d.Owner,
		Scopes: d.Scopes, Audience: d.Audience, ExpiresAt: d.ExpiresAt,
	}
	if d.User != "" {
		p, err := h.person(ctx, d.User)
		if err != nil {
			return "", err
		}
		if p == nil {
			return "", token.Errorf(token.NotFound, "there is no user %s", d.User)
		}
		t.Person = p.ID
	}
	return h.Authority.Import(ctx, who, t, o)
}

// Has reports whether there is such a thing, in whatever state.
func (h holder) Has(ctx context.Context, i resources.Item) (bool, error) {
	switch i.Kind {
	case resources.ScopeItem:
		return h.Authority.Known(i.Name), nil
	case resources.WorkspaceItem:
		w, err := h.Store.Workspace(ctx, i.Name)
		return w != nil, err
	case resources.RoleItem, resources.TeamItem, resources.SpaceItem:
		return h.partOf(ctx, i)
	case resources.ClientTokenItem:
		return h.hasClientToken(ctx, i)
	case resources.UserItem:
		p, err := h.person(ctx, i.Name)
		return p != nil, err
	case resources.MembershipItem:
		p, err := h.person(ctx, i.Name)
		return p != nil && p.In(i.Workspace) != nil, err
	case resources.ClientItem:
		c, err := h.Store.Client(ctx, i.Name)
		return c != nil, err
	case resources.ResourceItem:
		r, err := h.Store.Resource(ctx, i.Name)
		return r != nil, err
	case resources.TokenItem:
		id, err := h.imported(ctx, i)
		return id != 0, err
	case resources.WebhookItem:
		hook, err := h.webhook(ctx, i)
		return hook != nil, err
	}
	return false, fmt.Errorf("nobody holds a %s", i.Kind)
}

func (h holder) partOf(ctx context.Context, i resources.Item) (bool, error) {
	w, err := h.Store.Workspace(ctx, i.Workspace)
	if err != nil || w == nil {
		return false, err
	}
	named := func(g token.Group) bool { return g.ID == i.Name }
	switch i.Kind {
	case resources.TeamItem:
		return slices.ContainsFunc(w.Teams, named), nil
	case resources.SpaceItem:
		return slices.ContainsFunc(w.Spaces, named), nil
	}
	return slices.ContainsFunc(w.Roles, func(r token.Role) bool { return r.Name == i.Name }), nil
}

func (h holder) hasClientToken(ctx context.Context, i resources.Item) (bool, error) {
	hash, err := hashOf(i)
	if err != nil {
		return false, err
	}
	had, err := h.Store.ClientToken(ctx, hash)
	return had != nil, err
}

func (h holder) imported(ctx context.Context, i resources.Item) (token.ID, error) {
	hash, err := hashOf(i)
	if err != nil {
		return 0, err
	}
	return h.Store.Imported(ctx, hash)
}

// webhook returns the live subscription that an item names, nil if none.
func (h holder) webhook(ctx context.Context, i resources.Item) (*token.Webhook, error) {
	hooks, err := h.Store.Webhooks(ctx, i.Workspace)
	if err != nil {
		return nil, err
	}
	for n := range hooks {
		if hash := token.HashOf(hooks[n].URL); hex.EncodeToString(hash[:]) == i.Name {
			return &hooks[n], nil
		}
	}
	return nil, nil
}

func hashOf(i resources.Item) (hash token.Hash, err error) {
	b, err := hex.DecodeString(i.Name)
	if err != nil || len(b) != len(hash) {
		return hash, fmt.Errorf("the name of a %s is no hash", i.Kind)
	}
	return token.Hash(b), nil
}

const pruned = "no longer declared"

// End ends or removes a thing; it reports false if it was not there or had
// ended.
func (h holder) End(ctx context.Context, who token.Actor, i resources.Item) (bool, error) {
	err := h.end(ctx, who, i)
	if token.Is(err, token.NotFound) {
		return false, nil
	}
	return err == nil, err
}

func (h holder) end(ctx context.Context, who token.Actor, i resources.Item) error {
	switch i.Kind {
	case resources.ScopeItem:
		return h.Authority.DropScope(ctx, who, i.Name)
	case resources.WorkspaceItem:
		return h.endWorkspace(ctx, who, i)
	case resources.RoleItem:
		return h.Authority.DropRole(ctx, who, i.Workspace, i.Name)
	case resources.ResourceItem:
		return h.Authority.DropResource(ctx, who, i.Workspace, i.Name)
	case resources.UserItem, resources.MembershipItem:
		return h.endPerson(ctx, who, i)
	case resources.ClientItem:
		return h.endClient(ctx, who, i)
	case resources.WebhookItem:
		return h.endWebhook(ctx, who, i)
	case resources.ClientTokenItem:
		hash, err := hashOf(i)
		if err != nil {
			return err
		}
		return h.Authority.EndClientToken(ctx, who, i.Workspace, hash)
	case resources.TokenItem:
		return h.endToken(ctx, who, i)
	}
	return fmt.Errorf("nobody ends a %s", i.Kind)
}

func notThere() error { return token.Errorf(token.NotFound, "it is not there any more") }

func (h holder) endWorkspace(ctx context.Context, who token.Actor, i resources.Item) error {
	w, err := h.Store.Workspace(ctx, i.Name)
	if err != nil {
		return err
	}
	if w == nil || w.DisabledAt != 0 {
		return notThere()
	}
	return h.Authority.DisableWorkspace(ctx, who, w.ID, pruned)
}

func (h holder) endPerson(ctx context.Context, who token.Actor, i resources.Item) error {
	p, err := h.person(ctx, i.Name)
	switch {
	case err != nil:
		return err
	case p == nil || p.DisabledAt != 0 && i.Kind == resources.UserItem:
		return notThere()
	case i.Kind == resources.UserItem:
		return h.Identity.DisableUser(ctx, who, p.ID, pruned)
	}
	return h.Identity.Remove(ctx, who, p.ID, i.Workspace, pruned)
}

func (h holder) endClient(ctx context.Context, who token.Actor, i resources.Item) error {
	c, err := h.Store.Client(ctx, i.Name)
	if err != nil {
		return err
	}
	if c == nil || c.DisabledAt != 0 {
		return notThere()
	}
	return h.Authority.DisableClient(ctx, who, c.Workspace, c.ID, pruned)
}

func (h holder) endWebhook(ctx context.Context, who token.Actor, i resources.Item) error {
	hook, err := h.webhook(ctx, i)
	if err != nil {
		return err
	}
	if hook == nil {
		return notThere()
	}
	return h.Authority.EndWebhook(ctx, who, i.Workspace, hook.ID)
}

func (h holder) endToken(ctx context.Context, who token.Actor, i resources.Item) error {
	id, err := h.imported(ctx, i)
	if err != nil {
		return err
	}
	t, err := h.Store.Token(ctx, id)
	if err != nil {
		return err
	}
	if t == nil || t.EndedAt != 0 {
		return notThere()
	}
	return h.Authority.Revoke(ctx, who, t, pruned)
}

// made names what applying files has made among the database's values.
const made = "applied"

// Made returns what applying files has made so far, in that order.
func (h holder) Made(ctx context.Context) ([]resources.Item, error) {
	text, err := h.Store.Meta(ctx, made)
	if err != nil {
		return nil, err
	}
	return readMade(text)
}

func readMade(text []byte) ([]resources.Item, error) {
	var all []resources.Item
	if len(text) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("read what was applied: %w", err)
	}
	return all, nil
}

// Remember adds to what Made returns.
func (h holder) Remember(ctx context.Context, fresh []resources.Item) error {
	return h.changeMade(ctx, func(all []resources.Item) []resources.Item { return append(all, fresh...) })
}

// Forget takes from what Made returns.
func (h holder) Forget(ctx context.Context, gone []resources.Item) error {
	drop := make(map[resources.Item]bool, len(gone))
	for _, i := range gone {
		drop[i] = true
	}
	return h.changeMade(ctx, func(all []resources.Item) []resources.Item {
		return slices.DeleteFunc(all, func(i resources.Item) bool { return drop[i] })
	})
}

// changeMade lets nodes that apply at the same time wait for each other, and
// keeps each item once.
func (h holder) changeMade(ctx context.Context, change func([]resources.Item) []resources.Item) error {
	return h.Store.Do(ctx, func(tx *store.Tx) error {
		text, err := tx.LockMeta(ctx, made)
		if err != nil {
			return err
		}
		all, err := readMade(text)
		if err != nil {
			return err
		}
		seen := make(map[resources.Item]bool, len(all))
		all = slices.DeleteFunc(change(all), func(i resources.Item) bool {
			twice := seen[i]
			seen[i] = true
			return twice
		})
		if text, err = json.Marshal(all); err != nil {
			return fmt.Errorf("write what was applied: %w", err)
		}
		return tx.SetMeta(ctx, made, text)
	})
}
