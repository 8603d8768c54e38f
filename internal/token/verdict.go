package token

import (
	"net/netip"
	"strings"
	"time"
)

// A Record is a token and what it stands on, as the judge knows them. A
// pointer that is nil while the token names such a support means that the
// support is missing, and the verdict is no.
type Record struct {
	Token     *Token
	Workspace *Workspace
	Client    *Client
	Person    *Person
	Sponsor   *Person
	Grant     *Grant
	KeyEnded  Cutoffs
	// Opened is the workspace that a token without one of its own is used in;
	// the judge fills it before asking.
	Opened *Workspace
}

// A Surface is where a token is shown.
type Surface uint8

// The surfaces. Bearer surfaces cannot carry a proof.
const (
	AtVerify     Surface = iota + 1 // forward authentication and the verify endpoint
	AtIntrospect                    // somebody asks about a token
	AtAPI                           // our own API and the contracts' own endpoints
	AtToken                         // the token endpoint: refresh tokens and codes
	AtPages                         // sessions
)

// A Use is one question to the judge.
type Use struct {
	Now          int64 // ms
	Surface      Surface
	Asker        *Client // who asks, at AtIntrospect; nil: the holder
	Workspace    string  // named by the caller; empty: not named
	AnyWorkspace bool    // the surface is about the person, not about a workspace
	Audience     string  // empty: any audience of the workspace
	Issuer       string  // this server: the audience of a token that names none; the judge fills it
	Scopes       Scopes  // all are required
	Proof        string  // thumbprint of the proof that came along
	Address      string  // the network address of the holder; empty: not known
	Anywhere     bool    // the question is about the token, whencever it would be shown
	Agent        string  // the holder's User-Agent
	Route        string  // the pattern of the route it was shown at
}

// A Verdict says what a token opens in this use.
type Verdict struct {
	Scopes     Scopes
	Workspace  string // empty where none is opened
	Membership *Membership
	Networks   []netip.Prefix // the verdict holds for uses from these alone; none: from everywhere
}

// MayUse is the one answer to "may this token do this?". It is pure; every
// surface asks it. A refusal's code is InvalidToken, InsufficientScope,
// WorkspaceRequired or Forbidden.
func MayUse(r *Record, u Use) (Verdict, error) {
	t := r.Token
	if err := t.usable(u); err != nil {
		return Verdict{}, err
	}
	if err := r.standing(); err != nil {
		return Verdict{}, err
	}
	v, err := r.Opens(u)
	if err != nil {
		return Verdict{}, err
	}
	if t.Workspace == "" && v.Workspace != "" && !r.opened(v.Workspace) {
		return Verdict{}, Errorf(InvalidToken, "the workspace is not there, is disabled, or was so since the token was made").Because(Ended)
	}
	if u.Audience != "" && !t.names(u.Audience, u.Issuer) {
		return Verdict{}, Errorf(InvalidToken, "the token is for another audience").Because(WrongAudience)
	}
	rules := r.policy(u.Now)
	if t.Kind == Impersonated && rules != nil && rules.Impersonation == ImpersonationOff {
		return Verdict{}, Errorf(InvalidToken, "the workspace does not let anybody act as somebody else").Because(Ended)
	}
	if v.Networks, err = t.reaches(&u, rules); err != nil {
		return Verdict{}, err
	}
	v.Scopes = rules.cut(t.Kind, r.effective(v.Membership))
	if missing := v.Scopes.Missing(u.Scopes); missing != nil {
		return v, &Refusal{Code: InsufficientScope, Text: "the token lacks " + missing.String(), Scope: missing}
	}
	return v, nil
}

// usable judges the row alone.
func (t *Token) usable(u Use) error {
	if !t.Kind.shownAt(u.Surface) {
		return Errorf(InvalidToken, "the token is of another kind than this endpoint takes")
	}
	if t.EndedAt != 0 {
		return Errorf(InvalidToken, "the token was ended (%s)", t.EndReason).Because(Ended)
	}
	if t.ExpiresAt != 0 && u.Now >= t.ExpiresAt {
		return t.expired(u.Issuer)
	}
	if t.retired(u.Now) {
		return Errorf(InvalidToken, "the secret was replaced and ended on %s; use the one that took its place", time.UnixMilli(t.RetiresAt).UTC().Format(time.RFC3339)).Because(Ended)
	}
	if t.Approval == ApprovalWaiting {
		return Errorf(InvalidToken, "the token waits for an administrator's approval").Because(Suspended)
	}
	if t.suspended(u.Now) {
		return Errorf(InvalidToken, "the token is suspended; an administrator can resume it").Because(Suspended)
	}
	if t.MaxUses > 0 && t.Uses >= t.MaxUses {
		return Errorf(InvalidToken, "the token was used as often as it may be").Because(Ended)
	}
	if t.Proof != "" && t.Proof != u.Proof {
		return Errorf(InvalidToken, "the token is bound to a key; its proof is missing or of another key")
	}
	return nil
}

