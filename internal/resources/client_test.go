package resources

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each case is the fields of a client, from line 3 on, and its only problem.
var wrongClients = []struct{ fields, want string }{
	{"client_secret: 0123456789abcdef\ntoken_endpoint_auth_method: none", "3: clients[0].client_secret: a public client"},
	{"token_endpoint_auth_method: none\ngrant_types: [client_credentials]", "4: clients[0].grant_types: a public client"},
	{"token_endpoint_auth_method: none\nintrospect: workspace", "4: clients[0].introspect: a public client"},
	{"token_endpoint_auth_method: none\nmay_impersonate: true", "4: clients[0].may_impersonate: a public client"},
	{"token_endpoint_auth_method: basic", "3: clients[0].token_endpoint_auth_method: is not known; use client_secret_basic,"},
	{"token_endpoint_auth_method: private_key_jwt", "3: clients[0].token_endpoint_auth_method: private_key_jwt needs jwks or jwks_uri"},
	{"token_endpoint_auth_method: self_signed_tls_client_auth", "3: clients[0].token_endpoint_auth_method: self_signed_tls_client_auth needs jwks"},
	{"token_endpoint_auth_method: tls_client_auth", "3: clients[0].token_endpoint_auth_method: tls_client_auth needs exactly one"},
	{"token_endpoint_auth_method: tls_client_auth\ntls_client_auth_san_ip: 10.0.0.1\ntls_client_auth_san_dns: a.test", "3: clients[0].token_endpoint_auth_method: tls_client_auth needs exactly one"},
	{"token_endpoint_auth_signing_alg: none", "3: clients[0].token_endpoint_auth_signing_alg: none proves nothing"},
	{"jwks: {keys: [{kty: EC}]}\njwks_uri: https://a.test/k", "4: clients[0].jwks_uri: stands beside jwks"},
	{"jwks: {keys: []}", "3: clients[0].jwks: holds no keys"},
	{"jwks: {keys: [{kid: a}]}", "3: clients[0].jwks: keys[0] has no kty"},
	{"jwks: {keys: [{kty: EC, d: abc}]}", "3: clients[0].jwks: keys[0] holds a private or secret part"},
	{"jwks: '{\"keys\": '", "3: clients[0].jwks: is not a key set"},
	{"grant_types: [authorisation_code]", `3: clients[0].grant_types[0]: is not a grant type; did you mean "authorization_code"?`},
	{"grant_types: [authorization_code]", "3: clients[0].grant_types: authorization_code needs redirect_uris"},
	{"grant_types: [client_credentials]\nresponse_types: [code]", "4: clients[0].response_types[0]: code needs the grant type authorization_code"},
	{"redirect_uris: ['https://a.test']\nresponse_types: [id_token]", "4: clients[0].response_types[0]: id_token needs the grant type implicit"},
	{"response_types: [kode]", "3: clients[0].response_types[0]: is not a response type"},
	{"redirect_uris:\n- https://a.test\n- http://a.test", "5: clients[0].redirect_uris[1]: is http; use https"},
	{"redirect_uris: https://a.test", "3: clients[0].redirect_uris: is not a list"},
	{"post_logout_redirect_uris: ['https://a.test/#x']", "3: clients[0].post_logout_redirect_uris[0]: has a fragment"},
	{"backchannel_logout_uri: http://a.test", "3: clients[0].backchannel_logout_uri: is http"},
	{"request_uris: ['http://a.test/r#h']", "3: clients[0].request_uris[0]: is http"},
	{"logo_uri: javascript:alert(1)", "3: clients[0].logo_uri: is not an address of the web"},
	{"client_uri#es: data:text/html,x", "3: clients[0].client_uri#es: is not an address of the web"},
	{"application_type: mobile", "3: clients[0].application_type: is not known; use web or native"},
	{"subject_type: private", "3: clients[0].subject_type: is not known; use public or pairwise"},
	{"default_max_age: -1", "3: clients[0].default_max_age: is not a number of seconds"},
	{"require_auth_time: maybe", "3: clients[0].require_auth_time: is not known; use true or false"},
	{"scope: [a, b]", "3: clients[0].scope: is not a single value"},
	{"scope: 'a \"b\"'", "3: clients[0].scope: a scope is 1 to 128"},
	{"distribution: []", "3: clients[0].distribution: the list names no workspace"},
	{"distribution: everyone", "3: clients[0].distribution: is not known; use private, public or a list"},
	{"distribution: ['a b']", "3: clients[0].distribution[0]: is not an identifier"},
	{"installable_by: owner", "3: clients[0].installable_by: is not known; use super_admin, admin or member"},
	{"introspect: all", "3: clients[0].introspect: is not known; use own or workspace"},
	{"access_token_ttl: 1w", "3: clients[0].access_token_ttl: is not a duration"},
	{"access_token_ttl: 91d", "3: clients[0].access_token_ttl: may be at most 90d"},
	{"access_token_format: saml", "3: clients[0].access_token_format: is not known; use opaque or jwt"},
	{"access_token_signing_alg: HS256", "3: clients[0].access_token_signing_alg: is not known; use ES256, EdDSA or RS256"},
	{"refresh_token_policy: never", "3: clients[0].refresh_token_policy: is not known; use rotate or keep"},
	{"refresh_token_ttl: 1d\nrefresh_token_idle_ttl: 2d", "4: clients[0].refresh_token_idle_ttl: is longer than refresh_token_ttl"},
}

