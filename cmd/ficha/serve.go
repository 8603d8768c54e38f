package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/fichadev/ficha/internal/resources"
	"github.com/fichadev/ficha/internal/server"
)

// serveCommand runs the server until it is told to stop.
type serveCommand struct {
	settings `embed:""`
	Apply    string `help:"Resources file to apply before listening." placeholder:"FILE"`
}

// drain is how long requests under way may take to finish at the end.
const drain = 20 * time.Second

// Run checks everything, listens last, and drains at the end.
func (c *serveCommand) Run(ctx context.Context) error {
	signal.Ignore(syscall.SIGPIPE) // a log whose reader is gone ends no server
	out := &lines{out: os.Stderr}
	defer out.Flush() //nolint:errcheck // a log that cannot be written has nowhere to say so
	log := c.logger(out)
	defer runtime.KeepAlive(slack())
	if err := warnUnknown(ctx, log); err != nil {
		return err
	}
	listener, err := c.early(ctx)
	if err != nil {
		return err
	}
	cfg, err := c.config(log)
	if err != nil {
		return err
	}
	if c.Apply != "" && cfg.Environment == "" {
		if cfg.Environment, err = declaredEnvironment(cfg, c.Apply); err != nil {
			return err
		}
	}
	s, err := server.New(ctx, cfg)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // told below where it matters
	s.Metrics.Watch("log_lines_dropped", "Lines of the log that nobody read in time, since the start.", out.Dropped)
	if c.Apply != "" {
		if err := applyFile(ctx, s, c.Apply); err != nil {
			return err
		}
	}
	s.Start(ctx)
	if listener == nil {
		if listener, err = listen(ctx, c.Listen); err != nil {
			return err
		}
	}
	if err := greet(ctx, s, cfg.Issuer); err != nil {
		return err
	}
	return serve(ctx, s, listener, log)
}

// slack returns memory that is never touched, so that it takes none: the
// collector counts it as in use and begins when the garbage has grown to as
// much, rather than every 4 MB, which a busy server makes many times a second.
// Who sets GOGC or GOMEMLIMIT knows better, and gets none.
func slack() []byte {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	return make([]byte, 32<<20)
}

// early listens first where the port is the system's to choose, since the
// issuer's URL must be known before anything else.
func (c *serveCommand) early(ctx context.Context) (net.Listener, error) {
	if !strings.HasSuffix(c.Listen, ":0") || c.Issuer != "" {
		return nil, nil
	}
	l, err := listen(ctx, c.Listen)
	if err == nil {
		c.Listen = l.Addr().String()
	}
	return l, err
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w: is another server running there? choose another address with --listen", address, err)
	}
	return l, nil
}

// declaredEnvironment reads from a resources file which environment a new
// database is for.
func declaredEnvironment(cfg server.Config, name string) (string, error) {
	text, err := os.ReadFile(filepath.Clean(name))
	if err != nil {
		return "", err
	}
	file, _, err := resources.Parse(name, text, cfg.Env, cfg.ReadFile)
	if err != nil {
		return "", err
	}
	return file.Environment, nil
}

// greet prints where the server is and, on an empty database, the link that
// makes the first super admin.
func greet(ctx context.Context, s *server.Server, issuer string) error {
	secret, needed, err := s.Identity.SetupLink(ctx)
	if err != nil {
		return err
	}
	text := "Ficha is at " + issuer + "\n"
	if needed {
		text += "Make the first super admin (this link works once):\n  " + issuer + "/panel/setup?token=" + secret + "\n"
	}
	fmt.Print(text)
	return nil
}

// serve answers until ctx ends, then stops accepting and lets what is under
// way finish.
func serve(ctx context.Context, s *server.Server, l net.Listener, log *slog.Logger) error {
	front := s.Floor.Server("")
	failed := make(chan error, 1)
	go func() { failed <- front.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	log.Info("draining")
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	err := front.Shutdown(end)
	if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	// A connection may have been accepted while the listener was closed, too late
	// for the first call to see it. Nothing is accepted any more now.
	return errors.Join(err, front.Shutdown(end), s.Close())
}

// warnUnknown names variables that look like ours and are not: a typing error
// would otherwise be silent.
func warnUnknown(ctx context.Context, log *slog.Logger) error {
	known, err := ownVariables(ctx)
	if err != nil {
		return err
	}
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "FICHA_") && !strings.HasPrefix(name, "FICHA_TEST_") && !known[name] {
			log.Warn("unknown variable: see \"ficha serve --help\"", slog.String("name", name))
		}
	}
	return nil
}

// ownVariables are those that some flag is read from.
func ownVariables(ctx context.Context) (map[string]bool, error) {
	parser, err := newParser(ctx, &cli{})
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	return known, kong.Visit(parser.Model, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			for _, name := range flag.Envs {
				known[name] = true
			}
		}
		return next(nil)
	})
}
