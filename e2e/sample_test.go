package e2e

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/fichadev/ficha/internal/alert"
	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/factor"
	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/keys"
	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

// sampleURL is where the sample says that it is. The browsers of these tests are
// led to it whatever its port is.
const sampleURL = "https://tokens.acme.example"

// sampled is what the sample begins with. Names are those of people who do not
// exist.
const sampled = `
scopes:
  - {name: "crm.objects.contacts.read", description: {en: "Read contacts", es: "Leer contactos", pt: "Ler contatos", de: "Kontakte lesen"}}
  - {name: "forms", description: {en: "Read and write forms", es: "Leer y escribir formularios", pt: "Ler e escrever formulários", de: "Formulare lesen und schreiben"}}
workspaces:
  - {id: acme, name: Acme, number: 62515}
  - {id: basin, name: Basin Books, policy: {approval: [service]}}
  - {id: studio, name: Studio}
roles:
  - {workspace: acme, name: reader, scopes: ["catalog:read"]}
users:
  - {email: ana@acme.example, name: Ana Ortega, password: "` + password + `", memberships: [{workspace: acme, role: super_admin, may_impersonate: true}, {workspace: basin, role: super_admin}]}
  - {email: bruno@acme.example, name: Bruno Lima, password: "` + password + `", memberships: [{workspace: acme, role: admin}, {workspace: basin, role: admin}]}
  - {email: carla@acme.example, name: Carla Weiss, password: "` + password + `", memberships: [{workspace: acme, role: member, scopes: ["catalog:read", "content:write"]}]}
  - {email: dario@acme.example, name: Dario Novak, password: "` + password + `", memberships: [{workspace: acme, role: reader}]}
clients:
  - client_id: website
    client_secret: website-secret
    client_name: Website
    workspace: acme
    redirect_uris: ["https://www.acme.example/callback"]
    grant_types: [authorization_code, refresh_token, client_credentials]
    scope: "openid profile offline_access catalog:read"
    optional_scope: "content:write"
  - client_id: contacts-sync
    client_secret: contacts-secret
    client_name: Contacts sync
    description: Copies contacts to the newsletter.
    workspace: studio
    distribution: public
    redirect_uris: ["https://contacts-sync.example/callback"]
    grant_types: [authorization_code, refresh_token]
    scope: "oauth crm.objects.contacts.read"
    optional_scope: "forms"
webhooks:
  - {workspace: acme, url: "https://hooks.acme.example/ficha", events: ["token.*", "rotation.*", "alert.*"], secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
`

// A sample is a house in which some months have passed.
type sample struct {
	*servertest.House
	t      *testing.T
	people map[string]*token.Person // by the first part of their address
	made   map[string]*authority.Issued

	bulk     sync.Mutex        // whoever ends or rotates many at once
	sessions map[string]string // secrets, by who is signed in
	front    string            // host and port that serve sampleURL
}

// newSample builds the house and lets its months pass.
func newSample(t *testing.T) *sample {
	t.Helper()
	s := &sample{t: t, people: map[string]*token.Person{}, made: map[string]*authority.Issued{}, sessions: map[string]string{}}
	s.House = servertest.Start(t, sampled, func(c *server.Config) {
		c.Issuer, c.TrustedProxies = sampleURL, []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
		c.SMTPURL = "smtp+plain://127.0.0.1:1?from=ficha@acme.example" // letters wait: nothing sends them
	})
	front := httptest.NewUnstartedServer(nil)
	front.Config = s.Floor.Server("")
	front.StartTLS()
	t.Cleanup(front.Close)
	s.front = front.Listener.Addr().String()
	for _, name := range []string{"ana", "bruno", "carla", "dario"} {
		id := need(t, s.Store.PersonByEmail, name+"@acme.example")
		s.people[name] = need(t, s.Verifier.Person, id)
	}
	s.past()
	s.lately()
	s.signedIn("earlier", "bruno")
	s.today()
	for _, name := range []string{"ana", "bruno", "carla", "dario"} {
		s.signedIn(name, name)
	}
	s.app("dario")
	s.Clock.Move(time.Second)
	s.install("ana")
	s.Clock.Move(time.Minute)
	return s
}

