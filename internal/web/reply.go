package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// Header returns the header of the answer. It is fixed by the first write.
func (c *Call) Header() http.Header { return c.w.Header() }

// WriteHeader begins the answer.
func (c *Call) WriteHeader(status int) {
	if c.route == nil {
		c.muxed = status // the mux's own answer, which unmatched replaces
		return
	}
	if c.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		c.status = status // other 1xx announce the answer and are not it
	}
	c.w.WriteHeader(status)
}

// Write writes a piece of the answer, beginning it with 200 if it has not.
func (c *Call) Write(b []byte) (int, error) {
	if c.route == nil {
		return len(b), nil
	}
	if c.status == 0 {
		c.status = http.StatusOK
	}
	return c.w.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (c *Call) Unwrap() http.ResponseWriter { return c.w }

// WriteJSON answers with v as JSON. It reports a v that has no JSON.
func (c *Call) WriteJSON(status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	return c.WriteRaw(status, jsonType, body)
}

// WriteRaw answers with a body as it is. A caller who is gone before the end is
// no error: there is nobody left to tell. Here and below the map is written
// directly, since the names are in net/http's spelling.
func (c *Call) WriteRaw(status int, contentType string, body []byte) error {
	h := c.Header()
	values := [...]string{contentType, strconv.Itoa(len(body))}
	h["Content-Type"], h["Content-Length"] = values[0:1:1], values[1:2:2]
	c.WriteHeader(status)
	_, _ = c.w.Write(body)
	return nil
}

// Redirect sends the browser to url, which must be one that the server itself
// made or found registered. After a POST it is 303, so that the form is not
// sent on (RFC 9700, 4.12), else 302. It is never stored: it may carry a code.
func (c *Call) Redirect(url string) error {
	h := c.Header()
	noStore(h)
	h.Set("Location", url)
	status := http.StatusSeeOther
	if m := c.Request.Method; m == http.MethodGet || m == http.MethodHead {
		status = http.StatusFound
	}
	c.WriteHeader(status)
	return nil
}

// noStore keeps an answer out of every cache (RFC 6749, 5.1).
func noStore(h http.Header) {
	values := [...]string{"no-store", "no-cache"}
	h["Cache-Control"], h["Pragma"] = values[0:1:1], values[1:2:2]
}
