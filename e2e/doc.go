// Package e2e knows how a person meets the pages: in a real browser, against
// the real program.
package e2e
