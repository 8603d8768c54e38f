package audit

import (
	"slices"
	"strings"
)

// An EventKind is one entry of the catalogue: an action that the ledger knows
// and, unless it is the server's own, that a workspace may subscribe to.
type EventKind struct {
	Name   string // group.verb, as audit rows and deliveries have it
	Text   string // one sentence: what has happened
	Target string // what the target names
	// Detail lists what the event carries beside what all do, separated by
	// spaces: a name, the type of its value after a colon where that is no text,
	// and a question mark at the end where it may be missing. The types are
	// count, instant (ms since 1970; 0: none), flag, list (of texts) and any.
	Detail string
	Server bool // of no workspace: it stands in the ledger and is never delivered
}

// Catalogue returns every kind of event by name. What is recorded under a name
// that is not in it fails a test, and so does a name that nobody records.
func Catalogue() []EventKind { return slices.Clone(catalogue) }

// expiryDetail is what every event about the life of a secret carries; secret is
// there where it is not the first of its credential.
const expiryDetail = "kind last_four expires_at:instant client? person? purpose? owner? secret?"

// rotationDetail is what every event of a rotation carries. Secrets are named by
// the id of their row.
const rotationDetail = "rotation state old_secret new_secret grace_seconds:count retires_at:instant reason"

// IsEvent reports whether a subscription may name it: every event (*), those of
// a group (token.*), or one.
func IsEvent(pattern string) bool {
	group, all := strings.CutSuffix(pattern, "*")
	return slices.ContainsFunc(catalogue, func(k EventKind) bool {
		return !k.Server && (k.Name == pattern || all && (group == "" || strings.HasSuffix(group, ".") && strings.HasPrefix(k.Name, group)))
	})
}

