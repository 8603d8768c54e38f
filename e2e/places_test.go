package e2e

import (
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
)

// A place is a page of the panel in a state that people meet it in.
type place struct {
	name  string
	route string // whose answer it is
	who   string // who is signed in; empty: nobody
	open  func(*visitor)
}

// A visitor is a browser in the sample.
type visitor struct {
	*browser
	*sample
	load  load
	half  int      // of the places that it opens
	times int      // how often it needed a name of its own
	last  token.ID // the last webhook that hook made
}

// number returns a number that nobody had before.
func (v *visitor) number() string {
	v.times++
	return strconv.Itoa(10*v.times + v.half)
}

// to opens an address and waits for its title.
func (v *visitor) to(address string) {
	v.browser.t.Helper()
	v.do(chromedp.Navigate(address), chromedp.WaitVisible(chromedp.CSS("main h1")))
}

// then clicks, and waits for what comes of it.
func (v *visitor) then(css, comes string) {
	v.browser.t.Helper()
	v.do(click(css), chromedp.WaitVisible(chromedp.CSS(comes)))
}

// at is a place that has an address.
func at(address string) func(*visitor) { return func(v *visitor) { v.to(sampleURL + address) } }

// acme is a place of Acme that has an address.
func acme(more string) func(*visitor) { return at("/panel/w/acme" + more) }

// tokenAt is the page of a token of the sample.
func tokenAt(name string) func(*visitor) { return func(v *visitor) { v.to(v.of(name)) } }

// asked is where an application leads to: a form that is posted to the consent, or
// beside it.
func asked(address, beside string) func(*visitor) {
	return func(v *visitor) {
		at(address)(v)
		v.do(chromedp.WaitVisible(chromedp.CSS(`form[action="/panel/consent` + beside + `"]`)))
	}
}

// asks opens a place and then a dialog on it.
func asks(open func(*visitor), dialog string) func(*visitor) {
	return func(v *visitor) {
		open(v)
		v.then(`button[commandfor="`+dialog+`"]`, "#"+dialog)
	}
}

const inArea = "/panel/w/{workspace}/"

// places returns every page in every state.
func places() []place {
	all := signInPlaces()
	all = append(all, accountPlaces()...)
	all = append(all, tokenPlaces()...)
	all = append(all, inventoryPlaces()...)
	all = append(all, applicationPlaces()...)
	all = append(all, memberPlaces()...)
	all = append(all, webhookPlaces()...)
	return append(all, workspacePlaces()...)
}

