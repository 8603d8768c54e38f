package webhook_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

const oneWorkspace = `
workspaces: [{id: w}]
scopes: [{name: "catalog:read", description: {en: Read}}]
users: [{email: admin@w.test, password: a-long-password-01, memberships: [{workspace: w, role: super_admin}]}]
`

// operator is the server's own hand, which may name this machine.
var operator = token.Actor{Kind: token.System, ID: "test"}

// A heard is one request that a receiver got.
type heard struct {
	id, kind, target string
	header           http.Header
}

// An ear is a receiver that remembers what it heard and answers as it is told.
type ear struct {
	*httptest.Server
	mu     sync.Mutex
	heard  []heard
	status atomic.Int64 // what it answers; 0: it stalls
}

func listen(t *testing.T, status int64) *ear {
	t.Helper()
	e := &ear{}
	e.status.Store(status)
	e.Server = httptest.NewServer(e)
	t.Cleanup(func() { e.CloseClientConnections(); e.Close() })
	return e
}

func (e *ear) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var p struct {
		Type string
		Data struct{ Target string }
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &p)
	}
	if err != nil {
		return
	}
	e.mu.Lock()
	e.heard = append(e.heard, heard{r.Header.Get("Webhook-Id"), p.Type, p.Data.Target, r.Header})
	e.mu.Unlock()
	status := e.status.Load()
	if status == 0 {
		<-r.Context().Done()
		return
	}
	w.WriteHeader(int(status))
}

func (e *ear) all() []heard {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard)
}

func (e *ear) ids() (ids []string) {
	for _, h := range e.all() {
		ids = append(ids, h.id)
	}
	return ids
}

func (e *ear) kinds() (kinds []string) {
	for _, h := range e.all() {
		kinds = append(kinds, h.kind)
	}
	return kinds
}

// subscribe makes a subscription of the workspace.
func subscribe(t *testing.T, h *servertest.House, url string, events ...string) token.ID {
	t.Helper()
	hook, _, _, err := h.Authority.PutWebhook(t.Context(), operator, token.Webhook{Workspace: "w", URL: url, Events: events}, "", authority.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return hook.ID
}

// happen lets something happen to roles, each at a millisecond of its own.
func happen(t *testing.T, h *servertest.House, roles ...string) {
	t.Helper()
	for i, name := range roles {
		h.Clock.Move(time.Millisecond)
		scopes := token.Scopes{}
		if slices.Contains(roles[:i], name) {
			scopes = token.Scopes{"catalog:read"}
		}
		if out, err := h.Authority.PutRole(t.Context(), operator, token.Role{Workspace: "w", Name: name, Scopes: scopes}, authority.Options{}); err != nil || out == authority.Unchanged {
			t.Fatal(out, err)
		}
	}
}

func drain(t *testing.T, h *servertest.House) {
	t.Helper()
	if err := h.Webhooks.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// states counts the deliveries of a subscription.
func states(t *testing.T, h *servertest.House, hook token.ID) map[token.DeliveryState]int {
	t.Helper()
	all, err := h.Store.Shipments(t.Context(), hook, "", 0, 500)
	if err != nil {
		t.Fatal(err)
	}
	n := map[token.DeliveryState]int{}
	for _, v := range all {
		n[v.State]++
	}
	return n
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			t.Fatalf("not within 20 s: %s", what)
		case <-tick.C:
		}
	}
}

func TestEventLeavesAtOnceAfterItsCommit(t *testing.T) {
	h := servertest.Start(t, oneWorkspace, nil)
	e := listen(t, 204)
	hook := subscribe(t, h, e.URL, "role.*")
	h.Webhooks.Start()
	h.Webhooks.Start()
	defer h.Webhooks.Stop()
	happen(t, h, "a")
	eventually(t, "the event is heard", func() bool { return len(e.all()) == 1 && states(t, h, hook)[token.DeliveryDone] == 1 })
	if got := e.all()[0]; got.kind != "role.created" || got.target != "role:w a" {
		t.Errorf("heard %+v", got)
	}
	h.Webhooks.Stop()
	h.Webhooks.Start()
}

