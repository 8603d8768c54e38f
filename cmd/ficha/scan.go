package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/fichadev/ficha/internal/scan"
	"github.com/fichadev/ficha/internal/token"
)

// scanCommand looks for secrets where they should not be.
type scanCommand struct {
	Text  scanText  `cmd:"" default:"withargs" help:"Find secrets in files and folders (as if \"text\" stood there), in git history or in the input."`
	Rules scanRules `cmd:"" help:"Print rules by which other scanners find this server's secrets."`
}

// scanRules prints rules.
type scanRules struct {
	Format      string `enum:"gitleaks,trufflehog,regex" default:"gitleaks" help:"Whose language: gitleaks, trufflehog or regex."`
	Environment string `env:"FICHA_ENVIRONMENT" help:"The server's environment, which is part of every prefix." placeholder:"NAME"`
}

// Run prints them; it needs no server and no key.
func (c *scanRules) Run() error {
	format, err := token.NewFormat(c.Environment, make([]byte, 16))
	if err != nil {
		return err
	}
	text, _ := scan.Write(c.Format, scan.Rules(format))
	fmt.Print(text)
	return nil
}

// scanText looks for secrets. Their checksums are looked at without a server;
// with a token of one, it is asked which of them live.
type scanText struct {
	remote  `embed:""`
	Paths   []string `arg:"" optional:"" help:"Files and folders; the current folder if nothing else is named."`
	Stdin   bool     `help:"Look through the standard input."`
	Staged  bool     `help:"Look through what the next commit of the git repository here would add."`
	History bool     `help:"Look through every commit of the git repository here."`
	Git     string   `help:"Look through every commit of a git repository." placeholder:"FOLDER"`
	MaxSize int64    `default:"50" help:"Pass over files of more than so many MB." placeholder:"MB"`
	Issuer  string   `env:"FICHA_ISSUER" help:"Only signed tokens of this issuer are meant." placeholder:"URL"`
	JSON    bool     `xor:"shape" help:"Print JSON."`
	SARIF   bool     `xor:"shape" name:"sarif" help:"Print SARIF 2.1.0, as code scanning takes it."`
	Revoke  bool     `help:"End what was found: with a token the live ones, else all. It asks first."`
	Yes     bool     `help:"Do not ask."`
}

// Run prints what was found, never a whole secret. That there is a live one, or
// one of which that is not known, is a failure.
func (c *scanText) Run(ctx context.Context) error {
	s := &sweep{reader: scan.Reader{Issuer: c.Issuer}, most: c.MaxSize << 20, warn: os.Stderr}
	if err := c.look(ctx, s); err != nil {
		return err
	}
	if c.Token != "" {
		if err := c.ask(ctx, s.found); err != nil {
			return err
		}
	}
	if err := c.print(s.found); err != nil {
		return err
	}
	alarming := alarming(s.found, c.Token != "")
	if len(alarming) == 0 {
		return nil
	}
	if c.Revoke {
		return c.end(ctx, alarming)
	}
	if c.Token == "" {
		return fmt.Errorf("secrets found: %d; put a token into FICHA_TOKEN to hear which of them live", len(alarming))
	}
	return fmt.Errorf("live secrets found: %d; --revoke ends them", len(alarming))
}

// look reads everything that was named.
func (c *scanText) look(ctx context.Context, s *sweep) error {
	if c.History && c.Git == "" {
		c.Git = "."
	}
	if c.Stdin {
		if err := s.read("stdin", os.Stdin); err != nil {
			return err
		}
	}
	if c.Staged {
		if err := s.git(ctx, ".", stagedArgs); err != nil {
			return err
		}
	}
	if c.Git != "" {
		if err := s.git(ctx, c.Git, historyArgs); err != nil {
			return err
		}
	}
	if len(c.Paths) == 0 && !c.Stdin && !c.Staged && c.Git == "" {
		c.Paths = []string{"."}
	}
	for _, path := range c.Paths {
		if err := s.walk(ctx, path); err != nil {
			return err
		}
	}
	return nil
}

// alarming returns each secret once that lives, or may where nobody was asked.
func alarming(all []finding, asked bool) []string {
	var list []string
	seen := map[string]bool{}
	for i := range all {
		f := &all[i]
		if !seen[f.Secret] && (f.Status == live || !asked) {
			seen[f.Secret] = true
			list = append(list, f.Secret)
		}
	}
	return list
}

// end ends secrets by showing them, which takes no other right. Those of
// webhooks are reported so, and go on signing until somebody rotates them.
func (c *scanText) end(ctx context.Context, secrets []string) error {
	signing := 0
	for _, secret := range secrets {
		if strings.HasPrefix(secret, token.WebhookPrefix) {
			signing++
		}
	}
	if !c.Yes && !agreed(fmt.Sprintf("End the secrets found (%d) at %s? Whatever uses them stops working. [y/N] ", len(secrets), c.Server)) {
		return errors.New("nothing was ended: --yes ends without asking")
	}
	for len(secrets) > 0 {
		n := min(len(secrets), mostAsked)
		q, err := post("/v1/leaks/self-revoke", map[string]any{"tokens": secrets[:n], "source": "ficha scan"})
		if err != nil {
			return err
		}
		req, err := c.nobodys(ctx, q)
		if err != nil {
			return err
		}
		if err := c.send(req, nil); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "secrets that were shown to the server: %d\n", n)
		secrets = secrets[n:]
	}
	if signing > 0 {
		return fmt.Errorf("secrets were found, and ended but for those of webhooks (%d): rotate these with \"ficha webhook rotate\", and take all out of where they stand", signing)
	}
	return errors.New("secrets were found, and ended: take them out of where they stand")
}

// agreed asks whoever sits at the terminal; nobody there is a no.
func agreed(question string) bool {
	state, err := os.Stdin.Stat()
	if err != nil || state.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	fmt.Fprint(os.Stderr, question)
	answer, err := bufio.NewReader(os.Stdin).ReadString('\n')
	return err == nil && strings.HasPrefix(strings.ToLower(answer), "y")
}