func signInPlaces() []place {
	const signIn = "/panel/login"
	return []place{
		{"sign-in", "GET /panel/login", "", at(signIn)},
		{"sign-in, wrong", "POST /panel/login", "", func(v *visitor) {
			v.to(sampleURL + signIn)
			v.do(write("#email", v.number()+"@acme.example"), write("#password", "wrong\r"), chromedp.WaitVisible(chromedp.CSS("#errors")))
		}},
		{"second step", "GET /panel/login/second", "", func(v *visitor) {
			v.to(sampleURL + signIn)
			v.signIn("dario@acme.example")
			v.do(chromedp.WaitVisible(chromedp.CSS("#code")))
		}},
		{"forgotten", "GET /panel/forgot", "", at("/panel/forgot")},
		{"forgotten, sent", "POST /panel/forgot", "", func(v *visitor) {
			n := v.number()
			v.from("2001:db8:0:" + n + "::1") // from one network, few letters an hour are sent
			v.to(sampleURL + "/panel/forgot")
			v.do(write("#email", n+"@acme.example\r"), chromedp.WaitNotPresent(chromedp.CSS("#email")))
		}},
		{"forgotten, too often", "POST /panel/forgot", "", func(v *visitor) {
			v.from("192.0.2.77")
			for v.Identity.ForgotPassword(v.sample.t.Context(), token.Actor{Address: "192.0.2.77"}, "") == nil {
				continue // until no more are sent
			}
			v.to(sampleURL + "/panel/forgot")
			v.do(write("#email", v.number()+"@acme.example\r"), chromedp.WaitVisible(chromedp.CSS("#errors")))
		}},
		{"a token was found", "GET /panel/found", "", at("/panel/found")},
		{"another password", "GET /panel/reset/{secret}", "", at("/panel/reset/AAAA")},
		{"set-up", "GET /panel/setup", "", at("/panel/setup?token=x")},
		{"set-up, over", "POST /panel/setup", "", func(v *visitor) {
			v.to(sampleURL + "/panel/setup?token=x")
			v.do(write("#email", "ana@acme.example"), write("#name", "Ana"), write("#workspace", "Acme"), write("#password", password+"\r"))
			v.do(chromedp.WaitVisible(chromedp.CSS(".notice")))
		}},
		{"no such page", "GET /panel/", "", at("/panel/nothing")},
		{"not yours", "GET " + inArea + "inventory", "carla", acme("/inventory")},
		{"consent", "GET /panel/consent", "bruno", asked("/oauth2/authorize?"+standard().Encode(), "")},
		{"consent, one of several workspaces", "GET /panel/consent", "ana", asked("/oauth/authorize?"+install().Encode(), "")},
		{"who may install", "GET /panel/consent", "carla", asked("/oauth/authorize?"+install().Encode(), "/request")},
		{"asked to install", "POST /panel/consent/request", "", func(v *visitor) {
			v.cookie("session", v.newcomer("new"+v.number()))
			asked("/oauth/authorize?"+install().Encode(), "/request")(v)
			v.then(`form[action="/panel/consent/request"] button`, ".notice.calm")
		}},
		{"a request that is wrong", "GET /panel/consent", "ana", at("/oauth2/authorize?client_id=nobody&redirect_uri=https%3A%2F%2Fwww.acme.example%2F")},
	}
}

// install is what HubSpot's contract gives to people; standard, OAuth's.
func install() url.Values {
	return url.Values{
		"client_id": {"contacts-sync"}, "redirect_uri": {"https://contacts-sync.example/callback"}, "scope": {"oauth crm.objects.contacts.read"}, "optional_scope": {"forms"},
	}
}

func standard() url.Values {
	return url.Values{
		"response_type": {"code"}, "client_id": {"website"}, "redirect_uri": {"https://www.acme.example/callback"}, "scope": {"openid profile offline_access catalog:read content:write"},
		"state": {"s"}, "code_challenge": {strings.Repeat("a", 43)}, "code_challenge_method": {"S256"},
	}
}

func accountPlaces() []place {
	security := at("/panel/security")
	return []place{
		{"account", "GET /panel/{$}", "ana", func(v *visitor) {
			v.to(sampleURL + "/panel/")
			v.do(click("main summary"), click(".menu summary"))
		}},
		{"account, wrong", "POST /panel/profile", "bruno", func(v *visitor) {
			v.to(sampleURL + "/panel/")
			v.do(chromedp.Clear(chromedp.CSS("#name")), write("#name", strings.Repeat("x", 201)+"\r"), chromedp.WaitVisible(chromedp.CSS("#errors")))
		}},
		{"account, invited", "GET /panel/{$}", "dario", func(v *visitor) {
			v.invites("basin", "dario@acme.example")
			v.to(sampleURL + "/panel/")
		}},
		{"invitations", "GET /panel/invitations", "dario", func(v *visitor) {
			v.invites("basin", "dario@acme.example")
			v.to(sampleURL + "/panel/invitations")
		}},
		{"invitations, none", "GET /panel/invitations", "bruno", at("/panel/invitations")},
		{"how you sign in", "GET /panel/security", "dario", security},
		{"how you sign in, a while ago", "GET /panel/security", "earlier", security},
		{"the question before codes end", "GET /panel/security", "dario", asks(security, "drop-app")},
		{"an app", "GET /panel/security/app", "carla", func(v *visitor) {
			security(v)
			v.then(`form[action="/panel/security/app"] button`, ".whole")
		}},
		{"recovery codes", "POST /panel/security/codes", "dario", func(v *visitor) {
			asks(security, "new-codes")(v)
			v.then(`#new-codes button[type="submit"]`, "#codes")
		}},
	}
}

