package pages

import (
	"io"
	"strconv"
	"time"
)

// A Key is a signing key, by what is public of it.
type Key struct {
	ID, Alg                                string
	State                                  string // next | active | retiring | ended
	CreatedAt, ActiveAt, RetireAt, EndedAt time.Time
}

// KeyList is the page of the signing keys. Its forms post to rotate and end
// beneath it.
type KeyList struct {
	Shell    Shell
	Now      time.Time
	Items    []Key
	Algs     []string // that sign; empty where they are not the reader's to turn
	Operator bool
}

// What is said after a deed on keys and settings.
const (
	KeyRotated    Said = "said.key_rotated"
	KeyEnded      Said = "said.key_ended"
	SettingsSaved Said = "said.settings_saved"
	FeedEnded     Said = "said.feed_ended"
)

type keysView struct {
	Table    Table
	Rotate   []Confirm
	Operator bool
}

// KeyList writes the list of keys.
func (s *Set) KeyList(w io.Writer, lang Lang, v KeyList) error {
	said := s.speaker(lang)
	at := v.Shell.Workspace.ID
	view := keysView{Operator: v.Operator, Table: Table{
		Caption: said.count("keys.caption", len(v.Items)), Empty: Empty{Text: said.say("keys.none")},
		Heads: []Head{
			{Text: said.say("keys.key")}, {Text: said.say("webhooks.state")}, {Text: said.say("keys.published")}, {Text: said.say("keys.signs")}, {Text: said.say("keys.over")},
			{Text: said.say("members.do"), Unseen: true},
		},
	}}
	for _, alg := range v.Algs {
		view.Rotate = append(view.Rotate, Confirm{
			ID: "rotate-" + alg, Button: said.say("keys.rotate", "Alg", alg), Title: said.say("keys.rotate_title", "Alg", alg), Text: said.say("keys.rotate_text"),
			Post: Keys.Path(at, "rotate"), Submit: said.say("keys.rotate", "Alg", alg), Hidden: []Hidden{{"alg", alg}},
		})
	}
	for _, k := range v.Items {
		over := Cell{When: said.when(k.RetireAt, v.Now)}
		if !k.EndedAt.IsZero() {
			over = Cell{When: said.when(k.EndedAt, v.Now)}
		}
		do := Cell{}
		if v.Operator && k.State != "ended" {
			reason := said.reason("reason-" + k.ID)
			reason.Optional = false
			do.Ask = []Confirm{{
				ID: "end-" + k.ID, Button: said.say("keys.end"), Title: said.say("keys.end_title"), Text: said.say("keys.end_text"), Post: Keys.Path(at, "end"),
				Submit: said.say("keys.end"), Hidden: []Hidden{{"kid", k.ID}}, Fields: []Field{reason}, Grave: true,
			}}
		}
		view.Table.Rows = append(view.Table.Rows, []Cell{
			{Text: k.ID, Code: true, Note: k.Alg}, {Chips: []Chip{said.keyState(k.State)}}, {When: said.when(k.CreatedAt, v.Now)}, {When: said.when(k.ActiveAt, v.Now)}, over, do,
		})
	}
	return s.show(w, lang, "keys", v.Shell, said, view)
}

func (p *speaker) keyState(state string) Chip {
	switch state {
	case "next":
		return Chip{Text: p.say("keys.next")}
	case "active":
		return Chip{Text: p.say("keys.active"), Tone: "good"}
	case "retiring":
		return Chip{Text: p.say("keys.retiring"), Tone: "warn"}
	}
	return Chip{Text: p.say("keys.ended")}
}

// A Job is what happens by itself.
type Job struct {
	Name     string
	Every    time.Duration
	EachNode bool
	Last     time.Time // when it was done last; zero: not since this node started
	Took     time.Duration
	Failed   bool
	Fault    string // for operators
	Running  bool
	Overdue  bool
}

// JobList is the page of what happens by itself.
type JobList struct {
	Shell Shell
	Now   time.Time
	Items []Job
}

type jobsView struct{ Table Table }

