package panel

import (
	"cmp"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// policies is the area of a workspace's policy.
func (p *Panel) policies() area {
	at := parted(pages.Policies, "")
	return area{name: pages.Policies, admins: true, routes: []web.Route{p.shows(at, p.showPolicy), p.does(at, p.changePolicy)}}
}

func (p *Panel) showPolicy(c *web.Call, v *visit) error {
	form := typedPolicy(v.workspace.Policy.Declared())
	form["version"] = string(v.workspace.Policy.Version())
	return p.drawPolicy(c, v, http.StatusOK, form, nil, pages.Wrong{})
}

// drawPolicy writes the page with what is typed and what became of trying it.
func (p *Panel) drawPolicy(c *web.Call, v *visit, status int, form pages.PolicyForm, tried *pages.Simulated, said pages.Wrong) error {
	now := c.Now().UnixMilli()
	policy := &v.workspace.Policy
	view := pages.PolicyPage{
		Shell: v.shell, Now: c.Now(), Force: typedPolicy(policy.At(now)), Form: form, Tried: tried, Wrong: said, Super: v.membership.Role == token.SuperAdmin,
	}
	if next := policy.Next; next != nil && now < next.EnforceFrom {
		view.Coming, view.From = typedPolicy(next), instantOf(next.EnforceFrom)
	}
	return p.showWith(c, v, status, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.PolicyPage(w, lang, view) })
}

// changePolicy tries what was typed, or saves it.
func (p *Panel) changePolicy(c *web.Call, v *visit) error {
	sent, err := c.Form("approval")
	if err != nil {
		return err
	}
	form := formOfPolicy(sent)
	policy, err := readPolicy(form)
	declared := v.workspace.Policy.Declared()
	policy.Impersonation, policy.Registration = declared.Impersonation, declared.Registration // not on the form
	var tried *pages.Simulated
	if err == nil && sent.Get("action") != "save" {
		tried, err = p.tryPolicy(c, v, policy, sent.Get("action") == "count")
	} else if err == nil {
		_, err = p.cfg.Authority.PutPolicy(c.Context(), c.Actor(), v.workspace.ID, policy, token.Version(form["version"]))
	}
	said, ok := wrong(err)
	switch {
	case ok:
		if said.Whole == pages.Outdated { // what is set now stands above the form: to save once more is to know of it
			form["version"] = string(v.workspace.Policy.Version())
		}
		return p.drawPolicy(c, v, http.StatusUnprocessableEntity, form, nil, said)
	case err != nil:
		return err
	case tried != nil:
		return p.drawPolicy(c, v, http.StatusOK, form, tried, pages.Wrong{})
	}
	return p.lead(c, pages.Policies.Path(v.workspace.ID), pages.PolicySaved)
}

// tryPolicy asks what a policy would refuse, and names owners and tokens.
func (p *Panel) tryPolicy(c *web.Call, v *visit, policy token.Policy, whole bool) (*pages.Simulated, error) {
	s, err := p.cfg.Authority.Simulate(c.Context(), v.workspace.ID, policy, whole)
	if err != nil {
		return nil, err
	}
	out := &pages.Simulated{From: instantOf(s.From), Looked: s.Looked, Whole: s.Whole, Refused: s.Refused}
	for rule, n := range s.ByRule {
		out.ByRule = append(out.ByRule, pages.RuleCount{Rule: string(rule), Count: n})
	}
	slices.SortFunc(out.ByRule, func(a, b pages.RuleCount) int { return cmp.Or(b.Count-a.Count, strings.Compare(a.Rule, b.Rule)) })
	const most = 20
	for _, o := range s.Owners[:min(len(s.Owners), most)] {
		name, err := p.ownerName(c, o.Owner)
		if err != nil {
			return nil, err
		}
		out.Owners = append(out.Owners, pages.OwnerCount{Owner: name, Count: o.Count})
	}
	for _, one := range s.Lacking[:min(len(s.Lacking), most)] {
		out.Lacking = append(out.Lacking, one.Email)
	}
	if len(s.Lacking) > most {
		out.Lacking = append(out.Lacking, "…")
	}
	for _, r := range s.First[:min(len(s.First), most)] {
		one, err := p.simulated(c, r)
		if err != nil {
			return nil, err
		}
		out.First = append(out.First, one)
	}
	return out, nil
}

func (p *Panel) simulated(c *web.Call, r authority.Refused) (pages.SimulatedToken, error) {
	t := r.Token
	owner, err := p.ownerName(c, t.Owner)
	out := pages.SimulatedToken{
		ID: t.Credential.String(), Name: t.Name, Kind: string(t.Kind), Owner: owner, LastFour: t.LastFour, ExpiresAt: instantOf(t.ExpiresAt),
	}
	for _, b := range r.Why {
		out.Rules, out.Texts = append(out.Rules, string(b.Rule)), append(out.Texts, b.Text())
	}
	return out, err
}

// ownerName returns the e-mail of an owner who is a person, else what is said of
// the owner.
func (p *Panel) ownerName(c *web.Call, owner string) (string, error) {
	if !strings.HasPrefix(owner, "usr_") {
		return owner, nil
	}
	person, err := p.cfg.Verifier.Person(c.Context(), owner)
	if err != nil || person == nil {
		return owner, err
	}
	return person.Email, nil
}