func tokenPlaces() []place {
	const mine = inArea + "tokens"
	link := func(more url.Values) func(*visitor) {
		q := url.Values{"type": {"service"}, "name": {"Deploy CLI"}, "scopes": {"content:write catalog:read"}, "expires": {"30d"}, "purpose": {"Deploys"}}
		for name, value := range more {
			q[name] = value
		}
		return acme("/tokens/new?" + q.Encode())
	}
	made := func(v *visitor) {
		link(nil)(v)
		v.then(`button[value="create"]`, "#secret")
	}
	return []place{
		{"my tokens", "GET " + mine, "ana", acme("/tokens")},
		{"my tokens, none", "GET " + mine, "dario", acme("/tokens")},
		{"a new token", "GET " + mine + "/new", "ana", link(nil)},
		{"a new personal token", "GET " + mine + "/new", "carla", link(url.Values{"type": {"personal"}})},
		{"a new ephemeral token", "GET " + mine + "/new", "ana", link(url.Values{"type": {"ephemeral"}, "expires": {"1h"}})},
		{"a new token, tried", "POST " + mine + "/new", "ana", func(v *visitor) {
			link(nil)(v)
			v.do(click(".order details summary"))
			v.then(`button[value="preview"]`, "#preview-title")
		}},
		{"a new token, wrong", "POST " + mine + "/new", "ana", func(v *visitor) {
			link(url.Values{"scopes": {""}})(v)
			v.then(`button[value="create"]`, "#errors")
		}},
		{"a secret, once", "POST " + mine + "/new", "ana", made},
		{"a token", "GET " + mine + "/{id}", "ana", tokenAt("Read-only frontend")},
		{"a token whose new secret waits", "GET " + mine + "/{id}", "ana", tokenAt("CI deploy")},
		{"a token that rotates", "GET " + mine + "/{id}", "ana", tokenAt("Editorial bot")},
		{"a token that is suspended", "GET " + mine + "/{id}", "ana", tokenAt("Staging deploy")},
		{"a token that leaked", "GET " + mine + "/{id}", "ana", tokenAt("Newsletter bot")},
		{"a token that waits for approval", "GET " + mine + "/{id}", "bruno", tokenAt("Catalogue import")},
		{"the question before a rotation", "GET " + mine + "/{id}", "ana", asks(tokenAt("Media pipeline"), "rotate")},
		{"a token that was rotated", "POST " + mine + "/{id}/rotate", "ana", func(v *visitor) {
			v.to(v.of(v.another()))
			v.do(click(`button[commandfor="rotate"]`))
			v.then(`#rotate button[type="submit"]`, "#secret")
		}},
	}
}

// another makes a token and returns its name.
func (v *visitor) another() string {
	name := "Robot " + v.number()
	v.issue("ana", authority.Order{Kind: token.Service, Workspace: "acme", Name: name, Scopes: token.Scopes{"catalog:read"}, TTL: 30 * day})
	return name
}

