package pages

import (
	"io"
	"strconv"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// RevocationPage says how far a deed on many tokens is.
type RevocationPage struct {
	Shell   Shell
	Now     time.Time
	ID      string
	Act     string          // revoke, suspend, resume
	Which   token.Predicate // of which tokens, with names for people where the record has ids
	JSON    string          // the predicate as it is on record
	Reason  string
	Running bool
	Failed  bool   // given up
	Fault   string // why its last step failed, in English; empty: none has
	Count   int64
	AtLeast bool
	Who     string
	At      time.Time
}

type revocationView struct {
	Title, Text, What string
	Facts             []Fact
	JSON              string
	Retry             string // where to post that it is tried again; empty: it was not given up
	Back              string
}

// RevocationPage writes how far a deed on many tokens is.
func (s *Set) RevocationPage(w io.Writer, lang Lang, v RevocationPage) error {
	said := s.speaker(lang)
	count := Cell{Text: strconv.FormatInt(v.Count, 10)}
	if v.AtLeast {
		count.Note = said.say("bulk.at_least")
	}
	view := revocationView{
		Title: said.say("sweep.title"), Text: said.say("sweep.done"), What: said.swept(v.Act, v.Which), JSON: verbatim(v.JSON), Back: Inventory.Path(v.Shell.Workspace.ID),
		Facts: []Fact{
			{said.say("page.id"), Cell{Text: v.ID, Code: true}}, {said.say("field.reason"), Cell{Text: v.Reason}},
			{said.say("bulk.count"), count}, {said.say("sweep.who"), Cell{Text: v.Who}}, {said.say("page.when"), Cell{When: said.when(v.At, v.Now)}},
		},
	}
	switch {
	case v.Running:
		view.Text = said.say("sweep.running")
	case v.Failed:
		view.Text, view.Retry = said.say("sweep.failed"), Inventory.Path(v.Shell.Workspace.ID, "revocations", v.ID, "retry")
	}
	if v.Fault != "" {
		view.Facts = append(view.Facts, Fact{said.say("sweep.fault"), Cell{Text: v.Fault, Lang: string(English)}})
	}
	return s.show(w, lang, "revocation", v.Shell, said, view)
}

// swept says in a sentence what a deed does to which tokens.
func (p *speaker) swept(act string, by token.Predicate) string {
	which := p.which(by)
	switch act {
	case "suspend":
		return p.say("sweep.suspends", "Which", which)
	case "resume":
		return p.say("sweep.resumes", "Which", which)
	}
	return p.say("sweep.revokes", "Which", which)
}

// which says of which tokens a predicate is true.
func (p *speaker) which(by token.Predicate) (text string) {
	add := func(key, value string) {
		if value != "" {
			text = joined(", ", text, p.say(key, "What", value))
		}
	}
	add("sweep.token", by.Token)
	add("sweep.family", by.Family)
	add("sweep.client", by.Client)
	add("sweep.user", by.User)
	add("sweep.workspace", by.Workspace)
	add("sweep.key", by.Key)
	add("sweep.scope", by.Scope)
	add("sweep.owner", by.Owner)
	add("sweep.contract", by.Contract)
	add("sweep.run", by.Run)
	if by.Kind != "" {
		add("sweep.kind", p.kind(string(by.Kind)))
	}
	if by.IdleDays > 0 {
		text = joined(", ", text, p.count("sweep.idle", int(by.IdleDays)))
	}
	if by.IssuedBefore > 0 {
		add("sweep.before", p.exact(time.UnixMilli(by.IssuedBefore)))
	}
	return text
}
