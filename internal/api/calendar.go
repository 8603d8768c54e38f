package api

import (
	"bytes"
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// mostDates is how many expiries a calendar holds: those of the newest tokens.
const mostDates = 1000

// calendarRoutes are those of the calendar of what expires.
func (f *Face) calendarRoutes() []web.Route {
	return []web.Route{
		f.admin("POST /v1/expiry-feed", token.AdminWrite, f.makeCalendar),
		f.admin("DELETE /v1/expiry-feed", token.AdminWrite, f.endCalendar),
		{Pattern: "GET /v1/expiry-feeds/{feed}", Rule: web.Rule{Auth: web.AuthNone, Body: web.NoBody, Secret: true, Shape: refuse}, Handle: f.calendar},
	}
}

// makeCalendar serves POST /v1/expiry-feed: the address of the caller's calendar
// of the workspace, anew. It is told here and nowhere else.
func (f *Face) makeCalendar(c *web.Call, who *caller) error {
	secret, made, err := f.cfg.Authority.MakeCalendar(c.Context(), who.actor, who.workspace)
	if err != nil {
		return err
	}
	return c.WriteJSON(http.StatusCreated, struct {
		URL       string  `json:"url"`
		Workspace string  `json:"workspace"`
		CreatedAt *string `json:"created_at"`
	}{f.cfg.Authority.Issuer() + "/v1/expiry-feeds/" + secret + ".ics", made.Workspace, instant(made.CreatedAt)})
}

// endCalendar serves DELETE /v1/expiry-feed.
func (f *Face) endCalendar(c *web.Call, who *caller) error {
	if err := f.cfg.Authority.EndCalendar(c.Context(), who.actor, who.workspace); err != nil {
		return err
	}
	c.WriteHeader(http.StatusNoContent)
	return nil
}

// calendar serves GET /v1/expiry-feeds/{feed} to calendar programs, which show
// no credentials: what they read is in the address.
func (f *Face) calendar(c *web.Call) error {
	feed, err := c.PathValue("feed")
	if err != nil {
		return err
	}
	secret, ok := strings.CutSuffix(feed, ".ics")
	if !ok {
		return notFound("calendar")
	}
	of, err := f.cfg.Authority.CalendarOf(c.Context(), secret)
	if err != nil {
		return err
	}
	dates, err := f.dates(c, of.Workspace)
	if err != nil {
		return err
	}
	return c.WriteRaw(http.StatusOK, "text/calendar; charset=utf-8", writeCalendar(of.Workspace, f.cfg.Authority.Issuer(), dates, c.Now()))
}

// dates returns what expires in the workspace by itself, the soonest first: one
// date for each credential, that of its newest secret in use.
func (f *Face) dates(c *web.Call, workspace string) ([]*token.Token, error) {
	known := map[token.ID]bool{}
	var dates []*token.Token
	ask := token.Inventory{
		Workspace: workspace, Kinds: []token.Kind{token.Service, token.Personal, token.ClientSecret}, Status: token.StatusLive,
		ExpiresFrom: c.Now().UnixMilli(),
	}
	for len(dates) < mostDates {
		page, err := f.cfg.Store.Inventory(c.Context(), ask)
		if err != nil {
			return nil, err
		}
		for _, t := range page.Tokens {
			if !t.Pending() && !known[t.Credential] {
				known[t.Credential] = true
				dates = append(dates, t)
			}
		}
		if ask.Before = page.Next; ask.Before == 0 {
			break
		}
	}
	slices.SortFunc(dates, func(a, b *token.Token) int {
		return cmp.Or(cmp.Compare(a.EffectiveEnd().At, b.EffectiveEnd().At), cmp.Compare(a.ID, b.ID))
	})
	return dates, nil
}

// writeCalendar writes dates as iCalendar (RFC 5545): no alarms, so that each
// reader's own rule holds, and nothing of a secret, its last four included.
func writeCalendar(workspace, issuer string, dates []*token.Token, now time.Time) []byte {
	host := issuer
	if u, err := url.Parse(issuer); err == nil {
		host = u.Host
	}
	var b calendarLines
	b.line("BEGIN", "VCALENDAR")
	b.line("VERSION", "2.0")
	b.line("PRODID", "-//Ficha//expiries//EN")
	b.text("X-WR-CALNAME", "Tokens that expire in "+workspace)
	b.line("REFRESH-INTERVAL;VALUE=DURATION", "PT6H") // RFC 7986, 5.7
	for _, t := range dates {
		b.line("BEGIN", "VEVENT")
		b.text("UID", t.Credential.String()+"@"+host)
		b.line("DTSTAMP", utc(now.UnixMilli()))
		b.line("DTSTART", utc(t.EffectiveEnd().At))
		b.text("SUMMARY", cmp.Or(t.Name, t.Credential.String())+" expires")
		b.text("DESCRIPTION", strings.ReplaceAll(string(t.Kind), "_", " ")+" "+t.Credential.String()+" in "+workspace+"\n"+issuer+"/panel/")
		b.line("TRANSP", "TRANSPARENT")
		b.line("END", "VEVENT")
	}
	b.line("END", "VCALENDAR")
	return b.Bytes()
}

func utc(ms int64) string { return time.UnixMilli(ms).UTC().Format("20060102T150405Z") }

// calendarLines are content lines (RFC 5545, 3.1).
type calendarLines struct{ bytes.Buffer }

// mostOctets is the longest line, without its end.
const mostOctets = 75

// line writes a line, folded between characters where it is too long.
func (b *calendarLines) line(name, value string) {
	rest := name + ":" + value
	for room := mostOctets; len(rest) > room; room = mostOctets - 1 { // the space counts
		cut := room
		for cut > 1 && !utf8.RuneStart(rest[cut]) {
			cut--
		}
		b.WriteString(rest[:cut] + "\r\n ")
		rest = rest[cut:]
	}
	b.WriteString(rest + "\r\n")
}

// text writes a line whose value is text (RFC 5545, 3.3.11). Other control
// characters than the end of a line may not stand there.
func (b *calendarLines) text(name, value string) {
	value = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(value, "?"))
	b.line(name, strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`).Replace(value))
}