// shownAt keeps each kind to the surfaces it is for: a refresh token, code,
// session or any secret that is no token opens nothing as a bearer token.
func (k Kind) shownAt(s Surface) bool {
	switch k {
	case AuthCode:
		return s == AtToken
	case Refresh:
		return s == AtToken || s == AtIntrospect
	case Session:
		return s == AtPages
	case Access, Service, Ephemeral, Impersonated, Personal:
		return s != AtToken && s != AtPages
	}
	return false
}

// Home returns the surface that a kind is asked about at where nobody shows it:
// that of its own for the kinds that open one alone, else AtIntrospect.
func (k Kind) Home() Surface {
	switch k {
	case AuthCode:
		return AtToken
	case Session:
		return AtPages
	}
	return AtIntrospect
}

// standing judges the supports: all there, none disabled, none cut off.
func (r *Record) standing() error {
	t := r.Token
	switch {
	case t.Workspace != "" && (r.Workspace == nil || r.Workspace.DisabledAt != 0 || r.Workspace.Cutoffs.Hit(t.Born, t.IssuedAt)),
		t.Client != "" && (r.Client == nil || r.Client.DisabledAt != 0 || r.Client.Cutoffs.Hit(t.Born, t.IssuedAt)),
		t.Grant != 0 && (r.Grant == nil || r.Grant.EndedAt != 0 || r.Grant.Cutoffs.Hit(t.Born, t.IssuedAt)),
		t.Key != "" && r.KeyEnded.Hit(t.Born, t.IssuedAt):
		return gone()
	}
	if r.installed() {
		return nil // the install belongs to the workspace and survives its installer
	}
	if t.Kind == Impersonated && !r.mayAct() {
		return gone()
	}
	for _, p := range [2]struct {
		id     string
		person *Person
	}{{t.Person, r.Person}, {t.Sponsor, r.Sponsor}} {
		if p.id != "" && (p.person == nil || !p.person.carries(t, t.Workspace)) {
			return gone()
		}
	}
	return nil
}

// mayAct reports whether who acts as somebody else still has the right to: a
// client, or the member on whose rights the token stands too.
func (r *Record) mayAct() bool {
	if r.Token.Sponsor == "" {
		return r.Client != nil && r.Client.MayImpersonate
	}
	if r.Sponsor == nil {
		return false
	}
	m := r.Sponsor.In(r.Token.Workspace)
	return m.Live() && m.MayImpersonate
}

// installed reports whether the token is an install's, which belongs to a
// workspace.
func (r *Record) installed() bool { return r.Grant != nil && r.Grant.Installed }

// ActsAs returns the person as whom the token acts, nil for a program's own. An
// install names its installer and acts as nobody: it outlives them and their
// rights, so that it must not reach what is theirs.
func (r *Record) ActsAs() *Person {
	if r.installed() {
		return nil
	}
	return r.Person
}

// opened reports whether the workspace that a token without one of its own is
// used in lets it in. One that was disabled meanwhile does not, also when it is
// enabled again: that brings no token back to life.
func (r *Record) opened(workspace string) bool {
	w, t := r.Opened, r.Token
	return w != nil && w.ID == workspace && w.DisabledAt == 0 && !w.Cutoffs.Hit(t.Born, t.IssuedAt)
}

// Roams reports whether the token is bound to no workspace and opens this one
// beside others, its person being a member there.
func (r *Record) Roams(workspace string) bool {
	return r.Token.Workspace == "" && r.Person != nil && r.Person.In(workspace).Live()
}

func gone() error {
	return Errorf(InvalidToken, "what the token stood on has ended").Because(Ended)
}

// carries reports whether the person, and their membership of the workspace if
// one is named, still hold the token up.
func (p *Person) carries(t *Token, workspace string) bool {
	if p.DisabledAt != 0 || p.Cutoffs.Hit(t.Born, t.IssuedAt) {
		return false
	}
	if workspace == "" {
		return true
	}
	m := p.In(workspace)
	return m.Live() && !m.Cutoffs.Hit(t.Born, t.IssuedAt)
}

