package identity

import (
	"context"
	"encoding/json"

	"github.com/fichadev/ficha/internal/token"
)

const arrivePurpose = "signed in to be invited"

// Arrived returns what the browser of somebody holds who has signed in, has no
// workspace that a session could open, and is invited to one. It is good for ten
// minutes, and until what is known of them changes: another password ends it.
func (i *Identity) Arrived(p *token.Person) (string, error) {
	version, err := json.Marshal(p.Version)
	if err != nil {
		return "", err
	}
	return i.seal(arrivePurpose, sealed{Person: p.ID, Value: version})
}

// ArrivedOf returns the person of what Arrived made, AccessDenied if it is none
// or good no longer.
func (i *Identity) ArrivedOf(ctx context.Context, kept string) (*token.Person, error) {
	s, err := i.unseal(arrivePurpose, kept)
	if err != nil {
		return nil, err
	}
	var version int64
	if err := json.Unmarshal(s.Value, &version); err != nil {
		return nil, err
	}
	p, err := i.judge.Person(ctx, s.Person)
	if err == nil && (p == nil || p.DisabledAt != 0 || p.Version != version) {
		err = token.Errorf(token.AccessDenied, "this took too long; sign in again")
	}
	return p, err
}
