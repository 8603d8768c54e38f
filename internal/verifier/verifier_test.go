package verifier

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/store"
	"github.com/fichadev/ficha/internal/token"
)

// A world is a database with one or more judges on it.
type world struct {
	t      testing.TB
	format *token.Format
	mu     sync.Mutex
	ahead  time.Duration
}

func newWorld(t testing.TB) *world {
	f, err := token.NewFormat("", []byte("0123456789abcdef"))
	must(t, err)
	return &world{t: t, format: f}
}

// now is the wall clock, moved ahead by the test.
func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.ahead)
}

func (w *world) move(by time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead += by
}

// node opens the database for one process.
func (w *world) node(database string) (*store.Store, *Verifier) {
	w.t.Helper()
	if database == "" {
		database = "sqlite:" + filepath.Join(w.t.TempDir(), "ficha.db")
	}
	s, err := store.Open(context.Background(), store.Config{Database: database, Now: w.now, Log: slog.New(slog.DiscardHandler)}, true)
	must(w.t, err)
	v := w.judge(s)
	s.OnChange(v.Hear)
	w.t.Cleanup(func() { must(w.t, s.Close()) })
	return s, v
}

func (w *world) judge(s Store) *Verifier {
	w.t.Helper()
	v, err := New(context.Background(), Config{Store: s, Witness: counter{}, Format: w.format, Now: w.now, Log: slog.New(slog.DiscardHandler), Cached: 1000})
	must(w.t, err)
	return v
}

// counter witnesses nothing: no token of these tests needs it.
type counter struct{}

func (counter) Witness(context.Context, *token.Record, token.Use) error {
	return errors.New("nothing here needs a witness")
}

func (counter) Lacked(context.Context, *token.Record, token.Scopes) {}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// issue makes a token durable and returns its secret.
func (w *world) issue(s *store.Store, born int64, change func(*token.Token)) (string, *token.Token) {
	w.t.Helper()
	id := token.NewID(w.now(), token.Long)
	secret := w.format.Mint(token.Service, id)
	t := &token.Token{ID: id, Credential: id, Kind: token.Service, Hash: token.HashOf(secret), Workspace: "ws1", Scopes: token.Scopes{"a:b"}, Born: born}
	if change != nil {
		change(t)
	}
	must(w.t, s.Commit(context.Background(), &token.Deed{Issue: []*token.Token{t}}))
	return secret, t
}

func workspace(s *store.Store, id string) error {
	return s.Do(context.Background(), func(tx *store.Tx) error {
		n, err := tx.NextNumber(context.Background(), "workspaces")
		if err != nil {
			return err
		}
		return tx.PutWorkspace(context.Background(), &token.Workspace{ID: id, Number: n, AllScopes: true})
	})
}

func ask(v *Verifier, secret string) error {
	_, _, err := v.Judge(context.Background(), secret, token.Use{Now: v.cfg.Now().UnixMilli(), Surface: token.AtVerify})
	return err
}

func end(t *token.Token) *token.Deed {
	return &token.Deed{End: []token.Ending{{ID: t.ID, At: 1, Reason: "revoked", By: "test"}}}
}

func TestRevokedTokenIsRefusedBeforeItsRevokerIsAnswered(t *testing.T) {
	w := newWorld(t)
	s, v := w.node("")
	must(t, workspace(s, "ws1"))
	for range 200 {
		secret, tok := w.issue(s, v.Applied(), nil)
		must(t, ask(v, secret))
		must(t, s.Commit(context.Background(), end(tok)))
		if err := ask(v, secret); !token.Is(err, token.InvalidToken) {
			t.Fatalf("after the revocation was answered: got %v, want invalid_token", err)
		}
	}
}

// A read that began before a revocation and ended after it must not be kept:
// the fill is told so by the shard's version.
func TestFillThatRacedAChangeIsNotKept(t *testing.T) {
	w := newWorld(t)
	s, v, slow := w.slowly()
	secret, tok := w.issue(s, v.Applied(), nil)
	answered := make(chan error)
	go func() { answered <- ask(v, secret) }()
	<-slow.read // the row was read while it lived
	must(t, s.Commit(context.Background(), end(tok)))
	close(slow.proceed)
	if err := <-answered; err != nil && !token.Is(err, token.InvalidToken) {
		t.Errorf("a question that began before the revocation: got %v, want yes or invalid_token", err)
	}
	if err := ask(v, secret); !token.Is(err, token.InvalidToken) {
		t.Errorf("got %v, want invalid_token: a stale fill was kept", err)
	}
}

// slowStore stops the first reading of a token after it has read.
type slowStore struct {
	*store.Store
	once          sync.Once
	read, proceed chan struct{}
}

// slowly opens a database whose judge reads through a slowStore.
func (w *world) slowly() (*store.Store, *Verifier, *slowStore) {
	s, _ := w.node("")
	must(w.t, workspace(s, "ws1"))
	slow := &slowStore{Store: s, read: make(chan struct{}), proceed: make(chan struct{})}
	v := w.judge(slow)
	s.OnChange(v.Hear)
	return s, v, slow
}