// Opens decides in which workspace the token is used. It is part of MayUse; the
// judge asks it first to know which workspace to put into Opened.
func (r *Record) Opens(u Use) (Verdict, error) {
	t := r.Token
	if t.Workspace != "" {
		if u.Workspace != "" && u.Workspace != t.Workspace {
			return Verdict{}, Errorf(InvalidToken, "the token is for another workspace").Because(WrongWorkspace)
		}
		v := Verdict{Workspace: t.Workspace}
		if p := r.ActsAs(); p != nil {
			v.Membership = p.In(t.Workspace)
		}
		return v, nil
	}
	if r.Person == nil {
		return Verdict{}, Errorf(InvalidToken, "the token opens no workspace")
	}
	return r.Person.opens(t, u)
}

// opens finds the workspace of a token that opens all of a person's.
func (p *Person) opens(t *Token, u Use) (Verdict, error) {
	var only *Membership
	live := 0
	for i := range p.Memberships {
		m := &p.Memberships[i]
		if !m.Live() || m.Cutoffs.Hit(t.Born, t.IssuedAt) {
			continue
		}
		live++
		only = m
		if u.Workspace == m.Workspace {
			return Verdict{Workspace: m.Workspace, Membership: m}, nil
		}
	}
	switch {
	case live == 0:
		return Verdict{}, Errorf(InvalidToken, "the person is no longer a member of any workspace").Because(Ended)
	case u.Workspace != "":
		return Verdict{}, Errorf(InvalidToken, "the person is not a member of this workspace").Because(WrongWorkspace)
	case live == 1:
		return Verdict{Workspace: only.Workspace, Membership: only}, nil
	case u.AnyWorkspace:
		return Verdict{}, nil
	}
	return Verdict{}, Errorf(WorkspaceRequired, "the token opens several workspaces: name one")
}

// policy returns what the workspace that is opened asks for at this moment, nil
// where none is opened.
func (r *Record) policy(now int64) *Policy {
	w := r.Workspace
	if w == nil {
		w = r.Opened
	}
	if w == nil {
		return nil
	}
	return w.Policy.At(now)
}

// reaches returns the networks that bind the token, and refuses a use from
// outside of them. Who does not say whence is outside of any: the verdict is the
// same at every surface.
func (t *Token) reaches(u *Use, rules *Policy) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	if rules != nil && len(rules.Addresses) > 0 {
		networks = rules.Addresses[t.Kind]
	}
	if len(networks)+len(t.Addresses) == 0 {
		return nil, nil
	}
	if u.Anywhere || Reaches(t.Addresses, u.Address) && Reaches(networks, u.Address) {
		return meet(t.Addresses, networks), nil
	}
	return nil, Errorf(Forbidden, "the token may not be used from this address; use it from its networks, or ask an administrator").Because(WrongAddress)
}

// cut returns those of the scopes that a policy lets a kind open, without a copy
// where that is all of them.
func (p *Policy) cut(kind Kind, scopes Scopes) Scopes {
	if p == nil || len(p.Scopes) == 0 {
		return scopes
	}
	for _, s := range scopes {
		if !p.Allows(kind, s) {
			return scopes.Filter(func(s string) bool { return p.Allows(kind, s) })
		}
	}
	return scopes
}

// IsFor reports whether this server, named by its issuer, is an audience of the
// token: it names it, or none at all.
func (t *Token) IsFor(issuer string) bool { return t.Audience == "" || t.names(issuer, issuer) }

// names reports whether the token names an audience. One that names none is
// for this server and for nobody else who asks by name (RFC 9068, 4): what was
// made for no resource in particular must not pass at each.
func (t *Token) names(audience, issuer string) bool {
	if t.Audience == "" {
		return audience == issuer
	}
	for one := range strings.FieldsSeq(t.Audience) {
		if one == audience {
			return true
		}
	}
	return false
}

// effective returns the scopes that the holder may use now: a person's token
// shrinks with the rights of the person, and of the one it stands on, at once;
// an install does not.
func (r *Record) effective(m *Membership) Scopes {
	t := r.Token
	if r.installed() {
		return t.Scopes
	}
	w := r.Workspace
	if w == nil {
		w = r.Opened
	}
	scopes := w.narrow(t.Scopes, m)
	if r.Sponsor != nil {
		scopes = w.narrow(scopes, r.Sponsor.In(t.Workspace))
	}
	return scopes
}

// narrow returns those of the scopes that a member may hold, without a copy
// where that is all of them.
func (w *Workspace) narrow(scopes Scopes, m *Membership) Scopes {
	if w == nil || m == nil {
		return scopes
	}
	for _, s := range scopes {
		if !w.MayHold(m, s) {
			return scopes.Filter(func(s string) bool { return w.MayHold(m, s) })
		}
	}
	return scopes
}
