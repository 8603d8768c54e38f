package panel

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// pageLength is how many rows a list shows.
const pageLength = 50

// parted is the pattern of an address in an area.
func parted(a pages.Area, more string) string { return "/panel/w/{workspace}/" + string(a) + more }

// done ends a deed: the page at to says what was done, or why nothing was. What
// is no matter of the deed is returned.
func (p *Panel) done(c *web.Call, to string, said pages.Said, err error) error {
	if err == nil {
		return p.lead(c, to, said)
	}
	refusal := token.AsRefusal(err)
	switch {
	case beyond(refusal):
		return err
	case refusal.Code == token.Invalid, refusal.Code == token.InvalidRequest, refusal.Code == token.InvalidScope:
		return p.lead(c, to, pages.NotTaken)
	}
	return p.lead(c, to, objection(refusal).Said())
}

// beyond reports whether a refusal is about more than the deed, and is answered
// by a page of its own: what is not there, and whatever is our fault.
func beyond(r *token.Refusal) bool {
	return r == nil || r.Code == token.NotFound || web.Status(r.Code) >= http.StatusInternalServerError
}

// wrong returns why a form was not taken, for the page to say; false for what is
// no matter of the form.
func wrong(err error) (pages.Wrong, bool) {
	refusal := token.AsRefusal(err)
	if beyond(refusal) {
		return pages.Wrong{}, false
	}
	w := pages.Wrong{Fields: map[string]string{}}
	for _, f := range refusal.Fields {
		w.Fields[f.Name] = f.Text
	}
	if len(w.Fields) == 0 {
		w.Whole, w.Detail = objection(refusal), refusal.Text
	}
	return w, true
}

func objection(r *token.Refusal) pages.Objection {
	switch r.Code {
	case token.Forbidden:
		if r.Reason == token.NeedsSuperAdmin {
			return pages.SuperOnly
		}
		return pages.NotAllowed
	case token.AccessDenied, token.InsufficientScope:
		return pages.NotAllowed
	case token.TooMany:
		return pages.TooOften
	case token.Outdated:
		return pages.Outdated
	}
	return pages.Impossible
}

// idOf reads the id that the path names; what is no id is not found.
func idOf(c *web.Call, name string) (token.ID, error) {
	text, err := c.PathValue(name)
	if err != nil {
		return 0, err
	}
	id, ok := token.ParseID(text)
	if !ok {
		return 0, token.Errorf(token.NotFound, "there is no such page")
	}
	return id, nil
}

// cursorOf reads where a page of a list begins, 0 for the first and for what
// cannot be read.
func cursorOf(query web.Form) token.ID {
	id, _ := token.ParseID(query.Get("after"))
	return id
}

// pager leads on from a page of a list that was cut at a cursor, empty for the
// last page; the rest of the address stays.
func pager(c *web.Call, cursor string) pages.Pager { return pagerBy(c, "after", cursor) }

// pagerBy is pager for a list whose pages the address names otherwise.
func pagerBy(c *web.Call, name, cursor string) pages.Pager {
	here, query := c.Request.URL.Path, c.Request.URL.Query()
	var p pages.Pager
	if query.Has(name) {
		query.Del(name)
		p.First = addressOf(here, query)
	}
	if cursor != "" {
		query.Set(name, cursor)
		p.Next = addressOf(here, query)
	}
	return p
}

func addressOf(path string, query url.Values) string {
	u := url.URL{Path: path, RawQuery: query.Encode()}
	return u.RequestURI()
}

// cut returns the rows of a page that was read one longer, and the cursor of the
// next.
func cut[T any](rows []T, cursor func(T) string) ([]T, string) {
	if len(rows) <= pageLength {
		return rows, ""
	}
	return rows[:pageLength], cursor(rows[pageLength-1])
}

// instantOf returns an instant of the store, the zero time for none.
func instantOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// typedTime reads what a browser sends of a field for a date or an instant, in
// UTC; the zero time for an empty one.
func typedTime(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil && at.UnixMilli() > 0 {
			return at, nil
		}
	}
	return time.Time{}, token.AtField(name, "use a date such as 2027-01-31, or 2027-01-31T14:00")
}

// wordsOf returns the words of a text area.
func wordsOf(text string) []string { return strings.Fields(text) }

// openRotation returns the rotation of a credential that is open, as a page
// shows it; nil if none is.
func (p *Panel) openRotation(c *web.Call, v *visit, what token.Rotating, credential, base string) (*pages.Turning, error) {
	list, err := p.cfg.Store.Rotations(c.Context(), token.RotationQuery{Workspace: v.workspace.ID, What: what, Credential: credential, OpenOnly: true, Limit: 1})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	r := list[0]
	return &pages.Turning{ID: r.ID.String(), Base: base, State: string(r.State), Since: instantOf(r.CreatedAt), RetiresAt: instantOf(r.RetiresAt)}, nil
}

// moveRotation takes the step of a rotation that the path names, of a credential.
func (p *Panel) moveRotation(c *web.Call, v *visit, credential, back string) error {
	id, err := idOf(c, "rotation")
	if err != nil {
		return err
	}
	form, err := c.Form()
	if err != nil {
		return err
	}
	r, err := p.cfg.Authority.Rotation(c.Context(), v.workspace.ID, id)
	if err != nil {
		return err
	}
	if r.Credential != credential {
		return token.Errorf(token.NotFound, "there is no such rotation")
	}
	switch a := p.cfg.Authority; c.Request.PathValue("step") {
	case "confirm":
		_, err = a.ConfirmRotation(c.Context(), c.Actor(), id)
	case "cancel":
		_, err = a.CancelRotation(c.Context(), c.Actor(), id)
	case "undo":
		_, err = a.UndoRotation(c.Context(), c.Actor(), id)
	case "finish":
		_, err = a.FinishRotation(c.Context(), c.Actor(), id, form.Get("reason"))
	default:
		err = token.Errorf(token.NotFound, "there is no such step")
	}
	return p.done(c, back, pages.RotationMoved, err)
}
