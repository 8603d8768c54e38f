// Package api knows administration in JSON: who may call /v1, what the tokens
// of a workspace, its clients, members and records look like from outside, and
// the judge's answers for others: introspection, forward authentication and
// status lists. It holds no rule of its own; it asks the authority, the judge
// and the room of people.
package api

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/github"
	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/resources"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/verifier"
	"github.com/fichadev/ficha/internal/web"
)

// Store is what the face reads and the judge does not know: lists. What is
// missing is nil or empty, never an error.
type Store interface {
	inventory
	TokensByStatus(ctx context.Context, from, before int64) ([]*token.Token, error)
	Rotations(ctx context.Context, q token.RotationQuery) ([]*token.Rotation, error)
	ClientTokens(ctx context.Context, workspace string, after token.ID, limit int) ([]*token.ClientToken, error)
	Keys(ctx context.Context) ([]token.SigningKey, error)
	Secrets(ctx context.Context, credential token.ID) ([]*token.Token, error)
	UseRecords(ctx context.Context, q token.UseQuery) ([]token.UseRecord, error)
	KeepBatch(ctx context.Context, key token.Hash, answer []byte) (before []byte, err error)
	PersonByEmail(ctx context.Context, email string) (string, error)
	Members(ctx context.Context, workspace, after string, limit int) ([]token.Membership, error)
	Invitations(ctx context.Context, workspace, after string, limit int) ([]*token.Invitation, error)
	LeftBehind(ctx context.Context, workspace, person string, after token.ID, limit int) ([]*token.Token, error)
	Clients(ctx context.Context, workspace, after string, limit int) ([]*token.Client, error)
	Scopes(ctx context.Context) ([]*token.ScopeInfo, error)
	Subscriptions(ctx context.Context, workspace string, after token.ID, limit int) ([]*token.Subscription, error)
	Subscription(ctx context.Context, id token.ID) (*token.Subscription, error)
	Shipments(ctx context.Context, webhook token.ID, state token.DeliveryState, before token.ID, limit int) ([]token.Shipment, error)
	Alerts(ctx context.Context, q token.AlertQuery) ([]token.Alert, error)
	AlertRules(ctx context.Context, workspace string) ([]byte, error)
	Trail(ctx context.Context, t token.Trail) (page []*token.Event, next token.ID, err error)
}

// Config says what the face works with. All fields but WithoutBeCMS, Mail, Session
// and GitHub are required.
type Config struct {
	Authority    *authority.Authority
	Verifier     *verifier.Verifier
	Identity     *identity.Identity
	Store        Store
	Now          func() time.Time
	WithoutBeCMS bool // tokens are not issued here

	// Mail says whether letters are sent.
	Mail bool

	// Traffic counts a request of a protected service.
	Traffic func(token.Request)

	// Session returns the secret of the session that the browser holds, empty
	// without one; nil: nobody comes from the pages.
	Session func(*web.Call) string

	// GitHub is what GitHub signs with; nil: nothing is heard from it.
	GitHub *github.Keys

	// Jobs tells what happens by itself, and when it last did.
	Jobs func(ctx context.Context) ([]token.JobState, error)

	// Apply brings the server to what a resources file declares, if who may.
	Apply func(ctx context.Context, who token.Actor, from resources.Source, o resources.Options) (resources.Report, error)
}

// A Face serves /v1 and /verify. It is safe for use by many at once.
type Face struct {
	cfg   Config
	lists statusLists

	description func() ([]byte, error)
}

// New returns the face, ready to be hung.
func New(cfg Config) *Face {
	f := &Face{cfg: cfg, description: sync.OnceValues(assemble)}
	f.lists.build = f.buildStatusList
	return f
}

