package identity

import (
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

// brings comes back from the provider with an account for a person to link.
func (f *far) brings(p *token.Person) Arrival {
	f.w.t.Helper()
	address, kept, err := f.w.AskLink(f.w.ctx, as(p, ""), "/panel/security")
	if err != nil {
		f.w.t.Fatal(err)
	}
	a, err := f.w.Arrive(f.w.ctx, token.Actor{Address: "192.0.2.7"}, kept, f.answer(address))
	if err != nil || !a.ByHand || a.Person != nil {
		f.w.t.Fatalf("came back as %+v, %v", a, err)
	}
	return a
}

func TestAccountIsLinkedByHandWhateverItsAddress(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		f := withFar(w)
		ana, bob := w.withPassword("ana@acme.example", "correct horse battery"), w.withPassword("bob@acme.example", "correct horse battery")
		w.news()
		a := f.is("sub-1", "bob@acme.example", true).brings(ana)
		if w.LinkAsked(ana.ID, a.Link) != "bob@acme.example" || w.LinkAsked(bob.ID, a.Link) != "" || w.LinkWaits(a.Link) != "" {
			t.Error("the account waits for somebody else, or for a sign-in")
		}
		refused(t, w.LinkByHand(w.ctx, as(bob, ""), a.Link), token.AccessDenied)
		refused(t, w.LinkUpstream(w.ctx, as(ana, ""), a.Link), token.AccessDenied) // no sign-in links it
		w.recorded()
		for range 2 { // once more is no other deed
			if err := w.LinkByHand(w.ctx, as(ana, ""), a.Link); err != nil {
				t.Fatal(err)
			}
		}
		if rows := w.recorded("user.linked"); rows[0].Detail["how"] != "by_hand" || rows[0].Actor.ID != ana.ID {
			t.Errorf("recorded %+v", rows[0])
		}
		if got, err := f.arrive(); err != nil || got.Person == nil || got.Person.ID != ana.ID {
			t.Errorf("signs in %+v, %v; want Ana", got, err)
		}
		refused(t, w.LinkByHand(w.ctx, as(bob, ""), f.brings(bob).Link), token.Conflict)                                       // it is Ana's
		refused(t, w.LinkByHand(w.ctx, as(ana, ""), f.is("sub-2", "ana@acme.example", true).brings(ana).Link), token.Conflict) // she has one
	})
}