// formOfPolicy takes what was typed out of a form.
func formOfPolicy(sent web.Form) pages.PolicyForm {
	form := pages.PolicyForm{}
	for _, name := range sent.Names() {
		if name == "approval" {
			form[name] = strings.Join(sent.All(name), " ")
		} else if name != "action" {
			form[name] = strings.TrimSpace(sent.Get(name))
		}
	}
	return form
}

// typedPolicy returns a policy as it is typed.
func typedPolicy(p *token.Policy) pages.PolicyForm {
	form := pages.PolicyForm{"on_leak": p.OnLeak, "existing": p.Existing, "require_second_factor": p.SecondFactor}
	for key, values := range spans(p) {
		for kind, n := range *values {
			form[key+"."+string(kind)] = typedSpan(n)
		}
	}
	for kind, n := range p.MaxPerOwner {
		form["max_per_owner."+string(kind)] = strconv.FormatInt(n, 10)
	}
	for kind, scopes := range p.Scopes {
		form["scopes."+string(kind)] = strings.Join(scopes, "\n")
	}
	for kind, networks := range p.Addresses {
		var texts []string
		for _, n := range networks {
			texts = append(texts, n.String())
		}
		form["addresses."+string(kind)] = strings.Join(texts, "\n")
	}
	for _, kind := range p.Approval {
		form["approval"] = strings.TrimSpace(form["approval"] + " " + string(kind))
	}
	for key, at := range flags(p) {
		if *at {
			form[key] = "yes"
		}
	}
	for key, ms := range map[string]int64{"warn_from": p.WarnFrom, "enforce_from": p.EnforceFrom} {
		if ms != 0 {
			form[key] = time.UnixMilli(ms).UTC().Format("2006-01-02T15:04")
		}
	}
	return form
}

// spans are the rules of a policy that are lengths of time in seconds.
func spans(p *token.Policy) map[string]*map[token.Kind]int64 {
	return map[string]*map[token.Kind]int64{"max_ttl": &p.MaxTTL, "default_ttl": &p.DefaultTTL, "rotate_after": &p.RotateAfter, "idle_expiry": &p.IdleExpiry}
}

// flags are the rules of a policy that hold or do not.
func flags(p *token.Policy) map[string]*bool {
	return map[string]*bool{
		"require_purpose": &p.RequirePurpose, "require_owner": &p.RequireOwner, "require_expiry": &p.RequireExpiry, "require_pkce": &p.RequirePKCE,
	}
}

// readPolicy reads what is typed. Whether it can be kept is the authority's to
// say.
func readPolicy(form pages.PolicyForm) (p token.Policy, err error) {
	p.OnLeak, p.Existing, p.SecondFactor = form["on_leak"], form["existing"], form["require_second_factor"]
	for key, at := range flags(&p) {
		*at = form[key] != ""
	}
	for _, kind := range strings.Fields(form["approval"]) {
		p.Approval = append(p.Approval, token.Kind(kind))
	}
	for _, rule := range pages.PolicyRules() {
		for _, kind := range rule.Kinds {
			if err := readRule(&p, rule.Key, token.Kind(kind), form[rule.Key+"."+kind]); err != nil {
				return p, err
			}
		}
	}
	if p.WarnFrom, err = typedInstant(form, "warn_from"); err == nil {
		p.EnforceFrom, err = typedInstant(form, "enforce_from")
	}
	return p, err
}

// readRule reads what is typed of a rule for a kind; nothing is no limit.
func readRule(p *token.Policy, key string, kind token.Kind, text string) error {
	if text == "" {
		return nil
	}
	switch key {
	case "scopes":
		return put(&p.Scopes, kind, token.Scopes(wordsOf(text)), nil)
	case "addresses":
		networks, err := token.ParseNetworks(key, wordsOf(text))
		return put[[]netip.Prefix](&p.Addresses, kind, networks, err)
	case "max_per_owner":
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return token.AtField(key+"."+string(kind), "must be a whole number")
		}
		return put(&p.MaxPerOwner, kind, n, nil)
	}
	n, ok := spanOf(text)
	if !ok {
		return token.AtField(key+"."+string(kind), "must be a length of time such as 90d, 12h or 30m")
	}
	return put(spans(p)[key], kind, n, nil)
}

// put enters a value that was read without a fault into a map that may be nil.
func put[V any](into *map[token.Kind]V, kind token.Kind, value V, err error) error {
	if err != nil {
		return err
	}
	if *into == nil {
		*into = map[token.Kind]V{}
	}
	(*into)[kind] = value
	return nil
}

func typedInstant(form pages.PolicyForm, name string) (int64, error) {
	at, err := typedTime(name, form[name])
	if err != nil || at.IsZero() {
		return 0, err
	}
	return at.UnixMilli(), nil
}

// spanOf reads a length of time in days, hours, minutes or seconds: 90d, 12h,
// 30m, 45.
func spanOf(text string) (seconds int64, ok bool) {
	for unit, size := range map[string]int64{"d": 24 * 60 * 60, "h": 60 * 60, "m": 60, "s": 1} {
		if number, of := strings.CutSuffix(text, unit); of {
			n, err := strconv.ParseInt(number, 10, 32)
			return n * size, err == nil && n > 0
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n > 0
}

// typedSpan writes a length of time in its largest whole unit.
func typedSpan(seconds int64) string {
	for _, u := range []struct {
		size int64
		name string
	}{{24 * 60 * 60, "d"}, {60 * 60, "h"}, {60, "m"}} {
		if seconds >= u.size && seconds%u.size == 0 {
			return strconv.FormatInt(seconds/u.size, 10) + u.name
		}
	}
	return strconv.FormatInt(seconds, 10)
}
