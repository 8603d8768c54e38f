package api

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// A findView is one place where a secret of the workspace was found.
type findView struct {
	What       token.Rotating `json:"what"`
	Kind       string         `json:"kind"`
	Credential string         `json:"id"`
	Name       string         `json:"name,omitempty"`
	Owner      string         `json:"owner,omitempty"`
	LastFour   string         `json:"last_four,omitempty"`
	placeView
	Used    bool    `json:"used_since"`
	LastUse *string `json:"last_used_at"`

	leak *token.Leak
}

// listLeaks serves GET /v1/leaks: where secrets of the workspace were found, the
// last report first, and what came of it.
func (f *Face) listLeaks(c *web.Call, who *caller) error {
	q := filterOf(c, "from", "limit", "cursor")
	limit := q.limit()
	ask := token.LeakQuery{Workspace: who.workspace, From: q.instant("from"), After: q.leak("cursor"), Limit: limit + 1}
	if q.err != nil {
		return q.err
	}
	finds, err := f.cfg.Authority.Finds(c.Context(), ask)
	if err != nil {
		return err
	}
	views := make([]findView, len(finds))
	for i := range finds {
		views[i] = viewOfFind(&finds[i])
	}
	return c.WriteJSON(http.StatusOK, pageOf(views, limit, func(v findView) string { return leakCursor(v.leak) }))
}

func viewOfFind(f *authority.Find) findView {
	return findView{
		What: f.What, Kind: f.Kind, Credential: f.Credential, Name: f.Name, Owner: f.Owner, LastFour: f.LastFour,
		placeView: viewOfPlace(&f.Leak), Used: f.Used, LastUse: instant(f.Last.Last), leak: &f.Leak,
	}
}

// leakCursor names a leak by its place in the list.
func leakCursor(l *token.Leak) string {
	return fmt.Sprintf("%d-%s-%x", l.ReportedAt, l.Secret, l.Place)
}

// leak reads what leakCursor writes, nil where it is not named.
func (f *filter) leak(name string) *token.Leak {
	text := f.form.Get(name)
	if text == "" {
		return nil
	}
	var l token.Leak
	instant, rest, _ := strings.Cut(text, "-")
	secret, place, _ := strings.Cut(rest, "-")
	at, err := strconv.ParseInt(instant, 10, 64)
	id, ok := token.ParseID(secret)
	hash, err2 := hex.DecodeString(place)
	if err != nil || err2 != nil || !ok || len(hash) != len(l.Place) {
		f.fail(token.AtField(name, "must be what the page before it said in next"))
		return nil
	}
	l.ReportedAt, l.Secret, l.Place = at, id, token.Hash(hash)
	return &l
}
