package token

import (
	"fmt"
	"strings"
	"testing"
)

func TestTwoSightsMakeOne(t *testing.T) {
	early := Seen{First: 10, Last: 20, Count: 3, Address: "a", Agent: "x", Route: "/early"}
	late := Seen{First: 15, Last: 30, Count: 2, Address: "b", Agent: "y", Route: "/late"}
	want := Seen{First: 10, Last: 30, Count: 5, Address: "b", Agent: "y", Route: "/late"}
	for name, got := range map[string]Seen{
		"early, late": early.And(late), "late, early": late.And(early),
		"with nothing": want.And(Seen{}), "of nothing": Seen{}.And(want),
	} {
		if got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

func TestUsedScopesAreAUnionWithABound(t *testing.T) {
	s := Seen{Count: 1, Unscoped: 3}
	s.Used(Scopes{"a:b", "c:d"})
	s.Used(Scopes{"c:d", "a:bb"})
	other := Seen{Count: 1, Last: 9, Scopes: "e:f a:b", Unscoped: 2}
	if both := s.And(other); both.Scopes != "a:b c:d a:bb e:f" || both.Unscoped != 5 {
		t.Errorf("got %+v", both)
	}
	again := Scopes{"a:b", "a:bb"}
	if n := testing.AllocsPerRun(100, func() { s.Used(again) }); n != 0 {
		t.Errorf("%v allocations where nothing is new", n)
	}
	for i := range 1000 {
		s.Used(Scopes{fmt.Sprintf("x:%d", i)})
	}
	if n := len(strings.Fields(s.Scopes)); n != 64 {
		t.Errorf("%d names, want 64", n)
	}
}
