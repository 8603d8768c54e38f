package api

import (
	"cmp"
	"strings"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/verifier"
	"github.com/fichadev/ficha/internal/web"
)

// A caller is who asks, proven: a program by its own secret, the holder of a
// token, or a person signed in to the pages.
type caller struct {
	client    *token.Client // shown by its secret; nil: a token was
	record    *token.Record // of the token or session
	verdict   token.Verdict // what the token opens
	workspace string        // empty where a token opens several and none was named
	elsewhere bool          // the token is for other resources than this API
	actor     token.Actor
	judge     *verifier.Verifier // hears what the token was needed for; nil: nobody does
}

// workspaceHeader names the workspace that is meant.
const workspaceHeader = "X-Workspace-Id"

// caller finds out who asks. A bearer secret that is one of our tokens is that
// token; any other is a client's secret, which needs the workspace beside it.
// Who shows nothing may be signed in to the pages.
func (f *Face) caller(c *web.Call) (*caller, error) {
	workspace, named, err := namedWorkspace(c)
	if err != nil {
		return nil, err
	}
	id, proof, err := c.Basic()
	if err != nil {
		return nil, err
	}
	if proof != nil {
		return f.program(c, workspace, named, id, proof...)
	}
	secret, err := c.Bearer()
	if err != nil {
		return f.person(c, workspace, err)
	}
	format := f.cfg.Authority.Format()
	if !strings.HasPrefix(secret, format.Prefix(token.ClientSecret)) {
		who, err := f.holder(c, workspace, secret)
		if who != nil || err != nil {
			return who, err
		}
		if _, ours := format.Address(secret); ours && !named {
			return nil, token.Errorf(token.InvalidToken, "the token is not known here; check that it is whole, or get a new one")
		}
	}
	return f.program(c, workspace, named, "", secret)
}

// namedWorkspace returns the workspace of the header. One that is empty or
// repeated may have been meant otherwise by a proxy before us.
func namedWorkspace(c *web.Call) (workspace string, named bool, err error) {
	lines := c.Request.Header[workspaceHeader]
	switch {
	case len(lines) == 0:
		return "", false, nil
	case len(lines) > 1 || lines[0] == "" || len(lines[0]) > 128:
		return "", true, token.Errorf(token.InvalidRequest, "the header %s must stand once and name one workspace", workspaceHeader)
	}
	return lines[0], true, nil
}

// program is a caller with a client secret, id being empty where it came as a
// bearer secret. A workspace that is foreign or unknown is the same refusal as a
// wrong secret.
func (f *Face) program(c *web.Call, workspace string, named bool, id string, secret ...string) (*caller, error) {
	if !named {
		return nil, token.Errorf(token.InvalidRequest,
			"no such token is known here; if this is a client secret, name its workspace in the header %s", workspaceHeader)
	}
	var client *token.Client
	var err error
	if id == "" {
		client, err = f.cfg.Authority.ClientBySecret(c.Context(), c.Actor(), workspace, secret[0])
	} else {
		client, err = f.cfg.Authority.ClientOf(c.Context(), c.Actor(), workspace, id, secret...)
	}
	if err != nil {
		return nil, err
	}
	c.SetActor(token.Actor{Kind: token.App, ID: client.ID, Name: client.Name, Workspace: workspace})
	c.SetClient(client.ID)
	return &caller{client: client, workspace: workspace, actor: c.Actor()}, nil
}

// holder is a caller with a token, nil if the secret is none of ours.
func (f *Face) holder(c *web.Call, workspace, secret string) (*caller, error) {
	r, v, err := f.cfg.Verifier.Judge(c.Context(), secret, token.Use{
		Now: c.Now().UnixMilli(), Surface: token.AtAPI, Workspace: workspace, AnyWorkspace: true,
		Address: c.Address(), Agent: c.Agent(), Route: c.Pattern(),
	})
	switch {
	case r == nil && token.Is(err, token.InvalidToken):
		return nil, nil
	case err != nil:
		return nil, err
	}
	c.SetActor(token.ActorOf(r, v))
	c.SetClient(r.Token.Client)
	elsewhere := !r.Token.IsFor(f.cfg.Authority.Issuer())
	return &caller{record: r, verdict: v, workspace: v.Workspace, elsewhere: elsewhere, actor: c.Actor(), judge: f.cfg.Verifier}, nil
}

