package api

import (
	"net/http"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// impersonationRoutes are those by which people act as members, and see who does.
func (f *Face) impersonationRoutes() []web.Route {
	return []web.Route{
		f.open("POST /v1/impersonations", f.impersonate),
		f.open("GET /v1/impersonations", f.listImpersonations),
		f.open("POST /v1/impersonations/{id}/end", f.endImpersonation),
	}
}

// An impersonationView is a token by which somebody acts as a member.
type impersonationView struct {
	Token      string       `json:"token,omitempty"`      // in the answer that issues it alone
	TokenType  string       `json:"token_type,omitempty"` // beside it
	ID         string       `json:"id"`
	User       string       `json:"user"`
	UserEmail  string       `json:"user_email,omitempty"`
	Act        act          `json:"act"`
	ActorEmail string       `json:"actor_email,omitempty"` // of a person
	Reason     string       `json:"reason"`
	Ticket     string       `json:"ticket,omitempty"`
	Scopes     token.Scopes `json:"scopes"`
	Status     string       `json:"status"`
	Active     bool         `json:"active"`
	CreatedAt  *string      `json:"created_at"`
	ExpiresAt  *string      `json:"expires_at"`
	EndedAt    *string      `json:"ended_at,omitempty"`
	EndReason  string       `json:"end_reason,omitempty"`
	EndedBy    string       `json:"ended_by,omitempty"`
	Uses       int64        `json:"uses"` // each stands in the audit
	LastUsedAt *string      `json:"last_used_at"`
	Warnings   []string     `json:"warnings,omitempty"`
}

func (f *Face) impersonations(c *web.Call, tokens []*token.Token) ([]impersonationView, error) {
	views, err := f.views(c, tokens)
	if err != nil {
		return nil, err
	}
	all := make([]impersonationView, len(tokens))
	for i, t := range tokens {
		v := views[i]
		all[i] = impersonationView{
			ID: v.ID, User: v.User, UserEmail: v.UserEmail, Act: act{t.Actor}, Reason: v.Reason, Ticket: v.Purpose, Scopes: v.Scopes, Status: v.Status,
			Active: v.Active, CreatedAt: v.CreatedAt, ExpiresAt: v.ExpiresAt, EndedAt: v.EndedAt, EndReason: v.EndReason, EndedBy: v.EndedBy,
			LastUsedAt: v.LastUsedAt,
		}
		if v.LastUse != nil {
			all[i].Uses = v.LastUse.Count
		}
		if all[i].ActorEmail, err = f.email(c.Context(), t.Sponsor, t.Workspace); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// An impersonationBody asks to act as a member.
type impersonationBody struct {
	User    string   `json:"user"` // e-mail or id
	Reason  string   `json:"reason"`
	Scopes  []string `json:"scopes"`  // left out: all ordinary ones that both hold
	Minutes *int64   `json:"minutes"` // left out: 15
	Ticket  string   `json:"ticket"`
}

// mostMinutes is the longest that anybody acts as somebody else.
const mostMinutes = 60

func (b *impersonationBody) check() error {
	switch {
	case b.User == "":
		return token.AtField("user", "is required: a member's e-mail or id")
	case strings.TrimSpace(b.Reason) == "":
		return token.AtField("reason", "is required: it stands in the audit beside every use, and the member reads it")
	case b.Minutes != nil && (*b.Minutes < 1 || *b.Minutes > mostMinutes):
		return token.AtField("minutes", "must be a whole number from 1 to %d", mostMinutes)
	}
	return nil
}

// impersonate serves POST /v1/impersonations.
func (f *Face) impersonate(c *web.Call, who *caller) error {
	shown := authority.Parent{Record: who.record, Opens: who.verdict}
	var body impersonationBody
	wrong := c.JSON(&body)
	if wrong == nil {
		wrong = body.check()
	}
	if wrong != nil {
		if no := authority.MayImpersonate(shown); no != nil {
			return no
		}
		return wrong
	}
	o, err := f.impersonation(c, who, &body)
	if err != nil {
		return err
	}
	out, err := f.cfg.Authority.ImpersonateAs(c.Context(), who.actor, shown, o)
	if err != nil {
		return err
	}
	views, err := f.impersonations(c, []*token.Token{out.Token})
	if err != nil {
		return err
	}
	v := views[0]
	v.Token, v.TokenType, v.Warnings = out.Secret, "Bearer", out.Warnings
	c.Header().Set("Location", "/v1/tokens/"+v.ID)
	return c.WriteJSON(http.StatusCreated, v)
}

func (f *Face) impersonation(c *web.Call, who *caller, body *impersonationBody) (o authority.Order, err error) {
	if who.workspace == "" {
		return o, token.Errorf(token.WorkspaceRequired, "the token opens several workspaces: name one in the header %s", workspaceHeader)
	}
	if who.elsewhere {
		return o, token.Errorf(token.InvalidToken, "the token is for another audience").Because(token.WrongAudience)
	}
	o = authority.Order{Contract: contract, Form: authority.Signed, Workspace: who.workspace, Reason: body.Reason, Purpose: body.Ticket}
	if body.Minutes != nil {
		o.TTL = time.Duration(*body.Minutes) * time.Minute
	}
	if body.Scopes != nil {
		if o.Scopes, err = f.scopes(body.Scopes); err != nil {
			return o, err
		}
	}
	if o.Person, err = f.personID(c, body.User); err != nil {
		return o, err
	}
	o.Retry, err = retry(c, who)
	return o, err
}

// party returns the id of the person who calls, as themselves; empty for
// programs, and for who acts for somebody else.
func (k *caller) party() string {
	if k.record == nil || k.elsewhere || k.workspace == "" {
		return ""
	}
	if t := k.record.Token; t.Kind == token.Session || t.Kind == token.Personal {
		return t.Person
	}
	return ""
}

// listImpersonations serves GET /v1/impersonations, live and past: all of the
// workspace to an administrator, to a member those by them and of them.
func (f *Face) listImpersonations(c *web.Call, who *caller) error {
	q := filterOf(c, "status", "user", "limit", "cursor")
	i := token.Inventory{
		Workspace: who.workspace, Kinds: []token.Kind{token.Impersonated}, Bound: true,
		Status: q.oneOf("status", token.Statuses...), Before: q.id("cursor"), Limit: q.limit(),
	}
	if no := who.mayAdministrate(token.AdminRead); no != nil {
		if i.Behind = who.party(); i.Behind == "" {
			return no
		}
	}
	if q.err != nil {
		return q.err
	}
	var err error
	if i.Person, err = f.personID(c, q.text("user")); err != nil {
		return err
	}
	found, err := f.cfg.Store.Inventory(c.Context(), i)
	if err != nil {
		return err
	}
	views, err := f.impersonations(c, found.Tokens)
	if err != nil {
		return err
	}
	return c.WriteJSON(http.StatusOK, page[impersonationView]{views, cursor(found.Next)})
}

// endImpersonation serves POST /v1/impersonations/{id}/end, for either party and
// for an administrator. What has ended stays as it ended, and is no refusal.
func (f *Face) endImpersonation(c *web.Call, who *caller) error {
	text, err := c.PathValue("id")
	if err != nil {
		return err
	}
	id, ok := token.ParseID(text)
	var t *token.Token
	if ok {
		if t, err = f.current(c.Context(), id); err != nil {
			return err
		}
	}
	known := t != nil && t.Kind == token.Impersonated && t.Workspace == who.workspace
	if p := who.party(); !known || p == "" || p != t.Person && p != t.Sponsor {
		if err := who.mayAdministrate(token.AdminWrite); err != nil {
			return err
		}
	}
	if !known {
		return notFound("impersonation")
	}
	why, err := reasonOf(c)
	if err != nil {
		return err
	}
	if why.Until != nil {
		return token.AtField("until", "an impersonation ends for ever")
	}
	err = f.cfg.Authority.Revoke(c.Context(), who.actor, t, why.Reason)
	if err != nil && !token.Is(err, token.Conflict) {
		return err
	}
	r, err := f.cfg.Verifier.Record(c.Context(), t.ID)
	if err != nil || r == nil {
		return err
	}
	views, err := f.impersonations(c, []*token.Token{r.Token})
	if err != nil {
		return err
	}
	return c.WriteJSON(http.StatusOK, views[0])
}
