// Package token knows the words: tokens, clients, people, scopes, actors,
// events, refusals, and the pure verdict over them. It does no I/O, knows no
// other room, and everything in it may be used by many at once unless a
// comment says otherwise.
package token
