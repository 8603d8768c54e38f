package verifier

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

// What is being written is known until it is on disk, once, and what could not
// be written is handed out again with what came since.
func TestUsesAreKnownUntilTheyAreWritten(t *testing.T) {
	v := &Verifier{}
	use := func(secret token.ID, at int64) { v.Note(secret, token.Use{Now: at, Route: "/r"}) }
	knows := func(when string, secret token.ID, want int64) {
		t.Helper()
		if got, ok := v.Seen(secret); got.Count != want || ok != (want > 0) {
			t.Errorf("%s: %d uses of %d are known (%v), want %d", when, got.Count, secret, ok, want)
		}
	}
	full := errors.New("no room")
	use(1, 10)
	use(2, 10)
	err := v.WriteUses(t.Context(), func(_ context.Context, _ token.Uses, wrote func(more int)) error {
		knows("while it is written", 2, 1)
		use(2, 20)
		knows("and used meanwhile", 2, 2)
		wrote(1)
		return full
	})
	if !errors.Is(err, full) {
		t.Error(err)
	}
	knows("after a fault", 2, 2)
	knows("written", 1, 0)
	use(18, 30) // of the same shard
	err = v.WriteUses(t.Context(), func(_ context.Context, uses token.Uses, wrote func(more int)) error {
		for some := range uses.Portions {
			if one := some[0]; len(some) != 2 || one.Secret != 2 || one.Count != 2 || one.First != 10 || one.Last != 20 {
				t.Errorf("handed out again: %+v", some)
			}
		}
		wrote(uses.Len)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	knows("written at last", 2, 0)
	knows("written at last", 18, 0)
}

// However uses come, are merged, are named the scopes of, are written or wait
// after a fault: what is written and what is still known add up to all of them.
func TestUsesAddUpWhateverIsWritten(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // no secret: the same on every run
		pick := func(of ...string) string { return of[random.IntN(len(of))] }
		v, want, disk := &Verifier{}, map[token.ID]token.Seen{}, map[token.ID]token.Seen{}
		for now := range int64(8000) {
			secret := token.ID(1 + random.IntN(1500))
			u := token.Use{Now: now, Surface: token.AtVerify, Address: pick("", "a", "b"), Agent: pick("", "x", "a"), Route: pick("/1", "/2")}
			if random.IntN(2) == 0 {
				u.Scopes = token.Scopes{pick("s:a", "s:b"), pick("s:c", "s:d")}
			}
			one := token.Seen{First: now, Last: now, Count: 1, Address: u.Address, Agent: u.Agent, Route: u.Route}
			one.Used(u.Scopes)
			if one.Scopes == "" {
				one.Unscoped = 1
			}
			switch random.IntN(200) {
			default:
				v.Note(secret, u)
			case 0, 1, 2, 3:
				one.Count, one.First = 3, now-5
				v.uses.merge(secret, one)
			case 4:
				one = token.Seen{}
				v.uses.merge(secret, one)
			case 5:
				writes(t, v, disk, 500*random.IntN(4))
				one = token.Seen{}
			}
			if one.Count > 0 {
				want[secret] = want[secret].And(one)
			}
		}
		for secret, all := range want {
			waits, _ := v.Seen(secret)
			if got := disk[secret].And(waits); got != all {
				t.Fatalf("seed %d, secret %d: got %+v, want %+v", seed, secret, got, all)
			}
		}
		writes(t, v, disk, 1500)
		for i := range v.uses.shards {
			if n := &v.uses.shards[i].taken; n.rows != nil || n.at != nil {
				t.Fatalf("seed %d: what is written keeps %d rows", seed, len(n.rows))
			}
		}
		if !maps.Equal(disk, want) {
			t.Errorf("seed %d: written are %v, want %v", seed, disk, want)
		}
	}
}

// writes has some uses written to a disk that then is full.
func writes(t *testing.T, v *Verifier, disk map[token.ID]token.Seen, room int) {
	t.Helper()
	_ = v.WriteUses(t.Context(), func(_ context.Context, uses token.Uses, wrote func(more int)) error {
		last, n := token.ID(0), 0
		for some := range uses.Portions {
			for _, u := range some {
				if u.Secret <= last {
					t.Errorf("%d comes after %d", u.Secret, last)
				}
				if last = u.Secret; n == room {
					return errors.New("no room")
				}
				disk[u.Secret] = disk[u.Secret].And(u.Seen)
				n++
				wrote(1)
			}
		}
		if n != uses.Len {
			t.Errorf("%d uses of %d", n, uses.Len)
		}
		return nil
	})
}

// What there is no room for is not noted, and what there is goes on counting.
func TestUsesAreBounded(t *testing.T) {
	v := &Verifier{}
	step := token.ID(len(v.uses.shards))
	for i := range token.ID(mostSeen) + 10 {
		v.Note(step*(i+1), token.Use{Now: 1})
	}
	v.Note(step, token.Use{Now: 2})
	if one, _ := v.Seen(step); one.Count != 2 {
		t.Errorf("the first was used twice: %+v", one)
	}
	if _, known := v.Seen(step * (mostSeen + 1)); known {
		t.Error("there is no bound")
	}
}

// Who is another at each use fills no more memory than who is always the same.
func TestUsesKeepNoTextThatNobodyHas(t *testing.T) {
	v := &Verifier{}
	for i := range int64(100_000) {
		text := strconv.FormatInt(i, 10)
		v.Note(16, token.Use{Now: i, Agent: "agent " + text, Address: text, Route: "/r", Scopes: token.Scopes{"a:b"}})
	}
	want := token.Seen{Last: 99_999, Count: 100_000, Address: "99999", Agent: "agent 99999", Route: "/r", Scopes: "a:b"}
	if one, _ := v.Seen(16); one != want {
		t.Errorf("got %+v, want %+v", one, want)
	}
	if kept := len(v.uses.of(16).seen.words.list); kept > 2000 {
		t.Errorf("%d texts are kept", kept)
	}
}

// Only who asks about a token and names no scope asks for nothing in particular.
func TestUseWithoutScopesIsNotedWhereOneAsks(t *testing.T) {
	for surface, want := range map[token.Surface]int64{token.AtVerify: 1, token.AtIntrospect: 1, token.AtToken: 0} {
		v := &Verifier{}
		v.Note(1, token.Use{Surface: surface})
		if one, _ := v.Seen(1); one.Unscoped != want {
			t.Errorf("%v: %+v", surface, one)
		}
	}
}

// What was written is not handed over again, also where it is asked for anew.
func TestWrittenUsesAreGone(t *testing.T) {
	v := &Verifier{}
	for i := range token.ID(20) {
		v.Note(i+1, token.Use{Now: 1})
	}
	err := v.WriteUses(t.Context(), func(_ context.Context, uses token.Uses, wrote func(more int)) error {
		wrote(20)
		for some := range uses.Portions {
			for _, u := range some {
				if u.Count != 0 {
					t.Errorf("%d is handed over again", u.Secret)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
