// Package mail knows the letters: what they say in each language, how one is
// written so that no name in it reaches a header, and how each is sent once,
// later, whatever the mail server answers.
package mail
