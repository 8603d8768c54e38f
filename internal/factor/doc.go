// Package factor knows how people prove themselves beside a password: passkeys
// (Web Authentication Level 3), codes of an app (RFC 6238) and recovery codes.
// It computes and remembers nothing; who keeps what it returns, and lets each
// be used once, is the caller.
package factor
