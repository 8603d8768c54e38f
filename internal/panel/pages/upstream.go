package pages

import (
	"net/url"
	"time"
)

// What a sign-in with the other provider can meet.
const (
	UpstreamDown       LoginError = "upstream_down"       // the other provider cannot be reached
	UpstreamNo         LoginError = "upstream_no"         // it did not sign anybody in
	UpstreamLate       LoginError = "upstream_late"       // its answer came late, twice, or to another browser
	UpstreamNotAnew    LoginError = "upstream_anew"       // it was to ask anew, and did not
	UpstreamUnverified LoginError = "upstream_unverified" // it does not vouch for the address
	UpstreamUnknown    LoginError = "upstream_unknown"    // nobody here has the address
	UpstreamDisabled   LoginError = "upstream_disabled"   // who has it may not sign in
	UpstreamOther      LoginError = "upstream_other"      // who has it is linked to another account there
)

func (e LoginError) upstreamKey() string {
	switch e {
	case UpstreamDown:
		return "error.login.upstream_down"
	case UpstreamNo:
		return "error.login.upstream_no"
	case UpstreamLate:
		return "error.login.upstream_late"
	case UpstreamNotAnew:
		return "error.login.upstream_anew"
	case UpstreamUnverified:
		return "error.login.upstream_unverified"
	case UpstreamUnknown:
		return "error.login.upstream_unknown"
	case UpstreamDisabled:
		return "error.login.upstream_disabled"
	case UpstreamOther:
		return "error.login.upstream_other"
	}
	return "error.login.unavailable"
}

// upstreamPath returns the address that leads to the other provider, and from
// there to next.
func upstreamPath(next string, anew bool) string {
	query := url.Values{"next": {next}}
	if anew {
		query.Set("prompt", "login")
	}
	return "/panel/login/upstream?" + query.Encode()
}

// An Upstream is another provider, and the account there that signs a person in.
type Upstream struct {
	Name   string
	Email  string // of the account; empty: none is linked
	Linked time.Time
	Used   time.Time
	Only   bool // nothing else signs them in

	Waiting string // the account that they came back with and may link; empty: none
}

// What is said where an account at the other provider was to be linked.
const (
	LinkTaken     Said = "said.link_taken"     // it signs in somebody else here
	LinkUnreached Said = "said.link_unreached" // the provider cannot be reached
	NotLinked     Said = "said.not_linked"     // it came to nothing
)

// elsewhere is the part of the page about the other provider.
type elsewhere struct {
	Title, Text, Remark, Link string
	Facts                     []fact
	Drop                      *Confirm
	Waits                     string // which account may be linked now; empty: none
}

type fact struct {
	Name string
	When *Moment
}

func (p *speaker) upstream(v Security) *elsewhere {
	u := v.Upstream
	if u == nil {
		return nil
	}
	e := &elsewhere{Title: p.say("security.upstream", "Name", u.Name)}
	if u.Email == "" {
		if e.Text = p.say("security.upstream_off", "Name", u.Name); u.Waiting != "" && v.Fresh {
			e.Waits = p.say("security.upstream_waits", "Email", u.Waiting, "Name", u.Name)
		} else {
			e.Link = "/panel/security/upstream"
		}
		return e
	}
	e.Text = p.say("security.upstream_on", "Email", u.Email)
	e.Facts = []fact{{p.say("head.since"), p.moment(u.Linked, v.Now)}, {p.say("head.last_used"), p.moment(u.Used, v.Now)}}
	switch {
	case u.Only:
		e.Remark = p.say("security.upstream_only")
	case v.Fresh:
		e.Drop = &Confirm{ID: "drop-upstream", Button: p.say("security.upstream_remove"), Title: p.say("security.upstream_remove_title", "Name", u.Name),
			Text: p.say("security.upstream_remove_text", "Email", u.Email), Post: "/panel/security/upstream/remove", Submit: p.say("security.upstream_remove"), Grave: true}
	}
	return e
}
