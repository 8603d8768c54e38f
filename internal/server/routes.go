package server

import (
	"fmt"
	"slices"
	"time"

	"github.com/fichadev/ficha/internal/api"
	"github.com/fichadev/ficha/internal/dialect"
	"github.com/fichadev/ficha/internal/github"
	"github.com/fichadev/ficha/internal/oauth"
	"github.com/fichadev/ficha/internal/panel"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/upstream"
	"github.com/fichadev/ficha/internal/web"
)

// mount hangs every face on the floor. A route without a rule cannot be hung.
func (s *Server) mount() error {
	heard, err := s.github()
	if err != nil {
		return err
	}
	for _, routes := range [][]web.Route{
		s.health(),
		s.Panel.Routes(),
		oauth.New(oauth.Config{Authority: s.Authority, Verifier: s.Verifier, Ring: s.Ring, Pages: s.Panel, Now: s.Config.Now}).Routes(),
		api.New(api.Config{
			Authority: s.Authority, Verifier: s.Verifier, Identity: s.Identity, Store: s.Store, Now: s.Config.Now,
			Session: s.Panel.SessionSecret, Traffic: s.Metrics.Traffic.Note, Apply: s.ApplyFile, Jobs: s.JobStates, GitHub: heard, WithoutBeCMS: slices.Contains(s.Config.Without, "becms"),
			Mail: s.Mail != nil,
		}).Routes(),
		s.guests(),
	} {
		if err := s.Floor.Mount(routes...); err != nil {
			return fmt.Errorf("mount routes: %w", err)
		}
	}
	return nil
}

// github returns the keys of GitHub, nil where nothing is heard from it.
func (s *Server) github() (*github.Keys, error) {
	if s.Config.GitHubKeys == "" {
		return nil, nil
	}
	return github.NewKeys(s.Config.GitHubKeys, s.Config.Now)
}

// upstream returns the provider that people may sign in with, nil for none.
func (s *Server) upstream() (*upstream.Provider, error) {
	if s.Config.Upstream == (upstream.Config{}) {
		return nil, nil
	}
	return upstream.New(s.Config.Upstream, s.Config.Issuer+panel.UpstreamCallback, s.Config.Now)
}

// guests are the routes of the vendors' contracts that are not switched off.
func (s *Server) guests() []web.Route {
	var all []web.Route
	for _, guest := range []struct {
		contract string
		routes   []web.Route
	}{
		{"chronos", dialect.NewChronos(dialect.ChronosConfig{Authority: s.Authority, Identity: s.Identity}).Routes()},
		{"contentful", dialect.NewContentful(dialect.ContentfulConfig{
			Authority: s.Authority, Identity: s.Identity, Verifier: s.Verifier, Store: s.Store,
		}).Routes()},
		{"hubspot", dialect.NewHubSpot(dialect.HubSpotConfig{
			Authority: s.Authority, Verifier: s.Verifier, Accounts: s.Store, Pages: s.Panel, QuerySecret: s.Metrics.QuerySecret,
		}).Routes()},
		{"fanbase", dialect.NewFanbase(dialect.FanbaseConfig{Authority: s.Authority, QuerySecret: s.Metrics.QuerySecret}).Routes()},
	} {
		if !slices.Contains(s.Config.Without, guest.contract) {
			all = append(all, guest.routes...)
		}
	}
	return all
}

// health are the routes for those who watch the server.
func (s *Server) health() []web.Route {
	metrics := s.Metrics.Handler()
	return []web.Route{
		{Pattern: "GET /healthz", Rule: web.Rule{Auth: web.AuthNone, Body: web.NoBody}, Handle: func(c *web.Call) error {
			return c.WriteJSON(200, map[string]string{"status": "alive"})
		}},
		{Pattern: "GET /readyz", Rule: web.Rule{Auth: web.AuthNone, Body: web.NoBody}, Handle: s.ready},
		{Pattern: "GET /metrics", Rule: web.Rule{Auth: web.AuthNone, Body: web.NoBody}, Handle: func(c *web.Call) error {
			metrics.ServeHTTP(c, c.Request)
			return nil
		}},
	}
}

// ready answers 200 when the server can issue and verify.
func (s *Server) ready(c *web.Call) error {
	if _, err := s.Verifier.Workspace(c.Context(), "ready"); err != nil {
		return err
	}
	if err := s.Store.Ping(c.Context()); err != nil {
		return token.Unreachable(err)
	}
	if err := s.Store.Able(c.Context()); err != nil {
		return err
	}
	if skew := time.Duration(s.skew.Load()); skew.Abs() > mostSkew {
		return token.Unreachable(fmt.Errorf("the clock is %v from the database's", skew))
	}
	return c.WriteJSON(200, map[string]string{"status": "ready"})
}
