package main

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/fichadev/ficha/internal/server"
)

// demoCommand runs a throw-away server with something in it.
type demoCommand struct {
	Listen string `default:"127.0.0.1:8080" help:"Loopback address to listen on; the next free port if that one is taken." placeholder:"ADDRESS"`
	Check  bool   `help:"Do the main job once by all five contracts (issue, verify, revoke, see it refused), say so, and end."`
}

//go:embed demo/resources.yaml
var demoResources []byte

// A demo is a server in a folder that is removed with it.
type demo struct {
	server   *server.Server
	listener net.Listener
	redirect *redirectPage
	url      string
	secrets  map[string]string // by the name that the resources file has for them
	dir      string
	log      *slog.Logger
}

// Run serves until it is told to stop, or checks once. Nothing is left behind.
func (c *demoCommand) Run(ctx context.Context) (err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	d, err := newDemo(ctx, c.Listen)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	served := make(chan error, 1)
	go func() { served <- serve(ctx, d.server, d.listener, d.log) }()
	if c.Check {
		err = d.check(ctx, os.Stdout)
		stop()
		return errors.Join(err, <-served)
	}
	if err = d.print(os.Stdout); err != nil {
		stop()
	}
	return errors.Join(err, <-served)
}

// newDemo makes the folder and the server, and listens. The caller closes it.
func newDemo(ctx context.Context, address string) (d *demo, err error) {
	d = &demo{secrets: demoSecrets(), log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if d.dir, err = os.MkdirTemp("", "ficha-demo-"); err != nil {
		return d, err
	}
	if d.listener, err = listenNear(ctx, address); err != nil {
		return d, err
	}
	d.url = "http://" + d.listener.Addr().String()
	if d.redirect, err = newRedirectPage(ctx, d); err != nil {
		return d, err
	}
	d.secrets["REDIRECT_URI"] = d.redirect.uri
	d.server, err = server.New(ctx, server.Config{
		DataDir: d.dir, Issuer: d.url, Environment: "demo", Now: time.Now, Log: d.log,
		Env: func(name string) (string, bool) {
			value, ok := d.secrets[name]
			return value, ok
		},
	})
	if err != nil {
		return d, err
	}
	if _, err = d.server.Apply(ctx, "demo.yaml", demoResources, false); err != nil {
		return d, err
	}
	d.server.Start(ctx)
	return d, nil
}

// close ends everything and removes the folder.
func (d *demo) close() (err error) {
	if d.redirect != nil {
		err = d.redirect.close()
	}
	if d.listener != nil {
		d.listener.Close() // a server that has drained has closed it
	}
	if d.server != nil {
		err = errors.Join(err, d.server.Close())
	}
	return errors.Join(err, os.RemoveAll(d.dir))
}

// demoSecrets are good for one run.
func demoSecrets() map[string]string {
	secrets := map[string]string{"PERSONAL_TOKEN": "CFPAT-" + (rand.Text() + rand.Text())[:43]}
	for _, name := range []string{"ANA_PASSWORD", "LEO_PASSWORD", "MIA_PASSWORD", "BACKEND_SECRET", "FANBASE_SECRET", "HUBSPOT_SECRET", "ADMIN_TOKEN"} {
		secrets[name] = rand.Text()
	}
	var clientToken [32]byte
	rand.Read(clientToken[:])
	secrets["CLIENT_TOKEN"] = hex.EncodeToString(clientToken[:])
	return secrets
}

// portsTried is how many ports behind a taken one are tried.
const portsTried = 100

// listenNear listens on a loopback address, or on the next free port.
func listenNear(ctx context.Context, address string) (net.Listener, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil || !loopback(host) {
		return nil, fmt.Errorf("listen: %q is no loopback address: the demo is for this machine alone, write it as 127.0.0.1:8080", address)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("listen: %q is no port: write it as 127.0.0.1:8080", text)
	}
	for try := range portsTried {
		var l net.Listener
		if l, err = listen(ctx, net.JoinHostPort(host, strconv.Itoa(port+try))); err == nil {
			return l, nil
		}
	}
	return nil, err
}
