package api

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

const (
	mostReported = 1000           // uses in one request
	oldestReport = 24 * time.Hour // what is older is refused
	soonReport   = time.Minute    // how far a service's clock may be ahead
)

// useRoutes are what is known of the use of tokens, and how services tell of it.
func (f *Face) useRoutes() []web.Route {
	return []web.Route{
		large(f.open("POST /v1/uses", f.reportUses)),
		f.open("GET /v1/tokens/{id}/uses", f.listUses),
		f.open("GET /v1/tokens/{id}/scopes", f.usedScopes),
	}
}

// A reportedUse is one request that a service judged by itself.
type reportedUse struct {
	TokenID  string   `json:"token_id"`
	SecretID string   `json:"secret_id"`
	Hash     string   `json:"token_hash"`
	Head     string   `json:"head"`
	At       string   `json:"at"`
	Route    string   `json:"route"`
	Method   string   `json:"method"`
	Status   int      `json:"status"`
	Duration float64  `json:"duration_ms"`
	Class    string   `json:"class"`
	Address  string   `json:"address"`
	Agent    string   `json:"agent"`
	Scopes   []string `json:"scopes_used"`
}

type usesBody struct {
	Batch string        `json:"batch"`
	Uses  []reportedUse `json:"uses"`
}

// A taking says what became of the uses of a request. Of another's token it says
// what it says of none.
type taking struct {
	Accepted int           `json:"accepted"`
	Unknown  int           `json:"unknown"`
	Refused  []refusedItem `json:"refused"`
}

type refusedItem struct {
	Index int    `json:"index"`
	Error string `json:"error"`
}

// A takenUse is a use that counts, and whose it is.
type takenUse struct {
	record *token.Record
	report token.Report
}

// reportUses serves POST /v1/uses. What is taken in counts as traffic and as use
// within seconds; it is counted in memory, so that a crash may lose the last
// ones. A batch that is named is answered once and counts once.
func (f *Face) reportUses(c *web.Call, who *caller) error {
	if err := who.mayReport(); err != nil {
		return err
	}
	var body usesBody
	if err := c.JSON(&body); err != nil {
		return err
	}
	switch {
	case len(body.Uses) == 0 || len(body.Uses) > mostReported:
		return token.AtField("uses", "must hold 1 to %d uses", mostReported)
	case body.Batch != "" && !isRoute(body.Batch):
		return token.AtField("batch", "must be 1 to 128 printable ASCII characters")
	}
	uses, said, err := f.takeUses(c, who, body.Uses)
	if err != nil {
		return err
	}
	if err := f.confirm(c, uses); err != nil {
		return err
	}
	answer, err := json.Marshal(said)
	if err != nil {
		return err
	}
	if body.Batch != "" {
		key := token.HashOf(who.workspace + "\n" + who.actor.ID + "\n" + body.Batch)
		before, err := f.cfg.Store.KeepBatch(c.Context(), key, answer)
		if err != nil {
			return err
		}
		if before != nil {
			return c.WriteJSON(http.StatusOK, json.RawMessage(before))
		}
	}
	for _, u := range uses {
		f.cfg.Verifier.Report(u.record, u.report)
		f.cfg.Traffic(u.report.Request)
	}
	return c.WriteJSON(http.StatusOK, json.RawMessage(answer))
}

// confirm tells the judge of secrets that take another's place and are in use
// now. It comes before a batch is kept: whoever hears of a fault sends it again.
func (f *Face) confirm(c *web.Call, uses []takenUse) error {
	told := map[token.ID]bool{}
	for _, u := range uses {
		if id := u.record.Token.ID; u.report.Passed() && !told[id] {
			told[id] = true
			if err := f.cfg.Verifier.Confirm(c.Context(), u.record, u.report); err != nil {
				return err
			}
		}
	}
	return nil
}

// mayReport refuses who may not tell of the use of tokens: programs that may
// learn of others' tokens may, and who administrates the workspace.
func (k *caller) mayReport() error {
	if k.client == nil {
		return k.mayAdministrate(token.AdminWrite)
	}
	if k.client.Introspect != "workspace" && len(k.client.Resources) == 0 {
		return token.Errorf(token.Forbidden, "this client may not report uses; give it the right to introspect, or use a token with %s", token.AdminWrite)
	}
	return nil
}

// takeUses looks every use over. A fault leaves all of them out, so that the
// caller may send them again.
func (f *Face) takeUses(c *web.Call, who *caller, list []reportedUse) ([]takenUse, taking, error) {
	said := taking{Refused: []refusedItem{}}
	var uses []takenUse
	for i := range list {
		one, of, err := list[i].read(c)
		if err != nil {
			said.Refused = append(said.Refused, refusedItem{i, err.Error()})
			continue
		}
		r, err := f.shown(c, of)
		if err != nil {
			return nil, said, err
		}
		if r == nil || !who.mayReportOf(r) {
			said.Unknown++
			continue
		}
		one.Workspace, one.Client = who.workspace, r.Token.Client
		uses = append(uses, takenUse{r, one})
		said.Accepted++
	}
	return uses, said, nil
}

