package authority

import (
	"cmp"
	"context"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/policy"
	"github.com/fichadev/ficha/internal/token"
)

// An Imported is a token that was made elsewhere and goes on working here.
type Imported struct {
	Kind      token.Kind // access, refresh, service, ephemeral or personal
	Secret    string     // as programs send it; only its hash and last four are kept
	Workspace string
	Client    string
	Person    string // an id: whom it acts as, or on whose rights a service token stands
	Name      string
	Purpose   string
	Owner     string
	Scopes    token.Scopes
	Audience  []string
	ExpiresAt int64 // ms; 0: by the kind
}

// imported is the contract of what was made elsewhere. The face where such a
// refresh token is first exchanged is the one whose tokens it gives.
const imported = "import"

// Import enters a token that was made elsewhere. It stands on the same people,
// programs and scopes as one of our own, and must be allowed the same. A token
// that is there is Unchanged whatever is declared, since facts of a token never
// change; one that ended, or whose time has passed, is KeptEnded. Restore gives
// the secret a new row, and the one that ended stays ended.
func (a *Authority) Import(ctx context.Context, who token.Actor, d Imported, o Options) (Outcome, error) {
	if err := onlyOperator(who); err != nil {
		return "", err
	}
	if err := checkImported(d); err != nil {
		return "", err
	}
	for range 4 { // another node may import it at the same moment
		if out, err := a.importOnce(ctx, who, d, o); err != nil || out != "" {
			return out, err
		}
	}
	return "", lostRace()
}

// importOnce returns no outcome if another was quicker. It reads what the token
// stands on before the transaction: what changes after that ends it at birth.
func (a *Authority) importOnce(ctx context.Context, who token.Actor, d Imported, o Options) (out Outcome, err error) {
	var was token.ID
	err = a.cfg.Store.Do(ctx, func(tx Tx) (err error) {
		was, out, err = standing(ctx, tx, d, o)
		return err
	})
	if err != nil || out != "" {
		return out, err
	}
	now, order := a.cfg.Now(), d.order()
	s, err := a.read(ctx, order)
	if err != nil {
		return "", err
	}
	if err := a.check(order, s); err != nil {
		return "", err
	}
	life, err := d.life(order, s, now)
	if err != nil {
		return "", err
	}
	err = a.cfg.Store.Do(ctx, func(tx Tx) (err error) {
		out, err = enter(ctx, tx, who, s, d.row(s, now, life), was)
		return err
	})
	if r := token.AsRefusal(err); r != nil && r.Reason == token.Lost {
		return "", nil
	}
	return out, err
}

func checkImported(d Imported) error {
	switch d.Kind {
	case token.Access, token.Refresh, token.Service, token.Ephemeral, token.Personal:
	default:
		return token.AtField("kind", "%s cannot be imported: such a token names who acts and why; issue it here", d.Kind)
	}
	if d.Secret == "" || len(d.Secret) > 8192 {
		return token.AtField("secret", "use 1 to 8192 characters")
	}
	return nil
}

// order is what the mint would be asked for the same token.
func (d Imported) order() *Order {
	o := &Order{
		Kind: d.Kind, Contract: imported, Client: d.Client, Workspace: d.Workspace, Person: d.Person, Scopes: d.Scopes, Name: d.Name,
		Purpose: d.Purpose, Owner: cmp.Or(d.Owner, d.Person), Audience: AudienceOf(d.Audience),
	}
	if d.Kind == token.Service || d.Kind == token.Ephemeral {
		o.Person, o.Sponsor = "", d.Person // a program's own, on the rights of its maker
	}
	return o
}

// life returns how long the token lives from now on, 0 for ever.
func (d Imported) life(o *Order, s supports, now time.Time) (time.Duration, error) {
	if d.ExpiresAt == 0 && d.Kind == token.Refresh {
		life, _ := policy.Refresh(s.client, s.workspace, o.Contract, now, now)
		return life, nil
	}
	if d.ExpiresAt != 0 {
		o.TTL = time.UnixMilli(d.ExpiresAt).Sub(now)
	}
	life, err := lifetime(o, s)
	if r := token.AsRefusal(err); r != nil && len(r.Fields) == 1 {
		return 0, token.AtField("expires_at", "%s", r.Fields[0].Text)
	}
	return life, err
}

func (d Imported) row(s supports, now time.Time, life time.Duration) *token.Token {
	o, id := d.order(), token.NewID(now, token.ClassFor(life))
	t := &token.Token{
		ID: id, Credential: id, Kind: d.Kind, Contract: o.Contract, Hash: token.HashOf(d.Secret), LastFour: token.LastFour(d.Secret),
		Name: o.Name, Purpose: o.Purpose, Owner: o.Owner, Workspace: o.Workspace, Client: o.Client, Person: o.Person, Sponsor: o.Sponsor,
		Scopes: o.Scopes, Audience: o.Audience, IssuedAt: now.UnixMilli(), Born: s.born,
	}
	if life > 0 {
		t.ExpiresAt = now.Add(life).UnixMilli()
	}
	return t
}

// standing returns the row that the secret leads to, 0 if none, and what the
// declaration comes to where nothing is to be entered. A row that was purged
// had ended.
func standing(ctx context.Context, tx Tx, d Imported, o Options) (token.ID, Outcome, error) {
	id, err := tx.Imported(ctx, token.HashOf(d.Secret))
	if err != nil {
		return 0, "", err
	}
	if id != 0 {
		t, err := tx.Token(ctx, id)
		switch {
		case err != nil:
			return 0, "", err
		case t != nil && t.EndedAt == 0 && (t.ExpiresAt == 0 || tx.Now() < t.ExpiresAt):
			return id, Unchanged, nil
		case !o.Restore:
			return id, KeptEnded, nil
		}
	}
	if d.ExpiresAt != 0 && d.ExpiresAt <= tx.Now() {
		return id, KeptEnded, nil
	}
	return id, "", nil
}

// enter writes the row, the family of a refresh token, and the record.
func enter(ctx context.Context, tx Tx, who token.Actor, s supports, t *token.Token, was token.ID) (Outcome, error) {
	if t.Kind == token.Refresh {
		g := &token.Grant{
			ID: token.NewID(time.UnixMilli(tx.Now()), token.Long), Contract: t.Contract, Client: t.Client, Person: t.Person, Workspace: t.Workspace,
			Scopes: t.Scopes, CreatedAt: tx.Now(),
		}
		if err := tx.InsertGrant(ctx, g); err != nil {
			return "", err
		}
		t.Grant = g.ID
	}
	out := Created
	var won bool
	var err error
	if was == 0 {
		won, err = tx.Import(ctx, t)
	} else {
		out = Restored
		won, err = tx.ImportAgain(ctx, was, t)
	}
	if err != nil || !won {
		return "", orElse(err, token.Errorf(token.Conflict, "another import was quicker").Because(token.Lost))
	}
	detail := map[string]any{"kind": t.Kind, "scopes": t.Scopes, "expires_at": t.ExpiresAt}
	if was != 0 {
		detail["restores"] = was.String()
	}
	e := audit.Note(time.UnixMilli(tx.Now()), who, t.Workspace, "token.imported", targetOf(t), detail)
	return out, record(ctx, tx, s.workspace, e)
}