// leads are the options of a browser that finds the sample.
func (s *sample) leads() []chromedp.ExecAllocatorOption {
	return []chromedp.ExecAllocatorOption{
		chromedp.Flag("host-resolver-rules", "MAP "+strings.TrimPrefix(sampleURL, "https://")+":443 "+s.front), chromedp.Flag("ignore-certificate-errors", true),
	}
}

// signedIn keeps a session of somebody under a name.
func (s *sample) signedIn(name, who string) {
	s.t.Helper()
	made, err := s.Authority.SignIn(s.t.Context(), s.as(who, ""), s.people[who])
	s.must(err)
	s.sessions[name] = made.Secret
}

// newcomer makes NAME@acme.example a member, who has asked for nothing yet, and
// returns the secret of their session.
func (s *sample) newcomer(name string) string {
	s.t.Helper()
	p, _, err := s.Identity.PutUser(s.t.Context(), s.as("ana", "acme"), identity.Declared{Email: name + "@acme.example"}, identity.Options{})
	s.must(err)
	_, err = s.Identity.PutMembership(s.t.Context(), token.Actor{Kind: token.System, ID: "sample"}, p.ID, identity.DeclaredMembership{Workspace: "acme"}, identity.Options{})
	s.must(err)
	made, err := s.Authority.SignIn(s.t.Context(), token.Actor{Kind: token.User, ID: p.ID, Name: p.Email}, p)
	s.must(err)
	return made.Secret
}

// invites has ana invite an address to a workspace of hers.
func (s *sample) invites(workspace, email string) {
	s.t.Helper()
	want := identity.DeclaredMembership{Workspace: workspace, Role: token.Admin, MayImpersonate: true}
	_, _, err := s.Identity.Invite(s.t.Context(), s.as("ana", workspace), identity.Declared{Email: email}, want)
	s.must(err)
}

// install has somebody give an application what it asks for.
func (s *sample) install(who string) {
	s.t.Helper()
	r := need(s.t, s.Verifier.Find, s.sessions[who])
	asked := func(ctx context.Context, q authority.Request) (token.ID, error) {
		return s.Authority.Begin(ctx, r.Token, q)
	}
	id := need(s.t, asked, authority.Request{
		Contract: "hubspot", Client: "contacts-sync", RedirectURI: "https://contacts-sync.example/callback", Scopes: token.Scopes{"oauth", "crm.objects.contacts.read"},
		Optional: token.Scopes{"forms"}, InstallableBy: token.SuperAdmin, Installed: true, Again: "/oauth/authorize?client_id=contacts-sync",
	})
	_, err := s.Authority.Approve(s.t.Context(), s.as(who, ""), r.Token, id, "acme", token.Scopes{"forms"})
	s.must(err)
}

// app has somebody sign in with the codes of an app.
func (s *sample) app(who string) {
	s.t.Helper()
	actor := s.as(who, "")
	s.must(s.Identity.StartAuthenticator(s.t.Context(), actor))
	code, err := factor.Code(need(s.t, s.Identity.WaitingSecret, actor), s.Clock.Now().Unix()/30)
	s.must(err)
	need(s.t, func(ctx context.Context, code string) ([]string, error) {
		return s.Identity.ConfirmAuthenticator(ctx, actor, code)
	}, code)
}

