package policy

import (
	"slices"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

const (
	// NoticeOf is how long before its end the owner of a live token hears of it,
	// whatever ends it.
	NoticeOf = 7 * day
	// UnansweredFor is how long a token waits for an approval.
	UnansweredFor = 7 * day

	mostSeconds  = 100 * 365 * 86400
	mostPerOwner = 10_000
)

// Check refuses a policy that cannot be kept, with Invalid at the key.
func Check(p *token.Policy) error {
	for _, m := range []struct {
		key    string
		values map[token.Kind]int64
		kinds  []token.Kind
		most   int64
	}{
		{"max_ttl", p.MaxTTL, token.Kinds, mostSeconds},
		{"default_ttl", p.DefaultTTL, except(token.Refresh), mostSeconds},
		{"max_per_owner", p.MaxPerOwner, named, mostPerOwner},
		{"idle_expiry", p.IdleExpiry, held, mostSeconds},
		{"rotate_after", p.RotateAfter, held, mostSeconds},
	} {
		for kind, n := range m.values {
			if err := checkKind(m.key, kind, m.kinds); err != nil {
				return err
			}
			if n < 1 || n > m.most {
				return token.AtField(m.key, "%s must be a whole number from 1 to %d", kind, m.most)
			}
		}
	}
	for kind, n := range p.IdleExpiry {
		if seconds(n) <= NoticeOf {
			return token.AtField("idle_expiry", "%s must be more than %s: so long before, its owner is told", kind, text(NoticeOf))
		}
	}
	if err := checkLists(p); err != nil {
		return err
	}
	return checkRest(p)
}

// The kinds that a rule may be about: some are kept for long, more have an
// owner.
var (
	held  = []token.Kind{token.Service, token.Personal}
	named = []token.Kind{token.Service, token.Ephemeral, token.Impersonated, token.Personal}
)

func except(no token.Kind) []token.Kind {
	return slices.DeleteFunc(slices.Clone(token.Kinds), func(k token.Kind) bool { return k == no })
}

func checkKind(key string, kind token.Kind, known []token.Kind) error {
	if slices.Contains(known, kind) {
		return nil
	}
	names := ""
	for _, k := range known {
		names += ", " + string(k)
	}
	return token.AtField(key, "%.40q is no kind that this limits; use %s", kind, names[2:])
}

func checkLists(p *token.Policy) error {
	for kind, scopes := range p.Scopes {
		if err := checkKind("scopes", kind, except(token.Refresh)); err != nil {
			return err
		}
		if _, err := token.MakeScopes(scopes); err != nil {
			return token.AtField("scopes", "%s", token.AsRefusal(err).Text)
		}
	}
	for kind, networks := range p.Addresses {
		if err := checkKind("addresses", kind, token.Kinds); err != nil {
			return err
		}
		if len(networks) == 0 {
			return token.AtField("addresses", "%s names no network; leave the kind out to allow all", kind)
		}
	}
	for _, kind := range p.Approval {
		if err := checkKind("approval", kind, []token.Kind{token.Service, token.Impersonated, token.Personal}); err != nil {
			return err
		}
	}
	return nil
}

func checkRest(p *token.Policy) error {
	switch {
	case p.Existing != "" && p.Existing != token.KeepExisting && p.Existing != token.EndExisting:
		return token.AtField("existing", "must be keep or end")
	case p.Impersonation != "" && p.Impersonation != token.ImpersonationOn && p.Impersonation != token.ImpersonationOff:
		return token.AtField("impersonation", "must be on or off")
	case p.OnLeak != "" && p.OnLeak != token.RevokeOnLeak && p.OnLeak != token.NotifyOnLeak:
		return token.AtField("on_leak", "must be revoke or notify")
	case !slices.Contains([]string{"", "off", "token", "open"}, p.Registration):
		return token.AtField("registration", "must be off, token or open")
	case p.SecondFactor != "" && p.SecondFactor != token.SecondForAdmins && p.SecondFactor != token.SecondForAll:
		return token.AtField("require_second_factor", "must be admins or everyone")
	case p.WarnFrom != 0 && p.WarnFrom >= p.EnforceFrom:
		return token.AtField("warn_from", "must be before enforce_from")
	}
	return nil
}

// CheckChange refuses a policy that would close to what lives without notice,
// old being in force at an instant (ms). What takes effect on live tokens names
// its own in enforce_from, and one that ends them leaves a week to warn their
// owners.
func CheckChange(old, next *token.Policy, now int64) error {
	switch {
	case next.Existing == token.EndExisting && next.EnforceFrom-max(now, next.WarnFrom) < NoticeOf.Milliseconds():
		return token.AtField("enforce_from", "must be at least %s from now and from warn_from: the owners of what is ended are told before", text(NoticeOf))
	case next.EnforceFrom == 0 && narrows(old, next):
		return token.AtField("enforce_from", "name the instant from which live tokens lose scopes or networks; it may be now")
	}
	return nil
}

// narrows reports whether a policy takes scopes or networks from live tokens.
func narrows(old, next *token.Policy) bool {
	for kind, allowed := range next.Scopes {
		had, limited := old.Scopes[kind]
		if !limited || allowed.Missing(had) != nil {
			return true
		}
	}
	for kind, networks := range next.Addresses {
		if had := old.Addresses[kind]; !token.Within(had, networks) {
			return true
		}
	}
	return false
}

// Instant writes the date of a policy for people.
func Instant(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }
