// Package server knows how the rooms are tied together: one page of wiring,
// read from top to bottom, for the binary and for tests that run the whole
// house in their own process.
package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/factor"
	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/jobs"
	"github.com/fichadev/ficha/internal/keys"
	"github.com/fichadev/ficha/internal/mail"
	"github.com/fichadev/ficha/internal/metric"
	"github.com/fichadev/ficha/internal/panel"
	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/policy"
	"github.com/fichadev/ficha/internal/sink"
	"github.com/fichadev/ficha/internal/store"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/upstream"
	"github.com/fichadev/ficha/internal/verifier"
	"github.com/fichadev/ficha/internal/web"
	"github.com/fichadev/ficha/internal/webhook"
)

// Config is what a server needs to know. DataDir, Issuer, Now and Log are
// required; every other zero value works.
type Config struct {
	DataDir        string // master.key, and the SQLite database unless Database says else
	Database       string // sqlite:PATH or postgres://…
	Issuer         string // the public base URL, without a slash at its end
	Environment    string // production where empty; part of every secret's prefix
	MasterKey      string // 32 bytes in base64 or hex; empty: DataDir/master.key
	TrustedProxies []netip.Prefix
	WebhookAllow   []netip.Prefix // networks that are not public and deliveries may go to, over http too
	Internal       web.Internal   // what traffic comes from the house
	Without        []string       // contracts that are switched off: becms, fanbase, chronos, hubspot, contentful
	Cached         int            // tokens held in memory; 0: the judge's default
	Records        int            // one of so many uses is recorded singly; 0: none
	Driver         string         // another registered database/sql driver, for tests that inject faults
	Sinks          []string       // where else the audit goes: see sink.Parse
	Limits         identity.Limits
	SMTPURL        string                            // the mail server, smtp://user:password@host:587; empty: no mail is sent
	GitHubKeys     string                            // where GitHub's public keys are, a file or an https address; empty: nothing is heard from it
	Upstream       upstream.Config                   // the provider that people may sign in with; zero: none
	MailFrom       string                            // whom mail is from; empty: as SMTPURL says
	Env            func(name string) (string, bool)  // for ${NAME} in a resources file; nil: refused there
	ReadFile       func(path string) ([]byte, error) // for file:PATH in a resources file; nil: refused there
	Now            func() time.Time
	Log            *slog.Logger
}

// DatabaseOrDefault returns where the database is: SQLite in the data folder
// unless the configuration says else.
func (c Config) DatabaseOrDefault() string {
	if c.Database != "" {
		return c.Database
	}
	return "sqlite:" + filepath.Join(c.DataDir, "ficha.db")
}

// A Server is the whole house, ready to answer. It is safe for use by many at
// once.
type Server struct {
	Config    Config
	Store     *store.Store
	Verifier  *verifier.Verifier
	Authority *authority.Authority
	Identity  *identity.Identity
	Keeper    *keys.Keeper
	Ring      *keys.Ring
	Metrics   *metric.Set
	Panel     *panel.Panel
	Webhooks  *webhook.Sender
	Floor     *web.Floor
	Mail      *mail.Sender // nil where no mail is sent

	letter  func(outcome string, n int) // counts what becomes of letters
	runner  atomic.Pointer[jobs.Runner] // nil until started
	skew    atomic.Int64                // ns: how far the database's clock is ahead of ours
	stop    []func()
	once    sync.Once
	closed  error
	journal *store.Journal
	release func() // gives the data folder free
	sinks   []*sink.Sink
}

// New checks everything and ties the rooms together. What it returns answers;
// it does not listen. The caller closes it.
func New(ctx context.Context, cfg Config) (s *Server, err error) {
	cfg.Now = newSteady(cfg.Now).now
	s = &Server{Config: cfg, Metrics: metric.New()}
	defer func() {
		if err != nil {
			s.Close() //nolint:errcheck // the first error is told
		}
	}()
	if err := s.own(); err != nil {
		return s, err
	}
	s.letter = s.letters()
	if err := s.openStore(ctx); err != nil {
		return s, err
	}
	master, err := s.master(ctx)
	if err != nil {
		return s, err
	}
	if err := s.mail(); err != nil {
		return s, err
	}
	if err := s.openSinks(ctx); err != nil {
		return s, err
	}
	if err := s.settleEnvironment(ctx); err != nil {
		return s, err
	}
	s.Ring = keys.NewRing(master)
	s.Keeper = &keys.Keeper{Store: keyStore{s.Store}, Master: master, Ring: s.Ring, Now: cfg.Now, Life: policy.SignedMost}
	if err := s.Keeper.Ensure(ctx); err != nil {
		return s, err
	}
	if err := s.rules(ctx, master); err != nil {
		return s, err
	}
	if err := s.faces(); err != nil {
		return s, err
	}
	s.watch()
	return s, s.mount()
}

