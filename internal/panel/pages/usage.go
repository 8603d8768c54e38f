package pages

import (
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"
)

// A Traffic is how many requests of protected services there were, and what
// became of them.
type Traffic struct {
	Passed, Refused, Failed int64
}

// All returns the number of all of them.
func (t Traffic) All() int64 { return t.Passed + t.Refused + t.Failed }

// A Span is the traffic of a time of some minutes.
type Span struct {
	From time.Time
	Traffic
}

// A RouteTraffic is the traffic of one route by one client from one side.
type RouteTraffic struct {
	Route, Client, Class string
	Traffic
	P95 time.Duration
}

// UsagePage is the page of what protected services saw.
type UsagePage struct {
	Shell         Shell
	Range         string   // one of Ranges
	Ranges        []string // 1h, 24h, 7d, 30d
	Class, Client string   // narrows it; empty: all
	Spans         []Span   // each of Width, oldest first, those without traffic too
	Width         time.Duration
	Routes        []RouteTraffic // with the most traffic first
	More          int            // routes that are not listed
}

type usageView struct {
	Ranges []menuItem
	Filter filterView
	Sums   []Fact
	Chart  *chart
	Spans  Table
	Routes Table
	More   string
}

// A chart is bars that stand on each other, drawn on a field that is stretched to
// the width of the page. Its words stand beside it, in the size of the page.
type chart struct {
	Title, Said   string
	Width, Middle int
	Height        int
	Top           string   // what the highest line stands for
	Marks         []string // when its two halves begin
	Bars          []bar
	Legend        []legend
}

type bar struct {
	Title string
	Parts []barPart
}

type barPart struct {
	Class         string // passed, refused or failed
	X, Y          int
	Width, Height int
}

type legend struct{ Class, Text string }

// A chart in units of its own: about how wide the field is, how high, and the gap
// beside a bar.
const (
	chartWidth  = 720
	chartHeight = 200
	barGap      = 2
)

// UsagePage writes the chart, the same as a table, and the routes.
func (s *Set) UsagePage(w io.Writer, lang Lang, v UsagePage) error {
	said := s.speaker(lang)
	at := Usage.Path(v.Shell.Workspace.ID)
	view := usageView{Filter: said.usageFilter(v), Chart: said.chart(v), Spans: said.spanTable(v), Routes: said.routeTable(v)}
	for _, name := range v.Ranges {
		query := v.query(name)
		view.Ranges = append(view.Ranges, menuItem{Text: said.rangeText(name), Href: at + "?" + query, Current: name == v.Range})
	}
	var sum Traffic
	for _, span := range v.Spans {
		sum.Passed, sum.Refused, sum.Failed = sum.Passed+span.Passed, sum.Refused+span.Refused, sum.Failed+span.Failed
	}
	for _, one := range said.outcomes(sum) {
		view.Sums = append(view.Sums, Fact{one.Text, Cell{Text: grouped(one.count)}})
	}
	if v.More > 0 {
		view.More = said.count("usage.more", v.More)
	}
	return s.show(w, lang, "usage", v.Shell, said, view)
}

type outcomeOf struct {
	Class, Text string
	count       int64
}

// outcomes are the parts of traffic from the bottom of a bar to its top.
func (p *speaker) outcomes(t Traffic) []outcomeOf {
	return []outcomeOf{{"passed", p.say("usage.passed"), t.Passed}, {"refused", p.say("usage.refused"), t.Refused}, {"failed", p.say("usage.failed"), t.Failed}}
}

func (p *speaker) rangeText(name string) string {
	switch name {
	case "1h":
		return p.say("usage.hour")
	case "7d":
		return p.say("usage.week")
	case "30d":
		return p.say("usage.month")
	}
	return p.say("usage.day")
}

