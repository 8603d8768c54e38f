package oauth

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// What RFC 9101 and OpenID Connect Core (3.1.2.6) call what we do not take.
const (
	requestNotSupported    token.Code = "request_not_supported"
	requestURINotSupported token.Code = "request_uri_not_supported"
)

// authorize is the authorization endpoint (RFC 6749, 3.1). Until client and
// redirect URI are found right nothing is redirected, and what is wrong is told
// on a page of ours; from then on the application is told. What a person may
// give, and whether they do, is asked on the consent page and nowhere else: no
// parameter answers it.
func (f *Face) authorize(c *web.Call) error {
	asked, err := parameters(c)
	if err != nil {
		return err
	}
	client, err := f.target(c, asked)
	if err != nil {
		return err
	}
	c.SetClient(client.ID)
	q := authority.Request{
		Contract: contract, Client: client.ID, RedirectURI: asked.Get("redirect_uri"), State: asked.Get("state"), Nonce: asked.Get("nonce"),
		Challenge: asked.Get("code_challenge"), InstallableBy: token.Member, Issuer: true, Again: again(asked),
	}
	to, err := f.next(c, client, &q, asked)
	if r := token.AsRefusal(err); r != nil && forApplication(r.Code) {
		return c.Redirect(f.cfg.Authority.RedirectError(q, token.Errorf(r.Code, "%s", web.Plain(r.Text))))
	}
	if err != nil {
		return err
	}
	return c.Redirect(to)
}

// parameters reads what is asked, from the query or a form. The ones we know
// may repeat here, so that the application can be told that they must not.
func parameters(c *web.Call) (web.Form, error) {
	known := []string{
		"response_type", "response_mode", "client_id", "redirect_uri", "scope", "state", "nonce", "prompt", "code_challenge",
		"code_challenge_method", "request", "request_uri", "resource",
	}
	if c.Request.Method == http.MethodPost {
		return c.Form(known...)
	}
	return c.Query(known...)
}

// target returns the client, when it may be answered by a redirect.
func (f *Face) target(c *web.Call, asked web.Form) (*token.Client, error) {
	for _, name := range []string{"client_id", "redirect_uri"} {
		if len(asked.All(name)) != 1 || asked.Get(name) == "" {
			return nil, token.Errorf(token.InvalidRequest, "the application has to send %s once", name)
		}
	}
	client, err := f.cfg.Authority.RedirectTarget(c.Context(), asked.Get("client_id"), asked.Get("redirect_uri"))
	if err != nil {
		return nil, err
	}
	if !client.Grants(byCode) {
		return nil, token.Errorf(token.UnauthorizedClient, "the application is not registered for %s", byCode)
	}
	return client, nil
}

// next returns where the browser goes: to sign in, or to the consent page.
func (f *Face) next(c *web.Call, client *token.Client, q *authority.Request, asked web.Form) (string, error) {
	if err := checkShape(asked); err != nil {
		return "", err
	}
	if err := f.aim(c, client, q, asked); err != nil {
		return "", err
	}
	prompt := strings.Fields(asked.Get("prompt"))
	silent := slices.Contains(prompt, "none")
	if silent && len(prompt) > 1 {
		return "", token.Errorf(token.InvalidRequest, "prompt has none beside something else")
	}
	session, err := f.cfg.Pages.Session(c)
	switch {
	case err != nil:
		return "", err
	case session == nil && silent:
		return "", token.Errorf(token.LoginRequired, "nobody is signed in")
	case silent:
		return "", token.Errorf(token.ConsentRequired, "the person is asked each time")
	case session == nil, slices.Contains(prompt, "login"), slices.Contains(prompt, "select_account"):
		return signIn(q.Again, session != nil)
	}
	id, err := f.cfg.Authority.Begin(c.Context(), session.Token, *q)
	if err != nil {
		return "", err
	}
	return "/panel/consent?request=" + id.String(), nil
}

