package api

import (
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/github"
	"github.com/fichadev/ficha/internal/scan"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// mostMatches is how many secrets one message of GitHub may be about.
const mostMatches = 1000

// leakRoutes are those of secrets that were found where they should not be. Who
// holds a secret may end it, and proves that by naming it: they need no other.
func (f *Face) leakRoutes() []web.Route {
	check := large(f.admin("POST /v1/leaks/check", token.AdminRead, f.checkLeaks))
	check.Rule.Mutates = false
	return []web.Route{
		{Pattern: "GET /v1/leaks/rules", Rule: web.Rule{Auth: web.AuthNone, Body: web.NoBody, Shape: refuse}, Handle: f.leakRules},
		check,
		f.admin("GET /v1/leaks", token.AdminRead, f.listLeaks),
		large(reports("POST /v1/leaks", web.AuthNone, f.reportLeak)),
		large(reports("POST /v1/leaks/self-revoke", web.AuthNone, f.selfRevoke)),
		large(reports("POST /v1/leaks/github", "github-signature", f.hearGitHub)),
		f.open("GET /v1/tokens/{id}/leak", f.getLeak),
	}
}

// reports is a route for those who are no callers of /v1. Everybody hears the
// same, so that nobody learns which secrets there are.
func reports(pattern, auth string, handle func(*web.Call) error) web.Route {
	rule := ruleOf(pattern, nil)
	rule.Auth = auth
	return web.Route{Pattern: pattern, Rule: rule, Handle: handle}
}

// leakRules serves GET /v1/leaks/rules?format=: the rules by which other
// programs find this server's secrets. They are no secret.
func (f *Face) leakRules(c *web.Call) error {
	query, err := c.Query()
	if err != nil {
		return err
	}
	format := query.Get("format")
	if format == "" {
		format = scan.Gitleaks
	}
	text, ok := scan.Write(format, scan.Rules(f.cfg.Authority.Format()))
	if !ok {
		return token.AtField("format", "must be gitleaks, trufflehog or regex")
	}
	return c.WriteRaw(http.StatusOK, "text/plain; charset=utf-8", []byte(text))
}

// leakBody is a report of one secret, or, where nothing else is told, of many.
type leakBody struct {
	Token    string   `json:"token"`
	Tokens   []string `json:"tokens"`
	URL      string   `json:"url"`
	Source   string   `json:"source"`
	LeakedAt *string  `json:"leaked_at"`
}

// reportLeak serves POST /v1/leaks: the policy of its workspace says what
// becomes of the secret.
func (f *Face) reportLeak(c *web.Call) error {
	return f.takeReport(c, "report", false)
}

// selfRevoke serves POST /v1/leaks/self-revoke: whoever has a secret may end it.
func (f *Face) selfRevoke(c *web.Call) error {
	return f.takeReport(c, "holder", true)
}

func (f *Face) takeReport(c *web.Call, source string, end bool) error {
	var body leakBody
	if err := c.JSON(&body); err != nil {
		return err
	}
	list, err := body.sightings(source, end)
	if err != nil {
		return err
	}
	if err := f.cfg.Authority.HearReports(c.Context(), c.Actor(), list); err != nil {
		return err
	}
	return c.WriteJSON(http.StatusOK, map[string]bool{"accepted": true})
}

func (b *leakBody) sightings(source string, end bool) ([]authority.Sighting, error) {
	switch {
	case (b.Token == "") == (len(b.Tokens) == 0):
		return nil, token.AtField("token", "name one token, or several in tokens")
	case len(b.Tokens) > mostAsked:
		return nil, token.AtField("tokens", "may have at most %d", mostAsked)
	case b.Token != "":
		b.Tokens = []string{b.Token}
	}
	if b.Source != "" && !strings.EqualFold(strings.TrimSpace(b.Source), fromGitHub) { // it says so under its signature
		source = b.Source
	}
	at, err := instantAt("leaked_at", b.LeakedAt)
	if err != nil {
		return nil, err
	}
	list := make([]authority.Sighting, len(b.Tokens))
	for i, secret := range b.Tokens {
		list[i] = authority.Sighting{Secret: secret, Source: source, URL: b.URL, At: at, End: end}
	}
	return list, nil
}

// fromGitHub is the source of what GitHub has found, and of nothing else.
const fromGitHub = "github"

// hearGitHub serves POST /v1/leaks/github: what GitHub has found, in its own
// words and under its signature, over the bytes as they came.
func (f *Face) hearGitHub(c *web.Call) error {
	if f.cfg.GitHub == nil {
		return token.Errorf(token.NotFound, "this server hears nothing from GitHub: its operator has not set FICHA_GITHUB_KEYS")
	}
	body, err := c.Body()
	if err != nil {
		return err
	}
	header := c.Request.Header
	if err := f.cfg.GitHub.Verify(c.Context(), header.Get(github.HeaderKey), header.Get(github.HeaderSignature), body); err != nil {
		return err
	}
	var matches []github.Match
	if err := c.JSONLenient(&matches); err != nil {
		return err
	}
	if len(matches) > mostMatches {
		return token.Errorf(token.TooLarge, "a message may be about at most %d secrets", mostMatches)
	}
	labels := make([]github.Label, len(matches))
	for i, m := range matches {
		ours, err := f.cfg.Authority.TellLeak(c.Context(), c.Actor(), authority.Sighting{Secret: m.Token, Source: fromGitHub, URL: m.URL})
		if err != nil && !token.Is(err, token.Invalid) { // what is too long to be a secret is none
			return err
		}
		labels[i] = github.LabelOf(m, ours)
	}
	return c.WriteJSON(http.StatusOK, labels)
}

// A glimpse names a secret without telling it.
type glimpse struct {
	Head   string `json:"head"`
	SHA256 string `json:"sha256"`
}

// A heldView is what its workspace may know of a secret that was found.
type heldView struct {
	Status     string         `json:"status"` // live, dead or unknown
	What       token.Rotating `json:"what,omitempty"`
	Kind       string         `json:"kind,omitempty"`
	Credential string         `json:"id,omitempty"`
	Name       string         `json:"name,omitempty"`
	Owner      string         `json:"owner,omitempty"`
	LastFour   string         `json:"last_four,omitempty"`
	ExpiresAt  *string        `json:"expires_at,omitempty"`
}

// checkLeaks serves POST /v1/leaks/check: which of the secrets that somebody
// found are live ones of their workspace. Another's are as unknown. The secrets
// themselves do not travel.
func (f *Face) checkLeaks(c *web.Call, who *caller) error {
	var body struct {
		Secrets []glimpse `json:"secrets"`
	}
	if err := c.JSON(&body); err != nil {
		return err
	}
	if len(body.Secrets) == 0 || len(body.Secrets) > mostAsked {
		return token.AtField("secrets", "name 1 to %d", mostAsked)
	}
	views := make([]heldView, len(body.Secrets))
	for i, one := range body.Secrets {
		raw, err := hex.DecodeString(one.SHA256)
		if err != nil || len(raw) != len(token.Hash{}) {
			return token.AtField("secrets", "sha256 must be 64 hex digits")
		}
		held, err := f.cfg.Authority.Held(c.Context(), who.workspace, authority.Glimpse{Head: one.Head, Hash: token.Hash(raw)})
		if err != nil {
			return err
		}
		views[i] = viewOfHeld(held)
	}
	return c.WriteJSON(http.StatusOK, map[string]any{"results": views})
}

func viewOfHeld(h *authority.Held) heldView {
	if h == nil {
		return heldView{Status: "unknown"}
	}
	v := heldView{
		Status: "dead", What: h.What, Kind: h.Kind, Credential: h.Credential, Name: h.Name, Owner: h.Owner, LastFour: h.LastFour, ExpiresAt: instant(h.ExpiresAt),
	}
	if h.Live {
		v.Status = "live"
	}
	return v
}

// A leakView answers whether a token was used since others may have had it.
type leakView struct {
	Leaked  bool         `json:"leaked"`
	Places  []placeView  `json:"places"`
	Since   *string      `json:"since"`
	Used    bool         `json:"used_since"`
	LastUse *string      `json:"last_used_at"`
	Uses    *recordsView `json:"recorded,omitempty"`
}

type placeView struct {
	SecretID   string  `json:"secret_id"`
	Source     string  `json:"source"`
	URL        string  `json:"url,omitempty"`
	LeakedAt   *string `json:"leaked_at"`
	ReportedAt *string `json:"reported_at"`
	Ended      bool    `json:"ended"`
}

func viewOfPlace(l *token.Leak) placeView {
	return placeView{l.Secret.String(), l.Source, l.URL, instant(l.LeakedAt), instant(l.ReportedAt), l.Ended}
}

// recordsView is what the singly recorded uses tell.
type recordsView struct {
	Allowed      int      `json:"allowed"`
	Refused      int      `json:"refused"`
	First        *string  `json:"first_at"`
	Addresses    []string `json:"addresses"`
	NewAddresses []string `json:"new_addresses"`
	Cut          bool     `json:"more"` // there are more than were looked at
}

// getLeak serves GET /v1/tokens/{id}/leak.
func (f *Face) getLeak(c *web.Call, who *caller) error {
	t, err := f.found(c, who, token.AdminRead)
	if err != nil {
		return err
	}
	places, after, err := f.cfg.Authority.Leaked(c.Context(), t)
	if err != nil {
		return err
	}
	view := leakView{Leaked: len(places) > 0, Places: make([]placeView, len(places))}
	for i := range places {
		view.Places[i] = viewOfPlace(&places[i])
	}
	if after != nil {
		view.Since, view.Used, view.LastUse = instant(after.Since), after.Used, instant(after.Last.Last)
		if after.Allowed+after.Refused > 0 {
			view.Uses = &recordsView{after.Allowed, after.Refused, instant(after.First), after.Addresses, after.New, after.Cut}
		}
	}
	return c.WriteJSON(http.StatusOK, view)
}
