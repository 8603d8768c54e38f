package web

import (
	"log"
	"log/slog"
	"net/http"
	"time"
)

// Server returns a server of the floor for an address, with a bound on
// everything that a slow or greedy caller could hold. It does not listen yet.
func (f *Floor) Server(listen string) *http.Server {
	return &http.Server{
		Addr:              listen,
		Handler:           f,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       90 * time.Second,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          log.New(complaints{f.log}, "", 0),
	}
}

// complaints is where net/http writes. Its texts may quote what a caller sent,
// so that only the fact is kept.
type complaints struct{ log *slog.Logger }

func (c complaints) Write(text []byte) (int, error) {
	c.log.Debug("net/http complained", "bytes", len(text))
	return len(text), nil
}