func inventoryPlaces() []place {
	const inv = inArea + "inventory"
	picked := func(act string) func(*visitor) {
		return func(v *visitor) {
			acme("/inventory?q=" + url.QueryEscape(v.another()))(v)
			v.do(click(".pick input"))
			v.then(`button[value="`+act+`"]`, `form[action$="/run"]`)
		}
	}
	return []place{
		{"inventory", "GET " + inv, "ana", acme("/inventory")},
		{"inventory, filtered", "GET " + inv, "ana", acme("/inventory?kind=service&status=live")},
		{"inventory, nothing found", "GET " + inv, "ana", func(v *visitor) {
			v.to(v.page("/inventory?q=nobody"))
			v.do(chromedp.WaitVisible(chromedp.CSS(".empty")))
		}},
		{"inventory, wrong filter", "GET " + inv, "ana", acme("/inventory?created_from=yesterday")},
		{"inventory, unknown secret", "POST " + inv + "/find", "ana", func(v *visitor) {
			v.to(v.page("/inventory"))
			v.do(write("#q", "CFPAT-"+strings.Repeat("x", 43)))
			v.then(".find button", "#errors")
		}},
		{"the question before many end", "POST " + inv + "/bulk", "ana", picked("revoke")},
		{"many turned", "POST " + inv + "/bulk/run", "ana", func(v *visitor) {
			v.bulk.Lock() // nothing of the workspace is rotated while many of it are ended
			defer v.bulk.Unlock()
			picked("rotate")(v)
			v.then(`form[action$="/run"] button`, `[id^="secret"]`)
		}},
		{"a receipt", "GET " + inv + "/revocations/{id}", "ana", func(v *visitor) {
			v.bulk.Lock()
			defer v.bulk.Unlock()
			owner := v.number()
			v.issue("ana", authority.Order{Kind: token.Service, Workspace: "acme", Name: "Sweep " + owner, Owner: "team " + owner, Scopes: token.Scopes{"catalog:read"}, TTL: day})
			v.to(v.page("/inventory?owner=" + url.QueryEscape("team "+owner)))
			v.do(click(`form:has([name="act"][value="sweep"]) button`), chromedp.WaitVisible(chromedp.CSS(`form[action$="/run"]`)))
			v.do(click(`form[action$="/run"] button`), chromedp.WaitNotPresent(chromedp.CSS(`form[action$="/run"]`)), chromedp.WaitVisible(chromedp.CSS("main h1")))
		}},
	}
}

func applicationPlaces() []place {
	const apps = inArea + "applications"
	return []place{
		{"applications", "GET " + apps, "ana", acme("/applications")},
		{"a new application", "GET " + apps + "/new", "ana", acme("/applications/new")},
		{"a new application, wrong", "POST " + apps + "/new", "ana", func(v *visitor) {
			v.to(v.page("/applications/new"))
			v.do(write(`[name="client_name"]`, "Shop"), write(`[name="redirect_uris"]`, "http://shop.example/"))
			v.then("main form .main", "#errors")
		}},
		{"an application", "GET " + apps + "/{id}", "ana", acme("/applications/website?contract=standard&redirect_uri=https%3A%2F%2Fwww.acme.example%2Fcallback&optional=content%3Awrite")},
		{"an application, changed", "GET " + apps + "/{id}/edit", "ana", acme("/applications/website/edit")},
		{"a secret of an application", "POST " + apps + "/{id}/secrets", "ana", func(v *visitor) {
			v.to(v.page("/applications/" + v.client()))
			v.then(`form[action$="/secrets"] button`, "#secret")
		}},
		{"a secret of an application, rotated", "POST " + apps + "/{id}/secrets/{secret}/rotate", "ana", func(v *visitor) {
			v.to(v.page("/applications/" + v.client()))
			v.do(click(`button[commandfor^="rotate-"]`))
			v.then(`dialog[open] button[type="submit"]`, "#secret")
		}},
	}
}

// client makes an application and returns its id.
func (v *visitor) client() string {
	v.sample.t.Helper()
	id := "app-" + v.number()
	_, err := v.Authority.PutClient(v.sample.t.Context(), v.as("ana", "acme"), &token.Client{
		ID: id, Name: "Shop " + id, Workspace: "acme", AuthMethod: authority.ByBasic, GrantTypes: []string{"client_credentials"}, Scope: token.Scopes{"catalog:read"},
	}, "secret-of-"+id, authority.Options{})
	v.must(err)
	return id
}