func (s *slowStore) Token(ctx context.Context, id token.ID) (*token.Token, error) {
	t, err := s.Store.Token(ctx, id)
	s.once.Do(func() {
		close(s.read)
		<-s.proceed
	})
	return t, err
}

// A question that comes after a revocation was answered must not share the
// reading of one that began before it.
func TestQuestionAfterARevocationSharesNoOlderReading(t *testing.T) {
	w := newWorld(t)
	s, v, slow := w.slowly()
	secret, tok := w.issue(s, v.Applied(), nil)
	before, after := make(chan error, 1), make(chan error, 1)
	go func() { before <- ask(v, secret) }()
	<-slow.read // the row was read while it lived
	must(t, s.Commit(context.Background(), end(tok)))
	go func() { after <- ask(v, secret) }()
	select {
	case err := <-after: // it did not wait for the older reading
		if !token.Is(err, token.InvalidToken) {
			t.Errorf("got %v, want invalid_token", err)
		}
		close(slow.proceed)
	case <-time.After(time.Second):
		close(slow.proceed)
		if err := <-after; !token.Is(err, token.InvalidToken) {
			t.Errorf("got %v, want invalid_token: it was given what was read before the revocation", err)
		}
	}
	if err := <-before; err != nil && !token.Is(err, token.InvalidToken) {
		t.Errorf("a question that began before the revocation: got %v, want yes or invalid_token", err)
	}
}

// forgetful cannot read which keys have ended while it fails.
type forgetful struct {
	*store.Store
	fails atomic.Bool
}

func (s *forgetful) KeyCutoffs(ctx context.Context) (token.Cutoffs, error) {
	if s.fails.Load() {
		return nil, errors.New("away for a moment")
	}
	return s.Store.KeyCutoffs(ctx)
}

// endKey ends a signing key with every token that it signed.
func endKey(s *store.Store, id string) error {
	return s.Do(context.Background(), func(tx *store.Tx) error {
		tx.Cut(token.Cutoff{Support: token.Support{Kind: token.OnKey, ID: id}})
		return nil
	})
}

func TestEndedKeyThatCouldNotBeReadOfIsNoYes(t *testing.T) {
	check := func(w *world, s *store.Store, read *forgetful, v *Verifier) {
		t := w.t
		must(t, errors.Join(workspace(s, "ws1"), v.Poll(context.Background())))
		secret, _ := w.issue(s, v.Applied(), func(tok *token.Token) { tok.Key = "k1" })
		must(t, ask(v, secret))
		read.fails.Store(true)
		must(t, errors.Join(endKey(s, "k1"), v.Poll(context.Background())))
		for range 3 {
			if err := ask(v, secret); !token.Is(err, token.Unavailable) {
				t.Fatalf("before the list can be read: got %v, want temporarily_unavailable", err)
			}
			must(t, errors.Join(workspace(s, "ws2"), v.Poll(context.Background()))) // a change that is heard of heals nothing
		}
		read.fails.Store(false)
		if err := ask(v, secret); !token.Is(err, token.InvalidToken) {
			t.Errorf("once it can be read: got %v, want invalid_token", err)
		}
	}
	t.Run("own database", func(t *testing.T) {
		w := newWorld(t)
		s, _ := w.node("")
		read := &forgetful{Store: s}
		v := w.judge(read)
		s.OnChange(v.Hear)
		check(w, s, read, v)
	})
	t.Run("shared database", func(t *testing.T) {
		shared(t, func(w *world, a, b *store.Store, _, _ *Verifier) {
			read := &forgetful{Store: b}
			check(w, a, read, w.judge(read))
		})
	})
}

func TestCutoffOfAWorkspaceEndsItsCachedTokensAtOnce(t *testing.T) {
	w := newWorld(t)
	s, v := w.node("")
	must(t, workspace(s, "ws1"))
	must(t, workspace(s, "ws2"))
	mine, _ := w.issue(s, v.Applied(), nil)
	other, _ := w.issue(s, v.Applied(), func(tok *token.Token) { tok.Workspace = "ws2" })
	must(t, errors.Join(ask(v, mine), ask(v, other)))
	must(t, s.Do(context.Background(), func(tx *store.Tx) error {
		tx.Cut(token.Cutoff{Support: token.Support{Kind: token.OnWorkspace, ID: "ws1"}, Reason: "test"})
		return nil
	}))
	if err := ask(v, mine); !token.Is(err, token.InvalidToken) {
		t.Errorf("cut off: got %v, want invalid_token", err)
	}
	if err := ask(v, other); err != nil {
		t.Errorf("another workspace: got %v, want yes", err)
	}
	fresh, _ := w.issue(s, v.Applied(), nil)
	if err := ask(v, fresh); err != nil {
		t.Errorf("born after the cutoff: got %v, want yes", err)
	}
}

