package authority

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/fichadev/ficha/internal/token"
)

// The longest lists of a client that people register.
const (
	mostRedirects   = 32
	mostRedirectLen = 2048
)

// registered are the fields that people fill in, under the names that a
// resources file gives them. The others of a client stay as they are.
var registered = [...]string{
	"client_name", "description", "token_endpoint_auth_method", "redirect_uris", "grant_types", "scope", "optional_scope", "distribution",
	"installable_by", "access_token_ttl", "metadata",
}

// NewClientID returns an id for a client that people register. A form that holds
// it makes one client, however often it is sent.
func (a *Authority) NewClientID() string {
	return clientIDs + token.NewID(a.cfg.Now(), token.Long).String()
}

// clientIDs is how the ids of those clients begin.
const clientIDs = "app_"

func isClientID(id string) bool {
	rest, begins := strings.CutPrefix(id, clientIDs)
	_, ok := token.ParseID(rest)
	return begins && ok
}

// Register makes a client of a workspace from what people fill in, under an id
// of NewClientID, or changes the one that has its id. A new one has no secret
// yet: AddSecret makes one. It takes an admin of the workspace. It refuses with
// Invalid, at the field, what no client can be; with Conflict to change one that
// is disabled; with NotFound another id that no client of the workspace has.
func (a *Authority) Register(ctx context.Context, who token.Actor, d token.Client) error {
	had, err := a.cfg.Judge.Client(ctx, d.ID)
	if err != nil {
		return err
	}
	if had == nil && isClientID(d.ID) {
		had = &token.Client{Workspace: d.Workspace}
	}
	if had == nil || had.Workspace != d.Workspace {
		return token.Errorf(token.NotFound, "there is no such client in this workspace")
	}
	if err := checkRegistration(&d, had); err != nil {
		return err
	}
	if d.Metadata, err = registration(&d); err != nil {
		return err
	}
	out, err := a.PutClient(ctx, who, &d, "", Options{Only: registered[:]})
	if err == nil && out == KeptEnded {
		err = token.Errorf(token.Conflict, "the client is disabled; enable it first")
	}
	return err
}

// registration returns what is filled in as RFC 7591 writes it. A program with a
// scheme of its own is a native one.
func registration(d *token.Client) (string, error) {
	kind := "web"
	for _, raw := range d.RedirectURIs {
		if u, err := url.Parse(raw); err == nil && u.Scheme != "https" && u.Scheme != "http" {
			kind = "native"
		}
	}
	text, err := json.Marshal(map[string]any{
		"client_name": d.Name, "redirect_uris": d.RedirectURIs, "grant_types": d.GrantTypes, "token_endpoint_auth_method": d.AuthMethod,
		"scope": d.Scope.String(), "application_type": kind,
	})
	if err != nil {
		return "", fmt.Errorf("write a registration: %w", err)
	}
	return string(text), nil
}

// checkRegistration refuses what no client that people register can be; fields
// have the names of RFC 7591 where it has one. What one has that was declared
// otherwise, it may keep.
func checkRegistration(d, had *token.Client) error {
	if err := checkWords(d); err != nil {
		return err
	}
	if d.AuthMethod != had.AuthMethod && !slices.Contains([]string{ByBasic, ByPost, ByNone}, d.AuthMethod) {
		return token.AtField("token_endpoint_auth_method", "must be %s, %s or %s", ByBasic, ByPost, ByNone)
	}
	if d.Public() && (had.MayImpersonate || had.Introspect == "workspace") {
		return token.AtField("token_endpoint_auth_method", "a client without a secret cannot prove who asks: it may not act as others or ask about them")
	}
	if err := checkRedirects(d, had); err != nil {
		return err
	}
	if err := checkGrantTypes(d, had); err != nil {
		return err
	}
	return checkReach(d)
}

func checkWords(d *token.Client) error {
	if d.Name == "" {
		return token.AtField("client_name", "is required: people see it when they are asked for access")
	}
	if d.AccessTTL < 0 || d.AccessTTL > token.MostAccess {
		return token.AtField("access_token_ttl", "may be at most 90 days; leave it out for the default")
	}
	return CheckText("description", d.Description, 1000)
}

// checkRedirects lets browsers be sent to https, to http on this machine, and to
// a native program's own scheme (RFC 8252, 7.1).
func checkRedirects(d, had *token.Client) error {
	if len(d.RedirectURIs) > mostRedirects {
		return token.AtField("redirect_uris", "may be at most %d", mostRedirects)
	}
	for _, raw := range d.RedirectURIs {
		if fault := redirectFault(raw); fault != "" && !slices.Contains(had.RedirectURIs, raw) {
			return token.AtField("redirect_uris", "%.80q %s", raw, fault)
		}
	}
	return nil
}

func redirectFault(raw string) string {
	odd := strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\\\"<>^`{|}*", r) })
	u, err := url.Parse(raw)
	switch {
	case err != nil || odd || len(raw) > mostRedirectLen || !u.IsAbs():
		return "is no absolute address; write it out, from https:// on"
	case u.Fragment != "" || strings.Contains(raw, "#") || u.User != nil:
		return "has a fragment, or a name before the host; leave those out"
	case u.Scheme == "https" && u.Hostname() != "":
		return ""
	case u.Scheme == "http" && isLoopback(u.Hostname()):
		return ""
	case u.Scheme != "http" && u.Scheme != "https" && strings.Contains(u.Scheme, "."):
		return ""
	}
	return "is neither https, nor http on this machine, nor a scheme of a program's own such as com.example.app"
}

func checkGrantTypes(d, had *token.Client) error {
	for _, g := range d.GrantTypes {
		if !had.Grants(g) && !slices.Contains([]string{"authorization_code", "refresh_token", "client_credentials"}, g) {
			return token.AtField("grant_types", "%.40q is not served; use authorization_code, refresh_token or client_credentials", g)
		}
	}
	switch {
	case d.Grants("authorization_code") && len(d.RedirectURIs) == 0:
		return token.AtField("redirect_uris", "authorization_code needs one: people come back there")
	case d.Grants("client_credentials") && d.AuthMethod == ByNone:
		return token.AtField("grant_types", "a client without a secret has no credentials for client_credentials")
	}
	return nil
}

func checkReach(d *token.Client) error {
	switch {
	case !slices.Contains([]string{"private", "public", "listed"}, d.Distribution):
		return token.AtField("distribution", "must be private, public or listed")
	case d.Distribution == "listed" && len(d.Workspaces) == 0:
		return token.AtField("distribution", "name the workspaces that may install it")
	case !slices.Contains([]string{"", token.SuperAdmin, token.Admin, token.Member}, d.InstallableBy):
		return token.AtField("installable_by", "must be super_admin, admin or member")
	}
	return nil
}
