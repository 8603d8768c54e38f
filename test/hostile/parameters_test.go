package hostile_test

import (
	"net/url"
	"strings"
	"testing"
)

// A parameter stands once, in one place; what is sent twice may have been read
// otherwise by whoever let it through.
func TestParametersAreNotPolluted(t *testing.T) {
	p := start(t)
	own := basic("form", "form-canary-client-secret")
	twice := func(f url.Values, name, value string) url.Values { f[name] = append(f[name], value); return f }
	cc := func() url.Values {
		return form("grant_type", "client_credentials", "client_id", "form", "client_secret", "form-canary-client-secret")
	}
	for name, send := range map[string]func() answer{
		"grant twice": func() answer {
			return p.call(t, "POST", "/oauth2/token", twice(cc(), "grant_type", "refresh_token"), nil)
		},
		"client twice": func() answer { return p.call(t, "POST", "/oauth2/token", twice(cc(), "client_id", "web"), nil) },
		"secret twice": func() answer { return p.call(t, "POST", "/oauth2/token", twice(cc(), "client_secret", "x"), nil) },
		"scope twice": func() answer {
			return p.call(t, "POST", "/oauth2/token", twice(twice(cc(), "scope", "catalog:read"), "scope", "catalog:write"), nil)
		},
		"secret in the query": func() answer {
			return p.call(t, "POST", "/oauth2/token?client_secret=form-canary-client-secret", form("grant_type", "client_credentials", "client_id", "form"), nil)
		},
		"two ways": func() answer { return p.call(t, "POST", "/oauth2/token", cc(), own) },
		"two clients": func() answer {
			return p.call(t, "POST", "/oauth2/token", form("grant_type", "client_credentials", "client_id", "web"), own)
		},
		"a way not registered": func() answer {
			return p.call(t, "POST", "/oauth2/token", form("grant_type", "client_credentials"), own)
		},
		"all in the query": func() answer { return p.call(t, "POST", "/oauth2/token?"+cc().Encode(), nil, nil) },
		"JSON": func() answer {
			return p.call(t, "POST", "/oauth2/token", `{"grant_type":"client_credentials","client_id":"form","client_secret":"form-canary-client-secret"}`, nil)
		},
		"GET": func() answer { return p.call(t, "GET", "/oauth2/token?"+cc().Encode(), nil, nil) },
		"Fanbase twice": func() answer {
			return p.call(t, "POST", "/api/token?grant_type=client_credentials&client_id=fan&client_id=web&client_secret=fan-canary-client-secret", nil, nil)
		},
		"HubSpot body and query": func() answer {
			return p.call(t, "POST", "/oauth/v1/token?client_id=hub", form("grant_type", "refresh_token", "client_id", "web", "client_secret", "hub-canary-client-secret", "refresh_token", "x"), nil)
		},
		"HubSpot v3, query": func() answer {
			return p.call(t, "POST", "/oauth/v3/token?client_secret=hub-canary-client-secret", form("grant_type", "refresh_token", "client_id", "hub", "refresh_token", "x"), nil)
		},
		"semicolons": func() answer {
			return p.call(t, "POST", "/api/token?grant_type=client_credentials;client_id=fan;client_secret=fan-canary-client-secret", nil, nil)
		},
		"NUL": func() answer {
			return p.call(t, "POST", "/api/token?grant_type=client_credentials&client_id=fan%00&client_secret=fan-canary-client-secret", nil, nil)
		},
		"bad UTF-8": func() answer {
			return p.call(t, "POST", "/api/token?grant_type=client_credentials&client_id=fan%ff&client_secret=x", nil, nil)
		},
		"scope of /verify twice": func() answer {
			return p.call(t, "GET", "/verify?scope=catalog:read&scope=", nil, bearer("canary-pat-ana-admin-000"))
		},
	} {
		if a := send(); a.code < 400 || a.code >= 500 || a.json("access_token") != "" {
			t.Errorf("%s: %s", name, a)
		}
	}
	if a := p.call(t, "POST", "/oauth2/token", cc(), nil); a.code != 200 {
		t.Errorf("the honest one: %s", a)
	}
}