// One receiver that hangs on everything keeps nobody else waiting.
func TestReceiverThatHangsStarvesNobody(t *testing.T) {
	h := servertest.Start(t, oneWorkspace, nil)
	stuck, well := listen(t, 0), listen(t, 204)
	for i := range 3 { // three subscriptions to the same stuck receiver
		subscribe(t, h, fmt.Sprint(stuck.URL, "/", i), "role.*")
	}
	happen(t, h, strings.Fields(strings.Repeat("a", 1)+" b c d e f g h i j k l m n o p q r s t")...)
	healthy := subscribe(t, h, well.URL, "role.*")
	h.Webhooks.Start()
	defer h.Webhooks.Stop()
	happen(t, h, "u", "v", "x", "y", "z")
	eventually(t, "the healthy one has heard all", func() bool { return states(t, h, healthy)[token.DeliveryDone] == 5 })
	if n := len(stuck.all()); n > 3*4 {
		t.Errorf("%d tries at once at the stuck receiver, want at most 4 for each subscription", n)
	}
	stuck.CloseClientConnections()
}

// A process that dies while a delivery is under way loses nothing: it arrives
// after the lease, under the same id.
func TestDeliveryBrokenOffArrivesUnderTheSameID(t *testing.T) {
	h := servertest.Start(t, oneWorkspace, nil)
	e := listen(t, 0)
	subscribe(t, h, e.URL, "role.*")
	happen(t, h, "a")
	dying, kill := context.WithCancel(t.Context())
	go func() {
		for len(e.all()) == 0 {
			if err := h.Store.Ping(t.Context()); err != nil {
				break
			}
		}
		kill()
	}()
	if err := h.Webhooks.Drain(dying); err == nil {
		t.Error("what was broken off was settled")
	}
	e.status.Store(204)
	drain(t, h)
	if len(e.all()) != 1 {
		t.Errorf("heard %v within the lease, want the first alone", e.ids())
	}
	h.Clock.Move(30 * time.Second)
	drain(t, h)
	if ids := e.ids(); len(ids) != 2 || ids[0] != ids[1] || ids[0] == "" {
		t.Errorf("heard %v, want the same id twice", ids)
	}
}

func TestEventsOfOneTargetArriveInOrder(t *testing.T) {
	h := servertest.Start(t, oneWorkspace, nil)
	e := listen(t, 500)
	hook := subscribe(t, h, e.URL, "role.*")
	happen(t, h, "a", "b", "a")
	drain(t, h)
	if got := e.kinds(); !slices.Equal(got, []string{"role.created", "role.created"}) {
		t.Fatalf("heard %v, want the first of each role", got)
	}
	e.status.Store(204)
	h.Clock.Move(15 * time.Second)
	drain(t, h)
	got := e.all()[2:]
	at := slices.IndexFunc(got, func(x heard) bool { return x.kind == "role.changed" })
	created := slices.IndexFunc(got, func(x heard) bool { return x.target == "role:w a" })
	if len(got) != 3 || created < 0 || at < created || states(t, h, hook)[token.DeliveryDone] != 3 {
		t.Errorf("heard %+v, want the change of a after its making", got)
	}
}

// A receiver that fails for three days: ten tries, a dead letter, three notices
// that the others hear, then silence; enabled again, it can have it all again.
func TestSteadyFailureEndsInADeadLetterAndAReplay(t *testing.T) {
	h := servertest.Start(t, oneWorkspace, nil)
	broken, other := listen(t, 503), listen(t, 204)
	hook := subscribe(t, h, broken.URL, "*")
	subscribe(t, h, other.URL, "webhook.*")
	drain(t, h)
	began := h.Clock.Now()
	happen(t, h, "a")
	for range 4 * 100 { // a quarter of an hour each
		drain(t, h)
		h.Clock.Move(15 * time.Minute)
	}
	tries := map[string]int{}
	for _, id := range broken.ids() {
		tries[id]++
	}
	most := 0
	for id, n := range tries { // the first that fails ten times silences the receiver
		if most = max(most, n); n < 9 {
			t.Errorf("%s was tried %d times, want 9 or 10", id, n)
		}
	}
	if most != 10 || len(tries) != 2 { // the making of the other subscription, and of a role
		t.Errorf("tries were %v, want at most 10 of 2 events", tries)
	}
	var notices []string
	for _, kind := range other.kinds() {
		if kind == "webhook.unhealthy" || kind == "webhook.disabling" || kind == "webhook.disabled" {
			notices = append(notices, kind)
		}
	}
	if !slices.Equal(notices, []string{"webhook.unhealthy", "webhook.disabling", "webhook.disabled"}) {
		t.Errorf("the other subscription heard %v", notices)
	}
	if n := states(t, h, hook); n[token.DeliveryDead] != len(tries) || n[token.DeliveryDone] != 0 {
		t.Errorf("deliveries are %v, want %d dead letters", n, len(tries))
	}
	happen(t, h, "b")
	if s, err := h.Store.Subscription(t.Context(), hook); err != nil || s.Live() || s.DisabledReason != "failing" {
		t.Errorf("the subscription is %+v, %v", s, err)
	}

	broken.status.Store(204)
	if _, _, err := h.Authority.ReplayWebhook(t.Context(), operator, "w", hook, token.FirstID(began), token.FirstID(h.Clock.Now())); !token.Is(err, token.Conflict) {
		t.Errorf("a replay to who is disabled: %v", err)
	}
	if err := h.Authority.EnableWebhook(t.Context(), operator, "w", hook); err != nil {
		t.Fatal(err)
	}
	before := len(broken.all())
	h.Clock.Move(time.Second)
	if _, next, err := h.Authority.ReplayWebhook(t.Context(), operator, "w", hook, token.FirstID(began), token.FirstID(h.Clock.Now())); err != nil || next != 0 {
		t.Fatal(next, err)
	}
	h.Clock.Move(time.Second)
	drain(t, h)
	again := broken.all()[before:]
	for _, want := range []string{"role:w a", "role:w b"} { // b happened while nobody listened
		at := slices.IndexFunc(again, func(x heard) bool { return x.target == want })
		if at < 0 {
			t.Fatalf("%s is not in the replay: %+v", want, again)
		}
		if want == "role:w a" && tries[again[at].id] == 0 {
			t.Errorf("it came as %s, want the id it always had", again[at].id)
		}
	}
	if n := states(t, h, hook); n[token.DeliveryDead] != 0 || n[token.DeliveryDue] != 0 {
		t.Errorf("deliveries are %v after the replay", n)
	}
}

