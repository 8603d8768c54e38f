package dialect_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/server/servertest"
)

// A refresh token that is replaced at each use gives the same answer to who
// sends it again at once. The access token in it has lived since.
func TestRepeatedAnswerSaysWhatIsLeftOfItsToken(t *testing.T) {
	replaced := func(resources string) string {
		return strings.ReplaceAll(resources, "grant_types:", "refresh_token_policy: rotate\n    grant_types:")
	}
	hub := hubspotHouse{servertest.Start(t, replaced(hubspotResources), nil), t}
	_, renewal := hub.installed()
	fan := servertest.Start(t, replaced(fanbaseResources), nil)
	first := fan.Request("POST", fanbase(), nil)
	for _, c := range map[string]struct {
		house *servertest.House
		path  string
		body  url.Values
		life  float64
	}{
		"hubspot": {hub.House, "/oauth/v1/token", refresh(renewal), 1800},
		"fanbase": {fan, renewing(first), nil, 3600},
	} {
		send := func() servertest.Answer {
			if c.body == nil {
				return c.house.Request("POST", c.path, nil)
			}
			return c.house.Request("POST", c.path, c.body)
		}
		a := send()
		wantJSON(t, a, 200, map[string]any{"expires_in": c.life})
		c.house.Clock.Move(7 * time.Second)
		wantJSON(t, send(), 200, map[string]any{"expires_in": c.life - 7, "access_token": text(a, "access_token")})
	}
}
