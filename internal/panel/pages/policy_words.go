package pages

// kinds says the tokens of a kind.
func (p *speaker) kinds(kind string) string {
	switch kind {
	case "service":
		return p.say("policy.kind_service")
	case "personal":
		return p.say("policy.kind_personal")
	case "impersonated":
		return p.say("policy.kind_impersonated")
	case "ephemeral":
		return p.say("policy.kind_ephemeral")
	case "access":
		return p.say("policy.kind_access")
	case "refresh":
		return p.say("policy.kind_refresh")
	}
	return kind
}

// policyRule names a rule of a policy.
func (p *speaker) policyRule(key string) string {
	switch key {
	case "max_ttl":
		return p.say("policy.max_ttl")
	case "default_ttl":
		return p.say("policy.default_ttl")
	case "rotate_after":
		return p.say("policy.rotate_after")
	case "idle_expiry":
		return p.say("policy.idle_expiry")
	case "max_per_owner":
		return p.say("policy.max_per_owner")
	case "scopes":
		return p.say("policy.scopes")
	case "addresses":
		return p.say("policy.addresses")
	case "approval":
		return p.say("policy.approval")
	case "require_purpose":
		return p.say("policy.require_purpose")
	case "require_owner":
		return p.say("policy.require_owner")
	case "require_expiry":
		return p.say("policy.require_expiry")
	case "require_pkce":
		return p.say("policy.require_pkce")
	case "on_leak":
		return p.say("policy.on_leak")
	case "require_second_factor":
		return p.say("policy.second_factor")
	case "existing":
		return p.say("policy.existing")
	}
	return key
}

// ruleHint says how a rule is typed.
func (p *speaker) ruleHint(form string) string {
	switch form {
	case "span":
		return p.say("policy.hint_span")
	case "count":
		return p.say("policy.hint_count")
	case "words":
		return p.say("policy.hint_words")
	}
	return p.say("policy.hint_ticks")
}

// choice says a word that a rule may be.
func (p *speaker) choice(word string) string {
	switch word {
	case "revoke":
		return p.say("policy.leak_revoke")
	case "notify":
		return p.say("policy.leak_notify")
	case "admins":
		return p.say("policy.second_admins")
	case "everyone":
		return p.say("policy.second_everyone")
	case "keep":
		return p.say("policy.existing_keep")
	case "end":
		return p.say("policy.existing_end")
	}
	return p.say("policy.unsaid")
}