func TestMintThatRacedACutoffIsDeadAtBirthOrRefused(t *testing.T) {
	w := newWorld(t)
	s, v := w.node("")
	must(t, workspace(s, "ws1"))
	born := v.Applied()
	must(t, s.Do(context.Background(), func(tx *store.Tx) error {
		tx.Cut(token.Cutoff{Support: token.Support{Kind: token.OnWorkspace, ID: "ws1"}})
		return nil
	}))
	id := token.NewID(w.now(), token.Long)
	secret := w.format.Mint(token.Service, id)
	err := s.Commit(context.Background(), &token.Deed{Issue: []*token.Token{{
		ID: id, Credential: id, Kind: token.Service, Hash: token.HashOf(secret), Workspace: "ws1", Born: born,
	}}})
	if r := token.AsRefusal(err); r == nil || r.Reason != token.Stale {
		t.Errorf("got %v, want a refusal with reason stale", err)
	}
	if err := ask(v, secret); !token.Is(err, token.InvalidToken) {
		t.Errorf("got %v, want invalid_token", err)
	}
}

func TestMissingSupportIsANoAndIsNotRemembered(t *testing.T) {
	w := newWorld(t)
	s, v := w.node("")
	secret, _ := w.issue(s, v.Applied(), func(tok *token.Token) { tok.Workspace = "later" })
	if err := ask(v, secret); !token.Is(err, token.InvalidToken) {
		t.Fatalf("without its workspace: got %v, want invalid_token", err)
	}
	must(t, workspace(s, "later"))
	if err := ask(v, secret); err != nil {
		t.Errorf("the support is there now: got %v, want yes", err)
	}
}

// A session opens the pages alone, a code the token endpoint: that they open
// nothing else does not make them dead.
func TestEachKindStandsUntilItIsEnded(t *testing.T) {
	w := newWorld(t)
	s, v := w.node("")
	must(t, workspace(s, "ws1"))
	for _, kind := range append(slices.DeleteFunc(slices.Clone(token.Kinds), func(k token.Kind) bool { return k == token.Impersonated }), token.AuthCode, token.Session) {
		_, tok := w.issue(s, v.Applied(), func(tok *token.Token) { tok.Kind = kind })
		if err := v.Standing(t.Context(), tok); err != nil {
			t.Errorf("%s: got %v, want that it stands", kind, err)
		}
		must(t, s.Commit(t.Context(), end(tok)))
		tok, err := s.Token(t.Context(), tok.ID)
		must(t, err)
		if err := v.Standing(t.Context(), tok); !token.Is(err, token.InvalidToken) {
			t.Errorf("%s that was ended: got %v, want invalid_token", kind, err)
		}
	}
}

func TestWrongSecretForARightAddressIsUnknown(t *testing.T) {
	w := newWorld(t)
	s, v := w.node("")
	must(t, workspace(s, "ws1"))
	secret, tok := w.issue(s, v.Applied(), nil)
	must(t, ask(v, secret))
	forged := w.format.Mint(token.Service, tok.ID)
	wrong, unknown := ask(v, forged), ask(v, w.format.Mint(token.Service, token.NewID(w.now(), token.Long)))
	if wrong == nil || unknown == nil || wrong.Error() != unknown.Error() {
		t.Errorf("got %v and %v, want one refusal", wrong, unknown)
	}
}

// Callers that wait for one reading of a row are each held against their own
// secret (CVE-2026-71326 was a shared answer).
func TestSharedReadingSharesNoVerdict(t *testing.T) {
	w := newWorld(t)
	s, v := w.node("")
	must(t, workspace(s, "ws1"))
	for range 50 {
		secret, tok := w.issue(s, v.Applied(), nil)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				if i%2 == 0 {
					if err := ask(v, secret); err != nil {
						t.Errorf("right secret: got %v, want yes", err)
					}
					return
				}
				if err := ask(v, w.format.Mint(token.Service, tok.ID)); !token.Is(err, token.InvalidToken) {
					t.Errorf("forged secret: got %v, want invalid_token", err)
				}
			})
		}
		wg.Wait()
	}
}

func TestCacheIsBoundedAndForgetsNothingItNeeds(t *testing.T) {
	w := newWorld(t)
	s, v := w.node("")
	must(t, workspace(s, "ws1"))
	secrets := make([]string, 3000)
	for i := range secrets {
		secrets[i], _ = w.issue(s, v.Applied(), nil)
		must(t, ask(v, secrets[i]))
	}
	if n := v.Cached(); n > 1100 {
		t.Errorf("got %d tokens in memory, want about 1000", n)
	}
	for _, secret := range secrets {
		must(t, ask(v, secret))
	}
}

func TestImportedTokenIsFoundByItsHash(t *testing.T) {
	w := newWorld(t)
	s, v := w.node("")
	must(t, workspace(s, "ws1"))
	const secret = "CFPAT-made-elsewhere"
	if err := ask(v, secret); !token.Is(err, token.InvalidToken) {
		t.Fatalf("before the import: got %v, want invalid_token", err)
	}
	id := token.NewID(w.now(), token.Long)
	must(t, s.Do(context.Background(), func(tx *store.Tx) error {
		_, err := tx.Import(context.Background(), &token.Token{ID: id, Credential: id, Kind: token.Personal, Hash: token.HashOf(secret), Workspace: "ws1", Born: v.Applied()})
		return err
	}))
	if err := ask(v, secret); err != nil {
		t.Errorf("after the import: got %v, want yes", err)
	}
}