// hook makes a webhook and returns the id of its page. The one that it made
// before ends: a workspace has a bounded number.
func (v *visitor) hook() string {
	v.sample.t.Helper()
	if v.last != 0 {
		v.must(v.Authority.EndWebhook(v.sample.t.Context(), v.as("ana", "acme"), "acme", v.last))
	}
	w, _, _, err := v.Authority.PutWebhook(v.sample.t.Context(), v.as("ana", "acme"), token.Webhook{
		Workspace: "acme", URL: "https://hooks.acme.example/" + v.number(), Events: []string{"client.*"},
	}, "", authority.Options{})
	v.must(err)
	v.last = w.ID
	return w.ID.String()
}

func memberPlaces() []place {
	const members = inArea + "members"
	of := func(name, more string) func(*visitor) {
		return func(v *visitor) { v.to(v.page("/members/" + v.people[name].ID + more)) }
	}
	return []place{
		{"members", "GET " + members, "ana", acme("/members")},
		{"members, somebody invited", "GET " + members, "ana", func(v *visitor) {
			v.invites("acme", "emil@studio.example")
			v.to(v.page("/members"))
		}},
		{"an invitation is withdrawn", "GET " + members, "ana", func(v *visitor) {
			v.invites("acme", "emil@studio.example")
			asks(acme("/members"), "withdraw-0")(v)
		}},
		{"a new member", "GET " + members + "/add", "ana", acme("/members/add")},
		{"a new member, wrong", "POST " + members + "/add", "ana", func(v *visitor) {
			v.to(v.page("/members/add"))
			v.do(write(`[name="email"]`, "carla@acme.example"))
			v.then("main form .main", "#errors")
		}},
		{"a member", "GET " + members + "/{id}", "ana", of("carla", "")},
		{"a member's role", "GET " + members + "/{id}/role", "ana", of("carla", "/role")},
		{"a member who lost their phone", "GET " + members + "/{id}/factors", "ana", of("dario", "/factors")},
		{"acting as a member", "POST " + members + "/{id}/impersonate", "ana", func(v *visitor) {
			asks(of("carla", ""), "borrow")(v)
			v.do(write("#borrow-reason", "ticket "+v.number()))
			v.then(`#borrow button[type="submit"]`, "#secret")
		}},
		{"roles", "GET " + members + "/roles", "ana", acme("/members/roles")},
		{"scopes", "GET " + members + "/scopes", "ana", acme("/members/scopes")},
	}
}

func webhookPlaces() []place {
	const hooks = inArea + "webhooks"
	one := func(v *visitor) {
		v.to(v.page("/webhooks"))
		v.then("tbody td a", `button[commandfor="end"]`) // the oldest is the sample's own
	}
	return []place{
		{"webhooks", "GET " + hooks, "ana", acme("/webhooks")},
		{"a new webhook", "GET " + hooks + "/new", "ana", acme("/webhooks/new")},
		{"a new webhook, wrong", "POST " + hooks + "/new", "ana", func(v *visitor) {
			v.to(v.page("/webhooks/new"))
			v.do(write("#url", "https://localhost/"), click("main form .main"), chromedp.WaitVisible(chromedp.CSS("#errors")))
		}},
		{"a secret of a webhook", "POST " + hooks + "/new", "ana", func(v *visitor) {
			v.to(v.page("/webhooks/new"))
			v.do(write("#url", "https://hooks.acme.example/"+v.number()), click("#group-0"))
			v.then("main form .main", "#secret")
		}},
		{"a secret of a webhook, rotated", "POST " + hooks + "/{id}/rotate", "ana", func(v *visitor) {
			v.to(v.page("/webhooks/" + v.hook()))
			v.do(click(`button[commandfor="rotate"]`))
			v.then(`#rotate button[type="submit"]`, "#secret")
		}},
		{"a webhook", "GET " + hooks + "/{id}", "ana", one},
		{"a webhook's events", "GET " + hooks + "/{id}/events", "ana", func(v *visitor) {
			one(v)
			v.then(`a[href$="/events"]`, "main form .main")
		}},
		{"the question before a webhook ends", "GET " + hooks + "/{id}", "ana", asks(one, "end")},
		{"a delivery", "GET " + hooks + "/{id}/deliveries/{delivery}", "ana", func(v *visitor) {
			one(v)
			v.then("td a", "pre")
		}},
	}
}

