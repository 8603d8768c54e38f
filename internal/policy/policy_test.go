package policy

import (
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

func TestLifetimesAreTheContracts(t *testing.T) {
	strict := &token.Workspace{Policy: token.Policy{
		MaxTTL: map[token.Kind]int64{token.Service: 86400, token.Personal: 86400 * 30, token.Access: 600}, RequireExpiry: true,
	}}
	for _, test := range []struct {
		name  string
		kind  token.Kind
		w     *token.Workspace
		asked time.Duration
		want  time.Duration
		no    bool
	}{
		{"access by default", token.Access, nil, 0, 30 * time.Minute, false},
		{"service by default", token.Service, nil, 0, 30 * day, false},
		{"service at most", token.Service, nil, 90 * day, 90 * day, false},
		{"service over the most", token.Service, nil, 90*day + time.Second, 0, true},
		{"ephemeral by default", token.Ephemeral, nil, 0, 5 * time.Minute, false},
		{"ephemeral over an hour", token.Ephemeral, nil, time.Hour + time.Second, 0, true},
		{"impersonated by default", token.Impersonated, nil, 0, 15 * time.Minute, false},
		{"personal never expires", token.Personal, nil, 0, 0, false},
		{"personal as asked", token.Personal, nil, time.Second, time.Second, false},
		{"negative", token.Personal, nil, -1, 0, true},
		{"service in a strict workspace", token.Service, strict, 0, day, false},
		{"too long for a strict workspace", token.Service, strict, 2 * day, 0, true},
		{"access in a strict workspace", token.Access, strict, 0, 10 * time.Minute, false},
		{"personal where an expiry is required", token.Personal, strict, 0, 0, true},
		{"personal with an expiry", token.Personal, strict, day, day, false},
	} {
		got, err := TTL(test.kind, policyOf(test.w), test.asked)
		if got != test.want || (err != nil) != test.no {
			t.Errorf("%s: got %v, %v, want %v, refused %v", test.name, got, err, test.want, test.no)
		}
		if err != nil && !token.Is(err, token.Invalid) {
			t.Errorf("%s: got %v, want a refusal at ttl", test.name, err)
		}
	}
}

// TestWorkspaceLengthensServiceTokensAlone: a short kind stays short, whatever a
// workspace says.
func TestWorkspaceLengthensServiceTokensAlone(t *testing.T) {
	w := &token.Workspace{Policy: token.Policy{MaxTTL: map[token.Kind]int64{}}}
	for _, kind := range token.Kinds {
		w.Policy.MaxTTL[kind] = 365 * 86400
	}
	for kind, most := range map[token.Kind]time.Duration{
		token.Service: 365 * day, token.Personal: 365 * day, token.Access: 90 * day, token.Ephemeral: time.Hour, token.Impersonated: time.Hour,
	} {
		if got, err := TTL(kind, &w.Policy, most); got != most || err != nil {
			t.Errorf("%s of %v: got %v, %v", kind, most, got, err)
		}
		if _, err := TTL(kind, &w.Policy, most+time.Second); err == nil {
			t.Errorf("%s of more than %v is given", kind, most)
		}
	}
}

func TestRefusedLifetimesSayWhatToAskFor(t *testing.T) {
	workspace := func(seconds int64, expiry bool) *token.Workspace {
		return &token.Workspace{Policy: token.Policy{MaxTTL: map[token.Kind]int64{token.Personal: seconds}, RequireExpiry: expiry}}
	}
	for _, test := range []struct {
		w     *token.Workspace
		asked time.Duration
		want  string
	}{
		{workspace(0, true), 0, "ttl: this workspace requires an expiry"},
		{workspace(2*86400, true), 0, "ttl: this workspace requires an expiry; ask for at most 2 days"},
		{workspace(86400, false), 3 * day, "ttl: may be at most 1 day for personal tokens in this workspace"},
		{workspace(90, false), day, "ttl: may be at most 90 seconds for personal tokens in this workspace"},
	} {
		_, err := TTL(token.Personal, policyOf(test.w), test.asked)
		if r := token.AsRefusal(err); r == nil || r.Text != test.want {
			t.Errorf("got %v, want %q", err, test.want)
		}
	}
}

func TestWorkspaceMaximumIsTheDefaultOfWhatNeverExpires(t *testing.T) {
	w := &token.Workspace{Policy: token.Policy{MaxTTL: map[token.Kind]int64{token.Personal: 3600}}}
	if got, err := TTL(token.Personal, &w.Policy, 0); err != nil || got != time.Hour {
		t.Errorf("got %v, %v, want an hour", got, err)
	}
}

func TestRefreshTokensLiveAsTheirClientIsKept(t *testing.T) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	public, secret := &token.Client{AuthMethod: "none"}, &token.Client{AuthMethod: "client_secret_basic"}
	set := &token.Client{RefreshTTL: 7200, RefreshIdle: 3600}
	strict := &token.Workspace{Policy: token.Policy{MaxTTL: map[token.Kind]int64{token.Refresh: 1800}}}
	lax := &token.Workspace{Policy: token.Policy{MaxTTL: map[token.Kind]int64{token.Refresh: 100 * 86400}}}
	for _, test := range []struct {
		name     string
		c        *token.Client
		w        *token.Workspace
		contract string
		after    time.Duration
		want     time.Duration
		most     time.Duration
	}{
		{"confidential: for ever", secret, nil, "oauth2", 0, 0, 0},
		{"public: idle for 30 days", public, nil, "oauth2", 0, 30 * day, 90 * day},
		{"public: never past 90 days", public, nil, "oauth2", 80 * day, 10 * day, 10 * day},
		{"public: over", public, nil, "oauth2", 91 * day, time.Millisecond, time.Millisecond},
		{"fanbase", secret, nil, "fanbase", 0, 30 * day, 30 * day},
		{"as registered", set, nil, "oauth2", 0, time.Hour, 2 * time.Hour},
		{"as registered, near the end", set, nil, "oauth2", 110 * time.Minute, 10 * time.Minute, 10 * time.Minute},
		{"idle alone", &token.Client{RefreshIdle: 3600}, nil, "oauth2", 100 * day, time.Hour, 0},
		{"confidential in a strict workspace", secret, strict, "oauth2", 0, 30 * time.Minute, 30 * time.Minute},
		{"public in a strict workspace", public, strict, "oauth2", 10 * time.Minute, 20 * time.Minute, 20 * time.Minute},
		{"public in a strict workspace, over", public, strict, "oauth2", time.Hour, time.Millisecond, time.Millisecond},
		{"as registered in a strict workspace", set, strict, "oauth2", 0, 30 * time.Minute, 30 * time.Minute},
		{"fanbase in a lax workspace", secret, lax, "fanbase", 0, 30 * day, 30 * day},
		{"confidential in a lax workspace", secret, lax, "oauth2", 0, 100 * day, 100 * day},
	} {
		got, most := Refresh(test.c, test.w, test.contract, began, began.Add(test.after))
		if got != test.want || most != test.most {
			t.Errorf("%s: got %v of %v, want %v of %v", test.name, got, most, test.want, test.most)
		}
	}
	for c, want := range map[*token.Client]bool{public: true, secret: false, {RefreshPolicy: "rotate"}: true, {AuthMethod: "none", RefreshPolicy: "keep"}: false} {
		if Rotates(c) != want {
			t.Errorf("%+v: got rotates %v, want %v", c, !want, want)
		}
	}
}

func policyOf(w *token.Workspace) *token.Policy {
	if w == nil {
		return nil
	}
	return &w.Policy
}
