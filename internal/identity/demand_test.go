package identity

import (
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

// A passkey proves two things, unless something else that proves one opens the
// same door.
func TestSecondFactorIsOwedWhileOneThingSignsIn(t *testing.T) {
	w := newWorld(t, "sqlite")
	f := withFar(w)
	w.workspace(&token.Workspace{ID: "ws3", Name: "Strict", Number: 3, Policy: token.Policy{SecondFactor: token.SecondForAll}})
	member := func(email string) *token.Person {
		p := w.user(email, "")
		w.member(p, DeclaredMembership{Workspace: "ws3"})
		return w.person(p.ID)
	}
	owes := func(when string, p *token.Person, want string) {
		t.Helper()
		if got, err := w.OwesSecond(w.ctx, w.person(p.ID)); err != nil || got != want {
			t.Errorf("%s: owes %q, %v; want %q", when, got, err, want)
		}
	}
	key, app, other := member("key@acme.example"), member("app@acme.example"), w.user("other@acme.example", token.Admin)
	owes("no way to sign in yet", key, "Strict")
	owes("in another workspace", other, "")
	w.device(key, "Phone")
	owes("a passkey alone", key, "")

	a, err := f.is("sub-1", key.Email, true).arrive()
	if err != nil || a.Link == "" {
		t.Fatalf("%+v, %v", a, err)
	}
	if err := w.LinkUpstream(w.ctx, as(key, ""), a.Link); err != nil {
		t.Fatal(err)
	}
	owes("an account elsewhere beside the passkey", key, "Strict")
	if err := w.UnlinkUpstream(w.ctx, as(key, "")); err != nil {
		t.Fatal(err)
	}
	owes("the passkey alone again", key, "")

	if _, err := f.is("sub-2", app.Email, true).arrive(); err != nil {
		t.Fatal(err)
	}
	owes("an account elsewhere alone", app, "Strict")
	w.app(app)
	owes("codes after it", app, "")
}
