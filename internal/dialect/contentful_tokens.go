package dialect

import (
	"context"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

type contentfulTokenSys struct {
	contentfulSys
	ExpiresAt     *string         `json:"expiresAt"`
	LastUsedAt    *string         `json:"lastUsedAt"`
	RedactedValue string          `json:"redactedValue"`
	Application   *contentfulLink `json:"application"` // always null: no app makes personal tokens
	User          *contentfulLink `json:"user,omitempty"`
}

type contentfulToken struct {
	Sys       contentfulTokenSys `json:"sys"`
	Name      string             `json:"name"`
	Scopes    token.Scopes       `json:"scopes"`
	RevokedAt *string            `json:"revokedAt"`
	Token     string             `json:"token,omitempty"` // in the answer that makes it
}

// tokenOf shows a token. Each secret is an entity of its own here, so the id is
// the secret's; revoking is the only change, so there are two versions.
func (f *Contentful) tokenOf(p token.PersonalToken) contentfulToken {
	created := p.ID.Time().UnixMilli()
	version, updated := int64(1), created
	if p.RevokedAt != 0 {
		version, updated = 2, p.RevokedAt
	}
	used := p.UsedAt
	if seen, ok := f.cfg.Verifier.Seen(p.ID); ok {
		used = max(used, seen.Last)
	}
	return contentfulToken{
		Sys: contentfulTokenSys{
			contentfulSys: contentfulSys{"PersonalAccessToken", p.ID.String(), version, contentfulTime(created), contentfulTime(updated)},
			ExpiresAt:     contentfulInstant(p.ExpiresAt), LastUsedAt: contentfulInstant(used), RedactedValue: p.LastFour,
		},
		Name: p.Name, Scopes: p.Scopes, RevokedAt: contentfulInstant(p.RevokedAt),
	}
}

// create makes a personal token of the bearer's person, by the right of the
// token that asks.
func (f *Contentful) create(c *web.Call) error {
	b, _, err := f.person(c)
	if err != nil {
		return err
	}
	order, err := readContentfulOrder(c)
	if err != nil {
		return err
	}
	out, err := f.cfg.Authority.IssueFrom(c.Context(), c.Actor(), authority.Parent{Record: b.record, Opens: b.opens}, order)
	if err != nil {
		return err
	}
	t := out.Token
	answer := f.tokenOf(token.PersonalToken{
		ID: t.ID, Credential: t.Credential, Name: t.Name, LastFour: t.LastFour, Scopes: t.Scopes, ExpiresAt: t.ExpiresAt,
	})
	answer.Token = out.Secret
	return contentfulAnswer(c, http.StatusCreated, answer)
}

func readContentfulOrder(c *web.Call) (o authority.Order, err error) {
	var in struct {
		Name      *string  `json:"name"`
		Scopes    []string `json:"scopes"`
		ExpiresIn *float64 `json:"expiresIn"`
	}
	if err := c.JSONLenient(&in); err != nil {
		return o, err
	}
	o = authority.Order{Contract: "contentful", Form: authority.Contentful}
	if in.Name == nil || strings.TrimSpace(*in.Name) == "" {
		return o, token.AtField("name", "is required")
	}
	o.Name = *in.Name
	if o.Scopes, err = contentfulScopes(in.Scopes); err != nil {
		return o, err
	}
	if in.ExpiresIn != nil {
		o.TTL, err = contentfulLife(*in.ExpiresIn)
	}
	return o, err
}

// contentfulScopes takes the two names that the contract has.
func contentfulScopes(names []string) (token.Scopes, error) {
	if len(names) == 0 {
		return nil, token.AtField("scopes", "name at least one of %s and %s", token.ReadContent, token.ManageContent)
	}
	for _, name := range names {
		if name != token.ReadContent && name != token.ManageContent {
			return nil, token.AtField("scopes", "may hold %s and %s only", token.ReadContent, token.ManageContent)
		}
	}
	return token.MakeScopes(names)
}

// contentfulLife reads expiresIn: seconds, perhaps with a fraction, of which
// none is lost. 0 is the example of the vendor's own reference and the same as
// none: no expiry of its own.
func contentfulLife(seconds float64) (time.Duration, error) {
	const most = 100 * 365 * 24 * 60 * 60 // a century
	if seconds < 0 || seconds > most {
		return 0, token.AtField("expiresIn", "must be a number of seconds from 0 to %d", most)
	}
	return time.Duration(math.Ceil(seconds)) * time.Second, nil
}

// listOwn lists the tokens of the bearer's person, the ended ones too.
func (f *Contentful) listOwn(c *web.Call) error {
	b, p, err := f.person(c)
	if err != nil {
		return err
	}
	q, err := readContentfulFilters(c)
	if err != nil {
		return err
	}
	q.Person, q.Workspace = p.ID, b.record.Token.Workspace
	return f.list(c, q, func(*contentfulToken, token.PersonalToken) {})
}

// listOfOrganization lists the tokens with which members open the
// organisation, for those who administrate it.
func (f *Contentful) listOfOrganization(c *web.Call) error {
	b, err := f.bearer(c)
	if err != nil {
		return err
	}
	m, err := f.within(c, &b)
	if err != nil {
		return err
	}
	if !m.IsAdmin() {
		return token.Errorf(token.Forbidden, "Only admins and owners of the organization may see its tokens.")
	}
	q, err := readContentfulFilters(c)
	if err != nil {
		return err
	}
	q.Workspace = b.opens.Workspace
	return f.list(c, q, func(shown *contentfulToken, p token.PersonalToken) { shown.Sys.User = contentfulUser(p.Person) })
}

// list answers a page, each item finished by more.
func (f *Contentful) list(c *web.Call, q contentfulFilters, more func(*contentfulToken, token.PersonalToken)) error {
	items := []contentfulToken{}
	var total int64
	if !q.empty() {
		page, n, err := f.personal(c.Context(), q)
		if err != nil {
			return err
		}
		for _, p := range page {
			shown := f.tokenOf(p)
			more(&shown, p)
			items = append(items, shown)
		}
		total = n
	}
	return contentfulAnswer(c, http.StatusOK, contentfulPage(items, total, q.Skip, q.Limit))
}

// personal returns a page of tokens in the order that is asked for.
func (f *Contentful) personal(ctx context.Context, q contentfulFilters) ([]token.PersonalToken, int64, error) {
	if !q.oldestFirst {
		return f.cfg.Store.PersonalTokens(ctx, q.PersonalQuery)
	}
	return backwards(q.Skip, q.Limit, func(skip, limit int) ([]token.PersonalToken, int64, error) {
		window := q.PersonalQuery
		window.Skip, window.Limit = skip, limit
		return f.cfg.Store.PersonalTokens(ctx, window)
	})
}

func (f *Contentful) get(c *web.Call) error {
	_, p, err := f.own(c)
	if err != nil {
		return err
	}
	return contentfulAnswer(c, http.StatusOK, f.tokenOf(p))
}

// own judges the bearer and returns the token of the path if it belongs to
// their person. That of somebody else is not found, as if there were none.
func (f *Contentful) own(c *web.Call) (b contentfulBearer, p token.PersonalToken, err error) {
	if b, _, err = f.person(c); err != nil {
		return b, p, err
	}
	text, err := c.PathValue("id")
	if err != nil {
		return b, p, err
	}
	id, ok := token.ParseID(text)
	if !ok {
		return b, p, contentfulNotFound()
	}
	p, err = f.one(c.Context(), b, id)
	return b, p, err
}

func (f *Contentful) one(ctx context.Context, b contentfulBearer, id token.ID) (token.PersonalToken, error) {
	page, _, err := f.cfg.Store.PersonalTokens(ctx, token.PersonalQuery{
		Person: b.record.Person.ID, Workspace: b.record.Token.Workspace, ID: id, Limit: 1,
		Created: token.Always(), Expires: token.Always(), Used: token.Always(), Revoked: token.Always(),
	})
	if err != nil {
		return token.PersonalToken{}, err
	}
	if len(page) == 0 {
		return token.PersonalToken{}, contentfulNotFound()
	}
	return page[0], nil
}

// revoke ends a token of the bearer's person. Once ended it stays so, and the
// answer is the same.
func (f *Contentful) revoke(c *web.Call) error {
	b, p, err := f.own(c)
	if err != nil {
		return err
	}
	if p.RevokedAt == 0 {
		if p, err = f.end(c, b, p.ID); err != nil {
			return err
		}
	}
	return contentfulAnswer(c, http.StatusOK, f.tokenOf(p))
}

// end revokes a token and reads it again, whoever was the first to end it.
func (f *Contentful) end(c *web.Call, b contentfulBearer, id token.ID) (p token.PersonalToken, err error) {
	t, err := f.cfg.Store.Token(c.Context(), id)
	if err != nil {
		return p, err
	}
	if t == nil {
		return p, contentfulNotFound()
	}
	err = f.cfg.Authority.Revoke(c.Context(), c.Actor(), t, "revoked")
	if err != nil && !token.Is(err, token.Conflict) {
		return p, err
	}
	return f.one(c.Context(), b, id)
}