func TestWhoSaysGoneIsSentNothingMore(t *testing.T) {
	h := servertest.Start(t, oneWorkspace, nil)
	gone, other := listen(t, 410), listen(t, 204)
	hook := subscribe(t, h, gone.URL, "role.*")
	subscribe(t, h, other.URL, "webhook.disabled")
	happen(t, h, "a", "b")
	drain(t, h)
	happen(t, h, "c")
	drain(t, h)
	if s, err := h.Store.Subscription(t.Context(), hook); err != nil || s.DisabledReason != "gone" {
		t.Errorf("the subscription is %+v, %v", s, err)
	}
	if n := states(t, h, hook); n[token.DeliveryDead] != 2 || len(gone.all()) > 2 {
		t.Errorf("deliveries are %v, tries %v", n, gone.ids())
	}
	if got := other.kinds(); !slices.Equal(got, []string{"webhook.disabled"}) {
		t.Errorf("the other heard %v", got)
	}
}

func TestRecoveryForgetsTheFailures(t *testing.T) {
	h := servertest.Start(t, oneWorkspace, nil)
	e := listen(t, 500)
	hook := subscribe(t, h, e.URL, "role.*")
	happen(t, h, "a")
	drain(t, h)
	if s, err := h.Store.Subscription(t.Context(), hook); err != nil || s.Failures != 1 || s.FailingSince == 0 {
		t.Errorf("after a failure: %+v, %v", s, err)
	}
	e.status.Store(200)
	h.Clock.Move(time.Minute)
	drain(t, h)
	if s, err := h.Store.Subscription(t.Context(), hook); err != nil || s.WebhookHealth != (token.WebhookHealth{}) {
		t.Errorf("after an arrival: %+v, %v", s, err)
	}
}

// Two nodes on one database share the work: each event is heard once, by
// whichever node was woken or looked first.
func TestTwoNodesSendEachEventOnce(t *testing.T) {
	if !pgtest.Available() {
		t.Skip("needs PostgreSQL")
	}
	database := pgtest.Start(t).Database(t)
	var key [32]byte
	rand.Read(key[:]) // it never fails (Go 1.24)
	node := func(resources string) *servertest.House {
		return servertest.Start(t, resources, func(c *server.Config) {
			c.Database, c.MasterKey = database, hex.EncodeToString(key[:])
		})
	}
	first, second := node(oneWorkspace), node("")
	e := listen(t, 204)
	hook := subscribe(t, first, e.URL, "role.*")
	for _, h := range []*servertest.House{first, second} {
		h.Webhooks.Start()
		defer h.Webhooks.Stop()
	}
	names := strings.Split("abcdefghijklmnopqrst", "")
	happen(t, first, names...)
	eventually(t, "all is delivered", func() bool { return states(t, first, hook)[token.DeliveryDone] == len(names) })
	ids := e.ids()
	slices.Sort(ids)
	if len(slices.Compact(ids)) != len(names) || len(e.all()) != len(names) {
		t.Errorf("%d requests for %d events", len(e.all()), len(names))
	}
}
