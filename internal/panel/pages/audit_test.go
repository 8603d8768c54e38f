package pages

import (
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/audit"
)

func auditEvent() Event {
	return Event{
		ID: "e1", At: atNoon.Add(-time.Hour), Action: "token.revoked", Actor: "ana@acme.example", ActorID: "usr_1", Token: "t9", Target: "token:t1", TargetOf: "deploy",
		Address: "192.0.2.7", Agent: "curl/8", Request: "req1", Seal: 4,
	}
}

func auditSamples() []sample {
	shell := fullShell(Audit)
	refused, system, odd := auditEvent(), auditEvent(), auditEvent()
	refused.Refused, refused.For, refused.Seal = true, "berta@acme.example", 0
	system.Actor, system.System, system.TargetOf = "", true, ""
	odd.Action, odd.Actor = "token.of_tomorrow", ""
	nobody := Event{ID: "e9", At: atNoon, Action: "server.set_up", Target: "user:u1"}
	list := AuditTrail{Shell: shell, Now: atNoon, Groups: []string{"member.*", "token.*"}, Events: []Event{auditEvent(), refused, system, odd, nobody}, Sealed: 7, SealedAt: atNoon,
		Filter: AuditFilter{Actor: "ana@acme.example", Token: "t9", Target: "token:t1", Action: "token.*", Outcome: "refused", Request: "req1", Since: "2026-11-01T00:00", Until: "2026-11-22T00:00"},
		Pager:  Pager{First: "/panel/w/ws1/audit", Next: "/panel/w/ws1/audit?after=e9"}}
	other := AuditTrail{Shell: shell, Now: atNoon, Groups: []string{"token.*"}, Filter: AuditFilter{Action: "token.issued", Outcome: "done", Since: "yesterday"}, Wrong: Wrong{Fields: map[string]string{"since": "use a date"}}}
	none := other
	none.Pager.Next = "/panel/w/ws1/audit?after=e9"
	return []sample{
		of("audit", (*Set).AuditTrail, list), of("audit_wrong", (*Set).AuditTrail, other), of("audit_none_here", (*Set).AuditTrail, none),
		of("audit_new", (*Set).AuditTrail, AuditTrail{Shell: shell, Now: atNoon}),
		of("audit_record", (*Set).AuditRecord, AuditRecord{Shell: shell, Now: atNoon, Event: auditEvent(), JSON: "{\n  \"id\": \"e1\"\n}"}),
		of("audit_record_unsealed", (*Set).AuditRecord, AuditRecord{Shell: shell, Now: atNoon, Event: refused}),
	}
}

func hostileAudit(shell Shell) []sample {
	e := Event{ID: hostile, Action: hostile, Actor: hostile, ActorID: hostile, For: hostile, Token: hostile, Target: hostile, TargetOf: hostile, Address: hostile, Agent: hostile, Request: hostile}
	return []sample{
		of("audit", (*Set).AuditTrail, AuditTrail{Shell: shell, Groups: []string{hostile}, Events: []Event{e}, Filter: AuditFilter{Actor: hostile, Token: hostile, Action: hostile, Target: hostile, Request: hostile, Since: hostile}}),
		of("audit_record", (*Set).AuditRecord, AuditRecord{Shell: shell, Event: e, JSON: hostile}),
	}
}

// Every event of the catalogue is told in a sentence of each language that
// names what it happened to.
func TestEveryEventIsToldInASentence(t *testing.T) {
	s, known := newSet(t), map[string]bool{}
	for _, lang := range Languages() {
		said := s.speaker(lang)
		for _, k := range audit.Catalogue() {
			known["event."+k.Name] = true
			e := Event{Action: k.Name, Actor: "ana@acme.example", Target: "any:x", TargetOf: "THE THING"}
			text := said.happened(e)
			if strings.Contains(text, k.Name) || k.Target != "workspace" && !strings.Contains(text, "THE THING") {
				t.Errorf("%s in %s reads %q", k.Name, lang, text)
			}
		}
		for key := range catalogue(t, lang) {
			if strings.HasPrefix(key, "event.") && !known[key] {
				t.Errorf("%s: %s is a sentence of no event", lang, key)
			}
		}
	}
}

func TestSentenceSaysWhoActedAndForWhom(t *testing.T) {
	said := newSet(t).speaker(English)
	e := Event{Action: "token.revoked", System: true, Target: "token:t1"}
	if got := said.happened(e); got != "The server revoked token t1" {
		t.Errorf("got %q", got)
	}
	e.Actor, e.For, e.TargetOf = "bot", "ana", "deploy"
	if got := said.happened(e); got != "bot on behalf of ana revoked token deploy" {
		t.Errorf("got %q", got)
	}
}
