package panel

import (
	"cmp"
	"context"
	"io"
	"slices"
	"time"

	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

type usageReads interface {
	Traffic(ctx context.Context, q token.TrafficQuery) ([]token.Traffic, error)
}

// usage is the area of what protected services saw.
func (p *Panel) usage() area {
	return area{name: pages.Usage, admins: true, routes: []web.Route{p.shows(parted(pages.Usage, ""), p.showUsage)}}
}

// A usageRange is a time that a chart shows: so many spans of some minutes. Those
// over an hour are whole hours or days, which the store keeps summed.
type usageRange struct {
	name    string
	minutes int
	spans   int
}

var usageRanges = [...]usageRange{{"1h", 1, 60}, {"24h", 60, 24}, {"7d", 4 * 60, 42}, {"30d", 24 * 60, 30}}

// mostRoutes is how many routes the page lists.
const mostRoutes = 50

// showUsage shows the traffic of a range of time.
func (p *Panel) showUsage(c *web.Call, v *visit) error {
	query, err := c.Query()
	if err != nil {
		return err
	}
	chosen := usageRanges[1]
	view := pages.UsagePage{Shell: v.shell, Client: query.Get("client")}
	for _, r := range usageRanges {
		view.Ranges = append(view.Ranges, r.name)
		if r.name == query.Get("range") {
			chosen = r
		}
	}
	view.Range, view.Width = chosen.name, time.Duration(chosen.minutes)*time.Minute
	if class := query.Get("class"); class == token.Internal || class == token.External {
		view.Class = class
	}
	last := c.Now().UTC().Truncate(view.Width)
	first := last.Add(-time.Duration(chosen.spans-1) * view.Width)
	ask := token.TrafficQuery{Workspace: v.workspace.ID, Client: view.Client, Class: view.Class, From: first.UnixMilli()}
	series, err := p.cfg.Store.TrafficSeries(c.Context(), ask, chosen.minutes)
	if err != nil {
		return err
	}
	view.Spans = spansOf(series, first, view.Width, chosen.spans)
	routes, err := p.cfg.Store.Traffic(c.Context(), ask)
	if err != nil {
		return err
	}
	slices.SortStableFunc(routes, func(a, b token.Traffic) int { return cmp.Compare(b.Count, a.Count) })
	view.More = max(0, len(routes)-mostRoutes)
	for _, t := range routes[:min(len(routes), mostRoutes)] {
		view.Routes = append(view.Routes, pages.RouteTraffic{
			Route: t.Route, Client: t.Client, Class: t.Class, Traffic: trafficOf(t), P95: time.Duration(t.Quantile(0.95) * float64(time.Millisecond)),
		})
	}
	return p.show(c, v, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.UsagePage(w, lang, view) })
}

// spansOf lays sums into their spans of time.
func spansOf(series []token.Traffic, first time.Time, width time.Duration, n int) []pages.Span {
	spans := make([]pages.Span, n)
	for i := range spans {
		spans[i].From = first.Add(time.Duration(i) * width)
	}
	for _, t := range series {
		if i := int(time.UnixMilli(t.Minute).Sub(first) / width); i >= 0 && i < n {
			spans[i].Traffic = trafficOf(t)
		}
	}
	return spans
}

// trafficOf tells what passed from what was refused or failed.
func trafficOf(t token.Traffic) pages.Traffic {
	return pages.Traffic{Passed: max(0, t.Count-t.Errors-t.Refused), Refused: t.Refused, Failed: t.Errors}
}