// person is a caller who is signed in to the pages and shows nothing else; it
// returns the refusal for who is not. They hold what their role allows in the
// workspace. The cookie comes along by itself: the rule of every route here,
// NoForeignOrigin, keeps other sites from using it, since browsers name the
// origin of all that changes something.
func (f *Face) person(c *web.Call, workspace string, nothing error) (*caller, error) {
	refusal := token.AsRefusal(nothing)
	if f.cfg.Session == nil || refusal == nil || refusal.Reason != token.MissingToken {
		return nil, nothing
	}
	secret := f.cfg.Session(c)
	if secret == "" {
		return nil, nothing
	}
	r, v, err := f.cfg.Verifier.Judge(c.Context(), secret, token.Use{
		Now: c.Now().UnixMilli(), Surface: token.AtPages, Workspace: workspace, AnyWorkspace: true,
		Address: c.Address(), Agent: c.Agent(), Route: c.Pattern(),
	})
	if err != nil {
		return nil, err
	}
	if demanding, err := f.cfg.Identity.OwesSecond(c.Context(), r.Person); err != nil || demanding != "" {
		return nil, cmp.Or(err, error(token.Errorf(token.Forbidden, "the workspace %s asks for a second factor: set one up at %s/panel/security", demanding, f.cfg.Authority.Issuer())))
	}
	v.Scopes = token.Scopes{token.AdminRead, token.AdminWrite}
	if v.Workspace != "" && !v.Membership.IsAdmin() {
		v.Scopes = nil
	}
	c.SetActor(token.ActorOf(r, v))
	return &caller{record: r, verdict: v, workspace: v.Workspace, actor: c.Actor()}, nil
}

// mayAdministrate refuses who does not hold an administration scope in the
// workspace.
func (k *caller) mayAdministrate(scope string) error {
	if err := k.administrates(scope); err != nil {
		return err
	}
	if k.workspace == "" {
		return token.Errorf(token.WorkspaceRequired, "the token opens several workspaces: name one in the header %s", workspaceHeader)
	}
	k.needed(scope)
	return nil
}

// mayOperate refuses who does not hold an administration scope, for what concerns
// the server as a whole: no workspace has to be named, and the authority asks for
// more than the scope.
func (k *caller) mayOperate(scope string) error {
	err := k.administrates(scope)
	if err == nil {
		k.needed(scope)
	}
	return err
}

// administrates refuses who shows nothing that administrates. The role behind the
// token is the judge's to see: a scope that it no longer allows is not in the
// verdict.
func (k *caller) administrates(scope string) error {
	if k.client != nil {
		return token.Errorf(token.Forbidden, "a client secret looks after its own tokens only; use a token with %s", scope)
	}
	if k.elsewhere {
		return token.Errorf(token.InvalidToken, "the token is for another audience").Because(token.WrongAudience)
	}
	if missing := k.verdict.Scopes.Missing(token.Scopes{scope}); missing != nil {
		return &token.Refusal{Code: token.InsufficientScope, Text: "the token lacks " + missing.String(), Scope: missing}
	}
	switch k.record.Token.Kind {
	case token.Personal, token.Service, token.Session:
	default:
		return token.Errorf(token.Forbidden, "administration takes a personal or a service token")
	}
	return nil
}

// needed tells what the token was needed for.
func (k *caller) needed(scope string) {
	if k.judge != nil {
		k.judge.Needed(k.record.Token.ID, token.Scopes{scope})
	}
}

// name is what the caller is known by across its requests.
func (k *caller) name() string {
	if k.client != nil {
		return "client:" + k.client.ID
	}
	return "token:" + k.record.Token.Credential.String()
}

// is reports whether the caller shows the very credential.
func (k *caller) is(t *token.Token) bool {
	return k.record != nil && k.record.Token.Credential == t.Credential
}

// asPerson is the actor for deeds that rest on a person's rights: a service token
// acts there as its maker.
func (k *caller) asPerson() token.Actor {
	who := k.actor
	if who.Kind == token.App && k.record != nil && k.record.Sponsor != nil {
		who.Kind, who.ID, who.Name = token.User, k.record.Sponsor.ID, k.record.Sponsor.Email
	}
	return who
}
