package pages

import "io"

// FactorsRemoved is said after somebody's lost app and passkeys were taken away.
const FactorsRemoved Said = "said.factors_removed"

// LostFactors is the page on which an administrator lets a member who has lost
// their app and their passkeys sign in by password alone. Its form posts reason.
type LostFactors struct {
	Shell  Shell
	Member Person
	Post   string
	Errors map[string]FieldError
}

type lostFactorsView struct {
	LostFactors
	Reason   Field
	Problems []Mistake
}

// LostFactors writes the page for a member who has lost their app.
func (s *Set) LostFactors(w io.Writer, lang Lang, v LostFactors) error {
	said := s.speaker(lang)
	view := lostFactorsView{LostFactors: v, Reason: Field{Name: "reason", Type: "text", Label: said.say("lost_factors.reason"), Hint: said.say("lost_factors.hint")}}
	said.describe(&view.Reason, v.Errors, 0)
	view.Problems = mistakes([]Field{view.Reason})
	return s.show(w, lang, "lost_factors", v.Shell, said, view)
}
