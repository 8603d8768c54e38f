package token

import "time"

// A Kind says what a token is for. It is also the word that stands in the table.
type Kind string

// The six kinds of token, and the three machine secrets that share their
// format, their mint and their judge.
const (
	Access       Kind = "access"
	Refresh      Kind = "refresh"
	Service      Kind = "service"
	Ephemeral    Kind = "ephemeral"
	Impersonated Kind = "impersonated"
	Personal     Kind = "personal"
	AuthCode     Kind = "code"          // an authorization code
	Session      Kind = "session"       // a person signed in to the pages
	ClientSecret Kind = "client_secret" // the secret of a client
)

// Kinds lists the kinds that are tokens, in the order lists show them.
var Kinds = []Kind{Access, Refresh, Service, Ephemeral, Impersonated, Personal}

// infix is the part of a secret that names its kind.
func (k Kind) infix() string {
	switch k {
	case Access:
		return "acc"
	case Refresh:
		return "ref"
	case Service:
		return "svc"
	case Ephemeral:
		return "eph"
	case Impersonated:
		return "imp"
	case Personal:
		return "pat"
	case AuthCode:
		return "cod"
	case Session:
		return "ses"
	case ClientSecret:
		return "sec"
	}
	return "tok"
}

// A Class says in which of the two tables a token lives.
type Class uint8

// Short tokens live at most 24 hours; all others, and those that never
// expire, are Long.
const (
	Short Class = 0
	Long  Class = 1
)

// ShortLife is the longest lifetime of the Short class.
const ShortLife = 24 * time.Hour

// ClassFor returns the class of a token with that lifetime; 0 means that it
// never expires.
func ClassFor(life time.Duration) Class {
	if life > 0 && life <= ShortLife {
		return Short
	}
	return Long
}
