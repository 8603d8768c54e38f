package token

import (
	"testing"
	"time"
)

func living(kind Kind, life time.Duration) *Token {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	return &Token{ID: MakeID(at, ClassFor(life), 1), Kind: kind, IssuedAt: at.UnixMilli(), ExpiresAt: at.Add(life).UnixMilli()}
}

func TestNoticesAreThoseShorterThanTheLife(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		life time.Duration
		want []Notice
	}{
		{61 * day, []Notice{60, 30, 14, 7, 3, 1, 0}},
		{60 * day, []Notice{30, 14, 7, 3, 1, 0}},
		{15 * day, []Notice{14, 7, 3, 1, 0}},
		{day + time.Millisecond, []Notice{1, 0}},
		{day, nil},
		{time.Hour, nil},
	} {
		k := living(Service, c.life)
		var got []Notice
		for n := k.IssuedAt; n <= k.ExpiresAt; n += int64(time.Hour / time.Millisecond) {
			if notice, due := k.Latest(n); due && (len(got) == 0 || got[len(got)-1] != notice) {
				got = append(got, notice)
			}
		}
		if notice, due := k.Latest(k.ExpiresAt); due && got[len(got)-1] != notice {
			got = append(got, notice)
		}
		if len(got) != len(c.want) {
			t.Errorf("%v: got %v, want %v", c.life, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] || !k.Gives(got[i]) {
				t.Errorf("%v: got %v, want %v", c.life, got, c.want)
			}
		}
	}
}

func TestNoticeIsDueAtItsInstantAndNotBefore(t *testing.T) {
	k := living(Personal, 90*24*time.Hour)
	for _, n := range append(Ahead(), NoticeExpired) {
		at := n.At(k.ExpiresAt)
		if got, due := k.Latest(at); got != n || !due {
			t.Errorf("at %v days: got %v, %v", n, got, due)
		}
		if got, _ := k.Latest(at - 1); got == n && n != 60 {
			t.Errorf("a moment before %v days it is already given", n)
		}
	}
	if _, due := k.Latest(Notice(60).At(k.ExpiresAt) - 1); due {
		t.Error("a notice is due before the first one")
	}
}

func TestNobodyIsToldOfWhatRenewsItself(t *testing.T) {
	for _, k := range []*Token{living(Refresh, 30*24*time.Hour), living(Session, 30*24*time.Hour), living(Service, 0)} {
		if k.ExpiresAt == k.IssuedAt {
			k.ExpiresAt = 0
		}
		if _, due := k.Latest(k.ExpiresAt); due || k.Noticed() {
			t.Errorf("%s that expires at %d is told of", k.Kind, k.ExpiresAt)
		}
	}
}

func TestEffectiveEndNamesTheRuleThatComesFirst(t *testing.T) {
	for _, c := range []struct {
		name   string
		token  Token
		others []End
		want   End
	}{
		{"nothing ends", Token{}, nil, End{}},
		{"its own", Token{ExpiresAt: 9}, []End{{12, EndIdle}, {0, EndPolicy}}, End{9, EndOwn}},
		{"rotation", Token{ExpiresAt: 9, RetiresAt: 5}, nil, End{5, EndRotation}},
		{"another's rule", Token{ExpiresAt: 9, RetiresAt: 5}, []End{{4, EndIdle}}, End{4, EndIdle}},
		{"never, but idle", Token{}, []End{{7, EndIdle}, {6, EndPolicy}}, End{6, EndPolicy}},
		{"a tie is its own", Token{ExpiresAt: 9}, []End{{9, EndPolicy}}, End{9, EndOwn}},
		{"a suspension is none", Token{ExpiresAt: 9, SuspendedAt: 1, SuspendedUntil: 3}, nil, End{9, EndOwn}},
	} {
		if got := c.token.EffectiveEnd(c.others...); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestLookingForANoticeAllocatesNothing(t *testing.T) {
	fresh, near := living(Service, 90*24*time.Hour), living(Service, 90*24*time.Hour)
	if n := testing.AllocsPerRun(100, func() { fresh.Latest(fresh.IssuedAt); near.Latest(near.ExpiresAt - 5) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
