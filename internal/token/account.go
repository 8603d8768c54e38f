package token

// A Passkey is a key on a person's device that signs them in (Web
// Authentication Level 3).
type Passkey struct {
	ID         []byte // of the credential, chosen by the device
	Person     string
	Name       string
	Credential []byte // public key, counter and flags, as the factor room writes them
	CreatedAt  int64
	UsedAt     int64 // 0: never
}

// An Authenticator is an app of a person that shows codes (RFC 6238).
type Authenticator struct {
	Person      string
	Secret      []byte // sealed under the master key
	Step        int64  // the newest whose code was used
	CreatedAt   int64
	ConfirmedAt int64 // 0: no code of it was shown yet, so it counts for nothing
}

// A Link is an account at another OpenID provider that opens a person's.
type Link struct {
	Issuer   string
	Subject  string // the account, as the provider knows it for ever
	Person   string
	Email    string // the account's when it was linked, for people to know it by
	LinkedAt int64
	UsedAt   int64 // 0: not since
}

// A SignedIn is one place where a person is signed in.
type SignedIn struct {
	Token     ID // of the session
	Person    string
	ExpiresAt int64
	Address   string
	Agent     string
}
