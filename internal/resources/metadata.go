package resources

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// A form is the shape of a registered client field.
type form int

const (
	oneText      form = iota // one line
	manyTexts                // a list of them
	aFlag                    // true or false
	anAge                    // a number of seconds, from 0
	aPage                    // a page for people
	requestURIs              // endpoints, each with or without a fragment
	anEndpoint               // where a server or browser is sent
	redirectURIs             // where a browser comes back to
	keySet                   // a JWK Set
)

// registered are the client fields of RFC 7591 (section 2), OpenID Connect
// Registration, RP-Initiated, Back- and Front-Channel Logout, RFC 8705, RFC
// 9101, RFC 9126, RFC 9396, RFC 9449, RFC 9701, JARM and CIBA. All are stored;
// using one that is not served is what gets refused.
var registered = map[string]form{
	"client_id": oneText, "client_secret": oneText, "client_name": oneText,
	"redirect_uris": redirectURIs, "grant_types": manyTexts, "response_types": manyTexts,
	"token_endpoint_auth_method": oneText, "token_endpoint_auth_signing_alg": oneText,
	"scope": oneText, "contacts": manyTexts, "jwks": keySet, "jwks_uri": anEndpoint,
	"client_uri": aPage, "logo_uri": aPage, "policy_uri": aPage, "tos_uri": aPage,
	"software_id": oneText, "software_version": oneText,

	"application_type": oneText, "subject_type": oneText, "sector_identifier_uri": anEndpoint,
	"id_token_signed_response_alg": oneText, "id_token_encrypted_response_alg": oneText, "id_token_encrypted_response_enc": oneText,
	"userinfo_signed_response_alg": oneText, "userinfo_encrypted_response_alg": oneText, "userinfo_encrypted_response_enc": oneText,
	"request_object_signing_alg": oneText, "request_object_encryption_alg": oneText, "request_object_encryption_enc": oneText,
	"default_max_age": anAge, "require_auth_time": aFlag, "default_acr_values": manyTexts,
	"initiate_login_uri": anEndpoint, "request_uris": requestURIs,

	"post_logout_redirect_uris": redirectURIs,
	"backchannel_logout_uri":    anEndpoint, "backchannel_logout_session_required": aFlag,
	"frontchannel_logout_uri": anEndpoint, "frontchannel_logout_session_required": aFlag,

	"tls_client_auth_subject_dn": oneText, "tls_client_auth_san_dns": oneText, "tls_client_auth_san_uri": oneText,
	"tls_client_auth_san_ip": oneText, "tls_client_auth_san_email": oneText,
	"tls_client_certificate_bound_access_tokens": aFlag, "dpop_bound_access_tokens": aFlag,
	"require_pushed_authorization_requests": aFlag, "require_signed_request_object": aFlag,
	"authorization_details_types": manyTexts,

	"introspection_signed_response_alg": oneText, "introspection_encrypted_response_alg": oneText, "introspection_encrypted_response_enc": oneText,
	"authorization_signed_response_alg": oneText, "authorization_encrypted_response_alg": oneText, "authorization_encrypted_response_enc": oneText,
	"backchannel_token_delivery_mode": oneText, "backchannel_client_notification_endpoint": anEndpoint,
	"backchannel_authentication_request_signing_alg": oneText, "backchannel_user_code_parameter": aFlag,
}

// ours are the client fields that no standard has.
var ours = []string{
	"workspace", "number", "distribution", "description", "optional_scope",
	"access_token_ttl", "access_token_format", "access_token_signing_alg",
	"refresh_token_policy", "refresh_token_ttl", "refresh_token_idle_ttl",
	"installable_by", "introspect", "may_impersonate",
}

var clientKeys = append(slices.Sorted(maps.Keys(registered)), ours...)

// inLanguage reports whether a key is a field for people in one language,
// such as client_name#es (RFC 7591, 2.2).
func inLanguage(key string) bool {
	name, tag, found := strings.Cut(key, "#")
	return found && language(tag) && (name == "client_name" || registered[name] == aPage)
}

