package webhook

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// Outbox hands out what is due. What it hands out is this node's until the lease
// is over.
type Outbox interface {
	DueWebhooks(ctx context.Context, after token.ID, limit int) ([]token.ID, error)
	ClaimDeliveries(ctx context.Context, most map[token.ID]int, lease time.Duration) ([]token.Load, error)
}

// Config says what a Sender works with. All fields but Allow and
// Resolver are required.
type Config struct {
	Outbox Outbox
	// Settle writes down what tries came to, all of it or nothing.
	Settle func(ctx context.Context, tries []token.Try) error
	// Keys opens what the deliveries of a subscription are signed with.
	Keys     func(to token.Receiver) (Keys, error)
	Allow    []netip.Prefix // networks that are not public and may be reached all the same
	Resolver *net.Resolver  // nil: the system's
	Now      func() time.Time
	Log      *slog.Logger
}

const (
	workers      = 64               // tries at once on a node
	forOne       = 4                // of them for one subscription: whoever hangs keeps nobody waiting
	forFailing   = workers / 2      // of them for subscriptions whose last try failed, one each
	lease        = 30 * time.Second // longer than a try and its settling
	looks        = time.Second      // how often a node looks for what others have left
	mostTurns    = 256              // subscriptions looked at in one pass
	mostTogether = 64               // tries settled in one commit
	farewell     = 5 * time.Second  // how long tries under way may take at the end
)

// A Sender sends what is due. Start, Stop and Wake may be called by many at once.
//
// If the process dies, a claimed delivery is taken again by any node when its
// lease is over: it may arrive twice, under the same id, and is never lost.
type Sender struct {
	cfg     Config
	courier *courier
	wake    chan struct{}
	done    chan token.Try // one for each that is under way

	// The loop's own.
	flying  map[token.ID]int  // tries under way, by subscription
	total   int               // their sum
	failing map[token.ID]bool // subscriptions whose last try failed here
	slow    int               // tries under way for those
	turn    token.ID          // the subscription that had its turn last

	mu     sync.Mutex
	stop   context.CancelFunc // nil until started
	over   bool
	active sync.WaitGroup
}

// New returns a sender that does nothing until it is started.
func New(cfg Config) *Sender {
	return &Sender{
		cfg: cfg, courier: newCourier(guard{allow: cfg.Allow, resolver: cfg.Resolver}, cfg.Now),
		wake: make(chan struct{}, 1), done: make(chan token.Try, workers), flying: map[token.ID]int{}, failing: map[token.ID]bool{},
	}
}

