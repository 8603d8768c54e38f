package token_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/fichadev/ficha/internal/token"
)

// TestRotationNeverLeavesBothSecretsDead drives a rotation at random. At every
// moment before the old secret's own expiry one of the two opens, the one that
// goes keeps its whole grace unless somebody is hasty, and nothing lives past
// the old one's expiry by a rotation.
func TestRotationNeverLeavesBothSecretsDead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const began = 1_800_000_000_000
		expires := int64(rapid.SampledFrom([]int{0, 1, 5000, 90_000}).Draw(t, "life"))
		if expires != 0 {
			expires += began
		}
		r := &token.Rotation{Old: 1, New: 2, OldExpires: expires, State: token.RotationPending, Grace: rapid.Int64Range(1, 60).Draw(t, "grace"), CreatedAt: began}
		now, graceBegan := int64(began), int64(0)
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			now += rapid.Int64Range(0, 40_000).Draw(t, "later")
			before := *r
			hasty := false
			switch rapid.SampledFrom([]string{"confirm", "cancel", "undo", "finish", "hasty"}).Draw(t, "step") {
			case "confirm":
				if r.Confirm(now) {
					graceBegan = now
				}
			case "cancel":
				check(t, &before, r, r.Cancel(now))
			case "undo":
				err := r.Undo(now)
				check(t, &before, r, err)
				if err == nil {
					graceBegan = now
				}
			case "finish":
				check(t, &before, r, r.Finish(now, false))
			case "hasty":
				hasty = true
				check(t, &before, r, r.Finish(now, true))
			}
			if r.State == token.RotationCancelled && r.ConfirmedAt != 0 {
				t.Fatal("a secret that was seen was given up")
			}
			if r.RetiresAt == 0 {
				continue
			}
			if early := r.RetiresAt < graceBegan+r.Grace*1000; early && !hasty && before.Open() && r.State != token.RotationUndone && r.RetiresAt != expires {
				t.Fatalf("the grace was cut to %d ms", r.RetiresAt-graceBegan)
			}
			if r.State == token.RotationActive && expires != 0 && r.RetiresAt > expires {
				t.Fatal("the old secret lives past its expiry")
			}
		}
	})
}

// check holds a refused step to changing nothing.
func check(t *rapid.T, before, after *token.Rotation, err error) {
	t.Helper()
	if err != nil && *before != *after {
		t.Fatalf("a refused step changed %+v to %+v", before, after)
	}
	if err != nil && !token.Is(err, token.Conflict) {
		t.Fatal(err)
	}
}

func TestRotationGoesItsWayOnce(t *testing.T) {
	r := &token.Rotation{Old: 1, New: 2, State: token.RotationPending, Grace: 60}
	if err := r.Undo(5); !token.Is(err, token.Conflict) {
		t.Errorf("undone before it was seen: %v", err)
	}
	if !r.Confirm(10_000) || r.Confirm(20_000) || r.RetiresAt != 70_000 || r.Going() != 1 {
		t.Errorf("%+v", r)
	}
	if err := r.Finish(69_999, false); !token.Is(err, token.Conflict) {
		t.Errorf("finished within the grace: %v", err)
	}
	if err := r.Undo(30_000); err != nil || r.Going() != 2 || r.RetiresAt != 90_000 {
		t.Errorf("%v, %+v", err, r)
	}
	if err := r.Finish(90_000, false); err != nil || r.State != token.RotationUndone || r.Open() {
		t.Errorf("%v, %+v", err, r)
	}
	if err := r.Cancel(90_001); !token.Is(err, token.Conflict) {
		t.Errorf("cancelled after its end: %v", err)
	}
}
