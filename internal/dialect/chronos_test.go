package dialect_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/factor"
	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

const (
	clientToken = "b03ea027d73cfdb458184541012b76c08d24353d6923c0b1dea4e2fc7d77963b"
	otherToken  = "c03ea027d73cfdb458184541012b76c08d24353d6923c0b1dea4e2fc7d77963c"
)

const chronosHouse = `
scopes: [{name: "stock.read"}, {name: "stock.write"}, {name: "orders.read"}]
workspaces:
  - {id: ws1, name: One, scopes: ["stock.read", "stock.write"], client_tokens: ["` + clientToken + `"]}
  - {id: ws2, name: Two, client_tokens: ["` + otherToken + `"]}
roles:
  - {workspace: ws1, name: reader, scopes: ["stock.read", "orders.read"]}
users:
  - email: training@chronos.mx
    password: "the secret: word"
    memberships: [{workspace: ws1, role: member}]
  - email: admin@chronos.mx
    password: "correct horse battery"
    memberships: [{workspace: ws1, role: super_admin}]
  - email: reader@chronos.mx
    password: "correct horse battery"
    memberships: [{workspace: ws1, role: reader}]
  - email: narrow@chronos.mx
    password: "correct horse battery"
    memberships: [{workspace: ws1, role: member, scopes: ["stock.write"]}]
`

// chronosLogin asks for a token as Chronos's callers do.
func chronosLogin(h *servertest.House, email, password string, header ...string) servertest.Answer {
	return h.Request("POST", "/token/generate", map[string]string{"email": email, "password": password}, header...)
}

// isFault fails the test unless an answer is Chronos's refusal.
func isFault(t *testing.T, what string, a servertest.Answer, status int, text string) {
	t.Helper()
	fault, _ := a.JSON["fault"].(map[string]any)
	code, _ := fault["error"].(string)
	if a.Status != status || len(a.JSON) != 1 || len(fault) != 2 || code == "" || fault["error_description"] != text {
		t.Errorf("%s: got %d %s, want %d and a fault that says %q", what, a.Status, a.Body, status, text)
	}
	if status == 401 && code != "unauthorized_client" {
		t.Errorf("%s: got error %q, want unauthorized_client", what, code)
	}
}

