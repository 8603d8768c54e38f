// Package identity knows the people: how they sign in, their passwords, their
// memberships and how those end. It decides every change of a person; each is
// one transaction with its audit row and deliveries.
package identity

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/fichadev/ficha/internal/factor"
	"github.com/fichadev/ficha/internal/guess"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/upstream"
)

// Store is the memory of people. What is missing is nil, empty or false, never
// an error.
type Store interface {
	accounts
	linking
	inviting
	Person(ctx context.Context, id string) (*token.Person, error)
	PersonByEmail(ctx context.Context, email string) (string, error)
	Users(ctx context.Context) (int64, error)
	Meta(ctx context.Context, name string) ([]byte, error)
	// Do runs f in one transaction, perhaps more than once.
	Do(ctx context.Context, f func(Tx) error) error
}

// Tx is one transaction. Who changes a person locks the user first and then
// the workspaces, in the order of their ids, so that nobody waits in a circle.
type Tx interface {
	accountTx
	linkTx
	inviteTx
	Now() int64
	Person(ctx context.Context, id string) (*token.Person, error)
	PersonByEmail(ctx context.Context, email string) (string, error)
	UserNumbered(ctx context.Context, number int64) (string, error)
	Users(ctx context.Context) (int64, error)
	NextNumber(ctx context.Context, table string) (int64, error)
	LockUser(ctx context.Context, id string) (bool, error)
	AddUser(ctx context.Context, p *token.Person) (bool, error)
	PutUser(ctx context.Context, p *token.Person) error
	Workspace(ctx context.Context, id string) (*token.Workspace, error)
	LockWorkspace(ctx context.Context, id string) (bool, error)
	PutWorkspace(ctx context.Context, w *token.Workspace) error
	PutMembership(ctx context.Context, m *token.Membership) error
	EndMembership(ctx context.Context, m *token.Membership, reason string) (bool, error)
	LiveWithRole(ctx context.Context, workspace, role string) (int64, error)
	LeftBehind(ctx context.Context, workspace, person string, after token.ID, limit int) ([]*token.Token, error)
	PlacesLeft(ctx context.Context, q token.Quota) (int64, error)
	HandOver(ctx context.Context, t *token.Token, h token.Handover) (bool, error)
	ActingBy(ctx context.Context, workspace, person string, limit int) ([]*token.Token, error)
	End(ctx context.Context, e token.Ending) (bool, error)
	Cut(c token.Cutoff)
	Record(ctx context.Context, e *token.Event, outbox []token.Delivery) error
	Post(ctx context.Context, letters ...token.Letter) error
	Meta(ctx context.Context, name string) ([]byte, error)
	SetMeta(ctx context.Context, name string, value []byte) error
	DropMeta(ctx context.Context, name string, value []byte) (bool, error)
}

// Judge knows people without asking the database each time.
type Judge interface {
	Person(ctx context.Context, id string) (*token.Person, error)
	Workspace(ctx context.Context, id string) (*token.Workspace, error)
}

// Limits bound the guessing of passwords. A zero field has its default.
type Limits struct {
	PerAddress int           // failures for one account from one address, then refusals: 10
	PerAccount int           // failures for one account from anywhere, then each try waits: 100
	Window     time.Duration // in which failures are counted: a minute
	Delay      time.Duration // how long such a try waits: a second
	Keys       int           // accounts and pairs remembered: 100,000
}

// Config says what the room works with. Store, Judge, Sealer, Now and Log are
// required.
type Config struct {
	Store  Store
	Judge  Judge
	Sealer Sealer
	Now    func() time.Time
	Log    *slog.Logger
	Limits Limits
	After  func(time.Duration) <-chan time.Time // nil: time.After

	Passkeys *factor.Passkeys   // nil: browsers have none for this server's address
	Upstream *upstream.Provider // nil: nobody signs in with another provider
}

// Identity decides about people. It is safe for use by many at once.
type Identity struct {
	store  Store
	judge  Judge
	now    func() time.Time
	log    *slog.Logger
	hasher *hasher
	sealer Sealer
	after  func(time.Duration) <-chan time.Time
	delay  time.Duration

	passkeys *factor.Passkeys
	upstream *upstream.Provider

	pairs    *guess.Failures // by account and address: refuses
	accounts *guess.Failures // by account: slows down
	noted    *guess.Failures // by account: one audit row in an hour
	codes    *guess.Failures // by person: refuses
	asked    *guess.Failures // letters by address that asks: refuses
	resets   *guess.Failures // letters about a password by account: no more are written
	invites  *guess.Failures // invitations by account: no more are written
	answers  *guess.Failures // wrong answers of the provider by address that brings them: refuses
	aside    sync.WaitGroup  // audit rows that are being written
}

// New returns the room, ready to use, or says what is missing.
func New(cfg Config) (*Identity, error) {
	if cfg.Store == nil || cfg.Judge == nil || cfg.Sealer == nil || cfg.Now == nil || cfg.Log == nil {
		return nil, errors.New("identity: Store, Judge, Sealer, Now and Log are required")
	}
	l := cfg.Limits
	window, keys := cmp.Or(l.Window, time.Minute), cmp.Or(l.Keys, 100_000)
	i := &Identity{
		store: cfg.Store, judge: cfg.Judge, now: cfg.Now, log: cfg.Log, hasher: newHasher(), after: cfg.After, delay: cmp.Or(l.Delay, time.Second),
		pairs:    guess.New(cmp.Or(l.PerAddress, 10), window, keys, cfg.Now),
		accounts: guess.New(cmp.Or(l.PerAccount, 100), window, keys, cfg.Now),
		noted:    guess.New(1, time.Hour, keys, cfg.Now),
		codes:    guess.New(10, 15*time.Minute, keys, cfg.Now),
		asked:    guess.New(20, time.Hour, keys, cfg.Now),
		resets:   guess.New(3, time.Hour, keys, cfg.Now),
		invites:  guess.New(3, time.Hour, keys, cfg.Now),
		answers:  guess.New(100, time.Minute, keys, cfg.Now),
		sealer:   cfg.Sealer, passkeys: cfg.Passkeys, upstream: cfg.Upstream,
	}
	if i.after == nil {
		i.after = time.After
	}
	return i, nil
}

// Close waits for audit rows that are being written. Nothing may be asked of
// the room after it; closing twice is harmless.
func (i *Identity) Close() { i.aside.Wait() }