// mayReportOf reports whether a token is one of those that the caller may tell
// of: of its workspace, and shown to services as a bearer.
func (k *caller) mayReportOf(r *token.Record) bool {
	switch r.Token.Kind {
	case token.Access, token.Service, token.Ephemeral, token.Impersonated, token.Personal:
	default:
		return false
	}
	mine := r.Token.Workspace == k.workspace || r.Roams(k.workspace)
	return mine && (k.client == nil || authority.MayAsk(k.client, r.Token, k.workspace))
}

// A shown names the secret that a service was shown: by its row, or by its hash
// and what leads to its row.
type shown struct {
	id   token.ID
	head string
	hash token.Hash
}

// shown returns the record of a secret, nil if there is none.
func (f *Face) shown(c *web.Call, s shown) (*token.Record, error) {
	if s.id != 0 {
		return f.cfg.Verifier.Record(c.Context(), s.id)
	}
	return f.cfg.Verifier.Recall(c.Context(), s.head, s.hash)
}

// read checks a use and returns it with the secret that it is of.
func (u *reportedUse) read(c *web.Call) (one token.Report, of shown, err error) {
	if of, err = u.token(); err != nil {
		return one, of, err
	}
	at, err := time.Parse(time.RFC3339, u.At)
	switch {
	case err != nil:
		return one, of, token.AtField("at", "must be an instant such as 2027-01-31T12:00:00Z")
	case at.Before(c.Now().Add(-oldestReport)) || at.After(c.Now().Add(soonReport)):
		return one, of, token.AtField("at", "must be within the last 24 hours")
	case !isRoute(u.Route):
		return one, of, token.AtField("route", "must be 1 to 128 printable ASCII characters: the name of the route, never a path")
	case u.Status < 100 || u.Status > 599:
		return one, of, token.AtField("status", "must be an HTTP status")
	case math.IsNaN(u.Duration) || u.Duration < 0 || u.Duration > float64(oldestReport.Milliseconds()):
		return one, of, token.AtField("duration_ms", "must be a time in milliseconds")
	}
	one = token.Report{Request: token.Request{
		At: at.UnixMilli(), Route: u.Route, Status: u.Status, Took: time.Duration(u.Duration * float64(time.Millisecond)),
	}}
	return one, of, u.whence(c, &one)
}

func (u *reportedUse) token() (of shown, err error) {
	named := 0
	for _, text := range []string{u.SecretID, u.TokenID, u.Hash} {
		if text != "" {
			named++
		}
	}
	switch {
	case named != 1:
		return of, token.AtField("secret_id", "name the token by secret_id, by token_id where only that is known, or by token_hash")
	case u.Head != "" && u.Hash == "":
		return of, token.AtField("head", "goes with token_hash")
	case u.Hash != "":
		of.head = u.Head
		of.hash, err = parseHash(u.Hash)
		return of, err
	}
	var ok bool
	if of.id, ok = token.ParseID(u.SecretID + u.TokenID); !ok {
		return of, token.AtField("secret_id", "must be 13 characters, as an answer has it")
	}
	return of, nil
}

// parseHash reads a SHA-256 in hex or base64url.
func parseHash(text string) (h token.Hash, err error) {
	raw, err := hex.DecodeString(text)
	if len(text) != hex.EncodedLen(len(h)) {
		raw, err = base64.RawURLEncoding.DecodeString(strings.TrimSuffix(text, "="))
	}
	if err != nil || len(raw) != len(h) {
		return h, token.AtField("token_hash", "must be the SHA-256 of the whole token, in hex or base64url")
	}
	return token.Hash(raw), nil
}

// whence reads the rest, all of which may be left out.
func (u *reportedUse) whence(c *web.Call, one *token.Report) (err error) {
	switch u.Class {
	case token.Internal, token.External:
		one.Class = u.Class
	case "":
		one.Class = c.ClassOf(u.Address)
	default:
		return token.AtField("class", "must be %s or %s", token.Internal, token.External)
	}
	if _, err := netip.ParseAddr(u.Address); u.Address != "" && err != nil {
		return token.AtField("address", "must be an IP address")
	}
	if len(u.Method) > 16 || strings.Trim(u.Method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
		return token.AtField("method", "must be an HTTP method")
	}
	if err := authority.CheckText("agent", u.Agent, 200); err != nil {
		return err
	}
	one.Address, one.Method, one.Agent = token.CleanAddress(u.Address), u.Method, u.Agent
	one.Scopes, err = token.MakeScopes(u.Scopes)
	return err
}