// rules ties the judge, the authority and the people to the memory.
func (s *Server) rules(ctx context.Context, master *keys.Master) error {
	cfg := s.Config
	format, err := token.NewFormat(cfg.Environment, master.Derive("address")[:16])
	if err != nil {
		return err
	}
	var witness lateWitness
	s.Verifier, err = verifier.New(ctx, verifier.Config{
		Store: s.Store, Witness: &witness, Format: format, Issuer: cfg.Issuer, Now: cfg.Now, Log: cfg.Log, Cached: cfg.Cached, Records: cfg.Records, Heard: s.heard,
	})
	if err != nil {
		return err
	}
	s.Store.OnChange(s.Verifier.Hear)
	s.Store.OnClosed(authority.NoteClosed)
	if err := seed(ctx, s.Store); err != nil {
		return err
	}
	elsewhere, err := s.upstream()
	if err != nil {
		return err
	}
	s.Authority, err = authority.New(ctx, authority.Config{
		Store: authorityStore{s.Store}, Judge: s.Verifier, Format: format, Ring: s.Ring, Keeper: s.Keeper, Master: master,
		Issuer: cfg.Issuer, Now: cfg.Now, Log: cfg.Log, WebhookAllow: cfg.WebhookAllow, Upstream: elsewhere.Issuer(),
	})
	if err != nil {
		return err
	}
	witness.Authority = s.Authority
	s.deliveries()
	passkeys, err := factor.NewPasskeys(cfg.Issuer)
	if err != nil {
		return err
	}
	s.Identity, err = identity.New(identity.Config{
		Store: identityStore{s.Store}, Judge: s.Verifier, Sealer: master, Passkeys: passkeys, Upstream: elsewhere, Now: cfg.Now, Log: cfg.Log, Limits: cfg.Limits,
	})
	return err
}

// faces makes the floor, and the pages that other faces lead to.
func (s *Server) faces() (err error) {
	cfg := s.Config
	set, err := pages.New(pages.Config{Issuer: cfg.Issuer, Environment: cfg.Environment})
	if err != nil {
		return err
	}
	s.Panel = panel.New(panel.Config{
		Authority: s.Authority, Identity: s.Identity, Verifier: s.Verifier, Catalogue: s.Store, Store: s.Store, Pages: set, Issuer: cfg.Issuer, Mail: s.Mail != nil,
		Environment: cfg.Environment, Jobs: s.JobStates,
	})
	s.Floor, err = web.New(web.Config{Log: cfg.Log, Metrics: s.Metrics, Now: cfg.Now, Issuer: cfg.Issuer, TrustedProxies: cfg.TrustedProxies, Internal: cfg.Internal})
	return err
}

// own takes the data folder and the database's file for this process's life. Any
// number of nodes may serve one PostgreSQL, but each keeps its own log of endings.
func (s *Server) own() (err error) {
	if err := Missing(s.Config.DataDir, s.Config.DatabaseOrDefault()); err != nil {
		return err
	}
	s.release, err = Own(s.Config.DataDir, s.Config.DatabaseOrDefault())
	return err
}

