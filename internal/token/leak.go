package token

// A Leak is one place where a secret was found that should not be there. It
// never holds the secret. Instants are ms.
type Leak struct {
	Secret     ID   // its row
	Place      Hash // of source and address, so that one report is taken once
	What       Rotating
	Workspace  string // empty: of a token that opens all of its person's
	Credential string // what people know it by: a token's id, a client's
	Source     string // who found it
	URL        string // where; empty: not told
	LeakedAt   int64  // since when it is there, as the finder says; 0: not told
	ReportedAt int64
	Ended      bool // the report ended the secret
}

// sharedPlace is how much of a Place tells the secrets of a webhook apart, which
// have one row.
const sharedPlace = 8

// PlaceOf returns the place of a secret that shares its row with others.
func PlaceOf(secret, place Hash) Hash {
	copy(place[:sharedPlace], secret[:])
	return place
}

// Places returns the first and the last place that the same secret may have, for
// who counts them.
func (l *Leak) Places() (first, last Hash) {
	for i := range last {
		last[i] = 0xff
	}
	if l.What == RotatesWebhookSecret {
		first, last = PlaceOf(l.Place, first), PlaceOf(l.Place, last)
	}
	return first, last
}

// Since returns from when on others may have had the secret: what the finder
// says, else the report.
func (l *Leak) Since() int64 {
	if l.LeakedAt != 0 {
		return l.LeakedAt
	}
	return l.ReportedAt
}

// A LeakQuery asks for a page of the leaks of a workspace, the last report first.
type LeakQuery struct {
	Workspace string
	From      int64 // ms: reported at or after; 0: all
	After     *Leak // the last one of the page before, as far as its place in the list tells it; nil: the first page
	Limit     int   // at most MostListed
}

// What a workspace lets happen to a secret that was found in public.
const (
	RevokeOnLeak = "revoke"
	NotifyOnLeak = "notify"
)

// EndsLeaked reports whether a secret that was found in public is ended at once:
// unless a workspace says otherwise it is.
func (p *Policy) EndsLeaked() bool { return p.OnLeak != NotifyOnLeak }
