package authority

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// pendingFor is how long an authorize request waits for its person.
const pendingFor = 30 * time.Minute

// A Request is an authorize request, as every face that has one brings it to
// the one consent page.
type Request struct {
	Contract      string // hubspot, oauth2
	Client        string
	RedirectURI   string
	Scopes        token.Scopes // asked for
	Optional      token.Scopes // asked for where the account has them, dropped silently else
	State         string       // returned byte for byte
	Nonce         string
	Challenge     string // PKCE, S256
	Workspace     string // chosen by the address; empty: the person chooses
	Audience      string // resources, separated by spaces
	InstallableBy string // what the face requires where the client says nothing
	Installed     bool   // what is given belongs to the workspace, not to the person
	Issuer        bool   // the answer carries iss (RFC 9207)
	Again         string // path and query where it was asked, for somebody else to ask it anew; empty: not known
}

// RedirectTarget returns the client whose registered redirect URI this is,
// byte for byte; a native client's loopback address may have any port (RFC
// 8252, 7.3). Until it returns, nothing is redirected anywhere.
func (a *Authority) RedirectTarget(ctx context.Context, client, redirectURI string) (*token.Client, error) {
	c, err := a.cfg.Judge.Client(ctx, client)
	if err != nil {
		return nil, err
	}
	if c == nil || c.DisabledAt != 0 {
		return nil, token.Errorf(token.InvalidClient, "the application is not known here or is disabled").Because(token.UnknownClient)
	}
	for _, registered := range c.RedirectURIs {
		if registered == redirectURI || isNative(c) && sameLoopback(registered, redirectURI) {
			return c, nil
		}
	}
	return nil, token.Errorf(token.InvalidRequest, "redirect_uri is not one that the application has registered").Because(token.RedirectMismatch)
}

// isNative reports whether the client is registered as a native application.
func isNative(c *token.Client) bool {
	var meta struct {
		Type string `json:"application_type"`
	}
	return json.Unmarshal([]byte(c.Metadata), &meta) == nil && meta.Type == "native"
}

// sameLoopback compares two URIs of a loopback address but for the port. The
// name localhost is never meant: it may be resolved to anything.
func sameLoopback(registered, got string) bool {
	r, err := url.Parse(registered)
	if err != nil || r.Scheme != "http" || !loopbackIP(r.Hostname()) {
		return false
	}
	g, err := url.Parse(got)
	if err != nil || g.User != nil || g.Hostname() != r.Hostname() || g.Host != g.Hostname() && !isPort(g) {
		return false
	}
	r.Host, g.Host = "", ""
	return r.String() == g.String() && strings.HasPrefix(got, "http://") && !strings.ContainsAny(got, "@\\#")
}

// isPort reports whether a URI has a port that somebody can listen on.
func isPort(u *url.URL) bool {
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && n > 0
}

