package trials

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// A subscriber hears what happens in a workspace, and refuses some of it once.
type subscriber struct {
	*httptest.Server
	dice *rand.Rand

	mu      sync.Mutex
	refused map[string]bool
	heard   map[string]map[string]string // by target and type: the id it came under
	order   map[string][]string          // by target: the types, as they came for the first time
	strange []string
}

func subscribe(t *testing.T, dice *rand.Rand) *subscriber {
	t.Helper()
	s := &subscriber{dice: dice, refused: map[string]bool{}, heard: map[string]map[string]string{}, order: map[string][]string{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *subscriber) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var event struct {
		Type string
		Data struct{ Target string }
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return // its sender was killed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := r.Header.Get("Webhook-Id")
	if err := json.Unmarshal(text, &event); err != nil || id == "" {
		s.strange = append(s.strange, string(text))
	}
	if !s.refused[id] && s.dice.IntN(50) == 0 {
		s.refused[id] = true
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	s.note(event.Data.Target, event.Type, id)
}

func (s *subscriber) note(target, kind, id string) {
	if s.heard[target] == nil {
		s.heard[target] = map[string]string{}
	}
	switch s.heard[target][kind] {
	case "":
		s.heard[target][kind] = id
		s.order[target] = append(s.order[target], kind)
	case id:
	default:
		s.strange = append(s.strange, kind+" of "+target+" came under two ids")
	}
}

// lacks returns how many acknowledged deeds of customers were not heard of.
func (s *subscriber) lacks(customers []*customer) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range customers {
		for _, k := range c.journal {
			if !k.service {
				continue
			}
			told := s.heard["token:"+k.id]
			if told["token.issued"] == "" || k.fate == over && told["token.revoked"] == "" {
				n++
			}
		}
	}
	return n
}

// TestKilledServerLosesNoDelivery: whatever was acknowledged before the server
// was killed is told to who listens, under one id and in the order of the token's
// life.
func TestKilledServerLosesNoDelivery(t *testing.T) {
	s := subscribe(t, dice(t))
	text, err := os.ReadFile(houseFile())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "resources.yaml")
	text = append(text, "\nwebhooks: [{workspace: north, url: '"+s.URL+"/', events: ['token.*']}]\n"...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	c := &crash{t: t, dice: dice(t), place: start{dir: t.TempDir(), apply: file}}
	for i := range 2 {
		own := rand.New(rand.NewPCG(*seed, uint64(i))) //nolint:gosec // choices, not secrets
		c.customers = append(c.customers, &customer{name: string(rune('a' + i)), dice: own})
	}
	for range 6 {
		c.round(false)
		c.place.apply = ""
	}
	p := run(t, c.place)
	c.each(p, func(one *customer) error { return one.audit(0) })
	missing := s.lacks(c.customers)
	t.Logf("%d acknowledged deeds are not heard of yet after the last kill", missing)
	deadline := time.NewTimer(90 * time.Second) // a lease, and the pause after a refusal
	defer deadline.Stop()
	for tick := time.NewTicker(100 * time.Millisecond); s.lacks(c.customers) > 0; {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%d acknowledged deeds were never told", s.lacks(c.customers))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.strange) > 0 {
		t.Errorf("strange deliveries: %q", s.strange)
	}
	for target, kinds := range s.order {
		if len(kinds) > 1 && kinds[0] != "token.issued" {
			t.Errorf("of %s it was told %q", target, kinds)
		}
	}
}
