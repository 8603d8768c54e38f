package api

import (
	"context"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// A tokenView is a token as every answer shows it. The secret stands in the
// answer that issues it and nowhere else.
type tokenView struct {
	Token      string       `json:"token,omitempty"`
	TokenType  string       `json:"token_type,omitempty"`
	ID         string       `json:"id"`
	SecretID   string       `json:"secret_id"`
	Name       string       `json:"name"`
	Type       token.Kind   `json:"type"`
	Format     string       `json:"format"`
	Contract   string       `json:"contract"`
	Scopes     token.Scopes `json:"scopes"`
	Workspace  string       `json:"workspace"`
	Purpose    string       `json:"purpose"`
	Owner      string       `json:"owner"`
	OwnerEmail string       `json:"owner_email,omitempty"`
	OwnerLeft  bool         `json:"owner_left,omitempty"` // nobody answers for it any more
	ClientID   string       `json:"client_id,omitempty"`
	User       string       `json:"user,omitempty"`
	UserEmail  string       `json:"user_email,omitempty"`
	Act        *act         `json:"act,omitempty"`
	Reason     string       `json:"reason,omitempty"`
	Audience   []string     `json:"audience,omitempty"`
	MaxUses    int64        `json:"max_uses,omitempty"`
	Uses       int64        `json:"uses,omitempty"`
	CreatedAt  *string      `json:"created_at"`
	ExpiresAt  *string      `json:"expires_at"`
	ExpiresIn  *int64       `json:"expires_in"` // seconds from this answer on
	EndsAt     *string      `json:"effective_expires_at"`
	EndRule    string       `json:"expiry_rule,omitempty"`
	LastFour   string       `json:"last_four"`
	Status     string       `json:"status"`
	Active     bool         `json:"active"` // status, and all that it stands on
	LastUsedAt *string      `json:"last_used_at"`
	LastUse    *lastUse     `json:"last_use,omitempty"`
	EndedAt    *string      `json:"ended_at,omitempty"`
	EndReason  string       `json:"end_reason,omitempty"`
	EndedBy    string       `json:"ended_by,omitempty"`
	Suspended  *string      `json:"suspended_at,omitempty"`
	ResumesAt  *string      `json:"suspended_until,omitempty"`
	Addresses  []string     `json:"addresses,omitempty"`
	Approval   string       `json:"approval,omitempty"` // waiting, or who said yes
	Warnings   []string     `json:"warnings,omitempty"` // of the answer that issues it
}

// act is who acts for the subject (RFC 8693, 4.1).
type act struct {
	Subject string `json:"sub"`
}

type lastUse struct {
	Address string `json:"address,omitempty"`
	Agent   string `json:"user_agent,omitempty"`
	Route   string `json:"route,omitempty"`
	Count   int64  `json:"count"`
}

// instant writes milliseconds as RFC 3339 in UTC; nil for none.
func instant(ms int64) *string {
	if ms == 0 {
		return nil
	}
	text := time.UnixMilli(ms).UTC().Format(time.RFC3339)
	return &text
}

// view shows one token.
func (f *Face) view(c *web.Call, t *token.Token) (tokenView, error) {
	all, err := f.views(c, []*token.Token{t})
	if err != nil {
		return tokenView{}, err
	}
	return all[0], nil
}

// views shows tokens as they are at the moment of the call, with what this node
// and the others saw of their use.
func (f *Face) views(c *web.Call, tokens []*token.Token) ([]tokenView, error) {
	secrets := make([]token.ID, len(tokens))
	for i, t := range tokens {
		secrets[i] = t.ID
	}
	seen, err := f.cfg.Authority.LastUses(c.Context(), secrets)
	if err != nil {
		return nil, err
	}
	all := make([]tokenView, len(tokens))
	for i, t := range tokens {
		all[i] = viewOf(t, f.cfg.Now().UnixMilli())
		all[i].LastUsedAt, all[i].LastUse = lastUseOf(seen[t.ID])
		if err := f.complete(c.Context(), &all[i], t); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// viewOf shows what the row alone says.
func viewOf(t *token.Token, now int64) tokenView {
	v := tokenView{
		ID: t.Credential.String(), SecretID: t.ID.String(), Name: t.Name, Type: t.Kind, Format: "opaque", Contract: t.Contract, Scopes: t.Scopes,
		Workspace: t.Workspace, Purpose: t.Purpose, Owner: t.Owner, ClientID: t.Client, User: t.Person, Reason: t.Reason,
		Audience: strings.Fields(t.Audience), MaxUses: t.MaxUses, Uses: t.Uses, CreatedAt: instant(t.IssuedAt), ExpiresAt: instant(t.ExpiresAt),
		LastFour: t.LastFour, Status: t.Status(now), EndedAt: instant(t.EndedAt), EndReason: t.EndReason, EndedBy: t.EndedBy,
	}
	end := t.EffectiveEnd()
	v.EndsAt, v.EndRule = instant(end.At), string(end.Rule)
	v.Addresses, v.Approval = networkTexts(t.Addresses), t.Approval
	if t.Key != "" {
		v.Format = "jwt"
	}
	if v.Scopes == nil {
		v.Scopes = token.Scopes{}
	}
	if t.Actor != "" {
		v.Act = &act{t.Actor}
	}
	if t.ExpiresAt != 0 {
		left := max(0, (t.ExpiresAt-now+999)/1000) // the second that runs is one of them
		v.ExpiresIn = &left
	}
	if v.Status == "suspended" {
		v.Suspended, v.ResumesAt = instant(t.SuspendedAt), instant(t.SuspendedUntil)
	}
	return v
}

func lastUseOf(seen token.Seen) (at *string, last *lastUse) {
	if seen.Count == 0 {
		return nil, nil
	}
	return instant(seen.Last), &lastUse{Address: seen.Address, Agent: seen.Agent, Route: seen.Route, Count: seen.Count}
}

// complete adds what the judge knows: whether the token opens anything, and the
// addresses of the people that it names.
func (f *Face) complete(ctx context.Context, v *tokenView, t *token.Token) (err error) {
	if v.Status == "active" {
		standing := f.cfg.Verifier.Standing(ctx, t)
		if standing != nil && !token.Is(standing, token.InvalidToken) {
			return standing
		}
		v.Active = standing == nil
	}
	if v.UserEmail, err = f.email(ctx, t.Person, t.Workspace); err != nil {
		return err
	}
	if v.OwnerEmail, err = f.email(ctx, t.Owner, t.Workspace); err != nil {
		return err
	}
	v.OwnerLeft, err = f.left(ctx, t.Owner, t.Workspace)
	return err
}

// left reports whether an owner is a person who is no member of the workspace any
// more, or may not sign in.
func (f *Face) left(ctx context.Context, owner, workspace string) (bool, error) {
	if workspace == "" || !strings.HasPrefix(owner, "usr_") {
		return false, nil
	}
	p, err := f.cfg.Verifier.Person(ctx, owner)
	if err != nil || p == nil || p.In(workspace) == nil {
		return false, err
	}
	return p.DisabledAt != 0 || !p.In(workspace).Live(), nil
}

// email returns the address of a person who is or was a member of a workspace;
// empty for anybody else, and for an owner that is no person.
func (f *Face) email(ctx context.Context, id, workspace string) (string, error) {
	if !strings.HasPrefix(id, "usr_") {
		return "", nil
	}
	p, err := f.cfg.Verifier.Person(ctx, id)
	if err != nil || p == nil || workspace != "" && p.In(workspace) == nil {
		return "", err
	}
	return p.Email, nil
}
