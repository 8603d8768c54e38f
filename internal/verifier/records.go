package verifier

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// records queue single uses in memory until somebody writes them. No question
// waits for them: what finds no room is counted and left out.
type records struct {
	every uint64 // one of so many is kept; 0: none
	asked atomic.Uint64

	mu      sync.Mutex
	queue   []token.UseRecord
	next    uint32 // tells the records of one millisecond apart
	dropped int64
}

// mostRecords bounds the queue: some seconds of a busy server.
const mostRecords = 1 << 14

func newRecords(every int) *records {
	return &records{every: uint64(max(every, 0)), next: rand.Uint32()} //nolint:gosec // negative means none; and it is no secret
}

// chosen reports whether this use is one of those that are kept.
func (q *records) chosen() bool {
	return q.every > 0 && q.asked.Add(1)%q.every == 0
}

// judged records an answer of the judge. A use of an impersonated token that was
// allowed stands in the audit already.
func (q *records) judged(r *token.Record, v token.Verdict, u token.Use, refusal error) {
	if q.every == 0 || refusal == nil && r.Token.Kind == token.Impersonated || !q.chosen() {
		return
	}
	outcome := token.UseAllowed
	if refusal != nil {
		no := token.AsRefusal(refusal)
		if no == nil || no.Code == token.Unavailable {
			return // no answer
		}
		outcome = string(no.Code)
	}
	q.put(r, v, u.Now, token.UseRecord{
		Workspace: v.Workspace, Route: u.Route, Address: u.Address, Agent: u.Agent, Scope: u.Scopes.String(), Outcome: outcome,
	})
}

// put fills in what the record of the token says, and queues it.
func (q *records) put(r *token.Record, v token.Verdict, at int64, one token.UseRecord) {
	who := token.ActorOf(r, v)
	one.Secret, one.Credential, one.Actor, one.For = r.Token.ID, r.Token.Credential, who.ID, who.For
	if one.Workspace == "" {
		one.Workspace = r.Token.Workspace
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) >= mostRecords {
		q.dropped++
		return
	}
	q.next++
	one.ID = token.MakeID(time.UnixMilli(at), token.Long, q.next)
	q.queue = append(q.queue, one)
}

// Recorded says which uses are recorded singly, as the configuration has it:
// off, sampled:N or full.
func (v *Verifier) Recorded() string {
	switch every := v.records.every; every {
	case 0:
		return "off"
	case 1:
		return "full"
	default:
		return "sampled:" + strconv.FormatUint(every, 10)
	}
}

// TakeRecords returns the uses that were recorded since the last call, and how
// many found no room.
func (v *Verifier) TakeRecords() (list []token.UseRecord, dropped int64) {
	q := v.records
	q.mu.Lock()
	defer q.mu.Unlock()
	list, dropped = q.queue, q.dropped
	q.queue, q.dropped = nil, 0
	return list, dropped
}

// Confirm puts on disk that a service let in a secret that replaces another: the
// first use of it. Of any other secret it does nothing. It may be repeated.
func (v *Verifier) Confirm(ctx context.Context, r *token.Record, one token.Report) error {
	t := r.Token
	if !t.Pending() || t.MaxUses > 0 || t.Kind == token.Impersonated || !one.Passed() {
		return nil
	}
	return v.cfg.Witness.Witness(ctx, r, token.Use{Now: one.At, Address: one.Address, Agent: one.Agent, Route: one.Route})
}

// Report takes in a request that a service judged by itself: it counts as a use
// unless the service refused it (401, 403). Of the scopes it names only those
// that the token holds count.
func (v *Verifier) Report(r *token.Record, one token.Report) {
	held := one.Scopes.Filter(r.Token.Scopes.Has)
	if one.Passed() {
		seen := token.Seen{First: one.At, Last: one.At, Count: 1, Address: one.Address, Agent: one.Agent, Route: one.Route}
		seen.Used(held)
		if len(held) == 0 {
			seen.Unscoped = 1
		}
		v.uses.merge(r.Token.ID, seen)
	}
	if v.records.chosen() {
		v.records.put(r, token.Verdict{Workspace: one.Workspace}, one.At, token.UseRecord{
			Workspace: one.Workspace, Route: one.Route, Method: one.Method, Status: one.Status, Address: one.Address, Agent: one.Agent,
			Scope: held.String(), Outcome: token.UseReported,
		})
	}
}