func loopbackIP(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// CheckRequest refuses a request that no person could approve: a grant the
// client is not registered for, scopes that are unknown or not its own; and one
// without the proof that the client's home, or the workspace that is named, asks
// for. What the others ask for stands in their Choice.
func (a *Authority) CheckRequest(ctx context.Context, c *token.Client, q Request) error {
	if !c.Grants("authorization_code") {
		return token.Errorf(token.UnauthorizedClient, "the application is not registered for authorization_code")
	}
	if c.Demands.Pushed || c.Demands.Signed {
		return token.Errorf(token.InvalidRequest, "the application is registered for pushed or signed requests, which are not served yet")
	}
	if c.Public() && q.Challenge == "" {
		// Whoever catches the code of a client without a secret could redeem it
		// (RFC 9700, 2.1.1); no contract lets that be.
		return token.Errorf(token.InvalidRequest, "the application has no secret, so that it has to send code_challenge (RFC 7636)")
	}
	for _, id := range [2]string{c.Workspace, q.Workspace} {
		w, err := a.cfg.Judge.Workspace(ctx, id)
		if err != nil {
			return err
		}
		if err := a.checkProof(w, q); err != nil {
			return err
		}
	}
	if len(q.Scopes) == 0 {
		return token.Errorf(token.InvalidScope, "name at least one scope")
	}
	for _, s := range q.Scopes {
		if !a.Known(s) {
			return token.Errorf(token.InvalidScope, "scope %s is not known here", s).Because(token.ScopesMismatch)
		}
		if !c.Scope.Has(s) && (q.Installed || !c.OptionalScope.Has(s)) {
			return token.Errorf(token.InvalidScope, "scope %s is not one that the application has registered", s).Because(token.ScopesMismatch)
		}
	}
	return nil
}

// checkProof refuses a request without PKCE where a workspace, which may be nil,
// requires it.
func (a *Authority) checkProof(w *token.Workspace, q Request) error {
	if w == nil || q.Challenge != "" || !w.Policy.At(a.cfg.Now().UnixMilli()).RequirePKCE {
		return nil
	}
	return token.Errorf(token.InvalidRequest, "code_challenge is required by the workspace (RFC 7636)")
}

// Begin keeps a request until its person answers. It is written only for
// somebody who is signed in, and a bounded number for each session.
func (a *Authority) Begin(ctx context.Context, session *token.Token, q Request) (token.ID, error) {
	text, err := json.Marshal(q)
	if err != nil {
		return 0, fmt.Errorf("write a request: %w", err)
	}
	now := a.cfg.Now()
	p := &token.Authorization{
		ID: token.NewID(now, token.Long), Session: session.ID, Client: q.Client, Contract: q.Contract, Request: string(text),
		State: token.Pending, ExpiresAt: now.Add(pendingFor).UnixMilli(),
	}
	return p.ID, a.cfg.Store.Do(ctx, func(tx Tx) error { return tx.InsertAuthorization(ctx, p) })
}

// A Choice is a workspace that a request may be approved for, and what stands
// in the way, if anything does.
type Choice struct {
	Workspace *token.Workspace
	Optional  token.Scopes // of the optional scopes, those that person and workspace hold
	Missing   token.Scopes // required scopes that the person may not give there
	Refusal   error        // why it cannot be chosen; nil if it can
	Ask       string       // the role of those who may choose it, where only this person may not
}

// Asked is a pending request as its person sees it.
type Asked struct {
	Request Request
	Client  *token.Client
	Choices []Choice
}

// Pending returns a request that waits for the person of this session. A
// request of another session, an answered and an expired one are NotFound.
func (a *Authority) Pending(ctx context.Context, session *token.Token, id token.ID) (*Asked, error) {
	p, err := a.cfg.Store.Authorization(ctx, id)
	if err != nil {
		return nil, err
	}
	if p == nil || p.Session != session.ID || p.State != token.Pending || a.cfg.Now().UnixMilli() >= p.ExpiresAt {
		return nil, requestOver()
	}
	asked := &Asked{}
	if err := json.Unmarshal([]byte(p.Request), &asked.Request); err != nil {
		return nil, fmt.Errorf("read a request: %w", err)
	}
	if asked.Client, err = a.RedirectTarget(ctx, p.Client, asked.Request.RedirectURI); err != nil {
		return nil, err
	}
	person, err := a.cfg.Judge.Person(ctx, session.Person)
	if err != nil || person == nil {
		return nil, orElse(err, token.Errorf(token.AccessDenied, "the person is not known here"))
	}
	for _, m := range person.Live() {
		if asked.Request.Workspace != "" && m.Workspace != asked.Request.Workspace {
			continue
		}
		choice, err := a.choice(ctx, asked, m)
		if err != nil {
			return nil, err
		}
		if choice.Workspace != nil {
			asked.Choices = append(asked.Choices, choice)
		}
	}
	return asked, nil
}

// requestOver refuses a request that nobody waits for any more.
func requestOver() *token.Refusal {
	return token.Errorf(token.NotFound, "this request has expired or was answered; begin again in the application").Because(token.Expired)
}

// choice weighs one membership: whether the application may be there, and
// whether this person may let it in.
func (a *Authority) choice(ctx context.Context, asked *Asked, m *token.Membership) (Choice, error) {
	w, err := a.cfg.Judge.Workspace(ctx, m.Workspace)
	if err != nil || w == nil || w.DisabledAt != 0 {
		return Choice{}, err
	}
	ch := Choice{Workspace: w}
	q, c := asked.Request, asked.Client
	may := func(s string) bool { return a.Known(s) && w.MayHold(m, s) }
	ch.Missing = q.Scopes.Filter(func(s string) bool { return !may(s) })
	ch.Optional = q.Optional.Filter(func(s string) bool { return may(s) && c.OptionalScope.Has(s) })
	by := orDefault(c.InstallableBy, q.InstallableBy)
	lacks := ch.Missing.Filter(func(s string) bool { return !token.IsAdmin(s) && !w.Has(s) })
	unproved := a.checkProof(w, q)
	switch {
	case unproved != nil:
		ch.Refusal = unproved
	case !c.MayOpen(w.ID):
		ch.Refusal = token.Errorf(token.AccessDenied, "the application is not offered to this workspace")
	case len(lacks) > 0:
		ch.Refusal = token.Errorf(token.AccessDenied, "the workspace does not have %s, which the application requires", lacks).Because(token.WorkspaceLacks)
	case !mayInstall(m, by) || len(ch.Missing) > 0:
		ch.Ask, ch.Refusal = ask(by, ch.Missing)
	}
	return ch, nil
}

// ask returns the role of those who may let an application in which a member may
// not, and the refusal. Who has a narrower role than an admin's may lack scopes
// too.
func ask(by string, missing token.Scopes) (role string, refusal error) {
	why := ""
	if len(missing) > 0 {
		why = ": you do not hold " + missing.String()
	}
	if by == token.SuperAdmin {
		return by, token.Errorf(token.AccessDenied, "a super admin has to let this application in%s", why).Because(token.NeedsSuperAdmin)
	}
	return token.Admin, token.Errorf(token.AccessDenied, "an admin has to let this application in%s", why).Because(token.NeedsAdmin)
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func mayInstall(m *token.Membership, by string) bool {
	switch by {
	case token.SuperAdmin:
		return m.Role == token.SuperAdmin
	case token.Admin:
		return m.IsAdmin()
	}
	return true
}

// Admins returns up to five of those who have a role that Choice.Ask names, or a
// wider one, for the page that says whom to ask.
func (a *Authority) Admins(ctx context.Context, workspace, role string) ([]*token.Person, error) {
	const most = 5
	list, err := a.cfg.Store.PeopleWithRole(ctx, workspace, role, most)
	if err != nil || role == token.SuperAdmin || len(list) == most {
		return list, err
	}
	more, err := a.cfg.Store.PeopleWithRole(ctx, workspace, token.SuperAdmin, most-len(list))
	return append(list, more...), err
}

// find returns the choice of a workspace; with none named, the only one there is.
func (q *Asked) find(workspace string) (*Choice, error) {
	if workspace == "" && len(q.Choices) == 1 {
		return &q.Choices[0], nil
	}
	i := slices.IndexFunc(q.Choices, func(c Choice) bool { return c.Workspace.ID == workspace })
	if i < 0 {
		return nil, token.Errorf(token.AccessDenied, "choose one of your accounts")
	}
	return &q.Choices[i], nil
}
