package web

import (
	"bytes"
	"log"
	"log/slog"
	"net/http"
	"sync"
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
		ErrorLog:          log.New(&complaints{log: f.log, now: f.now}, "", 0),
	}
}

// complaints is where net/http writes. Its texts may quote what a caller sent,
// so that only the fact is kept, and of one kind what it means: where nothing can
// be accepted callers hang, and nothing else would tell why.
type complaints struct {
	log *slog.Logger
	now func() time.Time

	mu   sync.Mutex
	told time.Time // when the last warning was given
}

// quiet is how long one warning stands for those that follow: net/http says it
// again each second and more often.
const quiet = 10 * time.Second

func (c *complaints) Write(text []byte) (int, error) {
	// Its words are all that net/http tells of an accept.
	if !bytes.HasPrefix(text, []byte("http: Accept error: ")) {
		c.log.Debug("net/http complained", "bytes", len(text))
		return len(text), nil
	}
	why := "the system refuses"
	if bytes.Contains(text, []byte("too many open files")) {
		why = "too many open files: raise the limit (LimitNOFILE, ulimit -n) or look who holds so many connections"
	}
	if c.due() {
		c.log.Warn("connections are not accepted and their callers wait", "why", why)
	}
	return len(text), nil
}

// due reports whether a warning is to be given now.
func (c *complaints) due() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if !c.told.IsZero() && now.Sub(c.told) < quiet {
		return false
	}
	c.told = now
	return true
}
