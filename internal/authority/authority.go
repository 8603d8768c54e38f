// Package authority knows the rules: how tokens and grants come to be and how
// they end. A token is minted in Issue; a code takes the same steps and is
// written with its consent (Approve), and one of another server is entered with
// the secret that it has (Import). Every change it decides is one commit with its
// audit row and its deliveries.
package authority

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fichadev/ficha/internal/guess"
	"github.com/fichadev/ficha/internal/keys"
	"github.com/fichadev/ficha/internal/token"
)

// Store is what the authority writes and reads. What the judge can tell is
// asked of the Judge instead.
type Store interface {
	sweeps
	leaks
	sessions
	Commit(ctx context.Context, d *token.Deed) error
	Do(ctx context.Context, f func(Tx) error) error
	ClientsWithSecret(ctx context.Context, workspace string, hash token.Hash) ([]string, error)
	ClientToken(ctx context.Context, hash token.Hash) (*token.ClientToken, error)
	Rotation(ctx context.Context, id token.ID) (*token.Rotation, error)
	RotationTo(ctx context.Context, secret token.ID) (*token.Rotation, error)
	Rotations(ctx context.Context, q token.RotationQuery) ([]*token.Rotation, error)
	LapsedRotations(ctx context.Context, limit int) ([]*token.Rotation, error)
	DueRotations(ctx context.Context, limit int) ([]*token.Rotation, error)
	RotationAges(ctx context.Context) (map[int64]bool, error)
	RotationWatch(ctx context.Context, age int64) (token.ID, error)
	MadeBetween(ctx context.Context, from, until token.ID, limit int) ([]*token.Token, error)
	Answer(ctx context.Context, key token.Hash) (*token.Answer, error)
	Renewal(ctx context.Context, given token.ID) (*token.Renewed, error)
	Expiring(ctx context.Context, w token.Watch, until int64, limit int) ([]*token.Token, error)
	Watches(ctx context.Context) ([]token.Watch, error)
	Calendar(ctx context.Context, hash token.Hash) (*token.Calendar, error)
	Noticed(ctx context.Context, secret token.ID, n token.Notice) (bool, error)
	Survey(ctx context.Context, workspace string, from token.Place, uses bool, limit int) ([]token.Surveyed, *token.Place, error)
	DueWalks(ctx context.Context, now time.Time, limit int) ([]token.Walk, error)
	WaitingTokens(ctx context.Context, before time.Time, limit int) ([]*token.Token, error)
	LastUses(ctx context.Context, secrets []token.ID) (map[token.ID]token.Seen, error)
	ScopeUse(ctx context.Context, secret token.ID) (token.ScopeUse, error)
	Needs(ctx context.Context, secret token.ID, since int64) ([]token.Seen, error)
	ExpiringSecret(ctx context.Context, id token.ID) (*token.Token, error)
	Authorization(ctx context.Context, id token.ID) (*token.Authorization, error)
	Scopes(ctx context.Context) ([]*token.ScopeInfo, error)
	WorkspaceWithout(ctx context.Context, person string) (string, error)
	Resource(ctx context.Context, identifier string) (*token.Resource, error)
	OneFactor(ctx context.Context, workspace string, admins bool, issuer string, limit int) ([]*token.Person, error)
	PeopleWithRole(ctx context.Context, workspace, role string, limit int) ([]*token.Person, error)
	Grants(ctx context.Context, workspace, person string, before token.ID, limit int) ([]*token.Grant, error)
	LapsedGrants(ctx context.Context, limit int) ([]*token.Grant, error)
}

// Judge is the verifier: what is known of tokens and supports.
type Judge interface {
	Find(ctx context.Context, secret string) (*token.Record, error)
	Record(ctx context.Context, id token.ID) (*token.Record, error)
	Weigh(ctx context.Context, r *token.Record, u token.Use) (token.Verdict, error)
	Standing(ctx context.Context, t *token.Token) error
	Workspace(ctx context.Context, id string) (*token.Workspace, error)
	Client(ctx context.Context, id string) (*token.Client, error)
	Person(ctx context.Context, id string) (*token.Person, error)
	Applied() int64
	Poll(ctx context.Context) error
	Seen(secret token.ID) (token.Seen, bool)
	Note(secret token.ID, u token.Use)
	NoteLate(secret token.ID, u token.Use)
	Refused(secret token.ID, since int64) []token.Seen
}

// Config says what the authority works with. All fields but WebhookAllow and
// Upstream are required.
type Config struct {
	Store  Store
	Judge  Judge
	Format *token.Format
	Ring   *keys.Ring
	Keeper *keys.Keeper
	Master *keys.Master
	Issuer string // the public base URL, without a slash at its end
	Now    func() time.Time
	Log    *slog.Logger

	WebhookAllow []netip.Prefix // networks that subscriptions may name though they are not public
	Upstream     string         // the issuer of the provider that people may sign in with; empty: none
}

// An Authority makes and ends tokens and grants. It is safe for use by many at
// once.
type Authority struct {
	cfg        Config
	failures   *guess.Failures // wrong machine secrets, by address
	reports    *guess.Failures // secrets that were reported, by address
	asks       *guess.Failures // applications that were asked for, by person
	inFlight   flights
	unopened   sync.Map                        // token.Hash of each sealed secret that could not be opened and was told of
	simulating sync.Mutex                      // held by a whole simulation
	known      atomic.Pointer[map[string]bool] // the catalogue's names
	unread     atomic.Bool                     // they have changed and could not be read
	reading    sync.Mutex                      // an older reading of them must not replace a newer one
	status     statusIndex
}

// New returns an authority that knows the scope catalogue.
func New(ctx context.Context, cfg Config) (*Authority, error) {
	a := &Authority{
		cfg: cfg, failures: guess.New(200, time.Minute, 100_000, cfg.Now), reports: guess.New(mostReports, reportWindow, 100_000, cfg.Now),
		asks: guess.New(mostAsks, askWindow, 100_000, cfg.Now),
	}
	return a, a.ReloadCatalogue(ctx)
}

// ReloadCatalogue reads the names of the scope catalogue again; the judge asks
// for it when it hears of a change. Where that fails, CatchUp tries again.
func (a *Authority) ReloadCatalogue(ctx context.Context) error {
	a.reading.Lock()
	defer a.reading.Unlock()
	list, err := a.cfg.Store.Scopes(ctx)
	a.unread.Store(err != nil)
	if err != nil {
		return err
	}
	known := make(map[string]bool, len(list))
	for _, s := range list {
		known[s.Name] = true
	}
	a.known.Store(&known)
	return nil
}

// CatchUp reads the catalogue if it could not be read when it changed, and does
// nothing otherwise.
func (a *Authority) CatchUp(ctx context.Context, _ time.Time) error {
	if !a.unread.Load() {
		return nil
	}
	return a.ReloadCatalogue(ctx)
}

// Known reports whether a scope is in the catalogue or one of the vendors'.
func (a *Authority) Known(scope string) bool {
	return (*a.known.Load())[scope] || token.IsVendor(scope)
}

// Format returns the format of secrets, for those who publish its prefixes.
func (a *Authority) Format() *token.Format { return a.cfg.Format }

// Issuer returns the public base URL.
func (a *Authority) Issuer() string { return a.cfg.Issuer }

func orElse(err error, refusal *token.Refusal) error {
	if err != nil {
		return err
	}
	return refusal
}
