package identity

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// mostHanded is how many secrets one commit deals with.
const mostHanded = 500

// A step is what one commit has dealt with.
type step struct {
	dealt int
	after token.ID // the last secret that it looked at
	more  bool     // there are others after it
}

// inSteps runs commits until one says that there is no more.
func (i *Identity) inSteps(ctx context.Context, take func(tx Tx, after token.ID) (step, error)) (dealt int, err error) {
	for s := (step{more: true}); s.more; dealt += s.dealt {
		after := s.after
		err := i.store.Do(ctx, func(tx Tx) (err error) {
			s, err = take(tx, after)
			return err
		})
		if err != nil {
			return dealt, err
		}
	}
	return dealt, nil
}

// Transfer gives the live service tokens of a workspace that stand on a person's
// rights, or are theirs to answer for, to another member, and returns how many
// secrets that were. It takes an admin. Who has left may be named too: what stood
// on their rights has ended, what they answered for has not. It refuses with
// NotFound a person who is and was no member, and with Invalid, at to, a token
// that cannot stand on the other one's rights; what was given before stays given.
func (i *Identity) Transfer(ctx context.Context, who token.Actor, personID, workspace, to string) (int, error) {
	if to == "" || to == personID {
		return 0, token.AtField("to", "name another member: an id or an e-mail")
	}
	return i.inSteps(ctx, func(tx Tx, after token.ID) (step, error) {
		if err := lockMembership(ctx, tx, personID, workspace); err != nil {
			return step{}, noMemberFor(err)
		}
		a, err := actorOf(ctx, tx, who)
		if err != nil {
			return step{}, err
		}
		if err := a.mayEnrol(workspace); err != nil {
			return step{}, err
		}
		p, err := tx.Person(ctx, personID)
		if err != nil {
			return step{}, err
		}
		if p.In(workspace) == nil {
			return step{}, noMember()
		}
		h := handover{tx: tx, who: who, from: p, to: to, field: "to"}
		return h.take(ctx, workspace, after)
	})
}

// A handover deals with the service tokens that stand on somebody's rights or
// are theirs to answer for.
type handover struct {
	tx    Tx
	who   token.Actor
	from  *token.Person
	to    string // a user; empty: all of it ends
	field string // what the caller named it by
	until int64  // ms; 0: as long as each lives
	end   bool

	workspace *token.Workspace
	heir      *token.Person
}

// take deals with up to mostHanded secrets after one. The workspace is locked,
// so that nobody to whom they go leaves meanwhile.
func (h *handover) take(ctx context.Context, workspace string, after token.ID) (s step, err error) {
	if err := h.read(ctx, workspace); err != nil {
		return s, err
	}
	all, err := h.tx.LeftBehind(ctx, workspace, h.from.ID, after, mostHanded+1)
	if err != nil {
		return s, err
	}
	if s.more = len(all) > mostHanded; s.more {
		all = all[:mostHanded]
		s.after = all[mostHanded-1].ID
	}
	if err := h.check(all); err != nil {
		return s, err
	}
	if err := h.findPlaces(ctx, all); err != nil {
		return s, err
	}
	var dealt []*token.Token
	for _, t := range all {
		did, err := h.deal(ctx, t)
		if err != nil {
			return s, err
		}
		if did {
			dealt = append(dealt, t)
		}
	}
	s.dealt = len(dealt)
	return s, h.tell(ctx, dealt)
}

// tell writes to the heir what has come to them in this step, unless it was they
// who took it.
func (h *handover) tell(ctx context.Context, came []*token.Token) error {
	if h.end || len(came) == 0 || h.who.Kind == token.User && h.who.ID == h.heir.ID {
		return nil
	}
	return h.tx.Post(ctx, token.Received(h.heir.ID, h.workspace.ID, h.who.Name, cmp.Or(h.from.Name, h.from.Email), came))
}

func (h *handover) read(ctx context.Context, workspace string) (err error) {
	if h.workspace, err = h.tx.Workspace(ctx, workspace); err != nil || h.end {
		return err
	}
	if h.heir, err = h.tx.Person(ctx, h.to); err != nil {
		return err
	}
	if h.heir == nil || h.heir.DisabledAt != 0 || !h.heir.In(workspace).Live() {
		return token.AtField(h.field, "is no member of this workspace")
	}
	return nil
}

// mostNamed bounds the tokens that a refusal names.
const mostNamed = 10

// check refuses a step of which a token cannot stand on the heir's rights, and
// names those.
func (h *handover) check(all []*token.Token) error {
	if h.end {
		return nil
	}
	var whys []string
	for _, t := range all {
		if why := h.unfit(t); why != "" && len(whys) < mostNamed {
			whys = append(whys, t.Name+" ("+t.Credential.String()+") "+why)
		}
	}
	if len(whys) == 0 {
		return nil
	}
	return token.AtField(h.field, "these cannot stand on the rights of %s: %s; end them, or choose somebody else", h.heir.Email, strings.Join(whys, "; "))
}

// mostAhead is how many secrets a step looks at beside its own.
const mostAhead = 4 * mostHanded

