package token

import "testing"

func TestSpansNarrowEachOther(t *testing.T) {
	for _, c := range []struct{ a, b, want Span }{
		{Always(), Always(), Span{0, Never}},
		{Always(), Span{5, 9}, Span{5, 9}},
		{Span{5, 9}, Span{7, Never}, Span{7, 9}},
		{Span{5, 9}, Span{0, 0}, Span{5, 0}}, // nothing is in it
	} {
		if got := c.a.And(c.b); got != c.want {
			t.Errorf("%v and %v: got %v, want %v", c.a, c.b, got, c.want)
		}
		if got := c.b.And(c.a); got != c.want {
			t.Errorf("%v and %v: got %v, want %v", c.b, c.a, got, c.want)
		}
	}
}
