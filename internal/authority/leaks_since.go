package authority

import (
	"context"
	"slices"

	"github.com/fichadev/ficha/internal/token"
)

// An Aftermath is what is known of a credential's uses since somebody else may
// have had its secret. Instants are ms.
type Aftermath struct {
	Since     int64
	Used      bool       // it opened something since
	Last      token.Seen // the last use of the secret that is known of, whenever
	Allowed   int        // uses since then that are recorded singly
	Refused   int        // and tries that were refused
	First     int64      // the first of both, 0: none
	Addresses []string   // they came from, the latest first
	New       []string   // those of Addresses that none of the uses before came from
	Cut       bool       // there are more records than were looked at
}

// Leaked returns where the secrets of a token were found, the last report first,
// and what was done with it since the first time; nothing where it never was.
func (a *Authority) Leaked(ctx context.Context, t *token.Token) ([]token.Leak, *Aftermath, error) {
	list, err := a.cfg.Store.Leaks(ctx, token.RotatesToken, t.Credential.String())
	if err != nil || len(list) == 0 {
		return nil, nil, err
	}
	since := list[0].Since()
	secrets := []token.ID{t.ID}
	for i := range list {
		since = min(since, list[i].Since())
		if !slices.Contains(secrets, list[i].Secret) {
			secrets = append(secrets, list[i].Secret)
		}
	}
	after, err := a.usesSince(ctx, t.Credential, t.Workspace, secrets, since)
	return list, after, err
}

// aftermath is that of a secret that is just being reported.
func (a *Authority) aftermath(ctx context.Context, x *exposure, since int64) (*Aftermath, error) {
	credential := x.secret.ID
	if x.token != nil {
		credential = x.token.Token.Credential
	}
	if since == 0 {
		since = a.cfg.Now().UnixMilli()
	}
	return a.usesSince(ctx, credential, x.home(), []token.ID{x.secret.ID}, since)
}

func (a *Authority) usesSince(ctx context.Context, credential token.ID, workspace string, secrets []token.ID, since int64) (*Aftermath, error) {
	after := &Aftermath{Since: since, New: []string{}}
	seen, err := a.LastUses(ctx, secrets)
	if err != nil {
		return nil, err
	}
	for _, id := range secrets {
		after.Last = after.Last.And(seen[id])
	}
	after.Used = after.Last.Count > 0 && after.Last.Last >= since
	q := token.UseQuery{Credential: credential, Workspace: workspace, From: since, Limit: token.MostListed}
	recorded, err := a.cfg.Store.UseRecords(ctx, q)
	if err != nil {
		return nil, err
	}
	q.From, q.Until = 0, since
	before, err := a.cfg.Store.UseRecords(ctx, q)
	if err != nil {
		return nil, err
	}
	after.add(recorded, before)
	return after, nil
}

// add counts the recorded uses since then, and tells addresses that are new.
func (m *Aftermath) add(since, before []token.UseRecord) {
	known := map[string]bool{}
	for _, r := range before {
		known[r.Address] = true
	}
	m.Cut = len(since) == token.MostListed
	for _, r := range since {
		if r.Outcome == token.UseAllowed || r.Outcome == token.UseReported {
			m.Allowed, m.Used = m.Allowed+1, true
		} else {
			m.Refused++
		}
		m.First = r.ID.Time().UnixMilli()
		if r.Address != "" && !slices.Contains(m.Addresses, r.Address) {
			m.Addresses = append(m.Addresses, r.Address)
		}
	}
	m.New = append(m.New, slices.DeleteFunc(slices.Clone(m.Addresses), func(s string) bool { return known[s] })...)
	if last := m.Last; m.Used && last.Address != "" && last.Last >= m.Since && !slices.Contains(m.Addresses, last.Address) {
		m.Addresses = append(m.Addresses, last.Address)
	}
}

// A Glimpse is as much of a secret as tells this server which it is: it opens
// nothing, so that who has found secrets need not send them.
type Glimpse struct {
	Head string // as token.Shape has it
	Hash token.Hash
}

// A Held is a secret of a workspace that somebody asks about.
type Held struct {
	What       token.Rotating
	Kind       string
	Credential string
	Name       string
	Owner      string
	LastFour   string
	Live       bool
	ExpiresAt  int64
}

// Held returns the secret of a workspace that a glimpse is of; nil if it is
// another's, or nobody's.
func (a *Authority) Held(ctx context.Context, workspace string, g Glimpse) (*Held, error) {
	x, err := a.glimpsed(ctx, g)
	if err != nil || x == nil || !x.opens(workspace) {
		return nil, err
	}
	h := &Held{What: x.what, Kind: x.kind, Credential: x.target.ID, Name: x.target.Name, LastFour: x.secret.LastFour, Live: !x.over, ExpiresAt: x.secret.ExpiresAt}
	if x.token == nil {
		return h, nil
	}
	h.Owner, h.ExpiresAt = x.token.Token.Owner, x.token.Token.ExpiresAt
	err = a.cfg.Judge.Standing(ctx, x.token.Token)
	h.Live = err == nil
	if token.Is(err, token.InvalidToken) {
		err = nil
	}
	return h, err
}

func (a *Authority) glimpsed(ctx context.Context, g Glimpse) (*exposure, error) {
	if g.Head == token.WebhookPrefix {
		return a.exposedWebhook(ctx, g.Hash, "")
	}
	id, ok := a.cfg.Format.Row(g.Head)
	if !ok {
		return nil, nil
	}
	r, err := a.cfg.Judge.Record(ctx, id)
	if err != nil {
		return nil, err
	}
	if r != nil && r.Token.Hash == g.Hash {
		return a.exposedToken(ctx, r)
	}
	if x, err := a.exposedHash(ctx, token.Hex, g.Hash); err != nil || x != nil {
		return x, err
	}
	return a.exposedHash(ctx, token.Opaque, g.Hash)
}
