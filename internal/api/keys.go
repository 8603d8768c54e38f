package api

import (
	"net/http"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

func (f *Face) keyRoutes() []web.Route {
	return []web.Route{
		f.admin("GET /v1/keys", token.AdminRead, f.listKeys),
		f.admin("POST /v1/keys/{alg}/rotations", token.AdminWrite, f.rotateKey),
		f.admin("POST /v1/keys/{alg}/{kid}/end", token.AdminWrite, f.endKey),
	}
}

// A keyView is a signing key as every answer shows it: never its private part.
type keyView struct {
	ID         string  `json:"kid"`
	Alg        string  `json:"alg"`
	State      string  `json:"state"` // next | active | retiring | ended
	CreatedAt  *string `json:"created_at"`
	ActiveAt   *string `json:"active_at"`
	RetiringAt *string `json:"retiring_at"`
	EndedAt    *string `json:"ended_at"`
}

// listKeys serves GET /v1/keys. There are few.
func (f *Face) listKeys(c *web.Call, _ *caller) error {
	rows, err := f.cfg.Store.Keys(c.Context())
	if err != nil {
		return err
	}
	views := make([]keyView, 0, len(rows))
	for _, k := range rows {
		views = append(views, keyView{
			ID: k.ID, Alg: k.Alg, State: k.State, CreatedAt: instant(k.CreatedAt), ActiveAt: instant(k.ActiveAt), RetiringAt: instant(k.RetireAt), EndedAt: instant(k.EndedAt),
		})
	}
	return c.WriteJSON(http.StatusOK, page[keyView]{Items: views})
}

// rotateKey serves POST /v1/keys/{alg}/rotations.
func (f *Face) rotateKey(c *web.Call, who *caller) error {
	alg, err := c.PathValue("alg")
	if err != nil {
		return err
	}
	operator, err := f.cfg.Authority.Operator(c.Context(), who.asPerson())
	if err != nil {
		return err
	}
	if err := f.cfg.Authority.RotateKey(c.Context(), operator, alg); err != nil {
		return err
	}
	return f.listKeys(c, who)
}

// endKey serves POST /v1/keys/{alg}/{kid}/end, for a key that has leaked.
func (f *Face) endKey(c *web.Call, who *caller) error {
	id, err := c.PathValue("kid")
	if err != nil {
		return err
	}
	why, err := reasonOf(c)
	if err != nil {
		return err
	}
	operator, err := f.cfg.Authority.Operator(c.Context(), who.asPerson())
	if err != nil {
		return err
	}
	if err := f.cfg.Authority.EndKey(c.Context(), operator, id, why.Reason); err != nil {
		return err
	}
	return f.listKeys(c, who)
}
