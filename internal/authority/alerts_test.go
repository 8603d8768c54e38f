package authority

import (
	"testing"

	"github.com/fichadev/ficha/internal/alert"
	"github.com/fichadev/ficha/internal/token"
)

func TestLettersOfAnIncidentAreWhole(t *testing.T) {
	for _, r := range alert.Defaults() {
		windows := []alert.Count{{Minutes: 5, Requests: 1000, Bad: 100}, {Minutes: 60, Requests: 9000, Bad: 900}}[:len(r.Windows())]
		for _, state := range []token.AlertState{token.AlertFiring, token.AlertResolved} {
			n := token.Alert{Workspace: "w", Rule: r.Name, State: state, Detail: r.Detail(windows)}
			letters := lettersOf(n, []string{"1", "2"})
			if len(letters) != 2 {
				t.Fatalf("%d letters to two people", len(letters))
			}
			for _, l := range letters {
				if err := l.Check(); err != nil {
					t.Error(err)
				}
			}
		}
	}
}
