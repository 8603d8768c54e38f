package resources

import (
	"strings"

	"github.com/fichadev/ficha/internal/token"
)

func readResource(v value) Resource {
	o, ok := v.object([]string{"identifier", "workspace", "scopes", "token_format", "introspection_client"})
	if !ok {
		return Resource{}
	}
	r := Resource{
		Entry:               o.entry(),
		Identifier:          o.need("identifier"),
		Workspace:           o.id("workspace"),
		TokenFormat:         o.word("token_format", "opaque", "jwt"),
		IntrospectionClient: o.clientID("introspection_client"),
	}
	r.Scopes, _ = o.scopes("scopes")
	if _, fault := absolute(r.Identifier); r.Identifier != "" && fault != "" {
		o.failAt("identifier", "%s", fault)
	}
	return r
}

func readImport(v value) Import {
	o, ok := v.object([]string{"kind", "workspace", "user", "client", "name", "purpose", "owner", "audience", "secret", "scopes", "expires_at"})
	if !ok {
		return Import{}
	}
	o.require("kind")
	o.require("secret")
	t := Import{
		Entry:     o.entry(),
		Kind:      token.Kind(o.word("kind", kindNames()...)),
		Workspace: o.optionalID("workspace"),
		Client:    o.clientID("client"),
		Name:      o.text("name"),
		Purpose:   o.text("purpose"),
		Owner:     o.text("owner"),
		Audience:  o.uris("audience"),
		Secret:    o.bearer("secret"),
		ExpiresAt: o.instant("expires_at"),
	}
	if _, given := o.fields["user"]; given {
		t.User = o.email("user")
	}
	t.Scopes, _ = o.scopes("scopes")
	o.checkHolder(t)
	return t
}

// bearer returns a secret that a header can carry.
func (o object) bearer(key string) string {
	s := o.secret(key, minSecret)
	if s != "" && !visible(s, maxText) {
		o.failAt(key, "cannot be sent in a header; use printable ASCII characters without space")
	}
	return s
}

func (o object) uris(key string) []string {
	var all []string
	for _, v := range o.list(key) {
		s, ok := v.text()
		if _, fault := absolute(s); ok && fault != "" {
			v.fail("%s", fault)
		}
		all = append(all, s)
	}
	return all
}

// checkHolder asks for those on whom a token of the kind stands.
func (o object) checkHolder(t Import) {
	needs := map[token.Kind][]string{
		token.Personal:     {"user"},
		token.Service:      {"workspace"},
		token.Ephemeral:    {"workspace"},
		token.Impersonated: {"workspace", "user"},
		token.Access:       {"workspace", "client"},
		token.Refresh:      {"workspace", "client"},
	}
	for _, key := range needs[t.Kind] {
		if _, given := o.fields[key]; !given {
			o.fail("a token of kind %s needs a %s; add it", t.Kind, key)
		}
	}
	if t.Kind == token.Personal && t.Client != "" {
		o.failAt("client", "a personal token belongs to a user alone; remove the client")
	}
}

func readWebhook(v value) Webhook {
	o, ok := v.object([]string{"workspace", "url", "events", "secret"})
	if !ok {
		return Webhook{}
	}
	w := Webhook{
		Entry:     o.entry(),
		Workspace: o.id("workspace"),
		URL:       o.need("url"),
		Secret:    o.secret("secret", minSecret),
		Events:    readEvents(o),
	}
	if fault := endpointFault(w.URL); w.URL != "" && fault != "" {
		o.failAt("url", "%s", fault)
	}
	return w
}

func readEvents(o object) []string {
	var all []string
	for _, v := range o.list("events") {
		s, ok := v.text()
		if ok && !validEvent(s) {
			v.fail("is not an event; write a name such as token.issued, token.* or *")
		}
		all = append(all, s)
	}
	if v, given := o.fields["events"]; !given || v.node.Content == nil {
		o.failAt("events", "no event is named; write a list such as [\"token.*\"]")
	}
	return all
}

// validEvent accepts words joined by dots, with a star as the last of them.
func validEvent(s string) bool {
	if s == "*" {
		return true
	}
	words := strings.Split(strings.TrimSuffix(s, ".*"), ".")
	for _, w := range words {
		if w == "" || strings.Trim(w, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			return false
		}
	}
	return len(s) <= 128
}
