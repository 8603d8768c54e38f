package alert

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/fichadev/ficha/internal/token"
)

// lived runs a rule over one level a minute and returns the states.
func lived(r *Rule, levels []Level) []token.Alert {
	var was token.Alert
	var all []token.Alert
	for i, level := range levels {
		if was.State == token.AlertResolved {
			was = token.Alert{}
		}
		was = r.Next(was, level, int64(i)*minute)
		all = append(all, was)
	}
	return all
}

func TestIncidentIsPendingFiresAndIsResolvedOnce(t *testing.T) {
	r := &Rule{Name: "r", For: 2}
	levels := []Level{Calm, Over, Over, Over, Between, Calm, Calm, Between, Calm, Calm, Calm, Calm, Calm, Calm, Calm}
	want := []token.AlertState{
		"", "pending", "pending", "firing", "firing", "firing", "firing", "firing", "firing", "firing", "firing", "firing", "firing", "resolved", "",
	}
	for i, a := range lived(r, levels) {
		if a.State != want[i] {
			t.Errorf("minute %d: %q, want %q", i, a.State, want[i])
		}
	}
}

func TestPendingThatPassesTellsNobody(t *testing.T) {
	r := &Rule{Name: "r", For: 2}
	for _, a := range lived(r, []Level{Over, Over, Between, Over, Over, Calm}) {
		if a.State == token.AlertFiring {
			t.Fatal("it fired before its time")
		}
	}
}

func TestRuleWithoutPatienceFiresAtOnce(t *testing.T) {
	r := &Rule{Name: "r", Class: token.Internal, Severity: Page}
	a := r.Next(token.Alert{}, Over, 7)
	if a.State != token.AlertFiring || a.Since != 7 || a.FiredAt != 7 || a.Rule != "r" || a.Class != token.Internal || a.Severity != Page {
		t.Errorf("got %+v", a)
	}
}

func TestRuleThatIsTakenAwayEndsItsIncident(t *testing.T) {
	if a := Removed(token.Alert{State: token.AlertPending}, 5); a.State != "" {
		t.Errorf("pending became %q", a.State)
	}
	if a := Removed(token.Alert{State: token.AlertFiring}, 5); a.State != token.AlertResolved || a.ResolvedAt != 5 {
		t.Errorf("firing became %+v", a)
	}
}

// Whatever the levels, nobody is told twice within five minutes, nothing fires
// before its time, and nothing is resolved that was not calm for five minutes.
func TestNoSequenceFlaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &Rule{Name: "r", For: rapid.Int64Range(0, 5).Draw(t, "for")}
		levels := rapid.SliceOfN(rapid.SampledFrom([]Level{Calm, Between, Over}), 1, 200).Draw(t, "levels")
		states := lived(r, levels)
		calm, over := int64(0), int64(0)
		for i, a := range states {
			var before token.AlertState
			if i > 0 {
				before = states[i-1].State
			}
			if levels[i] == Calm {
				calm++
			} else {
				calm = 0
			}
			if levels[i] == Over && before != token.AlertFiring {
				over++
			} else {
				over = 0
			}
			switch {
			case a.State == token.AlertFiring && before != token.AlertFiring && over != r.For+1:
				t.Fatalf("minute %d fires after %d minutes over, for is %d", i, over, r.For)
			case a.State == token.AlertResolved && (before != token.AlertFiring || calm < 6):
				t.Fatalf("minute %d is resolved from %q after %d calm minutes", i, before, calm)
			case before == token.AlertFiring && a.State != token.AlertFiring && a.State != token.AlertResolved:
				t.Fatalf("minute %d: firing became %q", i, a.State)
			case calm >= 6 && a.State == token.AlertFiring:
				t.Fatalf("minute %d still fires after %d calm minutes", i, calm)
			}
		}
	})
}
