package panel_test

import (
	"net/http"
	"testing"

	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/server"
)

func TestFormsSayThatTheDatabaseDoesNotAnswer(t *testing.T) {
	if !pgtest.Available() {
		t.Skip("needs PostgreSQL")
	}
	link := pgtest.Proxy(t, pgtest.Start(t).Database(t))
	b := administrator(t, func(cfg *server.Config) { cfg.Database = link.DSN })
	const at = "/panel/w/ws1/settings"
	form := b.open(at).form(at).fill("name", "Acme")
	link.Cut()
	if s := form.post().says(http.StatusServiceUnavailable, "We cannot do this at the moment", "Nothing was done"); s.header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	b.follow(b.do(http.MethodPost, b.h.URL+"/panel/w/ws1/alerts/built-in", nil)).says(http.StatusServiceUnavailable, "We cannot do this at the moment")
	link.Heal()
	form.post().says(http.StatusOK, "The settings were saved")
}
