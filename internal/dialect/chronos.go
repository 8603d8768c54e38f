package dialect

import (
	"net/http"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// ChronosConfig is what Chronos's contract works with. All of it is required.
type ChronosConfig struct {
	Authority *authority.Authority
	Identity  *identity.Identity
}

// Chronos is the contract of Chronos EON: a person's e-mail and password, with
// the client token of a workspace behind the password, give a token of 15 days.
// It is safe for use by many at once.
type Chronos struct {
	cfg       ChronosConfig
	languages language.Matcher
}

// NewChronos returns the face of Chronos's contract.
func NewChronos(cfg ChronosConfig) *Chronos {
	return &Chronos{cfg, language.NewMatcher([]language.Tag{language.Spanish, language.English, language.Portuguese, language.German})}
}

// Routes returns the routes of Chronos's contract.
func (f *Chronos) Routes() []web.Route {
	return []web.Route{
		{
			Pattern: "POST /token/generate",
			Rule: web.Rule{
				Auth: web.AuthNone, Media: []string{"application/json"}, Mutates: true, Secret: true, NoForeignOrigin: true, Shape: f.fault,
			},
			Handle: f.generate,
		},
		{
			Pattern: "/token/generate", // other methods hear a fault too
			Rule:    web.Rule{Auth: web.AuthNone, Body: web.NoBody, Shape: f.fault},
			Handle: func(c *web.Call) error {
				c.Header().Set("Allow", "POST")
				return token.Errorf(token.MethodNotAllowed, "this path takes POST")
			},
		},
	}
}

// generate answers a login. The workspace is looked up before the password is
// proven and not judged by itself, so that an unknown client token, an unknown
// person, a wrong password and somebody else's workspace cost and say the same.
func (f *Chronos) generate(c *web.Call) error {
	email, password, clientToken, err := readChronosLogin(c)
	if err != nil {
		return err
	}
	workspace, err := f.cfg.Authority.ClientTokenWorkspace(c.Context(), c.Actor(), clientToken)
	if err != nil {
		return err
	}
	person, err := f.cfg.Identity.AuthenticateMember(c.Context(), c.Actor(), email, password, workspace)
	if err != nil {
		return err
	}
	c.SetActor(token.Actor{Kind: token.User, ID: person.ID, Name: person.Email, Workspace: workspace})
	scopes, err := f.cfg.Authority.AllScopes(c.Context(), workspace, person.In(workspace))
	if err != nil {
		return err
	}
	out, err := f.cfg.Authority.Issue(c.Context(), c.Actor(), authority.Order{
		Kind: token.Access, Contract: "chronos", Form: authority.Hex, Person: person.ID, Workspace: workspace, Scopes: scopes,
		Name: "Chronos sign-in", Owner: person.ID, // fifteen days are long enough to be found in the inventory
	})
	if err != nil {
		return err
	}
	return c.WriteJSON(http.StatusOK, struct {
		Token     string `json:"token"`
		Type      string `json:"type"`
		ExpiredAt string `json:"expired_at"` // a day without zone, and in the future
	}{out.Secret, "Bearer", time.UnixMilli(out.Token.ExpiresAt).UTC().Format(time.DateOnly)})
}

// readChronosLogin reads "userPassword:clientToken" apart at the last colon: a password
// may hold colons, a client token is hexadecimal. Without a colon there is no
// client token, which is a wrong login and not a malformed one.
func readChronosLogin(c *web.Call) (email, password, clientToken string, err error) {
	var in struct{ Email, Password string }
	if err := c.JSONLenient(&in); err != nil {
		return "", "", "", err
	}
	if in.Email == "" || in.Password == "" {
		return "", "", "", token.Errorf(token.Invalid, "email and password are required")
	}
	password = in.Password
	if i := strings.LastIndexByte(in.Password, ':'); i >= 0 {
		password, clientToken = in.Password[:i], in.Password[i+1:]
	}
	return in.Email, password, clientToken, nil
}

// fault writes a refusal as Chronos does. Its sentences are few and general, in
// the caller's language and Spanish otherwise.
func (f *Chronos) fault(c *web.Call, err error) {
	code := token.AsRefusal(err).Code
	status := web.Status(code)
	if code == token.AccessDenied {
		code, status = token.UnauthorizedClient, http.StatusUnauthorized
	}
	sentences, ok := chronosFaults[status]
	if !ok {
		sentences = chronosFaults[status/100*100]
	}
	type fault struct {
		Error       token.Code `json:"error"`
		Description string     `json:"error_description"`
	}
	which := f.language(c)
	c.Header().Set("Content-Language", chronosLanguages[which])
	_ = c.WriteJSON(status, map[string]fault{"fault": {code, sentences[which]}}) // strings always have JSON
}

// chronosLanguages are in the order of the matcher and of the sentences.
var chronosLanguages = [4]string{"es", "en", "pt", "de"}

// language returns which of the languages the caller asks for: Spanish if none
// of them, or nothing that can be read.
func (f *Chronos) language(c *web.Call) int {
	const most = 256 // bytes of the header: parsing takes time
	asked := c.Request.Header.Get("Accept-Language")
	if len(asked) > most {
		return 0
	}
	tags, _, err := language.ParseAcceptLanguage(asked)
	if err != nil {
		return 0
	}
	_, which, _ := f.languages.Match(tags...)
	return which
}

// chronosFaults are the sentences by status; 400 and 500 stand for the others
// of their hundred.
var chronosFaults = map[int][4]string{
	400: {
		"la solicitud no se puede leer", "the request cannot be read",
		"não é possível ler a solicitação", "die Anfrage ist nicht lesbar",
	},
	401: {
		"las credenciales no son válidas", "the credentials are not valid",
		"as credenciais não são válidas", "die Zugangsdaten sind nicht gültig",
	},
	403: {
		"el navegador no puede enviar esta solicitud desde otro sitio", "a browser may not send this request from another site",
		"o navegador não pode enviar esta solicitação de outro site", "ein Browser darf diese Anfrage nicht von einer anderen Seite senden",
	},
	405: {
		"esta dirección solo acepta POST", "this address takes POST only",
		"este endereço só aceita POST", "diese Adresse nimmt nur POST an",
	},
	413: {
		"la solicitud es demasiado grande", "the request is too large",
		"a solicitação é grande demais", "die Anfrage ist zu groß",
	},
	415: {
		"el Content-Type debe ser application/json", "the Content-Type must be application/json",
		"o Content-Type deve ser application/json", "der Content-Type muss application/json sein",
	},
	422: {
		"email y password son obligatorios y deben ser textos", "email and password are required and must be strings",
		"email e password são obrigatórios e devem ser textos", "email und password sind erforderlich und müssen Texte sein",
	},
	429: {
		"demasiados intentos; vuelva a intentarlo más tarde", "too many attempts; try again later",
		"tentativas demais; tente novamente mais tarde", "zu viele Versuche; bitte später erneut versuchen",
	},
	500: {
		"algo falló de nuestro lado; vuelva a intentarlo más tarde", "something is wrong on our side; try again later",
		"algo falhou do nosso lado; tente novamente mais tarde", "bei uns ist etwas schiefgegangen; bitte später erneut versuchen",
	},
}