// The entries are sorted by name.
var catalogue = []EventKind{
	{Name: "alert.firing", Text: "What tokens of the workspace open fails or is slow, for longer than a rule allows.", Target: "alert",
		Detail: "rule class severity kind route client threshold value limit:any windows:any since:instant"},
	{Name: "alert.resolved", Text: "What an alert told of is over.", Target: "alert",
		Detail: "rule class severity kind route client threshold value limit:any windows:any since:instant"},
	{Name: "alert.rules_changed", Text: "The workspace is told of errors and slowness by other rules.", Target: "workspace", Detail: "rules:count built_in:flag"},
	{Name: "app.installed", Text: "An app was installed in the workspace.", Target: "grant", Detail: "client scopes:list"},
	{Name: "app.requested", Text: "A person who may not install an app asked for it.", Target: "client", Detail: "scopes:list"},
	{Name: "app.uninstalled", Text: "An app was uninstalled; its tokens have ended.", Target: "grant", Detail: "client person reason"},
	{Name: "client.changed", Text: "A client's registration was changed.", Target: "client", Detail: "fields:list"},
	{Name: "client.created", Text: "A client was registered.", Target: "client", Detail: "number:count scope:list"},
	{Name: "client.disabled", Text: "A client was disabled; its tokens have ended.", Target: "client", Detail: "reason"},
	{Name: "client.enabled", Text: "A client was enabled again; its old tokens stay ended.", Target: "client", Detail: "fields:list?"},
	{Name: "client.secret_added", Text: "A client has another secret.", Target: "client", Detail: "secret last_four?"},
	{Name: "client.secret_ended", Text: "A secret of a client has ended.", Target: "client", Detail: "secret last_four?"},
	{Name: "client_token.created", Text: "A client token of the Chronos contract was entered.", Target: "client_token", Detail: "last_four"},
	{Name: "client_token.ended", Text: "A client token of the Chronos contract has ended.", Target: "client_token"},
	{Name: "client_token.restored", Text: "An ended client token of the Chronos contract works again.", Target: "client_token", Detail: "last_four"},
	{Name: "consent.denied", Text: "A person did not give a client access to the workspace that it asked for by name.", Target: "client"},
	{Name: "consent.given", Text: "A person gave a client access.", Target: "grant", Detail: "client scopes:list"},
	{Name: "consent.lapsed", Text: "Nothing could be done any more with access that a person once gave; what they gave since stands.", Target: "grant", Detail: "client person"},
	{Name: "consent.revoked", Text: "Access that a person gave has ended, with its tokens.", Target: "grant", Detail: "client person reason"},
	{Name: "grant.revoked", Text: "A grant of a client's own has ended, with its tokens.", Target: "grant", Detail: "client person reason"},
	{Name: "impersonation.refused", Text: "Somebody tried to act as a member and was refused.", Target: "user", Detail: "client reason refusal"},
	{Name: "impersonation.started", Text: "Somebody has a token that acts as a member.", Target: "token",
		Detail: "user reason ticket scopes:list expires_at:instant"},
	{Name: "impersonation.used", Text: "A token that acts as somebody was used.", Target: "token", Detail: "route reason"},
	{Name: "invitation.created", Text: "Somebody was invited to the workspace; they become a member when they accept.", Target: "invitation",
		Detail: "role may_impersonate:flag teams:list spaces:list scopes? expires_at:instant"},
	{Name: "invitation.declined", Text: "Somebody who was invited does not want to become a member.", Target: "invitation", Detail: "role"},
	{Name: "invitation.withdrawn", Text: "An invitation was withdrawn before it was answered.", Target: "invitation", Detail: "role"},
	{Name: "key.rotated", Text: "A signing key came to be, took over, or went.", Target: "key", Detail: "alg state reason?"},
	{Name: "member.added", Text: "A person became a member of the workspace.", Target: "user",
		Detail: "role may_impersonate:flag? teams:list? spaces:list? scopes? invited_by?"},
	{Name: "member.changed", Text: "A membership was changed.", Target: "user",
		Detail: "role former_role may_impersonate:flag teams:list spaces:list scopes?"},
	{Name: "member.removed", Text: "A person left the workspace; their tokens open nothing in it.", Target: "user", Detail: "role reason"},
	{Name: "policy.approval_denied", Text: "A token that waited for an administrator was ended by one.", Target: "token", Detail: "reason"},
	{Name: "policy.approval_given", Text: "A token that waited for an administrator opens what it is for.", Target: "token", Detail: "reason"},
	{Name: "policy.approval_lapsed", Text: "A token that waited for an administrator was ended, since none answered.", Target: "token"},
	{Name: "policy.approval_wanted", Text: "A token waits for an administrator.", Target: "token", Detail: "purpose"},
	{Name: "policy.changed", Text: "The workspace's policy was changed.", Target: "workspace", Detail: "before:any after:any enforce_from:instant"},
	{Name: "policy.enforced", Text: "The policy that was warned of is in force.", Target: "workspace"},
	{Name: "policy.violated", Text: "A token was issued that a coming policy will not allow.", Target: "token", Detail: "rules:list enforce_from:instant"},
	{Name: "policy.warning", Text: "A live token breaks a policy, or is not used.", Target: "token", Detail: "rules:list enforce_from:instant ends:flag"},
	{Name: "resource.changed", Text: "A resource server was changed.", Target: "resource", Detail: "scopes:list"},
	{Name: "resource.created", Text: "A resource server was declared.", Target: "resource", Detail: "scopes:list"},
	{Name: "resource.removed", Text: "A resource server was removed.", Target: "resource"},
	{Name: "revocation.failed", Text: "A deed on many tokens could not go on and was given up; somebody may try it again.", Target: "revocation", Detail: "act count:count reason fault"},
	{Name: "revocation.finished", Text: "A deed on many tokens has been done to all of them.", Target: "revocation", Detail: "act count:count reason"},
	{Name: "revocation.retried", Text: "A deed on many tokens that was given up is tried again.", Target: "revocation", Detail: "act count:count reason"},
	{Name: "revocation.started", Text: "Many tokens were revoked, suspended or resumed by one deed.", Target: "revocation",
		Detail: "act by:any reason count:count at_least:flag until:instant"},
	{Name: "role.changed", Text: "The scopes of a role were changed.", Target: "role", Detail: "scopes:list"},
	{Name: "role.created", Text: "A role was declared.", Target: "role", Detail: "scopes:list"},
	{Name: "role.removed", Text: "A role was removed.", Target: "role"},
	{Name: "rotation.cancelled", Text: "A new secret that was never used was given up, has expired, or ended with its credential.", Target: "any", Detail: rotationDetail},
	{Name: "rotation.confirmed", Text: "A new secret was used for the first time; the old one's grace runs.", Target: "any", Detail: rotationDetail},
	{Name: "rotation.due", Text: "A secret is older than it should become; replace it.", Target: "token", Detail: "kind secret last_four age_days:count owner client"},
	{Name: "rotation.retired", Text: "A secret that was replaced has ended, or all secrets of its credential have.", Target: "any", Detail: rotationDetail},
	{Name: "rotation.rolled_back", Text: "A secret with fewer scopes was refused for one of those; the old one stays.", Target: "any", Detail: rotationDetail},
	{Name: "rotation.started", Text: "A credential has a new secret beside the old one.", Target: "any", Detail: rotationDetail},
	{Name: "rotation.undone", Text: "The old secret stays; the new one works for a grace.", Target: "any", Detail: rotationDetail},
	{Name: "scope.changed", Text: "A scope of the catalogue was changed.", Target: "scope", Server: true},
	{Name: "scope.created", Text: "A scope was added to the catalogue.", Target: "scope", Server: true},
	{Name: "scope.removed", Text: "A scope was removed from the catalogue.", Target: "scope", Server: true},
	{Name: "server.set_up", Text: "The first super admin set the server up.", Target: "user"},
	{Name: "token.changed", Text: "What people say about a token was changed.", Target: "token",
		Detail: "name? purpose? owner? former_owner? stands_on? stood_on? expires_at:instant?"},
	{Name: "token.expired", Text: "A token or the secret of a client has expired.", Target: "token", Detail: expiryDetail},
	{Name: "token.expiring", Text: "A token or the secret of a client expires within a number of days.", Target: "token",
		Detail: expiryDetail + " threshold_days:count"},
	{Name: "token.imported", Text: "A token that was made elsewhere works here from now on.", Target: "token",
		Detail: "kind scopes:list expires_at:instant restores?"},
	{Name: "token.issued", Text: "A token was issued.", Target: "token",
		Detail: "kind scopes:list contract expires_at:instant client? person? purpose? owner? act? reason? last_four?"},
	{Name: "token.leaked", Text: "A secret was found where it should not be.", Target: "any",
		Detail: "kind last_four secret source url leaked_at:instant ended:flag used_since:flag? last_used_at:instant last_address new_addresses:list"},
	{Name: "token.resumed", Text: "A suspended token opens again.", Target: "token", Detail: "reason until:instant"},
	{Name: "token.revoked", Text: "A token was revoked.", Target: "token", Detail: "kind reason"},
	{Name: "token.suspended", Text: "A token was suspended.", Target: "token", Detail: "reason until:instant brownout:flag?"},
	{Name: "token.used_after_expiry", Text: "An expired token or client secret was shown, for the first time since.", Target: "token",
		Detail: expiryDetail + " used_at:instant address agent"},
	{Name: "token.used_first", Text: "A token was used for the first time.", Target: "token",
		Detail: expiryDetail + " used_at:instant address agent"},
	{Name: "user.calendar_ended", Text: "A person's calendar of what expires has no address any more.", Target: "user"},
	{Name: "user.calendar_made", Text: "A person's calendar of what expires has a new address.", Target: "user"},
	{Name: "user.changed", Text: "What is known of a person was changed.", Target: "user", Detail: "fields:list"},
	{Name: "user.created", Text: "A person was entered.", Target: "user", Detail: "number:count"},
	{Name: "user.disabled", Text: "A person was disabled; their tokens have ended.", Target: "user", Detail: "reason"},
	{Name: "user.enabled", Text: "A person may sign in again; their old tokens stay ended.", Target: "user", Detail: "reason? fields:list?"},
	{Name: "user.factor_added", Text: "A person has another way to prove who they are.", Target: "user", Detail: "factor name?"},
	{Name: "user.factor_removed", Text: "A way to prove who they are was taken from a person.", Target: "user", Detail: "factor reason?"},
	{Name: "user.linked", Text: "A person signs in with an account at another provider too.", Target: "user", Detail: "how issuer subject email"},
	{Name: "user.password_changed", Text: "A person has another password.", Target: "user"},
	{Name: "user.password_reset", Text: "A person chose another password by a link in a letter.", Target: "user"},
	{Name: "user.password_reset_asked", Text: "Somebody asked for a letter by which a person may choose another password.", Target: "user"},
	{Name: "user.recovery_code_used", Text: "A person signed in by a recovery code.", Target: "user", Detail: "left:count"},
	{Name: "user.recovery_codes_made", Text: "A person has new recovery codes; the old ones are worth nothing.", Target: "user"},
	{Name: "user.sign_in", Text: "Somebody guessed at a person's password until they were refused.", Target: "user", Detail: "reason"},
	{Name: "user.signed_in", Text: "Another provider has shown who a person is; a code is asked for where they owe one.", Target: "user", Detail: "how issuer"},
	{Name: "user.unlinked", Text: "No account at another provider opens a person's any more.", Target: "user", Detail: "reason?"},
	{Name: "webhook.changed", Text: "A subscription hears other events.", Target: "webhook", Detail: "events:list"},
	{Name: "webhook.created", Text: "A subscription was made.", Target: "webhook", Detail: "events:list"},
	{Name: "webhook.disabled", Text: "Nothing is sent to a subscription any more: it failed for three days, or said 410.", Target: "webhook",
		Detail: "reason failures:count failing_since:instant"},
	{Name: "webhook.disabling", Text: "A subscription fails since long and will soon be disabled.", Target: "webhook",
		Detail: "failures:count failing_since:instant disabled_from:instant"},
	{Name: "webhook.enabled", Text: "A disabled subscription hears again.", Target: "webhook"},
	{Name: "webhook.ended", Text: "A subscription has ended.", Target: "webhook"},
	{Name: "webhook.replayed", Text: "Deliveries were made due again.", Target: "webhook", Detail: "deliveries:count"},
	{Name: "webhook.restored", Text: "A subscription to an address that had one before was made.", Target: "webhook", Detail: "events:list"},
	{Name: "webhook.test", Text: "A subscription is tried; only it hears this.", Target: "webhook"},
	{Name: "webhook.unhealthy", Text: "Deliveries to a subscription fail.", Target: "webhook",
		Detail: "failures:count failing_since:instant disabled_from:instant"},
	{Name: "workspace.changed", Text: "The workspace's settings were changed.", Target: "workspace", Detail: "fields:list"},
	{Name: "workspace.created", Text: "The workspace was made.", Target: "workspace", Detail: "number:count"},
	{Name: "workspace.disabled", Text: "The workspace was disabled; its tokens have ended.", Target: "workspace", Detail: "reason"},
	{Name: "workspace.enabled", Text: "The workspace was enabled again; its old tokens stay ended.", Target: "workspace", Detail: "reason? fields:list?"},
}

// A DetailField is one value that an event carries.
type DetailField struct {
	Name     string
	Type     string // text, count, instant, flag, list or any
	Required bool
}

// Fields returns what the event carries beside what all events do.
func (k EventKind) Fields() []DetailField {
	words := strings.Fields(k.Detail)
	out := make([]DetailField, len(words))
	for i, word := range words {
		word, optional := strings.CutSuffix(word, "?")
		name, kind, typed := strings.Cut(word, ":")
		if !typed {
			kind = "text"
		}
		out[i] = DetailField{Name: name, Type: kind, Required: !optional}
	}
	return out
}
