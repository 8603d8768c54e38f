package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/fichadev/ficha/internal/upstream"
)

// provider names the OpenID provider that people may sign in with: all of it, but for
// the scopes, or nothing.
type provider struct {
	Issuer       string `env:"FICHA_UPSTREAM_ISSUER" help:"OpenID provider that people may sign in with, such as https://accounts.google.com." placeholder:"URL"`
	ClientID     string `name:"client-id" env:"FICHA_UPSTREAM_CLIENT_ID" help:"What this server is known by there." placeholder:"ID"`
	ClientSecret string `env:"FICHA_UPSTREAM_CLIENT_SECRET" help:"Its secret there, or file:PATH of it." placeholder:"SECRET"`
	Name         string `env:"FICHA_UPSTREAM_NAME" help:"What people call it: the sign-in says \"Continue with NAME\"." placeholder:"NAME"`
	Scopes       string `env:"FICHA_UPSTREAM_SCOPES" help:"What it is asked for; openid email profile if not given." placeholder:"SCOPES"`
}

// config reads the secret where it is a file's.
func (p provider) config(readFile func(string) ([]byte, error)) (upstream.Config, error) {
	cfg := upstream.Config{Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: p.ClientSecret, Name: p.Name, Scopes: p.Scopes}
	path, isFile := strings.CutPrefix(p.ClientSecret, "file:")
	if !isFile {
		return cfg, nil
	}
	text, err := readFile(filepath.Clean(path))
	if err != nil {
		return cfg, fmt.Errorf("upstream-client-secret: %w", err)
	}
	cfg.ClientSecret = strings.TrimSpace(string(text))
	return cfg, nil
}