// Odd values are refused as the field's fault or kept as text; none is a fault
// of ours, and none comes back as anything else.
func TestOddValuesAreNobodysFault(t *testing.T) {
	p := start(t)
	h := bearer("mint-canary-client-secret", "X-Workspace-Id", "acme")
	for _, ttl := range []string{"0", "-1", "0.5", "1e18", "1e400", "9223372036854775807", "9223372036854775808", "99999999999999999999999", `"900"`, "true", "[]", "{}", "1.0e3", "0x10", "-0"} {
		if a := p.call(t, "POST", "/v1/tokens", `{"name":"n","scopes":["catalog:read"],"ttl":`+ttl+`}`, h); a.code != 422 && a.code != 400 {
			t.Errorf("ttl %s: %s", ttl, a)
		}
	}
	for _, body := range []string{
		"", "null", "[]", `"x"`, "1", "{", `{"name":"n","name":"m","scopes":["catalog:read"]}`, `{"NAME":"n","scopes":["catalog:read"],"Ttl":1e9}`, `{"name":"n","scopes":["catalog:read"]} {}`,
		`{"name":"n","scopes":[]}`, `{"name":"n","scopes":null}`, `{"name":"n"}`, `{"name":"n","scopes":["*"]}`, `{"name":"n","scopes":["catalog:*"]}`, `{"name":"n","scopes":["catalog:read catalog:write"]}`,
		`{"name":"n","scopes":["admin:write"]}`, `{"name":"n","scopes":["CATALOG:READ"]}`, `{"name":"a\u0000b","scopes":["catalog:read"]}`, `{"name":"a\r\nBcc: x@y","scopes":["catalog:read"]}`,
		`{"name":"\ud800","scopes":["catalog:read"]}`, "{\"name\":\"\xff\",\"scopes\":[\"catalog:read\"]}", `{"name":"` + strings.Repeat("n", 201) + `","scopes":["catalog:read"]}`,
		`{"name":"n","scopes":["catalog:read"],"type":"personal"}`, `{"name":"n","scopes":["catalog:read"],"type":"access"}`, `{"name":"n","scopes":["catalog:read"],"kind":"personal"}`,
		`{"name":"n","scopes":["catalog:read"],"max_uses":1}`, `{"name":"n","scopes":["catalog:read"],"workspace":"globex"}`, `{"name":"n","scopes":["catalog:read"],"on_behalf_of":"max@acme.example"}`,
	} {
		if a := p.call(t, "POST", "/v1/tokens", body, h); a.code < 400 || a.code >= 500 {
			t.Errorf("%.80q: %s", body, a)
		}
	}
	for _, name := range []string{`' OR 1=1 --`, `{{7*7}}`, `${jndi:ldap://x}`, `<script>alert(1)</script>`, `=cmd|' /C calc'!A0`, `../../etc/passwd`, "ñ漢字🙂\u202e", `%s%n%x`} {
		quoted := strings.ReplaceAll(strings.ReplaceAll(name, `\`, `\\`), `"`, `\"`)
		a := p.call(t, "POST", "/v1/tokens", `{"name":"`+quoted+`","scopes":["catalog:read"]}`, h)
		if a.code != 201 || a.json("name") != name {
			t.Errorf("%q: %s", name, a)
		}
	}
	admin := bearer("canary-pat-ana-admin-000")
	for _, query := range []string{
		"cursor='", "cursor=1'--", "cursor=9999999999999", "cursor=zzzzzzzzzzzzz", "cursor=-1", "cursor=%00", "limit=0", "limit=-1", "limit=201", "limit=1e3", "limit=0x10", "limit=", "created_from=-1",
		"created_from=9999-99-99", "created_from=0001-01-01T00:00:00Z", "expires_before=99999-01-01T00:00:00Z", "status=%25", "type=session", "type=client_secret", "q=%25", "q=_", "q=%27", "user=%27OR", "nosuch=1",
	} {
		for _, path := range []string{"/v1/tokens?", "/v1/audit?", "/v1/users?", "/v1/clients?", "/users/me/access_tokens?", "/organizations/acme/access_tokens?"} {
			if a := p.call(t, "GET", path+query, nil, append(admin, "X-Workspace-Id", "acme")); a.code >= 500 || strings.Contains(strings.ToLower(a.body), "syntax") || strings.Contains(a.body, "SELECT") {
				t.Errorf("%s%s: %s", path, query, a)
			}
		}
	}
	for _, id := range []string{"'", "1 OR 1=1", "..%2f..", "%2e%2e", "06hivvucmgfk4%00", strings.Repeat("a", 5000), "%ff", "-1", "9223372036854775807", "ZZZZZZZZZZZZZ"} {
		for _, path := range []string{"/v1/tokens/", "/v1/clients/", "/v1/status-lists/", "/organizations/", "/users/me/access_tokens/", "/oauth/v1/access-tokens/"} {
			if a := p.call(t, "GET", path+id, nil, admin); a.code < 400 || a.code >= 500 {
				t.Errorf("%s%.40s: %s", path, id, a)
			}
		}
	}
}