func TestWhatNoClientCanBe(t *testing.T) {
	for _, c := range wrongClients {
		expectProblem(t, oneClient(c.fields), "r.yaml:"+c.want)
	}
	expectProblem(t, "clients:\n- workspace: w\n", "r.yaml:2: clients[0]: has no client_id")
	expectProblem(t, "clients:\n- client_id: c\n", "r.yaml:2: clients[0]: has no workspace")
	expectProblem(t, "clients:\n- client_id: a b\n  workspace: w\n", "r.yaml:2: clients[0].client_id: is not a client id")
	expectProblem(t, "clients:\n- client_id: ''\n  workspace: w\n", "r.yaml:2: clients[0].client_id: is not a client id")
}

// oneClient is a file with a client of those fields, which begin on line 3.
func oneClient(fields string) string {
	return "clients:\n- workspace: w\n  " + strings.ReplaceAll(fields, "\n", "\n  ") + "\n  client_id: c\n"
}

func readOne(t *testing.T, fields string) Client {
	t.Helper()
	f, _, err := Parse("r.yaml", []byte(oneClient(fields)), nil, nil)
	if err != nil {
		t.Fatalf("%s\n%v", fields, err)
	}
	return f.Clients[0]
}

func TestClientWithoutGrantTypesHasTheCodeGrantIfItCanComeBack(t *testing.T) {
	if got := readOne(t, "redirect_uris: ['https://a.test']").GrantTypes; !slices.Equal(got, []string{"authorization_code"}) {
		t.Errorf("with redirect_uris: got %q, want [authorization_code]", got)
	}
	if got := readOne(t, "client_name: a").GrantTypes; len(got) != 0 {
		t.Errorf("without redirect_uris: got %q, want none", got)
	}
	if got := readOne(t, "redirect_uris: ['https://a.test']\ngrant_types: []").GrantTypes; len(got) != 0 {
		t.Errorf("with an empty list: got %q, want none", got)
	}
}

func TestEveryRegisteredFieldIsKept(t *testing.T) {
	samples := map[form]string{
		oneText: "x", manyTexts: "[x]", aFlag: "true", anAge: "0", aPage: "http://a.test/p", requestURIs: "['https://a.test/r#hash']",
		anEndpoint: "https://a.test/e", redirectURIs: "['https://a.test/cb']", keySet: "{keys: [{kty: OKP, n: 1, use: [sig], ok: true}]}",
	}
	own := map[string]string{
		"token_endpoint_auth_method": "client_secret_post", "grant_types": "[authorization_code, 'urn:example:grant']", "response_types": "[code]",
		"application_type": "native", "subject_type": "pairwise", "jwks_uri": "",
	}
	fields, want := "client_name#es-MX: Nombre\nlogo_uri#pt: https://a.test/l\n", []string{"client_name#es-MX", "logo_uri#pt"}
	for key, shape := range registered {
		sample, special := own[key]
		if !special {
			sample = samples[shape]
		}
		if sample != "" && key != "client_id" {
			fields += key + ": " + sample + "\n"
			want = append(want, key)
		}
	}
	got := readOne(t, strings.TrimSpace(fields)).Metadata
	for _, key := range want {
		if _, kept := got[key]; kept == (key == "client_secret") {
			t.Errorf("%s: kept %v", key, kept)
		}
	}
	text, err := json.Marshal(got["jwks"])
	if string(text) != `{"keys":[{"kty":"OKP","n":1,"ok":true,"use":["sig"]}]}` {
		t.Errorf("jwks: got %s, %v", text, err)
	}
	if diff := cmp.Diff([]string{"https://a.test/r#hash"}, got["request_uris"]); diff != "" {
		t.Error(diff)
	}
}