// JobList writes the list of jobs.
func (s *Set) JobList(w io.Writer, lang Lang, v JobList) error {
	said := s.speaker(lang)
	view := jobsView{Table{
		Caption: said.count("jobs.caption", len(v.Items)), Empty: Empty{Text: said.say("jobs.none")},
		Heads: []Head{{Text: said.say("jobs.job")}, {Text: said.say("audit.outcome")}, {Text: said.say("jobs.last")}, {Text: said.say("jobs.took")}, {Text: said.say("jobs.next")}},
	}}
	for _, j := range v.Items {
		where := said.say("jobs.once")
		if j.EachNode {
			where = said.say("jobs.each_node")
		}
		next := Cell{Note: said.say("jobs.every", "Length", said.pause(j.Every))}
		if !j.Last.IsZero() {
			next.When = said.next(j.Last.Add(j.Every), v.Now)
		}
		view.Table.Rows = append(view.Table.Rows, []Cell{
			{Text: j.Name, Code: true, Note: where}, said.jobState(j), {When: said.when(j.Last, v.Now)}, {Text: said.say("usage.milliseconds", "Count", j.Took.Milliseconds())}, next,
		})
	}
	return s.show(w, lang, "jobs", v.Shell, said, view)
}

// pause says a length of time, in seconds where it is under a minute.
func (p *speaker) pause(d time.Duration) string {
	if d < time.Minute {
		return strconv.Itoa(int(d/time.Second)) + "\u202fs"
	}
	text, err := p.duration(d)
	if p.err == nil {
		p.err = err
	}
	return text
}

func (p *speaker) jobState(j Job) Cell {
	switch {
	case j.Failed:
		return Cell{Chips: []Chip{{Text: p.say("jobs.failed"), Tone: "bad"}}, Note: j.Fault, Aside: string(English)}
	case j.Overdue:
		return Cell{Chips: []Chip{{Text: p.say("jobs.overdue"), Tone: "warn"}}}
	case j.Running:
		return Cell{Chips: []Chip{{Text: p.say("jobs.running")}}}
	case j.Last.IsZero():
		return Cell{Chips: []Chip{{Text: p.say("jobs.not_yet")}}}
	}
	return Cell{Chips: []Chip{{Text: p.say("jobs.done"), Tone: "good"}}}
}

// SettingsPage is the page of a workspace's settings. Its form posts name to the
// page's own address; the calendar's forms to feed and feed/end beneath it.
type SettingsPage struct {
	Shell        Shell
	Name, Domain string
	Number       int64
	Environment  string
	Issuer       string
	Super        bool   // who sees it may change the name
	Feed         string // the address of a calendar that was just made: here and nowhere else
	Wrong        Wrong
}

type settingsView struct {
	Facts    []Fact
	Problems []Mistake
	Post     string
	Fields   []Field
	Super    bool
	Once     *Once
	Feed     []Confirm
}

// SettingsPage writes the settings.
func (s *Set) SettingsPage(w io.Writer, lang Lang, v SettingsPage) error {
	said := s.speaker(lang)
	at := v.Shell.Workspace.ID
	view := settingsView{Post: Settings.Path(at), Super: v.Super, Facts: []Fact{
		{said.say("settings.id"), Cell{Text: at, Code: true}}, {said.say("settings.issuer"), Cell{Text: v.Issuer, Code: true}},
		{said.say("settings.environment"), Cell{Text: v.Environment}},
	}}
	if v.Domain != "" {
		view.Facts = append(view.Facts, Fact{said.say("settings.domain"), Cell{Text: v.Domain, Note: said.say("settings.domain_note")}})
	}
	if v.Number != 0 {
		view.Facts = append(view.Facts, Fact{said.say("settings.number"), Cell{Text: strconv.FormatInt(v.Number, 10), Code: true}})
	}
	if v.Super {
		view.Fields = []Field{{Name: "name", Type: "text", Label: said.say("field.workspace"), Value: v.Name, Autocomplete: "off"}}
	}
	view.Problems = said.fields(view.Fields, v.Wrong)
	if v.Feed != "" {
		view.Once = &Once{Label: said.say("settings.feed_address"), Secret: v.Feed, Note: said.say("settings.feed_note")}
	}
	view.Feed = []Confirm{
		{ID: "make-feed", Button: said.say("settings.feed_make"), Title: said.say("settings.feed_make_title"), Text: said.say("settings.feed_make_text"), Post: Settings.Path(at, "feed"), Submit: said.say("settings.feed_make")},
		{ID: "end-feed", Button: said.say("settings.feed_end"), Title: said.say("settings.feed_end_title"), Text: said.say("settings.feed_end_text"), Post: Settings.Path(at, "feed", "end"), Submit: said.say("settings.feed_end"), Grave: true},
	}
	return s.show(w, lang, "settings", v.Shell, said, view)
}