// findPlaces refuses a step where the heir may not have as many tokens as come
// with it and those after it. It looks ahead, so that nothing has moved by then:
// no further than there are places, and at mostAhead secrets, since what is dead
// or the heir's already takes none and the workspace is locked meanwhile. What
// lies beyond, a later step finds out: then what came before it has moved.
func (h *handover) findPlaces(ctx context.Context, page []*token.Token) error {
	most := h.workspace.Policy.At(h.tx.Now()).MaxPerOwner[token.Service]
	if h.end || most == 0 {
		return nil
	}
	left, err := h.tx.PlacesLeft(ctx, token.Quota{Workspace: h.workspace.ID, Owner: h.heir.ID, Kind: token.Service, Most: most})
	if err != nil {
		return err
	}
	coming := map[token.ID]bool{} // by credential: two secrets of one take one place
	for looked := 0; len(page) > 0; looked += mostHanded {
		for _, t := range page {
			if t.Owner != h.heir.ID && !h.dead(t) {
				coming[t.Credential] = true
			}
		}
		if int64(len(coming)) > left {
			return token.AtField(h.field, "%s may answer for %d service tokens and has room for %d, fewer than would come; end some, choose somebody else, or raise max_per_owner",
				h.heir.Email, most, max(0, left))
		}
		if looked == mostAhead {
			return nil
		}
		if page, err = h.tx.LeftBehind(ctx, h.workspace.ID, h.from.ID, page[len(page)-1].ID, mostHanded); err != nil {
			return err
		}
	}
	return nil
}

// unfit says why a token cannot stand on the heir's rights instead; empty: it
// can. Nobody gets more by it than the token opens today, and nothing that a
// cutoff has ended opens again.
func (h *handover) unfit(t *token.Token) string {
	if t.Sponsor != h.from.ID || h.dead(t) {
		return ""
	}
	had, gets := h.from.In(h.workspace.ID), h.heir.In(h.workspace.ID)
	for _, scope := range t.Scopes {
		switch {
		case !h.workspace.MayHold(gets, scope):
			return "needs " + scope + ", which they do not hold"
		case !h.workspace.MayHold(had, scope):
			return "lost " + scope + " with its maker's rights, and would have it again"
		case token.IsVendor(scope) && rankOf(gets) > rankOf(had):
			return "holds " + scope + ", which opens more by a higher role"
		}
	}
	if h.heir.Cutoffs.Hit(t.Born, t.IssuedAt) || gets.Cutoffs.Hit(t.Born, t.IssuedAt) {
		return "is older than a revocation of all that stands on them"
	}
	return ""
}

// dead reports whether a cutoff of who it stands on has ended the token.
func (h *handover) dead(t *token.Token) bool {
	return t.Sponsor == h.from.ID && (h.from.DisabledAt != 0 || h.from.Cutoffs.Hit(t.Born, t.IssuedAt) || h.from.In(h.workspace.ID).Cutoffs.Hit(t.Born, t.IssuedAt))
}

// deal gives one secret to the heir, or ends it. It reports false where there is
// nothing to be done: it has ended, or somebody else was first.
func (h *handover) deal(ctx context.Context, t *token.Token) (bool, error) {
	if h.dead(t) {
		return false, nil
	}
	if h.end {
		return true, endToken(ctx, h.tx, h.who, h.workspace, t, "owner left")
	}
	given, detail := h.given(t)
	won, err := h.tx.HandOver(ctx, t, given)
	if err != nil || !won {
		return false, err
	}
	return true, recordToken(ctx, h.tx, h.who, h.workspace, t, "token.changed", detail)
}

// given returns what changes of a token, and what its record says.
func (h *handover) given(t *token.Token) (token.Handover, map[string]any) {
	g := token.Handover{Owner: h.heir.ID, Sponsor: t.Sponsor, ExpiresAt: t.ExpiresAt, Final: t.Final()}
	detail := map[string]any{"owner": g.Owner, "former_owner": t.Owner}
	if t.Sponsor == h.from.ID {
		g.Sponsor = h.heir.ID
		detail["stands_on"], detail["stood_on"] = g.Sponsor, t.Sponsor
	}
	if h.until != 0 {
		g.Final = true
		if t.ExpiresAt == 0 || h.until < t.ExpiresAt {
			g.ExpiresAt = h.until
		}
		detail["expires_at"] = g.ExpiresAt
	}
	return g, detail
}

// endToken ends a token, unless it has ended, and puts that on record.
func endToken(ctx context.Context, tx Tx, who token.Actor, w *token.Workspace, t *token.Token, reason string) error {
	won, err := tx.End(ctx, token.Ending{ID: t.ID, At: tx.Now(), Reason: reason, By: string(who.Kind) + ":" + who.ID, Whole: t.Whole()})
	if err != nil || !won {
		return err
	}
	return recordToken(ctx, tx, who, w, t, "token.revoked", map[string]any{"kind": t.Kind, "reason": reason})
}

func recordToken(ctx context.Context, tx Tx, who token.Actor, w *token.Workspace, t *token.Token, action string, detail map[string]any) error {
	on := audit.Target{Kind: "token", ID: t.Credential.String(), Name: t.Name}
	e := audit.Note(time.UnixMilli(tx.Now()), who, w.ID, action, on, detail)
	out, err := audit.Deliveries(w, e)
	if err != nil {
		return err
	}
	return tx.Record(ctx, e, out)
}
