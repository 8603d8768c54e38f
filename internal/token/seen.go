package token

import (
	"iter"
	"slices"
	"strings"
)

// A Seen is when, whence and where a credential was used. Instants are ms.
type Seen struct {
	First, Last           int64
	Count                 int64
	Address, Agent, Route string

	Scopes   string // those that its uses named, as Scopes.String has them; at most 64
	Unscoped int64  // how many uses asked for nothing in particular
}

// A Used is a secret, by its row, and what was seen of it.
type Used struct {
	Secret ID
	Seen
}

// Uses are uses that wait to be written: how many, and all of them in the order
// of their secrets, a portion of at most 512 at a time. A portion is good until
// the next is asked for. What was written since has a Count of 0.
type Uses struct {
	Len      int
	Portions iter.Seq[[]Used]
}

// mostUsedScopes bounds the scopes of one Seen.
const mostUsedScopes = 64

// Used adds the scopes that a use named. It allocates only where one is new.
func (s *Seen) Used(scopes Scopes) {
	for _, name := range scopes {
		if !hasWord(s.Scopes, name) && strings.Count(s.Scopes, " ") < mostUsedScopes-1 {
			s.Scopes = strings.TrimPrefix(s.Scopes+" "+name, " ")
		}
	}
}

func hasWord(list, word string) bool {
	for list != "" {
		var head string
		if head, list, _ = strings.Cut(list, " "); head == word {
			return true
		}
	}
	return false
}

// And returns both: the first of the first uses, the last of the last, and the
// whence and where of the last one.
func (s Seen) And(other Seen) Seen {
	if other.Count == 0 {
		return s
	}
	if s.Count == 0 {
		return other
	}
	both := s
	if other.Last >= s.Last {
		both = other
	}
	both.First, both.Count = min(s.First, other.First), s.Count+other.Count
	both.Unscoped, both.Scopes = s.Unscoped+other.Unscoped, s.Scopes
	both.Used(strings.Fields(other.Scopes))
	return both
}

// A ScopeUse is what is known of the scopes that a secret made use of. Instants
// are ms.
type ScopeUse struct {
	First    int64 // the first use, 0: there was none
	From     int64 // since when the scopes of uses are kept, 0: not yet
	Count    int64
	Unscoped int64 // uses that named no scope
	Scopes   []UsedScope
}

// A UsedScope is a scope and when it was used.
type UsedScope struct {
	Name        string
	First, Last int64
}

// And adds what one node has not written yet.
func (u ScopeUse) And(fresh Seen) ScopeUse {
	both := u
	both.Count, both.Unscoped = u.Count+fresh.Count, u.Unscoped+fresh.Unscoped
	if u.First == 0 || fresh.First < u.First {
		both.First = fresh.First
	}
	if u.From == 0 || fresh.First < u.From {
		both.From = fresh.First
	}
	both.Scopes = nil
	for _, s := range u.Scopes {
		if hasWord(fresh.Scopes, s.Name) {
			s.First, s.Last = min(s.First, fresh.First), max(s.Last, fresh.Last)
		}
		both.Scopes = append(both.Scopes, s)
	}
	for _, name := range strings.Fields(fresh.Scopes) {
		if !slices.ContainsFunc(u.Scopes, func(s UsedScope) bool { return s.Name == name }) {
			both.Scopes = append(both.Scopes, UsedScope{name, fresh.First, fresh.Last})
		}
	}
	return both
}

// Since returns since when the record of a token's scopes is whole: from its
// issue, unless it was used before the scopes of uses were kept; 0 where none
// of its uses counts yet.
func (u ScopeUse) Since(issued int64) int64 {
	if u.First == u.From {
		return issued
	}
	return u.From
}
