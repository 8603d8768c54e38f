package dialect

import (
	"context"
	"net/url"
	"strconv"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// authorize keeps an app's request for the one consent page. Whatever is wrong
// with it ends on a page of ours: the contract sends the browser back with a
// code or not at all.
func (h *HubSpot) authorize(c *web.Call) error {
	account, err := hubspotAccount(c)
	if err != nil {
		return err
	}
	request, err := h.request(c)
	if err != nil {
		return err
	}
	session, err := h.cfg.Pages.Session(c)
	if err != nil {
		return err
	}
	if session == nil {
		return c.Redirect("/panel/login?next=" + url.QueryEscape(request.Again))
	}
	if request.Workspace, err = h.workspace(c.Context(), session, account); err != nil {
		return err
	}
	id, err := h.cfg.Authority.Begin(c.Context(), session.Token, request)
	if err != nil {
		return err
	}
	return c.Redirect("/panel/consent?request=" + id.String())
}

// request reads a request for an app. Where it would send the browser is
// checked first.
func (h *HubSpot) request(c *web.Call) (authority.Request, error) {
	query, err := c.Query()
	if err != nil {
		return authority.Request{}, err
	}
	app, err := h.cfg.Authority.RedirectTarget(c.Context(), query.Get("client_id"), query.Get("redirect_uri"))
	if err != nil {
		return authority.Request{}, err
	}
	c.SetClient(app.ID)
	q := authority.Request{
		Contract: "hubspot", Client: app.ID, RedirectURI: query.Get("redirect_uri"), State: query.Get("state"),
		Installed: true, InstallableBy: token.SuperAdmin, Again: c.Request.URL.RequestURI(),
	}
	// The contract has no response_type. Programs of the standard send it.
	if kind := query.Get("response_type"); kind != "" && kind != "code" {
		return q, token.Errorf(token.UnsupportedResponse, "response_type may only be code")
	}
	if q.Challenge, err = hubspotChallenge(query); err != nil {
		return q, err
	}
	if q.Scopes, err = token.ParseScopes(query.Get("scope")); err != nil {
		return q, err
	}
	if q.Optional, err = token.ParseScopes(query.Get("optional_scope")); err != nil {
		return q, err
	}
	if left := q.Scopes.Missing(app.Scope); left != nil {
		return q, token.Errorf(token.InvalidScope, "the application requires scope %s, which the link leaves out", left).Because(token.ScopesTooFew)
	}
	return q, h.cfg.Authority.CheckRequest(c.Context(), app, q)
}

// hubspotChallenge reads the PKCE challenge of an app that has one (RFC 7636,
// 4.3). A challenge without a method would be plain, which is not served.
func hubspotChallenge(query web.Form) (string, error) {
	challenge, method := query.Get("code_challenge"), query.Get("code_challenge_method")
	switch {
	case challenge == "" && method == "":
		return "", nil
	case method != "S256":
		return "", token.Errorf(token.InvalidRequest, "code_challenge_method may only be S256")
	case len(challenge) != 43: // SHA-256 in base64url
		return "", token.Errorf(token.InvalidRequest, "code_challenge must have 43 characters")
	}
	return challenge, nil
}

// hubspotAccount returns the number of the account in the path, 0 if the path
// names none.
func hubspotAccount(c *web.Call) (int64, error) {
	text := c.Request.PathValue("account")
	if text == "" {
		return 0, nil
	}
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number <= 0 || strconv.FormatInt(number, 10) != text { // a number has one spelling
		return 0, token.Errorf(token.NotFound, "there is nothing here")
	}
	return number, nil
}

// workspace returns the workspace of an account, "" for none. An account that
// is unknown and one that the person is no member of are the same.
func (h *HubSpot) workspace(ctx context.Context, session *token.Record, account int64) (string, error) {
	if account == 0 {
		return "", nil
	}
	id, err := h.cfg.Accounts.WorkspaceNumbered(ctx, account)
	if err != nil {
		return "", err
	}
	if id == "" || session.Person == nil || !session.Person.In(id).Live() {
		return "", token.Errorf(token.NotFound, "this account is not one of yours")
	}
	return id, nil
}
