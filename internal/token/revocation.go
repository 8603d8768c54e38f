package token

import (
	"encoding/json"
	"time"
)

// An Act is what is done to the tokens that a predicate is true of.
type Act string

// The acts. Resume undoes one run of Suspend and nothing else.
const (
	Revoke  Act = "revoke"
	Suspend Act = "suspend"
	Resume  Act = "resume"
)

// A Predicate says of which tokens of a workspace. Several fields narrow each
// other; the zero value is true of all and must not be meant.
type Predicate struct {
	Token     string `json:"token,omitempty"`     // the id of a credential
	Family    string `json:"family,omitempty"`    // the id of a grant
	Client    string `json:"client,omitempty"`    // a client's id
	User      string `json:"user,omitempty"`      // a person's id
	Workspace string `json:"workspace,omitempty"` // this very workspace: all of it
	Key       string `json:"key,omitempty"`       // the id of a signing key, on the whole server
	Scope     string `json:"scope,omitempty"`     // a scope they hold
	Kind      Kind   `json:"kind,omitempty"`      //
	Owner     string `json:"owner,omitempty"`     //
	Contract  string `json:"contract,omitempty"`  //
	IdleDays  int64  `json:"idle_days,omitempty"` // neither used nor issued for so long
	Run       string `json:"run,omitempty"`       // suspended by that run; with Resume alone

	IssuedBefore int64 `json:"issued_before,omitempty"` // ms; 0: whenever
}

// Support returns the one thing whose tokens the predicate is true of, where it
// is one; there a single cutoff ends them all. A token is no support.
func (p Predicate) Support(grant ID, workspace string) (Support, bool) {
	rest := p
	rest.IssuedBefore, rest.Family, rest.Client, rest.User, rest.Workspace, rest.Key = 0, "", "", "", "", ""
	var found []Support
	for _, s := range []struct {
		value string
		Support
	}{
		{p.Family, GrantSupport(grant)}, {p.Client, Support{OnClient, p.Client}}, {p.User, Support{OnMembership, MembershipID(p.User, workspace)}},
		{p.Workspace, Support{OnWorkspace, workspace}}, {p.Key, Support{OnKey, p.Key}},
	} {
		if s.value != "" {
			found = append(found, s.Support)
		}
	}
	if rest != (Predicate{}) || len(found) != 1 {
		return Support{}, false
	}
	return found[0], true
}

// String is the predicate as JSON: what tables and records keep.
func (p Predicate) String() string {
	b, err := json.Marshal(p)
	if err != nil {
		panic("token: a predicate of plain values cannot fail to be written: " + err.Error())
	}
	return string(b)
}

// A Revocation is one deed on many tokens: a cutoff, which is done when it is
// written, or a run, which takes as many steps as it needs and is continued by
// whoever finds it unfinished. Instants are ms.
type Revocation struct {
	ID         ID // its instant is that of the deed
	Workspace  string
	Act        Act
	Predicate  Predicate
	Reason     string
	Until      int64 // of a suspension; 0: until resumed
	Actor      Actor
	Event      ID // its audit record
	Running    bool
	Reached    ID    // a run has looked at everything from here on
	Count      int64 // of a run, tokens it has ended, suspended or resumed; of a cutoff, those that were live
	AtLeast    bool  // a cutoff ended at least so many
	Position   int64 // every node that has heard of it acts by the deed
	FinishedAt int64 // or given up

	Failed   bool   // given up: it waits for somebody to try it again
	Failures int64  // steps that failed since one was done
	NextAt   int64  // when the next step is tried; 0: at once
	Fault    string // why the last step failed, for those who asked for the run
	Passed   ID     // an earlier try has looked at everything from here on …
	PassedAt int64  // … that was there when it was given up
}

// The states of a revocation.
const (
	RevocationRunning = "running"
	RevocationFailed  = "failed"
	RevocationDone    = "done"
)

// State says in a word how far it is.
func (r *Revocation) State() string {
	switch {
	case r.Running:
		return RevocationRunning
	case r.Failed:
		return RevocationFailed
	}
	return RevocationDone
}

// Meant reports whether a run is about a secret: its credential was there when
// the run began, and is as old as the predicate says, and no earlier try has
// dealt with it. What was rotated since that try was given up is looked at again.
// Whether it is idle is not known here.
func (r *Revocation) Meant(t *Token) bool {
	fresh := t.Credential.Time().UnixMilli() > r.At()
	late := r.Predicate.IssuedBefore != 0 && r.Origin(t).Time().UnixMilli() >= r.Predicate.IssuedBefore
	seen := r.Passed != 0 && t.ID >= r.Passed && !r.Young(t.ID)
	return !fresh && !late && !seen
}

// Young reports whether a secret may have been made after an earlier try was
// given up.
func (r *Revocation) Young(secret ID) bool {
	const late = int64(time.Minute / time.Millisecond) // no node's clock is so far off
	return r.Passed != 0 && secret.Time().UnixMilli() >= r.PassedAt-late
}

// Origin returns the secret by whose age a run judges: that itself or, where it
// was made after an earlier try was given up, the one whose place it took then.
// Of one that was rotated more than once meanwhile it is the first of all.
func (r *Revocation) Origin(t *Token) ID {
	switch {
	case !r.Young(t.ID):
		return t.ID
	case t.Replaces != 0 && !r.Young(t.Replaces):
		return t.Replaces
	}
	return t.Credential
}

// At returns the instant of the deed, ms: the mark of what it suspends.
func (r *Revocation) At() int64 { return r.ID.Time().UnixMilli() }