// metadata returns the registered fields that the file gives, but for the
// client's id and its secret.
func (o object) metadata() map[string]any {
	all := make(map[string]any)
	native := o.text("application_type") == "native"
	for _, key := range o.keys {
		base, _, _ := strings.Cut(key, "#")
		shape, known := registered[base]
		if known && key != "client_id" && key != "client_secret" {
			all[key] = o.shaped(key, shape, native)
		}
	}
	return all
}

func (o object) shaped(key string, shape form, native bool) any {
	switch shape {
	case manyTexts:
		return o.wholeList(key, noFault)
	case aFlag:
		return o.yes(key)
	case anAge:
		return o.age(key)
	case aPage:
		return o.checked(key, pageFault)
	case requestURIs:
		return o.wholeList(key, func(raw string) string {
			uri, _, _ := strings.Cut(raw, "#") // OpenID Connect lets it carry a hash of what is there
			return endpointFault(uri)
		})
	case anEndpoint:
		return o.checked(key, endpointFault)
	case redirectURIs:
		return o.wholeList(key, func(raw string) string { return redirectFault(raw, native) })
	case keySet:
		return o.jwks(key)
	}
	return o.text(key)
}

func noFault(string) string { return "" }

// age returns a whole number of seconds; unlike a lifetime it may be 0.
func (o object) age(key string) int64 {
	s := o.text(key)
	n, ok := digits(s)
	if !ok && s != "" {
		o.failAt(key, "is not a number of seconds; write one such as 3600")
	}
	return n
}

func (o object) checked(key string, fault func(string) string) string {
	s := o.text(key)
	if why := fault(s); why != "" {
		o.failAt(key, "%s", why)
	}
	return s
}

// wholeList returns a list of texts that is never nil, so that an empty one is
// stored as such.
func (o object) wholeList(key string, fault func(string) string) []string {
	all := []string{}
	for _, v := range o.list(key) {
		s, ok := v.text()
		if why := fault(s); ok && why != "" {
			v.fail("%s", why)
		}
		all = append(all, s)
	}
	return all
}

// jwks returns a JWK Set, written out or as the text of a JSON file. A
// private key has no business on a server that only checks signatures.
func (o object) jwks(key string) any {
	v := o.fields[key]
	set := v.plain()
	if s, isText := set.(string); isText {
		set = nil
		if err := json.Unmarshal([]byte(s), &set); err != nil {
			v.fail("is not a key set; write {keys: [...]} or file:PATH of a JSON file")
			return nil
		}
	}
	object, _ := set.(map[string]any)
	members, _ := object["keys"].([]any)
	if len(members) == 0 {
		v.fail("holds no keys; write {keys: [{kty: EC, ...}]}")
	}
	for i, member := range members {
		if why := keyFault(member); why != "" {
			v.fail("keys[%d] %s", i, why)
		}
	}
	return set
}

func keyFault(member any) string {
	key, _ := member.(map[string]any)
	if kind, ok := key["kty"].(string); !ok || kind == "" {
		return "has no kty; it is not a JSON Web Key (RFC 7517)"
	}
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		if _, has := key[private]; has {
			return "holds a private or secret part; give the public key only"
		}
	}
	return ""
}

// plain returns a value as encoding/json would read it.
func (v value) plain() any {
	switch v.node.Kind {
	case yaml.SequenceNode:
		members := v.items()
		all := make([]any, len(members))
		for i, m := range members {
			all[i] = m.plain()
		}
		return all
	case yaml.MappingNode:
		o, _ := v.objectOr(nil, func(string) bool { return true })
		all := make(map[string]any, len(o.fields))
		for key, field := range o.fields {
			all[key] = field.plain()
		}
		return all
	}
	return v.scalar()
}

func (v value) scalar() any {
	s, _ := v.raw()
	switch n, isNumber := digits(s); {
	case v.node.Tag == "!!bool":
		return s == "true"
	case v.node.Tag == "!!int" && isNumber:
		return n
	}
	return s
}
