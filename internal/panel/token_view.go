package panel

import (
	"context"
	"slices"
	"strings"

	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// tokenReads is what the pages about tokens read.
type tokenReads interface {
	OwnTokens(ctx context.Context, person string, before token.ID, limit int) (*token.Page, error)
	Inventory(ctx context.Context, i token.Inventory) (*token.Page, error)
	Attention(ctx context.Context, workspace string) (*token.Attention, error)
	Secrets(ctx context.Context, credential token.ID) ([]*token.Token, error)
	UseRecords(ctx context.Context, q token.UseQuery) ([]token.UseRecord, error)
	Leaks(ctx context.Context, what token.Rotating, credential string) ([]token.Leak, error)
	Trail(ctx context.Context, t token.Trail) (page []*token.Event, next token.ID, err error)
	Issued(ctx context.Context, credentials []token.ID) (map[token.ID]*token.Event, error)
	Revocation(ctx context.Context, workspace string, id token.ID) (*token.Revocation, error)
	PersonByEmail(ctx context.Context, email string) (string, error)
}

// viewsOf shows credentials to a visitor of a workspace.
func (p *Panel) viewsOf(c *web.Call, v *visit, tokens []*token.Token) ([]pages.Token, error) {
	ids := make([]token.ID, len(tokens))
	for i, t := range tokens {
		ids[i] = t.ID
	}
	seen, err := p.cfg.Authority.LastUses(c.Context(), ids)
	if err != nil {
		return nil, err
	}
	all := make([]pages.Token, len(tokens))
	for i, t := range tokens {
		if all[i], err = p.viewOf(c, v, t, seen[t.ID]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (p *Panel) viewOf(c *web.Call, v *visit, t *token.Token, seen token.Seen) (view pages.Token, err error) {
	end := t.EffectiveEnd()
	view = pages.Token{
		ID: t.Credential.String(), Secret: t.ID.String(), Name: t.Name, LastFour: t.LastFour, Kind: string(t.Kind),
		Scopes: t.Scopes, Purpose: t.Purpose, Created: instantOf(t.IssuedAt), Expires: instantOf(end.At), Used: use(seen),
	}
	if end.Rule != token.EndOwn {
		view.Rule = string(end.Rule)
	}
	if view.Status, err = p.status(c, t); err != nil {
		return view, err
	}
	if t.Workspace == "" && t.Person != v.person().ID {
		view.Used = pages.Use{At: view.Used.At} // of what opens other workspaces too, where is not this one's to know
	}
	if slices.Contains(token.Kinds, t.Kind) {
		view.Href = pages.Tokens.Path(v.workspace.ID, t.ID.String())
	}
	if view.Owner, err = p.somebody(c, v, t.Owner); err != nil {
		return view, err
	}
	if view.Holder, err = p.somebody(c, v, t.Person); err != nil {
		return view, err
	}
	if view.Workspace, err = p.workspaceName(c, t.Workspace); err != nil {
		return view, err
	}
	view.Client, err = p.clientName(c, t.Client)
	return view, err
}

// status says what a token is, by its row and by what it stands on: what its
// person's departure or a revocation of many has ended is revoked.
func (p *Panel) status(c *web.Call, t *token.Token) (string, error) {
	now := c.Now().UnixMilli()
	word := t.Status(now)
	if !t.Live(now) || !slices.Contains(token.Kinds, t.Kind) {
		return word, nil
	}
	err := p.cfg.Verifier.Standing(c.Context(), t)
	if token.Is(err, token.InvalidToken) {
		return "revoked", nil
	}
	return word, err
}

func use(s token.Seen) pages.Use {
	return pages.Use{At: instantOf(s.Last), Address: s.Address, Agent: s.Agent, Route: s.Route, Count: s.Count}
}

// somebody names a person who is or was a member of the workspace, or a team. Of
// others nothing is said but that they are no member.
func (p *Panel) somebody(c *web.Call, v *visit, id string) (pages.Somebody, error) {
	if !strings.HasPrefix(id, "usr_") {
		return pages.Somebody{Name: id}, nil
	}
	who, err := p.cfg.Verifier.Person(c.Context(), id)
	if err != nil || who == nil || who.In(v.workspace.ID) == nil {
		return pages.Somebody{Name: id, Left: true}, err
	}
	one := pages.Somebody{Name: person(who).Known(), Left: !who.In(v.workspace.ID).Live() || who.DisabledAt != 0}
	if v.membership.IsAdmin() {
		one.Href = pages.Members.Path(v.workspace.ID, who.ID)
	}
	return one, nil
}

// workspaceName names the workspace that a token opens, nothing for all.
func (p *Panel) workspaceName(c *web.Call, id string) (string, error) {
	if id == "" {
		return "", nil
	}
	w, err := p.cfg.Verifier.Workspace(c.Context(), id)
	if err != nil || w == nil {
		return id, err
	}
	return nameOf(w), nil
}

func (p *Panel) clientName(c *web.Call, id string) (string, error) {
	if id == "" {
		return "", nil
	}
	app, err := p.cfg.Verifier.Client(c.Context(), id)
	if err != nil || app == nil {
		return id, err
	}
	return appName(app), nil
}
