package token

import "testing"

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