// openStore opens the database and the log of endings beside it, and refuses a
// database that is behind: it was restored or rolled back, and would revive
// what had ended.
func (s *Server) openStore(ctx context.Context) (err error) {
	if s.journal, err = store.OpenJournal(s.Config.DataDir); err != nil {
		return err
	}
	s.Store, err = store.Open(ctx, store.Config{
		Database: s.Config.DatabaseOrDefault(), Now: s.Config.Now, Log: s.Config.Log, Batch: s.batches(), Journal: s.journal, Driver: s.Config.Driver,
		NoMail: s.noMail(),
	}, true)
	if err != nil {
		return err
	}
	behind, err := s.Store.Behind(ctx, s.journal)
	if err != nil {
		return err
	}
	if behind {
		return errors.New(`the database is behind the log of endings beside it, so it was restored or rolled back: run "ficha restore --replay", which ends again what had ended`)
	}
	if err := s.warnOfNoLog(ctx); err != nil {
		return err
	}
	if err := s.Store.KeepJournal(ctx); err != nil {
		return err
	}
	return s.Store.EnsurePartitions(ctx, s.Config.Now(), 7)
}

// warnOfNoLog says that nobody can tell whether a database that is no new one was
// rolled back. A node of a shared one begins without a log.
func (s *Server) warnOfNoLog(ctx context.Context) error {
	at, err := s.Store.Position(ctx)
	if err == nil && at.Position > 1 && s.journal.Made() && !s.Store.Shared() {
		s.Config.Log.WarnContext(ctx, `there is no log of endings beside the database: if it is a copy or was restored, what was ended since opens again; `+
			`stop, and run "ficha restore --replay", which cuts everything off that cannot be told`)
	}
	return err
}

// master returns the master key, made now if nothing was ever written to the
// database, and refuses one that the database was not written under.
func (s *Server) master(ctx context.Context) (*keys.Master, error) {
	check, err := s.Store.Meta(ctx, "master")
	if err != nil {
		return nil, err
	}
	load := keys.FindMaster
	if check == nil {
		load = keys.LoadMaster
	}
	master, err := load(s.Config.DataDir, s.Config.MasterKey)
	if err != nil {
		return nil, err
	}
	if check == nil { // another node may be as new
		if check, err = s.Store.SetMetaOnce(ctx, "master", master.Check()); err != nil {
			return nil, err
		}
	}
	if !master.Matches(check) {
		return nil, errors.New("the master key is not the one this database was written with: bring back its master.key or FICHA_MASTER_KEY")
	}
	return master, nil
}

// settleEnvironment keeps a database to the environment it began with: the
// prefix of every secret is made of it.
func (s *Server) settleEnvironment(ctx context.Context) error {
	kept, err := s.Store.SetMetaOnce(ctx, "environment", []byte(cmp.Or(s.Config.Environment, "production")))
	if err != nil {
		return err
	}
	if s.Config.Environment != "" && s.Config.Environment != string(kept) {
		return fmt.Errorf("this database holds secrets of the environment %s, not %s: set FICHA_ENVIRONMENT to it, or use another database", kept, s.Config.Environment)
	}
	s.Config.Environment = string(kept)
	return nil
}

// heard follows what the judge heard of: the keys and the catalogue are held
// by other rooms.
func (s *Server) heard(what token.ChangeKind) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var err error
	switch {
	case what == token.ChangedKeys:
		err = s.Keeper.Load(ctx)
	case what == token.ChangedCatalogue && s.Authority != nil:
		err = s.Authority.ReloadCatalogue(ctx)
	}
	if err != nil {
		s.Config.Log.Error("follow a change", slog.String("of", string(what)), slog.Any("error", err))
	}
}

func (s *Server) batches() func(int) {
	sizes := s.Metrics.Sizes("commit_deeds", "Deeds in one group commit.")
	return func(n int) { sizes.Observe(float64(n)) }
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.Floor.ServeHTTP(w, r) }

// Close stops what happens by itself and closes the database. Closing twice is
// harmless.
func (s *Server) Close() error {
	s.once.Do(func() { s.closed = s.close() })
	return s.closed
}

func (s *Server) close() (err error) {
	for _, stop := range s.stop {
		stop()
	}
	if s.Identity != nil {
		s.Identity.Close()
	}
	if s.Store != nil && s.Verifier != nil {
		s.keepUses(context.Background())
	}
	if s.Store != nil {
		err = errors.Join(err, s.Store.Close())
	}
	if s.journal != nil {
		err = errors.Join(err, s.journal.Close())
	}
	if s.release != nil {
		s.release()
	}
	return err
}
