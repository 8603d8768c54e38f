// Package upstream knows the OpenID provider that people may sign in with, as
// its relying party: where it is, what it is asked (OpenID Connect Core 1.0,
// the code flow with PKCE), and whether an answer is one to believe. Whom an
// answer signs in is not its business.
package upstream
