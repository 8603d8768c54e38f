package token

// A Seen is when, whence and where a credential was used. Instants are ms.
type Seen struct {
	First, Last           int64
	Count                 int64
	Address, Agent, Route string
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
	return both
}
