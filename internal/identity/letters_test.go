package identity

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fichadev/ficha/internal/token"
)

// letters takes the letters that wait.
func (w *world) letters() (list []token.Letter) {
	w.t.Helper()
	for {
		l, err := w.store.ClaimLetter(w.ctx, time.Hour)
		if err != nil {
			w.t.Fatal(err)
		}
		if l == nil {
			return list
		}
		l.ID = 0
		list = append(list, l.Letter)
	}
}

func TestPeopleAreWrittenToWhenTheyLoseAWorkspaceOrTheirPasswordChanges(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		boss, bo := w.user("boss@example.test", token.SuperAdmin), w.user("bo@example.test", token.Member)
		ana := w.withPassword("ana@example.test", "correct horse")
		if err := w.Remove(w.ctx, as(boss, "ws1"), bo.ID, "ws1", ""); err != nil {
			t.Fatal(err)
		}
		at := w.clock.ms.Load()
		want := []token.Letter{{To: bo.ID, Kind: token.LetterMemberRemoved, Workspace: "ws1", At: at, Data: map[string]string{"by": boss.Email}}}
		if d := cmp.Diff(want, w.letters()); d != "" {
			t.Errorf("who was removed; want -, got +:\n%s", d)
		}
		refused(t, w.SetPassword(w.ctx, as(ana, "ws1"), ana.ID, "wrong", "battery staple"), token.Invalid)
		if err := w.SetPassword(w.ctx, as(ana, "ws1"), ana.ID, "correct horse", "battery staple"); err != nil {
			t.Fatal(err)
		}
		want = []token.Letter{{
			To: ana.ID, Address: ana.Email, Kind: token.LetterPasswordChanged, At: at, Data: map[string]string{"changed_at": "1790000000000"},
		}}
		if d := cmp.Diff(want, w.letters()); d != "" {
			t.Errorf("whose password changed; want -, got +:\n%s", d)
		}
		if err := w.Remove(w.ctx, as(ana, "ws1"), ana.ID, "ws1", ""); err != nil {
			t.Fatal(err)
		}
		if left := w.letters(); len(left) != 0 {
			t.Errorf("who left by themselves is written to: %v", left)
		}
	})
}