// Chronos's contract has a password and nothing else: of whom more is asked, it
// lets nobody in, and says so no other than of a wrong password.
func TestChronosOpensToNobodyOfWhomTwoThingsAreAsked(t *testing.T) {
	const no = "las credenciales no son válidas"
	h := servertest.Start(t, chronosHouse, nil)
	person := func(email string) *token.Person {
		id, err := h.Store.PersonByEmail(t.Context(), email)
		if err != nil {
			t.Fatal(err)
		}
		p, err := h.Store.Person(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	who := token.Actor{Kind: token.User, ID: person("reader@chronos.mx").ID}
	if a := chronosLogin(h, "reader@chronos.mx", "correct horse battery:"+clientToken); a.Status != 200 {
		t.Fatalf("before there was an app: %d %s", a.Status, a.Body)
	}
	if err := h.Identity.StartAuthenticator(t.Context(), who); err != nil {
		t.Fatal(err)
	}
	secret, err := h.Identity.WaitingSecret(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	code, err := factor.Code(secret, h.Clock.Now().Unix()/30)
	if err != nil {
		t.Fatal(err)
	}
	if a := chronosLogin(h, "reader@chronos.mx", "correct horse battery:"+clientToken); a.Status != 200 {
		t.Errorf("an app that was not confirmed counts: %d %s", a.Status, a.Body)
	}
	if _, err := h.Identity.ConfirmAuthenticator(t.Context(), who, code); err != nil {
		t.Fatal(err)
	}
	isFault(t, "with an app", chronosLogin(h, "reader@chronos.mx", "correct horse battery:"+clientToken), 401, no)

	admin := token.Actor{Kind: token.User, ID: person("admin@chronos.mx").ID}
	demand := token.Policy{SecondFactor: token.SecondForAdmins}
	if _, err := h.Authority.PutPolicy(t.Context(), admin, "ws1", demand, ""); err != nil {
		t.Fatal(err)
	}
	isFault(t, "an admin who owes one", chronosLogin(h, "admin@chronos.mx", "correct horse battery:"+clientToken), 401, no)
	if a := chronosLogin(h, "training@chronos.mx", "the secret: word:"+clientToken); a.Status != 200 {
		t.Errorf("a member of whom nothing more is asked: %d %s", a.Status, a.Body)
	}
}

func TestChronosLoginGivesATokenOfFifteenDays(t *testing.T) {
	h := servertest.Start(t, chronosHouse, nil)
	a := chronosLogin(h, "training@chronos.mx", "the secret: word:"+clientToken)
	secret, _ := a.JSON["token"].(string)
	if a.Status != 200 || len(a.JSON) != 3 || !regexp.MustCompile(`^[0-9a-f]{72}$`).MatchString(secret) {
		t.Fatalf("got %d %s, want a token of 72 hexadecimal digits", a.Status, a.Body)
	}
	if a.JSON["type"] != "Bearer" || a.JSON["expired_at"] != "2026-12-07" {
		t.Errorf("got %v and %v, want Bearer and 2026-12-07", a.JSON["type"], a.JSON["expired_at"])
	}
	if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("got headers %v, want no-store and JSON", a.Header)
	}
	h.Clock.Move(15*24*time.Hour - time.Millisecond)
	r, v, err := h.Verifier.Judge(t.Context(), secret, token.Use{Now: h.Clock.Now().UnixMilli(), Surface: token.AtVerify})
	if err != nil || v.Workspace != "ws1" || r.Token.Contract != "chronos" || r.Token.Kind != token.Access || r.Person.Email != "training@chronos.mx" {
		t.Errorf("before the end: got %+v, %+v, %v; want an access token of the member in ws1", r, v, err)
	}
	h.Clock.Move(time.Millisecond)
	_, _, err = h.Verifier.Judge(t.Context(), secret, token.Use{Now: h.Clock.Now().UnixMilli(), Surface: token.AtVerify})
	if !token.Is(err, token.InvalidToken) {
		t.Errorf("at the end: got %v, want an expired token", err)
	}
	if strings.Contains(h.Log.String(), secret) || strings.Contains(h.Log.String(), clientToken) || strings.Contains(h.Log.String(), "the secret") {
		t.Error("the log holds a secret")
	}
}

func TestChronosTokenHoldsWhatTheRoleMayHold(t *testing.T) {
	h := servertest.Start(t, chronosHouse, nil)
	for email, want := range map[string]token.Scopes{
		"admin@chronos.mx":  {"stock.read", "stock.write"}, // no administration: that is asked for by name
		"reader@chronos.mx": {"stock.read"},                // the workspace does not have orders.read
		"narrow@chronos.mx": {"stock.write"},
	} {
		a := chronosLogin(h, email, "correct horse battery:"+clientToken)
		secret, _ := a.JSON["token"].(string)
		r, _, err := h.Verifier.Judge(t.Context(), secret, token.Use{Now: h.Clock.Now().UnixMilli(), Surface: token.AtVerify})
		if err != nil || !slices.Equal(r.Token.Scopes, want) {
			t.Errorf("%s: got %d %v, want the scopes %v", email, a.Status, err, want)
		}
	}
}

// Every failing half is one answer.
func TestChronosSaysTheSameOfEveryFailingHalf(t *testing.T) {
	h := servertest.Start(t, chronosHouse, func(c *server.Config) { c.Limits.PerAddress = 100 })
	answers := map[string]bool{}
	for what, c := range map[string][2]string{
		"unknown mail":              {"nobody@chronos.mx", "the secret: word:" + clientToken},
		"wrong password":            {"training@chronos.mx", "another word:" + clientToken},
		"wrong client token":        {"training@chronos.mx", "the secret: word:" + strings.Repeat("0", 64)},
		"client token of another":   {"training@chronos.mx", "the secret: word:" + otherToken},
		"client token in capitals":  {"training@chronos.mx", "the secret: word:" + strings.ToUpper(clientToken)},
		"no client token":           {"training@chronos.mx", "the secret: word"},
		"empty client token":        {"training@chronos.mx", "the secret: word:"},
		"no password":               {"training@chronos.mx", ":" + clientToken},
		"split at the first colon":  {"training@chronos.mx", "the secret:" + clientToken + ": word"},
		"the document's own sample": {"training@chronos.mx", "thesecretwordiskadabra"},
	} {
		a := chronosLogin(h, c[0], c[1])
		isFault(t, what, a, 401, "las credenciales no son válidas")
		for _, volatile := range []string{"Date", "X-Request-Id"} {
			a.Header.Del(volatile)
		}
		header, err := json.Marshal(a.Header)
		if err != nil {
			t.Fatal(err)
		}
		answers[string(header)+string(a.Body)] = true
	}
	if len(answers) != 1 {
		t.Errorf("got %d different answers, want one: %v", len(answers), answers)
	}
}

// What costs time is the password's hash, which is computed once in
// every failing login. Noise only adds, so the quickest of each are compared,
// taken in turn; without the hash they would be tens of times apart.
func TestChronosTakesAsLongForAnUnknownMailAsForAWrongPassword(t *testing.T) {
	h := servertest.Start(t, chronosHouse, func(c *server.Config) { c.Limits.PerAddress, c.Limits.PerAccount = 1000, 1000 })
	logins := map[string][2]string{
		"wrong password":     {"training@chronos.mx", "wrong:" + clientToken},
		"unknown mail":       {"nobody@chronos.mx", "wrong:" + clientToken},
		"wrong client token": {"training@chronos.mx", "the secret: word:" + strings.Repeat("0", 64)},
		"not a member":       {"training@chronos.mx", "the secret: word:" + otherToken},
	}
	quickest := map[string]time.Duration{}
	for range 12 {
		for what, login := range logins {
			began := time.Now()
			isFault(t, what, chronosLogin(h, login[0], login[1]), 401, "las credenciales no son válidas")
			if took := time.Since(began); quickest[what] == 0 || took < quickest[what] {
				quickest[what] = took
			}
		}
	}
	known := quickest["wrong password"]
	for what, other := range quickest {
		if other*3 < known || known*3 < other {
			t.Errorf("%s takes %v, a wrong password %v: too far apart", what, other, known)
		}
	}
}

func TestChronosSpeaksTheCallersLanguage(t *testing.T) {
	h := servertest.Start(t, chronosHouse, func(c *server.Config) { c.Limits.PerAddress = 100 })
	const es, en = "las credenciales no son válidas", "the credentials are not valid"
	for asked, want := range map[string]string{
		"": es, "*": es, "es-MX": es, "en": en, "en-GB,en;q=0.9": en, "fr": es, "fr, en;q=0.5": en, "nonsense;;q": es, "en;q=0.1, es;q=0.9": es,
		"pt-BR": "as credenciais não são válidas", "de-AT": "die Zugangsdaten sind nicht gültig", strings.Repeat("en,", 200): es,
	} {
		isFault(t, "Accept-Language: "+asked, chronosLogin(h, "nobody@chronos.mx", "wrong:"+clientToken, "Accept-Language", asked), 401, want)
	}
}

func TestChronosRefusesEverythingInTheFaultShape(t *testing.T) {
	h := servertest.Start(t, chronosHouse, nil)
	const required = "email and password are required and must be strings"
	for what, c := range map[string]struct {
		method, body, media string
		status              int
		text                string
	}{
		"no password":     {"POST", `{"email":"training@chronos.mx"}`, "application/json", 422, required},
		"no email":        {"POST", `{"password":"x"}`, "application/json", 422, required},
		"empty email":     {"POST", `{"email":"","password":"x"}`, "application/json", 422, required},
		"null":            {"POST", `{"email":null,"password":null}`, "application/json", 422, required},
		"numbers":         {"POST", `{"email":1,"password":2}`, "application/json", 422, required},
		"no JSON":         {"POST", `email=training`, "application/json", 400, "the request cannot be read"},
		"nothing":         {"POST", ``, "application/json", 400, "the request cannot be read"},
		"an array":        {"POST", `[]`, "application/json", 400, "the request cannot be read"},
		"twice":           {"POST", `{"email":"a","email":"b","password":"x"}`, "application/json", 400, "the request cannot be read"},
		"a form":          {"POST", `email=training&password=x`, "application/x-www-form-urlencoded", 415, "the Content-Type must be application/json"},
		"no type":         {"POST", `{"email":"a","password":"x"}`, "", 415, "the Content-Type must be application/json"},
		"too large":       {"POST", `{"email":"` + strings.Repeat("a", 70_000) + `"}`, "application/json", 413, "the request is too large"},
		"another method":  {"GET", "", "", 405, "this address takes POST only"},
		"a foreign page":  {"POST", `{}`, "application/json", 403, "a browser may not send this request from another site"},
		"with parameters": {"POST", `{}`, "application/json; charset=utf-8", 422, required},
	} {
		header := []string{"Accept-Language", "en"}
		if c.media != "" {
			header = append(header, "Content-Type", c.media)
		}
		if what == "a foreign page" {
			header = append(header, "Origin", "https://evil.example")
		}
		isFault(t, what, h.Request(c.method, "/token/generate", c.body, header...), c.status, c.text)
	}
	a := h.Request("GET", "/token/generate", nil)
	if a.Header.Get("Allow") != "POST" {
		t.Errorf("got Allow %q, want POST", a.Header.Get("Allow"))
	}
}

// A right password behind a wrong client token is a failure like any
// other, or it would be told apart by never being refused.
func TestChronosGuessesAreRefusedFromThatAddressForAWhile(t *testing.T) {
	for what, password := range map[string]string{
		"wrong password":     "wrong:" + clientToken,
		"wrong client token": "the secret: word:" + otherToken,
	} {
		h := servertest.Start(t, chronosHouse, nil)
		for range 10 {
			isFault(t, what, chronosLogin(h, "training@chronos.mx", password), 401, "las credenciales no son válidas")
		}
		a := chronosLogin(h, "training@chronos.mx", "the secret: word:"+clientToken)
		isFault(t, what, a, http.StatusTooManyRequests, "demasiados intentos; vuelva a intentarlo más tarde")
		if a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: 429 without Retry-After", what)
		}
		h.Clock.Move(time.Minute + time.Second)
		if a := chronosLogin(h, "training@chronos.mx", "the secret: word:"+clientToken); a.Status != 200 {
			t.Errorf("%s: a minute later: got %d %s, want 200", what, a.Status, a.Body)
		}
	}
}

func TestChronosPersonWhoLeftGetsNoTokenAndLosesTheirs(t *testing.T) {
	h := servertest.Start(t, chronosHouse, nil)
	a := chronosLogin(h, "training@chronos.mx", "the secret: word:"+clientToken)
	id, err := h.Store.PersonByEmail(t.Context(), "training@chronos.mx")
	if err != nil {
		t.Fatal(err)
	}
	who := token.Actor{Kind: token.System, ID: "apply"}
	if err := h.Identity.Remove(t.Context(), who, id, "ws1", ""); err != nil {
		t.Fatal(err)
	}
	secret, _ := a.JSON["token"].(string)
	_, _, err = h.Verifier.Judge(t.Context(), secret, token.Use{Now: h.Clock.Now().UnixMilli(), Surface: token.AtVerify})
	if !token.Is(err, token.InvalidToken) {
		t.Errorf("the old token: got %v, want it dead", err)
	}
	isFault(t, "login", chronosLogin(h, "training@chronos.mx", "the secret: word:"+clientToken), 401, "las credenciales no son válidas")
}

func TestChronosSecondTokenLeavesTheFirstAlive(t *testing.T) {
	h := servertest.Start(t, chronosHouse, nil)
	var secrets []string
	for range 2 {
		a := chronosLogin(h, "training@chronos.mx", "the secret: word:"+clientToken)
		secret, _ := a.JSON["token"].(string)
		secrets = append(secrets, secret)
	}
	if secrets[0] == secrets[1] {
		t.Error("two logins gave one token")
	}
	for _, s := range secrets {
		if _, _, err := h.Verifier.Judge(t.Context(), s, token.Use{Now: h.Clock.Now().UnixMilli(), Surface: token.AtVerify}); err != nil {
			t.Errorf("got %v, want both alive", err)
		}
	}
}

func TestChronosTokenLivesNoLongerThanTheWorkspaceAllows(t *testing.T) {
	h := servertest.Start(t, strings.Replace(chronosHouse, "name: One,", "name: One, policy: {max_ttl: {access: 2d}},", 1), nil)
	a := chronosLogin(h, "training@chronos.mx", "the secret: word:"+clientToken)
	if a.Status != 200 || a.JSON["expired_at"] != "2026-11-24" {
		t.Errorf("got %d %s, want a token until 2026-11-24", a.Status, a.Body)
	}
}

func TestChronosSwitchedOffIsNotThere(t *testing.T) {
	h := servertest.Start(t, chronosHouse, func(c *server.Config) { c.Without = []string{"chronos"} })
	if a := chronosLogin(h, "training@chronos.mx", "the secret: word:"+clientToken); a.Status != 404 {
		t.Errorf("got %d, want 404", a.Status)
	}
}