// Wake makes the sender look at once. It does not wait.
func (s *Sender) Wake() {
	select {
	case s.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// Start begins to send. Starting twice, or after stopping, does nothing.
func (s *Sender) Start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop != nil || s.over {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	s.active.Go(func() { s.run(ctx) })
}

// Stop claims nothing more, lets the tries under way finish for a moment, and
// breaks off the rest. Stopping twice, or before starting, is fine.
func (s *Sender) Stop() {
	s.mu.Lock()
	s.over = true
	stop := s.stop
	s.mu.Unlock()
	if stop != nil {
		stop()
		s.active.Wait()
	}
}

// Drain sends what is due now and returns when nothing is under way. It is not
// called beside Start.
func (s *Sender) Drain(ctx context.Context) error {
	for {
		busy, err := s.pass(ctx, ctx)
		if err != nil || !busy && s.total == 0 {
			return err
		}
		if s.total > 0 {
			if err := s.settle(ctx, <-s.done); err != nil {
				return err
			}
		}
	}
}

func (s *Sender) run(ctx context.Context) {
	defer s.courier.close()
	flight, breakOff := context.WithCancel(context.WithoutCancel(ctx))
	defer breakOff()
	tick := time.NewTicker(looks)
	defer tick.Stop()
	for ctx.Err() == nil {
		busy, err := s.pass(ctx, flight)
		s.warn(ctx, err)
		if busy {
			s.Wake() // there may be more
		}
		select {
		case try := <-s.done:
			s.warn(ctx, s.settle(flight, try))
		case <-s.wake:
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	s.land(flight, breakOff)
}

// land waits for the tries under way, not for long.
func (s *Sender) land(ctx context.Context, breakOff func()) {
	patience := time.AfterFunc(farewell, breakOff)
	defer patience.Stop()
	for s.total > 0 {
		try := <-s.done
		if ctx.Err() != nil { // broken off: nothing is known of it, and its lease passes
			s.forget(try)
			continue
		}
		s.warn(ctx, s.settle(ctx, try))
	}
}

func (s *Sender) warn(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		s.cfg.Log.WarnContext(ctx, "deliveries wait", slog.Any("error", err))
	}
}

// pass claims what is due as far as there are workers for it, and sends it off.
// It reports whether anything was: there may be more.
func (s *Sender) pass(ctx, flight context.Context) (bool, error) {
	if s.total == workers {
		return false, nil
	}
	due, err := s.due(ctx)
	if err != nil {
		return false, err
	}
	wanted := s.share(due)
	if len(wanted) == 0 {
		return false, nil
	}
	loads, err := s.cfg.Outbox.ClaimDeliveries(ctx, wanted, lease)
	if err != nil {
		return false, err
	}
	for _, load := range loads {
		keys, err := s.cfg.Keys(load.To)
		for _, v := range load.Shipments {
			s.count(v.Webhook, 1)
			if err != nil {
				s.done <- token.Try{Shipment: v, Attempt: token.Attempt{At: s.cfg.Now().UnixMilli(), Fault: "secret_unreadable"}}
				continue
			}
			go func() { s.done <- s.courier.try(flight, load.To.URL, v, keys) }()
		}
	}
	return true, nil
}

// due returns subscriptions that something is due for, beginning after the one
// that had its turn last.
func (s *Sender) due(ctx context.Context) ([]token.ID, error) {
	rest, err := s.cfg.Outbox.DueWebhooks(ctx, s.turn, mostTurns)
	if err != nil || len(rest) == mostTurns || s.turn == 0 {
		return rest, err
	}
	first, err := s.cfg.Outbox.DueWebhooks(ctx, 0, mostTurns)
	for _, id := range first {
		if id > s.turn {
			break
		}
		rest = append(rest, id)
	}
	return rest, err
}

// share says how many tries each subscription may have now. Those that fail
// share one half of the workers, so that the other is there for who answers.
func (s *Sender) share(due []token.ID) map[token.ID]int {
	wanted := map[token.ID]int{}
	free, slow := workers-s.total, s.slow
	for _, id := range due {
		room := min(forOne-s.flying[id], free)
		if s.failing[id] {
			room = min(1-s.flying[id], free, forFailing-slow)
		}
		if room <= 0 {
			continue
		}
		if s.failing[id] {
			slow += room
		}
		wanted[id], s.turn = room, id
		free -= room
	}
	return wanted
}

// count counts a try in (1) or out (-1).
func (s *Sender) count(webhook token.ID, by int) {
	s.total += by
	s.flying[webhook] += by
	if s.flying[webhook] == 0 {
		delete(s.flying, webhook)
	}
	s.slow = 0
	for id, n := range s.flying {
		if s.failing[id] {
			s.slow += n
		}
	}
}

func (s *Sender) forget(try token.Try) { s.count(try.Shipment.Webhook, -1) }

// settle writes down what a try came to, and the others that are back. What
// cannot be written is tried again when its lease is over.
func (s *Sender) settle(ctx context.Context, try token.Try) error {
	tries := []token.Try{try}
	for more := true; more && len(tries) < mostTogether; {
		select {
		case next := <-s.done:
			tries = append(tries, next)
		default:
			more = false
		}
	}
	for _, t := range tries {
		if t.Arrived {
			delete(s.failing, t.Shipment.Webhook)
		} else {
			s.failing[t.Shipment.Webhook] = true
		}
		s.forget(t)
	}
	return s.cfg.Settle(ctx, tries)
}
