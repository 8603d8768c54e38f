package policy

import (
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

func TestWhatCanChangeThingsIsReplacedEveryThirtyDays(t *testing.T) {
	month := &token.Policy{RotateAfter: map[token.Kind]int64{token.Service: 7 * 86400, token.Personal: 86400}}
	for _, try := range []struct {
		p      *token.Policy
		kind   token.Kind
		scopes token.Scopes
		want   time.Duration
	}{
		{nil, token.Service, token.Scopes{"content:write"}, CriticalAge},
		{nil, token.Service, token.Scopes{"catalog:read", "crm.objects.contacts.read"}, 0},
		{nil, token.ClientSecret, token.Scopes{"events:write"}, CriticalAge},
		{nil, token.Personal, token.Scopes{"content:write"}, 0},
		{&token.Policy{}, token.Service, token.Scopes{"forms"}, CriticalAge},
		{month, token.Service, token.Scopes{"catalog:read"}, 7 * 24 * time.Hour},
		{month, token.Personal, nil, 24 * time.Hour},
	} {
		if got := RotationAge(try.p, &token.Token{Kind: try.kind, Scopes: try.scopes}); got != try.want {
			t.Errorf("%s %v: %v, want %v", try.kind, try.scopes, got, try.want)
		}
	}
}
