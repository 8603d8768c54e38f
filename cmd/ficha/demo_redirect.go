package main

import (
	"context"
	_ "embed"
	"errors"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// A redirectPage stands in for the app that a person installs: the consent
// page sends the browser there, and it shows what the app would ask next.
type redirectPage struct {
	uri   string
	front *http.Server
	done  chan struct{}
}

//go:embed demo/redirect.html
var redirectText string

// newRedirectPage serves the page on a loopback port of its own. The caller
// closes it.
func newRedirectPage(ctx context.Context, d *demo) (*redirectPage, error) {
	t, err := template.New("redirect").Parse(redirectText)
	if err != nil {
		return nil, err
	}
	l, err := listen(ctx, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &redirectPage{uri: "http://" + l.Addr().String() + "/oauth-callback", done: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /oauth-callback", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		query := r.URL.Query()
		if err := t.Execute(w, map[string]string{"Code": query.Get("code"), "Command": d.exchange(query.Get("code"))}); err != nil {
			d.log.Warn("show the page", slog.Any("error", err))
		}
	})
	p.front = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	go func() {
		defer close(p.done)
		if err := p.front.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			d.log.Warn("serve the page", slog.Any("error", err))
		}
	}()
	return p, nil
}

func (p *redirectPage) close() error {
	err := p.front.Close()
	<-p.done
	return err
}
