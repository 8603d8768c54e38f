package resources

import (
	"net/netip"

	"github.com/fichadev/ficha/internal/token"
)

// ParsePolicy reads a policy that stands alone in a file, as it would under the
// policy of a workspace, and returns the keys that the file names, as the API
// spells them: those too whose value says that there is no such rule. Its error
// is Parse's.
func ParsePolicy(name string, text []byte) (p token.Policy, named []string, err error) {
	r := &reader{file: name}
	if root, ok := r.tree(text); ok {
		p = root.policy()
		named = root.policyNames()
	}
	if len(r.problems) > 0 {
		return token.Policy{}, nil, r.problems.sorted()
	}
	return p, named, nil
}

// policyNames are the keys of a policy that was read.
func (v value) policyNames() []string {
	if len(v.r.problems) > 0 {
		return nil // it was said what is wrong
	}
	o, _ := v.object(policyKeys())
	names := o.keys
	if registration, ok := o.fields["registration"]; ok && registration.mapping() {
		in, _ := registration.object(registrationKeys())
		names = append(names, in.keys...)
	}
	return names
}

func policyKeys() []string {
	return []string{
		"max_ttl", "default_ttl", "scopes", "addresses", "max_per_owner", "idle_expiry", "rotate_after", "approval",
		"require_purpose", "require_owner", "require_expiry", "registration", "on_leak", "impersonation", "require_second_factor", "warn_from", "enforce_from", "existing",
	}
}

func registrationKeys() []string { return []string{"mode", "require_pkce"} }

func readPolicy(w object) token.Policy {
	v, ok := w.fields["policy"]
	if !ok {
		return token.Policy{}
	}
	return v.policy()
}

// policy reads the limits of a workspace; those of a kind stand under its name.
func (v value) policy() token.Policy {
	o, ok := v.object(policyKeys())
	if !ok {
		return token.Policy{}
	}
	p := token.Policy{
		MaxTTL:         byKind(o, "max_ttl", object.seconds),
		DefaultTTL:     byKind(o, "default_ttl", object.seconds),
		Scopes:         byKind(o, "scopes", func(o object, key string) token.Scopes { s, _ := o.scopes(key); return s }),
		Addresses:      byKind(o, "addresses", object.networks),
		MaxPerOwner:    byKind(o, "max_per_owner", object.number),
		IdleExpiry:     byKind(o, "idle_expiry", object.seconds),
		RotateAfter:    byKind(o, "rotate_after", object.seconds),
		RequirePurpose: o.yes("require_purpose"),
		RequireOwner:   o.yes("require_owner"),
		RequireExpiry:  o.yes("require_expiry"),
		WarnFrom:       o.instant("warn_from"),
		EnforceFrom:    o.instant("enforce_from"),
		OnLeak:         o.word("on_leak", token.RevokeOnLeak, token.NotifyOnLeak),
		Impersonation:  o.word("impersonation", token.ImpersonationOn, token.ImpersonationOff),
		SecondFactor:   o.word("require_second_factor", token.SecondForAdmins, token.SecondForAll),
		Existing:       o.word("existing", token.KeepExisting, token.EndExisting),
	}
	for _, v := range o.list("approval") {
		p.Approval = append(p.Approval, token.Kind(v.word(kindNames()...)))
	}
	p.Registration, p.RequirePKCE = readRegistration(o)
	return p
}

// byKind reads what stands under the names of kinds, nil where the key is
// absent.
func byKind[T any](p object, key string, read func(object, string) T) map[token.Kind]T {
	v, ok := p.fields[key]
	if !ok {
		return nil
	}
	o, _ := v.object(kindNames())
	limits := make(map[token.Kind]T, len(o.fields))
	for _, kind := range o.keys {
		limits[token.Kind(kind)] = read(o, kind)
	}
	return limits
}

// networks reads a list of networks.
func (o object) networks(key string) []netip.Prefix {
	var all []netip.Prefix
	for _, v := range o.list(key) {
		text, ok := v.text()
		if !ok {
			continue
		}
		network, err := token.ParseNetwork("", text)
		if err != nil {
			v.fail("%s", token.AsRefusal(err).Fields[0].Text)
		}
		all = append(all, network)
	}
	return all
}

func kindNames() []string {
	names := make([]string, len(token.Kinds))
	for i, k := range token.Kinds {
		names[i] = string(k)
	}
	return names
}

// readRegistration reads a mode, or a mode with what it requires.
func readRegistration(p object) (mode string, requirePKCE bool) {
	modes := []string{"off", "token", "open"}
	v, ok := p.fields["registration"]
	if !ok || !v.mapping() {
		return p.word("registration", modes...), false
	}
	o, _ := v.object(registrationKeys())
	return o.word("mode", modes...), o.yes("require_pkce")
}
