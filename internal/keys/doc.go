// Package keys knows the secrets of the house: the master key and what is
// sealed under it, the signing keys and their rotation, the tokens they sign
// (RFC 7515, RFC 9068) and the public key set (RFC 7517). Private keys never
// leave it in clear, and whatever holds a secret prints as "[redacted]".
package keys
