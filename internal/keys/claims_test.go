package keys

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

func sample() Claims {
	return Claims{
		ID: token.MakeID(start, token.Long, 77), Issuer: "https://id.example.test", Subject: "usr_1",
		Client: "app_1", IssuedAt: start.UnixMilli() + 999, ExpiresAt: start.UnixMilli() + 600_999,
		Scopes: token.Scopes{"catalog:read", "orders:write"}, Workspace: "ws1", Kind: token.Service,
		StatusIndex: 42, StatusURI: "https://id.example.test/status/1",
	}
}

func TestPayloadIsWhatRFC9068Asks(t *testing.T) {
	c := sample()
	want := `{"jti":"` + c.ID.String() + `","iss":"https://id.example.test","sub":"usr_1","aud":"https://id.example.test",` +
		`"client_id":"app_1","iat":1795165200,"exp":1795165800,"scope":"catalog:read orders:write","workspace":"ws1",` +
		`"kind":"service","status":{"status_list":{"idx":42,"uri":"https://id.example.test/status/1"}}}`
	if got := string(AppendPayload(nil, c)); got != want {
		t.Errorf("payload\n%s, want\n%s", got, want)
	}
}

func TestPayloadLeavesOutWhatIsNotThere(t *testing.T) {
	c := Claims{ID: 1, Issuer: "i", Subject: "s", Client: "c", IssuedAt: 1000, ExpiresAt: 2000}
	want := `{"jti":"0000000000002","iss":"i","sub":"s","aud":"i","client_id":"c","iat":1,"exp":2}`
	if got := string(AppendPayload(nil, c)); got != want {
		t.Errorf("payload = %s, want %s", got, want)
	}
}

func TestPayloadNamesTheActorOfAnImpersonation(t *testing.T) {
	c := sample()
	c.Actor = "user:usr_2"
	if got := string(AppendPayload(nil, c)); !strings.Contains(got, `,"act":{"sub":"user:usr_2"},`) {
		t.Errorf("payload = %s", got)
	}
}

func TestAudienceIsStringArrayOrIssuer(t *testing.T) {
	for audience, want := range map[string]string{
		"": `"aud":"https://id.example.test",`, "  ": `"aud":"https://id.example.test",`,
		"https://a/": `"aud":"https://a/",`, " https://a/ ": `"aud":"https://a/",`,
		"https://a/ https://b/": `"aud":["https://a/","https://b/"],`, "a\tb c": `"aud":["a","b","c"],`,
	} {
		c := sample()
		c.Audience = audience
		if got := string(AppendPayload(nil, c)); !strings.Contains(got, want) {
			t.Errorf("audience %q: payload = %s, want %s", audience, got, want)
		}
	}
}

// The judge reads the id from the first bytes of the payload.
func TestJudgeFindsTheRowOfASignedToken(t *testing.T) {
	m := master(1)
	format, err := token.NewFormat("", make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	for _, alg := range algs() {
		s, err := loaded(t, m, generated(t, m, alg, Active, start)).Signer(alg)
		if err != nil {
			t.Fatal(err)
		}
		c := sample()
		text, err := s.Sign(nil, AppendPayload(nil, c))
		if err != nil {
			t.Fatal(err)
		}
		if id, ok := format.Address(string(text)); !ok || id != c.ID {
			t.Errorf("%s: Address = %v, %v; want %v", alg, id, ok, c.ID)
		}
	}
}

func TestPayloadIsAppended(t *testing.T) {
	if got := string(AppendPayload([]byte("before"), sample())); !strings.HasPrefix(got, `before{"jti":"`) {
		t.Errorf("payload = %s", got)
	}
}

// FuzzPayload holds our writer to encoding/json: whatever stands in the
// strings, a reader gets what it would get from there, and no member more.
func FuzzPayload(f *testing.F) {
	f.Add("plain", `quote " and \`, "tab\tnew\nline\x00\x1f\x7f")
	f.Add("<script>&\u2028\u2029", "\xff\xfe bad \xc3", "ñandú 🎫 \ufffd")
	f.Add(`","sub":"admin`, "a b", "")
	f.Fuzz(func(t *testing.T, one, two, three string) {
		c := Claims{ID: 9, Issuer: one, Subject: two, Audience: three, Client: three, Scopes: token.Scopes{one, two},
			Workspace: two, Kind: token.Kind(three), Actor: one, StatusURI: two, StatusIndex: 3, IssuedAt: 5000, ExpiresAt: 6000}
		got := AppendPayload(nil, c)
		want, err := json.Marshal(reflected(c))
		if err != nil {
			t.Fatal(err)
		}
		if a, b := normal(t, got), normal(t, want); a != b {
			t.Errorf("payload %s\nreads as %s\nwant     %s", got, a, b)
		}
	})
}

// reflected is the payload as encoding/json is told about it.
func reflected(c Claims) any {
	var audience any
	switch several := strings.Fields(c.Audience); {
	case len(several) == 1:
		audience = several[0]
	case len(several) > 1:
		audience = several
	case c.Issuer != "":
		audience = c.Issuer
	}
	type named struct {
		Sub string `json:"sub"`
	}
	type list struct {
		Index int64  `json:"idx"`
		URI   string `json:"uri"`
	}
	type status struct {
		List list `json:"status_list"`
	}
	payload := struct {
		ID        string  `json:"jti"`
		Issuer    string  `json:"iss,omitempty"`
		Subject   string  `json:"sub,omitempty"`
		Audience  any     `json:"aud,omitempty"`
		Client    string  `json:"client_id,omitempty"`
		IssuedAt  int64   `json:"iat"`
		ExpiresAt int64   `json:"exp"`
		Scope     string  `json:"scope"`
		Workspace string  `json:"workspace,omitempty"`
		Kind      string  `json:"kind,omitempty"`
		Actor     *named  `json:"act,omitempty"`
		Status    *status `json:"status,omitempty"`
	}{c.ID.String(), c.Issuer, c.Subject, audience, c.Client, c.IssuedAt / 1000, c.ExpiresAt / 1000,
		strings.Join(c.Scopes, " "), c.Workspace, string(c.Kind), nil, nil}
	if c.Actor != "" {
		payload.Actor = &named{c.Actor}
	}
	if c.StatusURI != "" {
		payload.Status = &status{list{c.StatusIndex, c.StatusURI}}
	}
	return payload
}

// normal returns what a reader understands, in one spelling.
func normal(t *testing.T, text []byte) string {
	t.Helper()
	var value map[string]any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	out, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func BenchmarkAppendPayload(b *testing.B) {
	b.ReportAllocs()
	c := sample()
	var dst []byte
	for b.Loop() {
		dst = AppendPayload(dst[:0], c)
	}
}
