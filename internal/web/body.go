package web

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"

	"github.com/fichadev/ficha/internal/token"
)

// admitBody applies the route's limits to the body before its handler runs. A
// body of known length is refused unread; one in chunks is cut when it grows
// over the limit, and the connection is then closed.
func (c *Call) admitBody() error {
	r, limit := c.Request, c.route.Rule.Body
	switch {
	case limit == NoBody:
		r.Body, c.read = http.NoBody, true
		return nil
	case r.ContentLength == 0:
		return nil
	case r.ContentLength > limit:
		c.Header().Set("Connection", "close")
		return tooLarge(limit)
	case r.ContentLength < 0:
		r.Body = http.MaxBytesReader(c.w, r.Body, limit)
	}
	if media := c.route.Rule.Media; len(media) > 0 && !slices.Contains(media, mediaType(r)) {
		return token.Errorf(token.UnsupportedMedia, "the body must be of type %s", media[0])
	}
	return nil
}

func tooLarge(limit int64) error {
	return token.Errorf(token.TooLarge, "the body is over %d bytes", limit)
}

// mediaType returns the type of the body in lower case without parameters,
// empty if there is none or it is malformed.
func mediaType(r *http.Request) string {
	lines := r.Header["Content-Type"]
	if len(lines) != 1 {
		return ""
	}
	switch lines[0] {
	case formType, jsonType: // the common spellings need no parser
		return lines[0]
	}
	kind, _, err := mime.ParseMediaType(lines[0])
	if err != nil {
		return ""
	}
	return kind
}

// Body returns the whole body, read once. It refuses one over the route's limit
// or one that does not arrive. The bytes must not be changed.
func (c *Call) Body() ([]byte, error) {
	if c.read {
		return c.body, nil
	}
	body, err := readAll(c.Request)
	if tooMuch, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge(tooMuch.Limit)
	}
	if err != nil {
		return nil, token.Errorf(token.InvalidRequest, "the body ended early or came too slowly")
	}
	c.body, c.read = body, true
	return body, nil
}

// readAll reads a body whose length was admitted, or that cuts itself.
func readAll(r *http.Request) ([]byte, error) {
	if r.ContentLength < 0 {
		return io.ReadAll(r.Body)
	}
	body := make([]byte, r.ContentLength)
	_, err := io.ReadFull(r.Body, body)
	return body, err
}