// chart lays the bars out; nil where there was no traffic.
func (p *speaker) chart(v UsagePage) *chart {
	var most int64
	for _, span := range v.Spans {
		most = max(most, span.All())
	}
	if most == 0 || len(v.Spans) == 0 {
		return nil
	}
	wide := chartWidth / len(v.Spans)
	c := &chart{
		Title: p.say("usage.chart"), Said: p.say("usage.chart_text", "Most", most), Top: grouped(most),
		Width: wide * len(v.Spans), Middle: chartHeight / 2, Height: chartHeight,
	}
	for i, span := range v.Spans {
		one, y := bar{Title: p.spanTitle(span, v.Width)}, chartHeight
		for _, part := range p.outcomes(span.Traffic) {
			high := int(part.count * chartHeight / most)
			if part.count > 0 {
				high = max(high, 2) // what there was is seen
			}
			if high = min(high, y); high == 0 {
				continue
			}
			y -= high
			one.Parts = append(one.Parts, barPart{part.Class, i * wide, y, max(1, wide-barGap), high})
		}
		c.Bars = append(c.Bars, one)
	}
	for _, i := range []int{0, len(v.Spans) / 2} {
		c.Marks = append(c.Marks, p.spanText(v.Spans[i].From, v.Width))
	}
	for _, part := range p.outcomes(Traffic{}) {
		c.Legend = append(c.Legend, legend{part.Class, part.Text})
	}
	return c
}

// spanText says when a span begins.
func (p *speaker) spanText(at time.Time, width time.Duration) string {
	if width >= 24*time.Hour {
		return at.UTC().Format(time.DateOnly)
	}
	return at.UTC().Format("2006-01-02 15:04")
}

func (p *speaker) spanTitle(s Span, width time.Duration) string {
	title := p.spanText(s.From, width)
	for _, part := range p.outcomes(s.Traffic) {
		title += ", " + part.Text + " " + grouped(part.count)
	}
	return title
}

// spanTable says the same as the chart, newest first, without the spans that had
// no traffic.
func (p *speaker) spanTable(v UsagePage) Table {
	table := Table{Caption: p.say("usage.table"), Heads: p.trafficHeads(p.say("usage.from")), Empty: Empty{Text: p.say("usage.none")}}
	for i := len(v.Spans) - 1; i >= 0; i-- {
		if span := v.Spans[i]; span.All() > 0 {
			table.Rows = append(table.Rows, append([]Cell{{Text: p.spanText(span.From, v.Width)}}, p.trafficCells(span.Traffic)...))
		}
	}
	return table
}

func (p *speaker) trafficHeads(first ...string) []Head {
	var heads []Head
	for _, text := range first {
		heads = append(heads, Head{Text: text})
	}
	for _, part := range p.outcomes(Traffic{}) {
		heads = append(heads, Head{Text: part.Text})
	}
	return heads
}

func (p *speaker) trafficCells(t Traffic) []Cell {
	var cells []Cell
	for _, part := range p.outcomes(t) {
		cells = append(cells, Cell{Text: grouped(part.count)})
	}
	return cells
}

func (p *speaker) routeTable(v UsagePage) Table {
	table := Table{
		Caption: p.say("usage.busiest"), Empty: Empty{Text: p.say("usage.none")},
		Heads: append(p.trafficHeads(p.say("alert.route"), p.say("alert.client"), p.say("alert.traffic")), Head{Text: p.say("usage.slow")}),
	}
	for _, r := range v.Routes {
		row := append([]Cell{{Text: r.Route}, {Text: r.Client}, {Text: p.class(r.Class)}}, p.trafficCells(r.Traffic)...)
		table.Rows = append(table.Rows, append(row, Cell{Text: p.say("usage.milliseconds", "Count", r.P95.Milliseconds())}))
	}
	return table
}

func (v UsagePage) query(span string) string {
	q := url.Values{"range": {span}}
	if v.Class != "" {
		q.Set("class", v.Class)
	}
	if v.Client != "" {
		q.Set("client", v.Client)
	}
	return q.Encode()
}

func (p *speaker) usageFilter(v UsagePage) filterView {
	class := choices("class", p.say("alert.traffic"), v.Class, Option{Text: p.say("filter.all")}, Option{Value: "external", Text: p.say("alert.external")},
		Option{Value: "internal", Text: p.say("alert.internal")})
	f := filterView{Action: Usage.Path(v.Shell.Workspace.ID), Submit: p.say("filter.apply"), Hidden: []Hidden{{"range", v.Range}}, Fields: []Field{
		class, {Name: "client", Type: "text", Label: p.say("alert.client"), Value: v.Client, Optional: true},
	}}
	if v.Class != "" || v.Client != "" {
		f.Clear = f.Action + "?" + url.Values{"range": {v.Range}}.Encode()
	}
	return f
}

// grouped writes a count in groups of three, with the narrow space that all of
// our languages read (ISO 80000-1, 7.3.1).
func grouped(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10)
	}
	return fmt.Sprintf("%s\u202f%03d", grouped(n/1000), n%1000)
}