// need asks for something that has to be there.
func need[K, V any](t *testing.T, ask func(context.Context, K) (V, error), key K) V {
	t.Helper()
	found, err := ask(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// must ends the test unless a step of the sample worked.
func (s *sample) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// as is somebody at the pages of a workspace.
func (s *sample) as(name, workspace string) token.Actor {
	p := s.people[name]
	return token.Actor{Kind: token.User, ID: p.ID, Name: p.Email, Workspace: workspace, Address: "203.0.113.24", Agent: "Mozilla/5.0"}
}

// issue makes a token as the pages do, remembered by its name.
func (s *sample) issue(who string, o authority.Order) *authority.Issued {
	s.t.Helper()
	if o.Contract, o.Sponsor = "panel", s.people[who].ID; o.Kind == token.Personal {
		o.Person, o.Sponsor = o.Sponsor, ""
	}
	made, err := s.Authority.Issue(s.t.Context(), s.as(who, o.Workspace), o)
	s.must(err)
	s.made[o.Name] = made
	s.Clock.Move(time.Second) // what happens in one instant has no order
	return made
}

// use asks the judge about a secret, as a proxy does.
func (s *sample) use(secret, scope, agent, address string) {
	s.t.Helper()
	a := s.Request(http.MethodGet, "/verify?"+url.Values{"scope": {scope}}.Encode(), nil, "Authorization", "Bearer "+secret, "User-Agent", agent, "X-Forwarded-For", address)
	if a.Status != http.StatusOK {
		s.t.Fatalf("%s by %s: %d %s", scope, agent, a.Status, a.Body)
	}
}

const day = 24 * time.Hour

// past is what was made a hundred days ago.
func (s *sample) past() {
	s.issue("carla", authority.Order{Kind: token.Personal, Name: "Carla's laptop", Scopes: token.Scopes{"catalog:read"}, Form: authority.Contentful})
	s.issue("bruno", authority.Order{Kind: token.Personal, Name: "Old import script", Scopes: token.Scopes{"catalog:read", "assets:read"}})
	s.use(s.made["Carla's laptop"].Secret, "catalog:read", "curl/8.9", "203.0.113.8")
	s.Clock.Move(71 * day)
}

// lately is what was made this month.
func (s *sample) lately() {
	order := func(name, purpose, owner string, life time.Duration, scopes ...string) authority.Order {
		return authority.Order{Kind: token.Service, Workspace: "acme", Name: name, Purpose: purpose, Owner: owner, TTL: life, Scopes: scopes}
	}
	s.issue("ana", order("Media pipeline", "Resizes what editors upload", "Media team", 32*day, "assets:read", "assets:write"))
	s.issue("bruno", order("Read-only frontend", "The public website", "Web team", 90*day, "catalog:read", "assets:read", "content:write", "users:read"))
	s.issue("ana", order("Newsletter bot", "", "", 60*day, "users:read"))
	s.issue("bruno", order("Staging deploy", "Deploys to staging", "Web team", 90*day, "content:write"))
	s.Clock.Move(20 * day)
	s.issue("ana", order("Editorial bot", "Publishes what is approved", s.people["carla"].ID, 90*day, "content:write", "catalog:read"))
	s.issue("ana", order("CI deploy", "Uploads the storefront's catalogue", "Platform team", 30*day, "catalog:read", "catalog:write"))
	s.issue("ana", authority.Order{Kind: token.Personal, Name: "Ana's laptop", Scopes: token.Scopes{"content_management_manage"}, TTL: 90 * day, Form: authority.Contentful})
	s.issue("ana", authority.Order{Kind: token.Personal, Workspace: "acme", Name: "Notebook", Scopes: token.Scopes{"catalog:read", "users:read"}, TTL: 10 * day})
	s.Clock.Move(8 * day)
	s.use(s.made["Notebook"].Secret, "catalog:read", "python-requests/2.32", "203.0.113.9")
	s.use(s.made["Media pipeline"].Secret, "assets:write", "media-worker/3.2", "198.51.100.7")
	s.use(s.made["Read-only frontend"].Secret, "catalog:read", "storefront/12.1", "198.51.100.20")
	s.must(s.Authority.Suspend(s.t.Context(), s.as("ana", "acme"), s.made["Staging deploy"].Token, 0, "odd traffic at night"))
	s.Clock.Move(time.Minute)
	_, err := s.Authority.TellLeak(s.t.Context(), s.as("bruno", "acme"), authority.Sighting{
		Secret: s.made["Newsletter bot"].Secret, Source: "a reader", URL: "https://git.example/acme/newsletter/config.yaml", End: true,
	})
	s.must(err)
}

// today is what happened in the last hours.
func (s *sample) today() {
	s.Clock.Move(time.Minute)
	turned, _, err := s.Authority.Rotate(s.t.Context(), s.as("ana", "acme"), authority.Turn{Token: s.made["Editorial bot"].Token, Grace: 6 * time.Hour})
	s.must(err)
	s.Clock.Move(15 * time.Minute)
	s.use(turned.Secret, "content:write", "editorial-bot/2.1", "198.51.100.31")
	s.Clock.Move(2 * time.Hour)
	s.use(s.made["Editorial bot"].Secret, "catalog:read", "editorial-bot/2.0", "198.51.100.32")
	s.use(turned.Secret, "content:write", "editorial-bot/2.1", "198.51.100.31")
	_, _, err = s.Authority.Rotate(s.t.Context(), s.as("bruno", "acme"), authority.Turn{Token: s.made["CI deploy"].Token, Grace: time.Hour})
	s.must(err)
	s.issue("ana", authority.Order{Kind: token.Service, Workspace: "basin", Name: "Catalogue import", Purpose: "Nightly", Scopes: token.Scopes{"catalog:write"}, TTL: 7 * day})
	s.traffic()
	s.Clock.Move(2 * time.Minute)
	sealer := &audit.Sealer{Seals: s.Store, Signer: func() (audit.Signer, error) { return s.Ring.Signer(keys.ES256) }}
	s.must(sealer.Run(s.t.Context(), s.Clock.Now()))
}

// traffic is what protected services saw in a day: more by day than by night,
// and an hour in which one of them failed.
func (s *sample) traffic() {
	s.t.Helper()
	now := s.Clock.Now().Truncate(time.Minute)
	var all []token.Traffic
	for ago := 24 * time.Hour; ago > 0; ago -= 10 * time.Minute {
		at := now.Add(-ago)
		much := int64(40 + 9*(12-max(at.Hour()-12, 12-at.Hour())))
		for _, r := range [...]struct {
			route, client, class string
			share, worst         int64
		}{{"GET /catalog/*", "website", token.External, 100, 120}, {"PUT /content/*", "", token.Internal, 22, 340}, {"GET /assets/*", "website", token.External, 61, 60}} {
			one := token.Traffic{Minute: at.UnixMilli(), Workspace: "acme", Route: r.route, Client: r.client, Class: r.class}
			for i := range much * r.share / 100 {
				status := http.StatusOK
				switch {
				case i%29 == 28:
					status = http.StatusForbidden
				case at.Hour() == 3 && i%4 == 3, ago <= 20*time.Minute && i%6 == 5 && r.class == token.External:
					status = http.StatusBadGateway
				}
				one.Observe(status, time.Duration(3+i*97%r.worst)*time.Millisecond)
			}
			all = append(all, one)
		}
	}
	s.must(s.Store.FlushTraffic(s.t.Context(), all))
	s.Clock.Move(20 * time.Second) // when a minute's counts have settled
	errors := alert.Rule{Name: "website-errors", Kind: alert.ErrorRate, Class: token.External, Severity: alert.Page, Client: "website", Window: 30, For: 2, Over: 0.05, MinRequests: 100, MinBad: 5}
	slow := alert.Rule{Name: "content-slow", Kind: alert.Latency, Class: token.Internal, Severity: alert.Ticket, Window: 60, For: 2, Percentile: 95, OverMS: 250, MinRequests: 20, MinBad: 3}
	s.watch(errors)
	s.watch(errors, slow)
}

// watch looks at the traffic by some rules, for some minutes.
func (s *sample) watch(rules ...alert.Rule) {
	s.t.Helper()
	s.must(s.Authority.PutAlertRules(s.t.Context(), s.as("ana", "acme"), "acme", rules, ""))
	watch := alert.New(s.Store, s.Authority.TurnAlert)
	for range 4 {
		s.must(watch.Run(s.t.Context(), s.Clock.Now()))
		s.Clock.Move(time.Minute)
	}
}

// page returns the address of a page of Acme.
func (s *sample) page(more string) string { return sampleURL + "/panel/w/acme" + more }

// of returns the address of a token's page.
func (s *sample) of(name string) string {
	t := s.made[name].Token
	workspace := "acme"
	if t.Workspace != "" {
		workspace = t.Workspace
	}
	return strings.Join([]string{sampleURL, "panel/w", workspace, "tokens", t.Credential.String()}, "/")
}
