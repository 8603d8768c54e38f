package api

import (
	"net/http"
	"net/netip"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// policyRoutes are those of a workspace's limits, and of the tokens that wait
// for somebody to say yes.
func (f *Face) policyRoutes() []web.Route {
	simulate := f.admin("POST /v1/policy/simulations", token.AdminRead, f.simulatePolicy)
	simulate.Rule.Mutates = false
	return []web.Route{
		f.admin("GET /v1/policy", token.AdminRead, f.getPolicy),
		f.admin("PUT /v1/policy", token.AdminWrite, f.putPolicy),
		simulate,
		f.admin("POST /v1/tokens/{id}/approve", token.AdminWrite, f.approveToken),
		f.admin("POST /v1/tokens/{id}/deny", token.AdminWrite, f.denyToken),
	}
}

// A policyView is a policy as it travels: durations in seconds, instants as RFC
// 3339.
type policyView struct {
	MaxTTL         map[token.Kind]int64        `json:"max_ttl,omitempty"`
	DefaultTTL     map[token.Kind]int64        `json:"default_ttl,omitempty"`
	Scopes         map[token.Kind]token.Scopes `json:"scopes,omitempty"`
	Addresses      map[token.Kind][]string     `json:"addresses,omitempty"`
	MaxPerOwner    map[token.Kind]int64        `json:"max_per_owner,omitempty"`
	IdleExpiry     map[token.Kind]int64        `json:"idle_expiry,omitempty"`
	RotateAfter    map[token.Kind]int64        `json:"rotate_after,omitempty"`
	Approval       []token.Kind                `json:"approval,omitempty"`
	RequirePurpose bool                        `json:"require_purpose,omitempty"`
	RequireOwner   bool                        `json:"require_owner,omitempty"`
	RequireExpiry  bool                        `json:"require_expiry,omitempty"`
	Registration   string                      `json:"registration,omitempty"`
	RequirePKCE    bool                        `json:"require_pkce,omitempty"`
	OnLeak         string                      `json:"on_leak,omitempty"`
	Impersonation  string                      `json:"impersonation,omitempty"`
	SecondFactor   string                      `json:"require_second_factor,omitempty"`
	WarnFrom       *string                     `json:"warn_from,omitempty"`
	EnforceFrom    *string                     `json:"enforce_from,omitempty"`
	Existing       string                      `json:"existing,omitempty"`
}

// policies are the policy in force and the one to come.
type policies struct {
	Policy policyView  `json:"policy"`
	Coming *policyView `json:"coming"`
}

func policyOf(p *token.Policy) policyView {
	v := policyView{
		MaxTTL: p.MaxTTL, DefaultTTL: p.DefaultTTL, Scopes: p.Scopes, MaxPerOwner: p.MaxPerOwner, IdleExpiry: p.IdleExpiry, RotateAfter: p.RotateAfter,
		Approval: p.Approval, RequirePurpose: p.RequirePurpose, RequireOwner: p.RequireOwner, RequireExpiry: p.RequireExpiry,
		Registration: p.Registration, RequirePKCE: p.RequirePKCE, OnLeak: p.OnLeak, Impersonation: p.Impersonation, SecondFactor: p.SecondFactor, WarnFrom: instant(p.WarnFrom), EnforceFrom: instant(p.EnforceFrom), Existing: p.Existing,
	}
	if len(p.Addresses) > 0 {
		v.Addresses = make(map[token.Kind][]string, len(p.Addresses))
	}
	for kind, networks := range p.Addresses {
		v.Addresses[kind] = networkTexts(networks)
	}
	return v
}

func networkTexts(networks []netip.Prefix) []string {
	var texts []string
	for _, n := range networks {
		texts = append(texts, n.String())
	}
	return texts
}

// policy reads what travelled. Whether it can be kept is the authority's to say.
func (v *policyView) policy() (p token.Policy, err error) {
	p = token.Policy{
		MaxTTL: v.MaxTTL, DefaultTTL: v.DefaultTTL, Scopes: v.Scopes, MaxPerOwner: v.MaxPerOwner, IdleExpiry: v.IdleExpiry, RotateAfter: v.RotateAfter,
		Approval: v.Approval, RequirePurpose: v.RequirePurpose, RequireOwner: v.RequireOwner, RequireExpiry: v.RequireExpiry,
		Registration: v.Registration, RequirePKCE: v.RequirePKCE, OnLeak: v.OnLeak, Impersonation: v.Impersonation, SecondFactor: v.SecondFactor, Existing: v.Existing,
	}
	switch v.Registration {
	case "", "off", "token", "open":
	default:
		return p, token.AtField("registration", "must be off, token or open")
	}
	if len(v.Addresses) > 0 {
		p.Addresses = make(map[token.Kind][]netip.Prefix, len(v.Addresses))
	}
	for kind, texts := range v.Addresses {
		if p.Addresses[kind], err = token.ParseNetworks("addresses", texts); err != nil {
			return p, err
		}
	}
	if p.WarnFrom, err = instantAt("warn_from", v.WarnFrom); err != nil {
		return p, err
	}
	p.EnforceFrom, err = instantAt("enforce_from", v.EnforceFrom)
	return p, err
}

// getPolicy serves GET /v1/policy.
func (f *Face) getPolicy(c *web.Call, who *caller) error {
	w, err := f.cfg.Verifier.Workspace(c.Context(), who.workspace)
	if err != nil {
		return err
	}
	if w == nil {
		return notFound("workspace")
	}
	return f.writePolicy(c, w)
}

func (f *Face) writePolicy(c *web.Call, w *token.Workspace) error {
	tag(c, w.Policy.Version())
	now := f.cfg.Now().UnixMilli()
	answer := policies{Policy: policyOf(w.Policy.At(now))}
	if next := w.Policy.Next; next != nil && now < next.EnforceFrom {
		coming := policyOf(next)
		answer.Coming = &coming
	}
	return c.WriteJSON(http.StatusOK, answer)
}

// putPolicy serves PUT /v1/policy: what is not named is not limited.
func (f *Face) putPolicy(c *web.Call, who *caller) error {
	p, err := readPolicy(c)
	if err != nil {
		return err
	}
	from, err := expected(c)
	if err != nil {
		return err
	}
	w, err := f.cfg.Authority.PutPolicy(c.Context(), who.asPerson(), who.workspace, p, from)
	if err != nil {
		return err
	}
	return f.writePolicy(c, w)
}

func readPolicy(c *web.Call) (token.Policy, error) {
	var body policyView
	if err := c.JSON(&body); err != nil {
		return token.Policy{}, err
	}
	return body.policy()
}

// A simulation is what a policy would refuse.
type simulation struct {
	EnforceFrom *string          `json:"enforce_from"`
	Looked      int              `json:"looked_at"`
	Complete    bool             `json:"complete"`
	Refused     int              `json:"refused"`
	ByRule      map[string]int   `json:"by_rule"`
	ByOwner     []ownerCount     `json:"by_owner"`
	Tokens      []simulatedToken `json:"tokens"`
	Lacking     []string         `json:"lack_second_factor"` // e-mails
	MoreLack    bool             `json:"more_lack_second_factor"`
}

type ownerCount struct {
	Owner string `json:"owner"`
	Email string `json:"owner_email,omitempty"`
	Count int    `json:"count"`
}

type simulatedToken struct {
	ID        string      `json:"id"`
	Name      string      `json:"name"`
	Type      token.Kind  `json:"type"`
	Owner     string      `json:"owner"`
	ExpiresAt *string     `json:"expires_at"`
	LastFour  string      `json:"last_four"`
	Breaks    []ruleBreak `json:"breaks"`
}

type ruleBreak struct {
	Rule string `json:"rule"`
	Text string `json:"message"`
}

// simulatePolicy serves POST /v1/policy/simulations: it writes nothing.
func (f *Face) simulatePolicy(c *web.Call, who *caller) error {
	q := filterOf(c, "complete")
	whole := q.oneOf("complete", "true", "false") == "true"
	if q.err != nil {
		return q.err
	}
	p, err := readPolicy(c)
	if err != nil {
		return err
	}
	s, err := f.cfg.Authority.Simulate(c.Context(), who.workspace, p, whole)
	if err != nil {
		return err
	}
	answer := simulation{
		EnforceFrom: instant(s.From), Looked: s.Looked, Complete: s.Whole, Refused: s.Refused, ByRule: map[string]int{},
		ByOwner: []ownerCount{}, Tokens: []simulatedToken{}, Lacking: []string{}, MoreLack: s.MoreLack,
	}
	for rule, n := range s.ByRule {
		answer.ByRule[string(rule)] = n
	}
	for _, o := range s.Owners {
		email, err := f.email(c.Context(), o.Owner, who.workspace)
		if err != nil {
			return err
		}
		answer.ByOwner = append(answer.ByOwner, ownerCount{o.Owner, email, o.Count})
	}
	for _, p := range s.Lacking {
		answer.Lacking = append(answer.Lacking, p.Email)
	}
	for _, r := range s.First {
		answer.Tokens = append(answer.Tokens, simulated(r))
	}
	return c.WriteJSON(http.StatusOK, answer)
}

func simulated(r authority.Refused) simulatedToken {
	t := r.Token
	v := simulatedToken{ID: t.Credential.String(), Name: t.Name, Type: t.Kind, Owner: t.Owner, ExpiresAt: instant(t.ExpiresAt), LastFour: t.LastFour}
	for _, b := range r.Why {
		v.Breaks = append(v.Breaks, ruleBreak{string(b.Rule), b.Text()})
	}
	return v
}

// approveToken serves POST /v1/tokens/{id}/approve.
func (f *Face) approveToken(c *web.Call, who *caller) error {
	t, err := f.found(c, who, token.AdminWrite)
	if err != nil {
		return err
	}
	if err := f.cfg.Authority.ApproveToken(c.Context(), who.actor, t); err != nil {
		return err
	}
	return f.writeAgain(c, t)
}

// denyToken serves POST /v1/tokens/{id}/deny.
func (f *Face) denyToken(c *web.Call, who *caller) error {
	t, err := f.found(c, who, token.AdminWrite)
	if err != nil {
		return err
	}
	why, err := reasonOf(c)
	if err != nil {
		return err
	}
	if err := f.cfg.Authority.DenyToken(c.Context(), who.actor, t, why.Reason); err != nil {
		return err
	}
	return f.writeAgain(c, t)
}