func TestOursAreRead(t *testing.T) {
	got := readOne(t, strings.Join([]string{"number: 9", "distribution: [w, v, w]", "description: \"two\\nlines\"", "optional_scope: a b", "access_token_ttl: 3600",
		"access_token_format: jwt", "access_token_signing_alg: EdDSA", "refresh_token_policy: keep", "refresh_token_ttl: 90d",
		"refresh_token_idle_ttl: 30d", "installable_by: admin", "introspect: workspace", "may_impersonate: true"}, "\n"))
	want := Client{ID: "c", Workspace: "w", Number: 9, Description: "two\nlines", AuthMethod: "client_secret_basic", OptionalScope: []string{"a", "b"},
		Distribution: "listed", Workspaces: []string{"w", "v"}, InstallableBy: "admin", Introspect: "workspace", MayImpersonate: true, AccessTTL: 3600,
		AccessFormat: "jwt", SigningAlg: "EdDSA", RefreshPolicy: "keep", RefreshTTL: 90 * 86400, RefreshIdleTTL: 30 * 86400}
	want.Entry, want.Scope, want.Metadata = got.Entry, got.Scope, got.Metadata
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want - got +\n%s", diff)
	}
	if len(got.Scope) != 0 || len(got.Metadata) != 0 {
		t.Errorf("got scope %q and metadata %v, want none", got.Scope, got.Metadata)
	}
}

func TestWhatIsServedLaterMayBeDeclaredNow(t *testing.T) {
	for _, method := range []string{"client_secret_jwt", "client_secret_post"} {
		readOne(t, "token_endpoint_auth_method: "+method+"\ngrant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'urn:openid:params:grant-type:ciba', password]")
	}
	readOne(t, "token_endpoint_auth_method: tls_client_auth\ntls_client_auth_subject_dn: CN=a")
	readOne(t, "redirect_uris: ['https://a.test']\ngrant_types: [authorization_code, implicit]\nresponse_types: [code id_token token, none]")
}

func TestRedirectURIs(t *testing.T) {
	for _, c := range []struct {
		uri         string
		web, native bool
	}{
		{"https://a.test", true, true},
		{"https://a.test:8443/cb?x=1", true, true},
		{"http://localhost/cb", true, true},
		{"http://localhost:3000/cb", true, true},
		{"http://127.0.0.1:9/cb", true, true},
		{"http://[::1]:65535/cb", true, true},
		{"com.example.app:/cb", false, true},
		{"com.example.app://cb", false, true},
		{"myapp:/cb", false, false},
		{"http://a.test/cb", false, false},
		{"http://localhost.a.test/cb", false, false},
		{"http://127.0.0.1.a.test/cb", false, false},
		{"http://127.0.0.2/cb", false, false},
		{"http://localhost:0/cb", false, false},
		{"http://localhost:65536/cb", false, false},
		{"https://a.test:/cb", false, false},
		{"https://*.a.test/cb", false, false},
		{"https://a.test/cb#x", false, false},
		{"https://a.test/cb#", false, false},
		{"https://u@a.test/cb", false, false},
		{"https://a.test@b.test@c.test/cb", false, false},
		{"https://a.test\\@b.test/cb", false, false},
		{"https:///cb", false, false},
		{"https:a.test", false, false},
		{"//a.test/cb", false, false},
		{"/cb", false, false},
		{"a.test/cb", false, false},
		{"", false, false},
		{"https://a.test/c b", false, false},
		{"https://á.test/cb", false, false},
		{"javascript:alert(1)", false, false},
		{"JavaScript://a.test/%0aalert(1)", false, false},
		{"data:text/html,x", false, false},
		{"file:///etc/passwd", false, false},
		{"vbscript:x", false, false},
		{"urn:ietf:wg:oauth:2.0:oob", false, false},
		{"https://a.test/" + strings.Repeat("x", 2048), false, false},
	} {
		if fault := redirectFault(c.uri, false); (fault == "") != c.web {
			t.Errorf("web %.80q: got %q, want allowed %v", c.uri, fault, c.web)
		}
		if fault := redirectFault(c.uri, true); (fault == "") != c.native {
			t.Errorf("native %.80q: got %q, want allowed %v", c.uri, fault, c.native)
		}
	}
	readOne(t, "application_type: native\nredirect_uris: ['com.example.app:/cb']")
	expectProblem(t, oneClient("redirect_uris: ['com.example.app:/cb']"), "r.yaml:3: clients[0].redirect_uris[0]: is neither https nor http on localhost")
}