// checkShape refuses a request that is not one for a code with a proof of who
// asked for it (RFC 7636 with S256, for every client: RFC 9700, 2.1.1).
func checkShape(asked web.Form) error {
	for _, name := range asked.Names() {
		if name != "resource" && len(asked.All(name)) > 1 {
			return token.Errorf(token.InvalidRequest, "%s is sent more than once", name)
		}
	}
	mode, method := asked.Get("response_mode"), asked.Get("code_challenge_method")
	switch {
	case asked.Get("request") != "":
		return token.Errorf(requestNotSupported, "request objects are not taken here: send the parameters themselves")
	case asked.Get("request_uri") != "":
		return token.Errorf(requestURINotSupported, "request_uri is not taken here: send the parameters themselves")
	case asked.Get("response_type") == "":
		return token.Errorf(token.InvalidRequest, "response_type is missing")
	case asked.Get("response_type") != "code":
		return token.Errorf(token.UnsupportedResponse, "only the response type code is served")
	case mode != "" && mode != "query":
		return token.Errorf(token.InvalidRequest, "only the response mode query is served")
	case asked.Get("code_challenge") == "":
		return token.Errorf(token.InvalidRequest, "code_challenge is missing (RFC 7636)")
	case method != "S256":
		return token.Errorf(token.InvalidRequest, "code_challenge_method has to be S256")
	case !isChallenge(asked.Get("code_challenge")):
		return token.Errorf(token.InvalidRequest, "code_challenge is not the SHA-256 of a verifier in base64url")
	}
	return nil
}

// isChallenge reports whether s can be 32 bytes in base64url without padding.
func isChallenge(s string) bool {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return len(s) == 43 && strings.Trim(s, alphabet) == ""
}

// aim fills in what is asked for: scopes, and the resources they are for (RFC
// 8707). A resource of another workspace than the client's binds the request
// to that workspace.
func (f *Face) aim(c *web.Call, client *token.Client, q *authority.Request, asked web.Form) (err error) {
	if q.Scopes, err = scopesOf(asked); err != nil {
		return err
	}
	if err := f.cfg.Authority.CheckRequest(c.Context(), client, *q); err != nil {
		return err
	}
	to, err := f.cfg.Authority.Target(c.Context(), client, "", filled(asked.All("resource")), q.Scopes)
	q.Audience, q.Workspace = to.Audience, to.Workspace
	return err
}

// forApplication tells the refusals that the application hears of from those
// that stay with the person: what is ours to mend.
func forApplication(code token.Code) bool {
	switch code {
	case token.InvalidRequest, token.UnsupportedResponse, token.InvalidScope, token.InvalidTarget, token.LoginRequired,
		token.ConsentRequired, token.AccessDenied, requestNotSupported, requestURINotSupported:
		return true
	}
	return false
}

// again returns path and query of the same request for a person who has signed
// in meanwhile: prompt no longer asks for that, or it would for ever.
func again(asked web.Form) string {
	query := url.Values{}
	for _, name := range asked.Names() {
		query[name] = asked.All(name)
	}
	rest := slices.DeleteFunc(strings.Fields(asked.Get("prompt")), func(word string) bool {
		return word == "login" || word == "select_account"
	})
	query.Del("prompt")
	if len(rest) > 0 {
		query.Set("prompt", strings.Join(rest, " "))
	}
	return "/oauth2/authorize?" + query.Encode()
}

// longestReturn is how much of a request the sign-in page can carry, in bytes:
// one parameter.
const longestReturn = 4096

// signIn returns the sign-in page, from where the person comes back. Anew asks
// somebody who is signed in to show who they are once more.
func signIn(back string, anew bool) (string, error) {
	if len(back) > longestReturn {
		return "", token.Errorf(token.InvalidRequest, "the request is over %d bytes; keep its state short", longestReturn)
	}
	to := url.Values{"next": {back}}
	if anew {
		to.Set("prompt", "login")
	}
	return "/panel/login?" + to.Encode(), nil
}
