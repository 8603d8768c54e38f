package api

import (
	"context"
	"net/http"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// rotationRoutes are those under every credential that rotates, and the list of
// a workspace's rotations.
func (f *Face) rotationRoutes() []web.Route {
	return []web.Route{
		f.open("GET /v1/tokens/{id}/rotations", f.listTokenRotations),
		f.open("POST /v1/tokens/{id}/rotations", f.rotateToken),
		f.open("POST /v1/tokens/{id}/rotations/{rotation}/{step}", f.moveTokenRotation),

		f.admin("GET /v1/clients/{id}/rotations", token.AdminRead, f.listRotationsOf(token.RotatesClientSecret)),
		f.admin("POST /v1/clients/{id}/rotations", token.AdminWrite, f.rotateSecret(token.RotatesClientSecret)),
		f.admin("POST /v1/clients/{id}/rotations/{rotation}/{step}", token.AdminWrite, f.moveRotation),
		f.admin("GET /v1/webhooks/{id}/rotations", token.AdminRead, f.listRotationsOf(token.RotatesWebhookSecret)),
		f.admin("POST /v1/webhooks/{id}/rotations", token.AdminWrite, f.rotateSecret(token.RotatesWebhookSecret)),
		f.admin("POST /v1/webhooks/{id}/rotations/{rotation}/{step}", token.AdminWrite, f.moveRotation),
		f.admin("GET /v1/client-tokens", token.AdminRead, f.listClientTokens),
		f.admin("GET /v1/client-tokens/{id}/rotations", token.AdminRead, f.listRotationsOf(token.RotatesClientToken)),
		f.admin("POST /v1/client-tokens/{id}/rotations", token.AdminWrite, f.rotateSecret(token.RotatesClientToken)),
		f.admin("POST /v1/client-tokens/{id}/rotations/{rotation}/{step}", token.AdminWrite, f.moveRotation),

		f.admin("GET /v1/rotations", token.AdminRead, f.listRotations),
		f.admin("POST /v1/rotations/{rotation}/{step}", token.AdminWrite, f.moveRotation),
	}
}

// A turnedToken answers the rotation of a token: the token as the one that issued
// it did, with the new secret, and the rotation.
type turnedToken struct {
	tokenView
	Rotation rotationView `json:"rotation"`
}

// A turnedSecret answers the rotation of another credential. The new secret has
// the name that the answer which made the first one gives it.
type turnedSecret struct {
	ClientSecret string       `json:"client_secret,omitempty"`
	ClientToken  string       `json:"client_token,omitempty"`
	Secret       string       `json:"secret,omitempty"` // of a subscription
	ID           string       `json:"id"`               // of the new secret
	Rotation     rotationView `json:"rotation"`
}

// A rotationView is a rotation as every answer shows it.
type rotationView struct {
	ID          string         `json:"id"`
	What        token.Rotating `json:"what"`
	Credential  string         `json:"credential"`
	Name        string         `json:"name"`
	State       string         `json:"state"`
	Open        bool           `json:"open"`
	Grace       int64          `json:"grace_seconds"`
	Reason      string         `json:"reason,omitempty"`
	CreatedBy   string         `json:"created_by"`
	CreatedAt   *string        `json:"created_at"`
	ConfirmedAt *string        `json:"confirmed_at"`
	RetiresAt   *string        `json:"retires_at"`
	EndedAt     *string        `json:"ended_at"`
	Old         rotatedSecret  `json:"old_secret"`
	New         rotatedSecret  `json:"new_secret"`
}

// A rotatedSecret is one of the two secrets, and who still uses it.
type rotatedSecret struct {
	ID         string   `json:"id"`
	ExpiresAt  *string  `json:"expires_at,omitempty"`
	LastUsedAt *string  `json:"last_used_at"`
	LastUse    *lastUse `json:"last_use,omitempty"`
}

func viewOfRotation(r *token.Rotation) rotationView {
	return rotationView{
		ID: r.ID.String(), What: r.What, Credential: r.Credential, Name: r.Name, State: string(r.State), Open: r.Open(), Grace: r.Grace, Reason: r.Reason,
		CreatedBy: r.MadeBy, CreatedAt: instant(r.CreatedAt), ConfirmedAt: instant(r.ConfirmedAt), RetiresAt: instant(r.RetiresAt), EndedAt: instant(r.EndedAt),
		Old: rotatedSecret{ID: r.Old.String(), ExpiresAt: instant(r.OldExpires)}, New: rotatedSecret{ID: r.New.String()},
	}
}

// viewsOfRotations adds what this node and the others saw of both secrets.
func (f *Face) viewsOfRotations(ctx context.Context, list []*token.Rotation) ([]rotationView, error) {
	var ids []token.ID
	for _, r := range list {
		ids = append(ids, r.Old, r.New)
	}
	seen, err := f.cfg.Authority.LastUses(ctx, ids)
	if err != nil {
		return nil, err
	}
	views := make([]rotationView, len(list))
	for i, r := range list {
		views[i] = viewOfRotation(r)
		views[i].Old.LastUsedAt, views[i].Old.LastUse = lastUseOf(seen[r.Old])
		views[i].New.LastUsedAt, views[i].New.LastUse = lastUseOf(seen[r.New])
	}
	return views, nil
}

// turnBody is what asks for a rotation.
type turnBody struct {
	Grace    *int64   `json:"grace_seconds"`
	Reason   string   `json:"reason"`
	Scopes   []string `json:"scopes"`
	RollBack *bool    `json:"roll_back"`
	SecretID string   `json:"secret_id"`
}

func turnOf(c *web.Call) (b turnBody, grace time.Duration, err error) {
	body, err := c.Body()
	if err == nil && len(body) > 0 {
		err = c.JSON(&b)
	}
	grace = authority.UsualGrace
	if b.Grace != nil {
		if *b.Grace < 0 || *b.Grace > mostTTL {
			return b, 0, token.AtField("grace_seconds", "must be a whole number of seconds, 0 or more")
		}
		grace = time.Duration(*b.Grace) * time.Second
	}
	return b, grace, err
}

// rotateToken serves POST /v1/tokens/{id}/rotations: for the holder, the client
// that issued it, and who administrates.
func (f *Face) rotateToken(c *web.Call, who *caller) error {
	t, err := f.found(c, who, token.AdminWrite)
	if err != nil {
		return err
	}
	if who.is(t) && who.elsewhere { // it was sent to another resource server, which could take it over
		return token.Errorf(token.Forbidden, "the token is for %s: rotate it with its client's secret or as an administrator", t.Audience)
	}
	body, grace, err := turnOf(c)
	if err != nil {
		return err
	}
	if body.SecretID != "" {
		return token.AtField("secret_id", "is for clients; a token's current secret is the one that goes")
	}
	turn := authority.Turn{Token: t, Grace: grace, Reason: body.Reason, RollBack: body.RollBack == nil || *body.RollBack}
	if len(body.Scopes) > 0 {
		if turn.Scopes, err = f.scopes(body.Scopes); err != nil {
			return err
		}
	}
	if who.record != nil {
		turn.Asker = who.record.Token
	}
	if turn.Retry, err = retry(c, who); err != nil {
		return err
	}
	out, r, err := f.cfg.Authority.Rotate(c.Context(), who.actor, turn)
	if err != nil {
		return err
	}
	made := turnedToken{viewOf(out.Token, c.Now().UnixMilli()), viewOfRotation(r)}
	if err := f.complete(c.Context(), &made.tokenView, out.Token); err != nil {
		return err
	}
	made.Token, made.TokenType = out.Secret, "Bearer"
	return c.WriteJSON(http.StatusCreated, made)
}

// listTokenRotations serves GET /v1/tokens/{id}/rotations.
func (f *Face) listTokenRotations(c *web.Call, who *caller) error {
	t, err := f.found(c, who, token.AdminRead)
	if err != nil {
		return err
	}
	return f.writeRotations(c, token.RotationQuery{Workspace: t.Workspace, What: token.RotatesToken, Credential: t.Credential.String()})
}

// moveTokenRotation serves the steps of a token's rotation to whoever may
// rotate it.
func (f *Face) moveTokenRotation(c *web.Call, who *caller) error {
	t, err := f.found(c, who, token.AdminWrite)
	if err != nil {
		return err
	}
	if who.record != nil {
		if err := authority.MayTurn(who.record.Token, t); err != nil {
			return err
		}
	}
	return f.step(c, who, t.Workspace, t.Credential.String())
}

// listRotationsOf serves GET /v1/…/{id}/rotations of one sort of credential.
func (f *Face) listRotationsOf(what token.Rotating) func(*web.Call, *caller) error {
	return func(c *web.Call, who *caller) error {
		id, err := c.PathValue("id")
		if err != nil {
			return err
		}
		return f.writeRotations(c, token.RotationQuery{Workspace: who.workspace, What: what, Credential: id})
	}
}

// listRotations serves GET /v1/rotations.
func (f *Face) listRotations(c *web.Call, who *caller) error {
	return f.writeRotations(c, token.RotationQuery{Workspace: who.workspace})
}

func (f *Face) writeRotations(c *web.Call, q token.RotationQuery) error {
	names := []string{"open", "limit", "cursor"}
	if q.What == "" {
		names = append(names, "what")
	}
	filter := filterOf(c, names...)
	if q.What == "" {
		q.What = token.Rotating(filter.oneOf("what", string(token.RotatesToken), string(token.RotatesClientSecret),
			string(token.RotatesWebhookSecret), string(token.RotatesClientToken)))
	}
	q.OpenOnly, q.Before = filter.oneOf("open", "true", "false") == "true", filter.id("cursor")
	limit := filter.limit()
	if filter.err != nil {
		return filter.err
	}
	q.Limit = limit + 1
	list, err := f.cfg.Store.Rotations(c.Context(), q)
	if err != nil {
		return err
	}
	views, err := f.viewsOfRotations(c.Context(), list)
	if err != nil {
		return err
	}
	return c.WriteJSON(http.StatusOK, pageOf(views, limit, func(v rotationView) string { return v.ID }))
}

// rotateSecret serves POST /v1/…/{id}/rotations of one sort of credential.
func (f *Face) rotateSecret(what token.Rotating) func(*web.Call, *caller) error {
	return func(c *web.Call, who *caller) error {
		id, err := c.PathValue("id")
		if err != nil {
			return err
		}
		body, grace, err := turnOf(c)
		if err != nil {
			return err
		}
		if len(body.Scopes) > 0 || body.RollBack != nil {
			return token.AtField("scopes", "belong to tokens; this credential has none of its own")
		}
		turn := authority.SecretTurn{What: what, Workspace: who.workspace, Credential: id, Grace: grace, Reason: body.Reason}
		if body.SecretID != "" {
			var ok bool
			if turn.Secret, ok = token.ParseID(body.SecretID); !ok || what != token.RotatesClientSecret {
				return token.AtField("secret_id", "must be the id of a secret of this client")
			}
		}
		r, secret, err := f.cfg.Authority.RotateSecret(c.Context(), who.asPerson(), turn)
		if err != nil {
			return err
		}
		made := turnedSecret{ID: r.New.String(), Rotation: viewOfRotation(r)}
		switch what {
		case token.RotatesClientSecret:
			made.ClientSecret = secret
		case token.RotatesClientToken:
			made.ClientToken = secret
		default:
			made.Secret = secret
		}
		return c.WriteJSON(http.StatusCreated, made)
	}
}

// moveRotation serves the steps of a rotation to who administrates.
func (f *Face) moveRotation(c *web.Call, who *caller) error {
	id := ""
	if c.Request.PathValue("id") != "" {
		var err error
		if id, err = c.PathValue("id"); err != nil {
			return err
		}
	}
	return f.step(c, who, who.workspace, id)
}

// step takes the step that the path names, of a rotation of a credential; empty:
// of any.
func (f *Face) step(c *web.Call, who *caller, workspace, credential string) error {
	text, err := c.PathValue("rotation")
	if err != nil {
		return err
	}
	id, ok := token.ParseID(text)
	if !ok {
		return notFound("rotation")
	}
	r, err := f.cfg.Authority.Rotation(c.Context(), workspace, id)
	if err != nil {
		return err
	}
	if credential != "" && r.Credential != credential {
		return notFound("rotation")
	}
	why, err := reasonOf(c)
	if err != nil {
		return err
	}
	a := f.cfg.Authority
	switch c.Request.PathValue("step") {
	case "confirm":
		r, err = a.ConfirmRotation(c.Context(), who.actor, id)
	case "cancel":
		r, err = a.CancelRotation(c.Context(), who.actor, id)
	case "undo":
		r, err = a.UndoRotation(c.Context(), who.actor, id)
	case "finish":
		r, err = a.FinishRotation(c.Context(), who.actor, id, why.Reason)
	default:
		return notFound("step; use confirm, cancel, undo or finish")
	}
	if err != nil {
		return err
	}
	views, err := f.viewsOfRotations(c.Context(), []*token.Rotation{r})
	if err != nil {
		return err
	}
	return c.WriteJSON(http.StatusOK, views[0])
}

// listClientTokens serves GET /v1/client-tokens.
func (f *Face) listClientTokens(c *web.Call, who *caller) error {
	q := filterOf(c, "limit", "cursor")
	limit, after := q.limit(), q.id("cursor")
	if q.err != nil {
		return q.err
	}
	list, err := f.cfg.Store.ClientTokens(c.Context(), who.workspace, after, limit+1)
	if err != nil {
		return err
	}
	var views []secretView
	for _, one := range list {
		views = append(views, viewOfSecret(one.Secret, c.Now().UnixMilli()))
	}
	return c.WriteJSON(http.StatusOK, pageOf(views, limit, func(v secretView) string { return v.ID }))
}
