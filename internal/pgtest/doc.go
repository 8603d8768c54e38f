// Package pgtest knows how to run a real PostgreSQL for a test: it starts the
// installed binaries on a private socket in a temporary folder, hands out
// empty databases, and can stop, kill and cut off the server to make faults.
//
// FICHA_TEST_POSTGRES says whether tests use it: "off" never, "required"
// always (a machine without PostgreSQL fails), unset when the binaries are
// found. A test for both engines asks [Available] first.
//
// No server outlives its test binary, however that ends: the parent of every
// server is a guard (guard.sh) that reads from a pipe only the test binary
// holds. When the pipe closes it stops the server and removes the folder.
package pgtest
