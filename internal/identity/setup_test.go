package identity

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

var firstOne = SetupRequest{Email: "Ana@example.test", Name: "Ana", Password: "correct horse", WorkspaceName: "New", WorkspaceID: "new"}

func (w *world) link() string {
	w.t.Helper()
	secret, needed, err := w.SetupLink(w.ctx)
	if err != nil || !needed || len(secret) < 26 {
		w.t.Fatalf("SetupLink = %q, %v, %v; want a secret of 128 bits or more", secret, needed, err)
	}
	return secret
}

func TestSetupMakesTheFirstSuperAdminOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		old := w.link()
		secret := w.link()
		for _, wrong := range []string{"", "x", old} {
			_, err := w.CompleteSetup(w.ctx, from("192.0.2.1"), wrong, firstOne)
			refused(t, err, token.AccessDenied)
		}
		p, err := w.CompleteSetup(w.ctx, from("192.0.2.1"), secret, firstOne)
		if err != nil {
			t.Fatal(err)
		}
		if m := p.In("new"); p.Email != "ana@example.test" || p.Name != "Ana" || !m.Live() || m.Role != token.SuperAdmin {
			t.Errorf("made %+v", p)
		}
		for _, e := range w.recorded("user.created", "server.set_up", "member.added") {
			if e.Workspace != "new" || e.Actor.Kind != token.System || e.Actor.ID != "setup" || e.Actor.Address != "192.0.2.1" {
				t.Errorf("the record is %+v", e)
			}
		}
		if ws, err := w.store.Workspace(w.ctx, "new"); err != nil || ws.Name != "New" || !ws.AllScopes || ws.Number == 0 {
			t.Errorf("the workspace is %+v, %v", ws, err)
		}
		if _, err := w.Authenticate(w.ctx, from("192.0.2.1"), p.Email, firstOne.Password); err != nil {
			t.Errorf("the first person cannot sign in: %v", err)
		}
		_, err = w.CompleteSetup(w.ctx, from("192.0.2.1"), secret, firstOne)
		refused(t, err, token.AccessDenied)
		if s, needed, err := w.SetupLink(w.ctx); s != "" || needed || err != nil {
			t.Errorf("SetupLink = %q, %v, %v; want none needed", s, needed, err)
		}
	})
}

func TestOfTwoSetupsOneWins(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		secret := w.link()
		const racers = 6
		var wg sync.WaitGroup
		errs := make([]error, racers)
		for i := range racers {
			wg.Go(func() {
				r := firstOne
				r.Email = string(rune('a'+i)) + "@example.test"
				_, errs[i] = w.CompleteSetup(w.ctx, from("192.0.2.1"), secret, r)
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			refused(t, err, token.AccessDenied)
		}
		if won != 1 {
			t.Errorf("%d setups were done, want 1", won)
		}
	})
}

func TestSetupIsOverWhereThereArePeople(t *testing.T) {
	w := newWorld(t, "sqlite")
	secret := w.link()
	w.user("ana@example.test", "")
	r := firstOne
	r.Email = "mallory@example.test"
	_, err := w.CompleteSetup(w.ctx, from("192.0.2.1"), secret, r)
	refused(t, err, token.Conflict)
	if ws, err := w.store.Workspace(w.ctx, "new"); ws != nil || err != nil {
		t.Errorf("a workspace was made: %+v, %v", ws, err)
	}
}

func TestRefusedSetupMayBeTriedAgain(t *testing.T) {
	w := newWorld(t, "sqlite")
	secret := w.link()
	for field, change := range map[string]func(*SetupRequest){
		"email":          func(r *SetupRequest) { r.Email = "ana" },
		"name":           func(r *SetupRequest) { r.Name = "a\nb" },
		"password":       func(r *SetupRequest) { r.Password = "eleven chrs" },
		"workspace_id":   func(r *SetupRequest) { r.WorkspaceID = "../x" },
		"workspace_name": func(r *SetupRequest) { r.WorkspaceName = "\x00" },
	} {
		r := firstOne
		change(&r)
		_, err := w.CompleteSetup(w.ctx, from("192.0.2.1"), secret, r)
		if got := token.AsRefusal(err); got == nil || len(got.Fields) != 1 || got.Fields[0].Name != field {
			t.Errorf("%s: got %v, want a refusal there", field, err)
		}
	}
	w.recorded()
	r := firstOne
	r.WorkspaceID, r.WorkspaceName = "", ""
	if p, err := w.CompleteSetup(w.ctx, from("192.0.2.1"), secret, r); err != nil || len(p.Live()) != 1 {
		t.Errorf("got %+v, %v; want a super admin of a workspace that was named for them", p, err)
	}
}

// A resources file may have made the workspace before there is anybody in it.
func TestSetupTakesAWorkspaceThatIsThere(t *testing.T) {
	w := newWorld(t, "sqlite")
	r := firstOne
	r.WorkspaceID, r.WorkspaceName = "ws1", "Mine"
	p, err := w.CompleteSetup(w.ctx, from("192.0.2.1"), w.link(), r)
	if err != nil || p.In("ws1") == nil {
		t.Fatalf("got %+v, %v; want a super admin of ws1", p, err)
	}
	if ws, err := w.store.Workspace(w.ctx, "ws1"); err != nil || ws.Name != "Acme" || ws.AllScopes {
		t.Errorf("the workspace became %+v, %v", ws, err)
	}
}

func TestSetupLeavesNoTraceWithoutItsRecord(t *testing.T) {
	w := newWorld(t, "sqlite")
	secret := w.link()
	w.store.broken = true
	if _, err := w.CompleteSetup(w.ctx, from("192.0.2.1"), secret, firstOne); err == nil || token.AsRefusal(err) != nil {
		t.Errorf("got %v, want a fault", err)
	}
	w.store.broken = false
	if _, err := w.CompleteSetup(w.ctx, from("192.0.2.1"), secret, firstOne); err != nil {
		t.Errorf("the link does not work any more: %v", err)
	}
}

func TestRoomSaysWhatItNeeds(t *testing.T) {
	w := newWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "other.db"))
	whole := Config{Store: w.store, Judge: w.store, Sealer: w.sealer, Now: w.clock.now, Log: w.log}
	if _, err := New(whole); err != nil {
		t.Errorf("New: %v", err)
	}
	for name, cut := range map[string]func(*Config){
		"Store": func(c *Config) { c.Store = nil }, "Judge": func(c *Config) { c.Judge = nil },
		"Sealer": func(c *Config) { c.Sealer = nil },
		"Now":    func(c *Config) { c.Now = nil }, "Log": func(c *Config) { c.Log = nil },
	} {
		c := whole
		cut(&c)
		if _, err := New(c); err == nil {
			t.Errorf("New without %s: no error", name)
		}
	}
}