// Routes returns the map of the face.
func (f *Face) Routes() []web.Route {
	routes := []web.Route{
		f.open("GET /v1/tokens/{id}", f.getToken),
		f.open("POST /v1/tokens/{id}/revoke", f.revokeToken),
		f.admin("POST /v1/tokens/{id}/suspend", token.AdminWrite, f.suspendToken),
		f.admin("POST /v1/tokens/{id}/resume", token.AdminWrite, f.resumeToken),
		large(f.open("POST /v1/tokens/introspect", f.introspect)),
		f.open("GET /v1/scopes", f.listScopes),

		f.admin("GET /v1/clients", token.AdminRead, f.listClients),
		f.admin("GET /v1/clients/{id}", token.AdminRead, f.getClient),
		f.admin("POST /v1/clients/{id}/disable", token.AdminWrite, f.disableClient),
		f.admin("POST /v1/clients/{id}/enable", token.AdminWrite, f.enableClient),
		f.admin("POST /v1/clients/{id}/secrets", token.AdminWrite, f.addSecret),
		f.admin("DELETE /v1/clients/{id}/secrets/{secret}", token.AdminWrite, f.endSecret),

		f.admin("GET /v1/users", token.AdminRead, f.listUsers),
		f.admin("DELETE /v1/users/{id}", token.AdminWrite, f.removeUser),
		f.admin("GET /v1/audit", token.AdminRead, f.listEvents),
		file(f.guarded("POST /v1/apply", token.AdminWrite, (*caller).mayOperate, f.apply)),

		{Pattern: "/verify", Rule: web.Rule{Auth: web.AuthBearer, Body: web.NoBody, Shape: refuseVerify}, Handle: f.verify},
		{Pattern: "GET /v1/status-lists/{n}", Rule: web.Rule{Auth: web.AuthNone, Body: web.NoBody, CORS: true}, Handle: f.statusList},
		{Pattern: "GET /openapi.json", Rule: web.Rule{Auth: web.AuthNone, Body: web.NoBody, CORS: true}, Handle: f.describe},
		{Pattern: "GET /v1/openapi.json", Rule: web.Rule{Auth: web.AuthNone, Body: web.NoBody, CORS: true}, Handle: f.describe},
	}
	routes = append(routes, f.alertRoutes()...)
	routes = append(routes, f.webhookRoutes()...)
	routes = append(routes, f.rotationRoutes()...)
	routes = append(routes, f.keyRoutes()...)
	routes = append(routes, f.jobRoutes()...)
	routes = append(routes, f.expiryRoutes()...)
	routes = append(routes, f.calendarRoutes()...)
	routes = append(routes, f.policyRoutes()...)
	routes = append(routes, f.inventoryRoutes()...)
	routes = append(routes, f.useRoutes()...)
	routes = append(routes, f.invitationRoutes()...)
	routes = append(routes, f.leavingRoutes()...)
	routes = append(routes, f.impersonationRoutes()...)
	routes = append(routes, f.leakRoutes()...)
	if !f.cfg.WithoutBeCMS {
		routes = append(routes, f.open("POST /v1/tokens", f.issue))
	}
	return routes
}

// open is a route for every caller that is known; its handler decides what that
// one may do.
func (f *Face) open(pattern string, handle func(*web.Call, *caller) error) web.Route {
	return web.Route{Pattern: pattern, Rule: ruleOf(pattern, nil), Handle: func(c *web.Call) error {
		who, err := f.caller(c)
		if err != nil {
			return err
		}
		return handle(c, who)
	}}
}

// admin is a route for those who administrate the workspace.
func (f *Face) admin(pattern, scope string, handle func(*web.Call, *caller) error) web.Route {
	return f.guarded(pattern, scope, (*caller).mayAdministrate, handle)
}

// guarded is a route for those who may do what takes a scope.
func (f *Face) guarded(pattern, scope string, may func(*caller, string) error, handle func(*web.Call, *caller) error) web.Route {
	r := f.open(pattern, func(c *web.Call, who *caller) error {
		if err := may(who, scope); err != nil {
			return err
		}
		return handle(c, who)
	})
	r.Rule.Scope = token.Scopes{scope}
	return r
}

// ruleOf is what holds on all of /v1: client secrets travel here, so that no
// script of another origin may, and no answer is kept by anybody on the way.
func ruleOf(pattern string, scopes token.Scopes) web.Rule {
	rule := web.Rule{Auth: web.AuthBearer, Scope: scopes, Secret: true, NoForeignOrigin: true, Shape: refuse}
	method, path, _ := strings.Cut(pattern, " ")
	if method == http.MethodGet {
		rule.Body = web.NoBody
		return rule
	}
	rule.Mutates = path != "/v1/tokens/introspect"
	rule.Media = []string{"application/json"}
	return rule
}

// file lets a body be a resources file, alone or with what it names.
func file(r web.Route) web.Route {
	r.Rule.Body, r.Rule.Media = maxFile, []string{"application/yaml", "application/json", resources.ParcelType}
	return r
}

// large lets a body hold a hundred signed tokens.
func large(r web.Route) web.Route {
	r.Rule.Body = 1 << 20
	return r
}
