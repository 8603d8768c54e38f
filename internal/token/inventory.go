package token

import (
	"slices"
	"strconv"
	"strings"
)

// Credentials of a workspace that are no tokens and stand in its inventory
// beside them, with ClientSecret.
const (
	KindClientToken   Kind = "client_token"   // what a program of the Chronos contract shows beside a password
	KindWebhookSecret Kind = "webhook_secret" // what the deliveries of a subscription are signed with
)

// Listed are the kinds of an inventory in the order it names them.
var Listed = append(slices.Clone(Kinds), ClientSecret, KindClientToken, KindWebhookSecret)

// StatusLive asks for what is neither ended, nor expired, nor replaced: all that
// opens something now or would if it were resumed, approved or first used.
const StatusLive = "live"

// Statuses are the words that Token.Status says, in its order, and StatusLive.
var Statuses = []string{"active", "pending", "retiring", "suspended", "waiting", "retired", "expired", "revoked", StatusLive}

// An Inventory asks for a page of the credentials of a workspace, newest first.
// What is bound to no workspace stands in that of each live membership of its
// person. The zero value of a field other than Workspace asks for all. Instants
// are ms.
type Inventory struct {
	Workspace string // required

	Person        string
	Kinds         []Kind
	Status        string // one of Statuses, as Token.Status says at this moment
	Client        string
	Owner         string // UnownedOnly: nobody
	Contract      string
	Scope         string // holds it
	CreatedFrom   int64  // issued at or after
	CreatedBefore int64
	ExpiresFrom   int64 // expires at or after; with it or the next one, what never expires is left out
	ExpiresBefore int64
	UsedFrom      int64  // last used at or after, as far as it was written down
	UsedBefore    int64  // used, and for the last time before
	Unused        bool   // never used
	IdleSince     int64  // neither used nor issued since
	SuspendedAt   int64  // suspended by the deed of that very instant
	Credential    ID     // the secrets of that one
	Grant         ID     // of that family
	Key           string // signed with that key
	Behind        string // acts as that person, or stands on their rights
	LastFour      string
	Search        string // a part of the name in any case, or the last four, or an id

	Before ID  // the last id of the page before; 0: the newest page
	Limit  int // at most MostListed, which 0 means too

	// Soonest asks for what expires soonest first, and last for what never does,
	// in place of newest first: of what is live and no routine token.
	Soonest bool
	After   ExpiryPlace // with Soonest, where the page before ended

	// Bound leaves out what is bound to no workspace: it is not this one's to end.
	Bound bool
	// Thorough ends a page where the look at routine tokens had to stop, so that
	// the next page goes on there. Otherwise those that are not found at once are
	// left out and the page says so.
	Thorough bool
}

// UnownedOnly as the owner of an inventory asks for what nobody answers for.
const UnownedOnly = "-"

// MostListed is the longest page of a list.
const MostListed = 200

// Asks reports whether a kind is among those asked for.
func (i *Inventory) Asks(k Kind) bool { return len(i.Kinds) == 0 || slices.Contains(i.Kinds, k) }

// OnlyRoutine reports whether nothing is asked for but the kinds that programs
// get by the thousand, which no index holds by workspace.
func (i *Inventory) OnlyRoutine() bool {
	return len(i.Kinds) > 0 && !slices.ContainsFunc(i.Kinds, func(k Kind) bool { return k != Access && k != Refresh })
}

// Expires reports whether the inventory can be asked for by expiry: it is neither
// of what is over nor of routine tokens alone.
func (i *Inventory) Expires() bool {
	return !i.OnlyRoutine() && i.Status != "expired" && i.Status != "revoked" && i.Status != "retired"
}

// An ExpiryPlace is where a page of what expires soonest ends. The zero one is before
// the first.
type ExpiryPlace struct {
	At int64 // ms: when the last of it expires; 0: never
	ID ID
}

// String returns the place as a cursor, "" for none.
func (p ExpiryPlace) String() string {
	if p == (ExpiryPlace{}) {
		return ""
	}
	return strconv.FormatInt(p.At, 10) + "-" + p.ID.String()
}

// ParseExpiryPlace reads a cursor; it reports false for what is none.
func ParseExpiryPlace(text string) (p ExpiryPlace, ok bool) {
	at, id, _ := strings.Cut(text, "-")
	if p.At, _ = strconv.ParseInt(at, 10, 64); p.At < 0 || strconv.FormatInt(p.At, 10) != at {
		return ExpiryPlace{}, false
	}
	if p.ID, ok = ParseID(id); !ok {
		return ExpiryPlace{}, false
	}
	return p, true
}

// A Page is what an inventory answers.
type Page struct {
	Tokens []*Token    // each secret is a row: two of one credential appear while it rotates
	Next   ID          // goes into Before; 0: nothing is left
	Then   ExpiryPlace // goes into After of what is asked for by expiry; zero: nothing is left
	// Looked is the id down to which routine tokens were looked for; 0: all of
	// them were.
	Looked ID
}

// A Tally is how many credentials an inventory has, and whom their end would
// hit. It counts a bounded number.
type Tally struct {
	Count   int64
	AtLeast bool // there may be more: the count was bounded
	Day     int64
	Week    int64 // used in the last 24 hours, and 7 days
	Used    int64 // ms: the last use; 0: none was used
	Kinds   map[Kind]int64
	Owners  map[string]int64 // "" is nobody
}

// An Attention is how many live, named tokens of a workspace somebody should
// look at. It counts a bounded number.
type Attention struct {
	Count     int64 // that were looked at
	AtLeast   bool  // there are more, the oldest, that were not
	Expiring  int64 // within 30 days
	NeverUsed int64 // issued 30 days ago or longer
	Idle      int64 // used, but not for 90 days
	NoOwner   int64
	NoPurpose int64
	Broad     int64 // administers, or holds more than ten scopes
}

// Add adds what another part of the workspace needs.
func (a *Attention) Add(b Attention) {
	a.Count, a.Expiring, a.NeverUsed, a.Idle = a.Count+b.Count, a.Expiring+b.Expiring, a.NeverUsed+b.NeverUsed, a.Idle+b.Idle
	a.NoOwner, a.NoPurpose, a.Broad = a.NoOwner+b.NoOwner, a.NoPurpose+b.NoPurpose, a.Broad+b.Broad
}
