package token

import "testing"

func TestEveryFieldOfASealCounts(t *testing.T) {
	seen := map[Hash]int{}
	for i, change := range []func(*Seal){
		func(*Seal) {}, func(s *Seal) { s.Workspace = "x" }, func(s *Seal) { s.Number++ }, func(s *Seal) { s.Previous[31]++ },
		func(s *Seal) { s.First++ }, func(s *Seal) { s.Last++ }, func(s *Seal) { s.Count++ }, func(s *Seal) { s.Root[0]++ },
		func(s *Seal) { s.Totals = map[string]int64{"a": 1} }, func(s *Seal) { s.Late = true }, func(s *Seal) { s.At++ },
	} {
		s := &Seal{Workspace: "ws1", Number: 1, First: 1, Last: 2, Count: 2, At: 3}
		change(s)
		h, err := s.Sum()
		if other, had := seen[h]; err != nil || had {
			t.Errorf("change %d hashes as change %d, %v", i, other, err)
		}
		seen[h] = i
	}
}
