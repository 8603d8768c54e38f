// Package web knows the floor that every request walks on: which routes there
// are, how much may be read, who calls and from where, how an answer or a
// refusal is written, and the one line that the log keeps of it.
//
// A handler returns an error and never writes one. It reads through a Call,
// which gives it nothing that is unbounded, repeated or not UTF-8.
package web
