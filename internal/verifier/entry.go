package verifier

import (
	"context"
	"strconv"
	"sync"

	"github.com/fichadev/ficha/internal/token"
)

// An entry is a cached token: its unchanging facts in little room, and
// pointers to the boxes of what it stands on.
type entry struct {
	id, credential token.ID
	hash           token.Hash
	expires, born  int64
	lastFour       [4]byte
	facts          *facts
	rare           *token.Token // the whole row, where it has rare columns or a state
	workspace      *box[token.Workspace]
	client         *box[token.Client]
	person         *box[token.Person]
	sponsor        *box[token.Person]
	grant          *box[token.Grant]
}

// facts are what many tokens have in common, held once.
type facts struct {
	factsKey
	Scopes token.Scopes
}

type factsKey struct {
	kind                              token.Kind
	contract, workspace, client, user string
	scopes, key                       string
	grant                             token.ID
}

// factsTable interns facts. It is emptied when it has grown large: entries
// keep theirs.
type factsTable struct {
	mu    sync.Mutex
	known map[factsKey]*facts
}

func (f *factsTable) of(t *token.Token) *facts {
	key := factsKey{t.Kind, t.Contract, t.Workspace, t.Client, t.Person, t.Scopes.String(), t.Key, t.Grant}
	f.mu.Lock()
	defer f.mu.Unlock()
	if had, ok := f.known[key]; ok {
		return had
	}
	if f.known == nil || len(f.known) > 10000 {
		f.known = map[factsKey]*facts{}
	}
	made := &facts{key, t.Scopes}
	f.known[key] = made
	return made
}

func (v *Verifier) newEntry(t *token.Token) *entry {
	e := &entry{
		id: t.ID, credential: t.Credential, hash: t.Hash, expires: t.ExpiresAt, born: t.Born, facts: v.facts.of(t),
	}
	copy(e.lastFour[:], t.LastFour)
	if t.Name+t.Purpose+t.Owner+t.Sponsor+t.Actor+t.Reason+t.Audience+t.Proof+t.Data+t.EndReason != "" ||
		t.MaxUses != 0 || t.EndedAt != 0 || t.SuspendedAt != 0 || t.Credential != t.ID || t.RetiresAt != 0 || len(t.Addresses) > 0 || t.Approval != "" {
		e.rare = t
	}
	if t.Workspace != "" {
		e.workspace = v.workspaces.box(t.Workspace)
	}
	if t.Client != "" {
		e.client = v.clients.box(t.Client)
	}
	if t.Person != "" {
		e.person = v.people.box(t.Person)
	}
	if t.Sponsor != "" {
		e.sponsor = v.people.box(t.Sponsor)
	}
	if t.Grant != 0 {
		e.grant = v.grants.box(grantID(t.Grant))
	}
	return e
}

func grantID(id token.ID) string { return strconv.FormatInt(int64(id), 10) }

// whole reports whether every box of the entry is still heard of.
func (e *entry) whole() bool {
	return (e.workspace == nil || !e.workspace.gone.Load()) && (e.client == nil || !e.client.gone.Load()) &&
		(e.person == nil || !e.person.gone.Load()) && (e.sponsor == nil || !e.sponsor.gone.Load()) &&
		(e.grant == nil || !e.grant.gone.Load())
}

// token returns the row that the entry stands for.
func (e *entry) token() *token.Token {
	if e.rare != nil {
		return e.rare
	}
	f := e.facts
	t := &token.Token{
		ID: e.id, Credential: e.credential, Kind: f.kind, Contract: f.contract, Hash: e.hash, Workspace: f.workspace, Client: f.client,
		Person: f.user, Grant: f.grant, Scopes: f.Scopes, Key: f.key, IssuedAt: e.id.Time().UnixMilli(), ExpiresAt: e.expires, Born: e.born,
	}
	if e.lastFour[0] != 0 {
		t.LastFour = string(e.lastFour[:])
	}
	return t
}

// record opens the boxes of an entry.
func (v *Verifier) record(ctx context.Context, e *entry) (*token.Record, error) {
	r := &token.Record{Token: e.token()}
	t := r.Token
	var err error
	if e.workspace != nil {
		if r.Workspace, err = v.workspaces.open(ctx, t.Workspace, e.workspace); err != nil {
			return nil, err
		}
	}
	if e.client != nil {
		if r.Client, err = v.clients.open(ctx, t.Client, e.client); err != nil {
			return nil, err
		}
	}
	if e.person != nil {
		if r.Person, err = v.people.open(ctx, t.Person, e.person); err != nil {
			return nil, err
		}
	}
	if e.sponsor != nil {
		if r.Sponsor, err = v.people.open(ctx, t.Sponsor, e.sponsor); err != nil {
			return nil, err
		}
	}
	if e.grant != nil {
		if r.Grant, err = v.grants.open(ctx, grantID(t.Grant), e.grant); err != nil {
			return nil, err
		}
	}
	if t.Key != "" {
		r.KeyEnded = (*v.keyCuts.Load())[t.Key]
	}
	return r, nil
}
