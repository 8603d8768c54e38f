package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// A maker is what every command has that makes a secret.
type maker struct {
	asker  `embed:""`
	Output string `short:"o" help:"File for the secret, written whole or not at all, readable by its owner alone." placeholder:"FILE"`
}

// A delivery is a secret on its way from the answer that made it.
type delivery struct {
	made map[string]any
	name string // of the secret in the answer
	what string // it is, for people
	lost string // what to do where the file cannot be written
}

// deliver brings a secret to the file; without one, alone to the standard
// output, so that $(ficha …) is the secret, and what it is beside it.
func (m maker) deliver(d delivery) error {
	secret, _ := d.made[d.name].(string)
	switch {
	case secret == "":
		return errors.New("the server's answer holds no secret: check --server")
	case m.Output != "":
		if err := writeSecret(m.Output, secret); err != nil {
			return fmt.Errorf("%w; %s", err, d.lost)
		}
		fmt.Fprintln(os.Stderr, d.what)
		return nil
	case m.JSON:
		return writeJSON(os.Stdout, d.made)
	}
	fmt.Fprintf(os.Stderr, "%s\nThe secret is shown this once; it will not be shown again.\n", d.what)
	fmt.Println(secret)
	return nil
}

// writeSecret puts a secret in the place of a file's content.
func writeSecret(name, secret string) error {
	err := replaceFile(name, func(w io.Writer) error {
		_, err := io.WriteString(w, secret+"\n")
		return err
	})
	if err != nil {
		return fmt.Errorf("write the secret: %w", err)
	}
	return nil
}

// replaceFile puts what is written in the place of a file's content, whole or
// not at all. Nobody but its owner may read the file.
func replaceFile(name string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".ficha-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name()) //nolint:errcheck // the first error is told
		}
	}()
	err = write(f)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
