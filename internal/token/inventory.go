package token

// An Inventory asks for the tokens that people gave a name, newest first: of a
// workspace, of a person, or of a person in a workspace. The zero value of any
// other field asks for all. Instants are ms.
type Inventory struct {
	Workspace string
	Person    string

	Kinds         []Kind
	Status        string // as Token.Status says at this moment
	Client        string
	Owner         string
	CreatedFrom   int64 // issued at or after
	CreatedBefore int64
	ExpiresFrom   int64 // expires at or after; with it or the next one, what never expires is left out
	ExpiresBefore int64
	Search        string // a part of the name in any case, or the last four, or an id

	Before ID  // the last id of the page before; 0: the newest page
	Limit  int // at most MostListed, which 0 means too
}

// MostListed is the longest page of a list.
const MostListed = 200