func workspacePlaces() []place {
	tried := func(v *visitor) {
		v.to(v.page("/policies"))
		v.do(write(`[name="max_ttl.service"]`, "30d"))
		v.then(`button[value="try"]`, "#tried")
	}
	return []place{
		{"the policy", "GET " + inArea + "policies", "ana", acme("/policies")},
		{"a policy, tried", "POST " + inArea + "policies", "ana", tried},
		{"a policy, wrong", "POST " + inArea + "policies", "ana", func(v *visitor) {
			v.to(v.page("/policies"))
			v.do(write(`[name="max_ttl.service"]`, "soon"))
			v.then(`button[value="try"]`, "#errors")
		}},
		{"audit", "GET " + inArea + "audit", "ana", acme("/audit")},
		{"audit, filtered", "GET " + inArea + "audit", "ana", acme("/audit?action=rotation.*")},
		{"a record", "GET " + inArea + "audit/{id}", "ana", func(v *visitor) {
			v.to(v.page("/audit?action=rotation.*"))
			v.then("td a", "pre")
		}},
		{"alerts", "GET " + inArea + "alerts", "ana", acme("/alerts")},
		{"a rule", "GET " + inArea + "alerts/rule", "ana", acme("/alerts/rule?name=website-errors")},
		{"a rule, wrong", "POST " + inArea + "alerts/rule", "ana", func(v *visitor) {
			v.to(v.page("/alerts/rule?name=website-errors"))
			v.do(chromedp.Clear(chromedp.CSS(`[name="over"]`)), write(`[name="over"]`, "5"), click("main form .main"), chromedp.WaitVisible(chromedp.CSS("#errors")))
		}},
		{"usage", "GET " + inArea + "usage", "ana", acme("/usage")},
		{"usage, none", "GET " + inArea + "usage", "ana", acme("/usage?client=nobody")},
		{"keys", "GET " + inArea + "keys", "ana", acme("/keys")},
		{"jobs", "GET " + inArea + "jobs", "ana", acme("/jobs")},
		{"settings", "GET " + inArea + "settings", "ana", acme("/settings")},
		{"a calendar's address", "POST " + inArea + "settings/feed", "ana", func(v *visitor) {
			v.to(v.page("/settings"))
			v.do(click(`main button[command="show-modal"]`))
			v.then(`dialog[open] button[type="submit"]`, "#secret")
		}},
	}
}

// files are the routes of the panel that show no page of their own: what pages
// load or give along, and addresses that lead on.
var files = []string{
	"GET /{$}", "GET /panel", "GET /panel/w/{workspace}", "GET /panel/security/app.png",
	"GET " + inArea + "inventory/export", "GET " + inArea + "audit/export",
}

// TestEveryPageHasItsPlace fails for a page that nobody looks at: each route
// that shows one, and each form whose answer holds a secret.
func TestEveryPageHasItsPlace(t *testing.T) {
	known := map[string]bool{}
	for _, p := range places() {
		known[p.route] = true
	}
	for _, name := range files {
		known[name] = true
	}
	served := map[string]bool{}
	for _, r := range newSample(t).Panel.Routes() {
		served[r.Pattern] = true
		page := strings.HasPrefix(r.Pattern, "GET ") && !strings.HasSuffix(r.Pattern, ".css") && !strings.HasSuffix(r.Pattern, ".js")
		if (page || r.Rule.Secret) && !known[r.Pattern] {
			t.Errorf("%s shows a page that is no place of the list", r.Pattern)
		}
	}
	for route := range known {
		if !served[route] {
			t.Errorf("there is no route %s any more", route)
		}
	}
}
