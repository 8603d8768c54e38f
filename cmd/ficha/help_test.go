package main

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func modelOf(t *testing.T) *kong.Application {
	t.Helper()
	parser, err := newParser(t.Context(), &cli{})
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model
}

func TestEveryCommandAndFlagSaysWhatItIsFor(t *testing.T) {
	seen := 0
	says := func(what, help string) {
		seen++
		switch {
		case help == "":
			t.Errorf("%s has no help", what)
		case !strings.HasSuffix(strings.TrimRight(help, ")"), ".") && !strings.Contains(help, "($"):
			t.Errorf("%s: %q is no sentence", what, help)
		}
	}
	err := kong.Visit(modelOf(t), func(node kong.Visitable, next kong.Next) error {
		switch n := node.(type) {
		case *kong.Node:
			says(n.FullPath(), n.Help)
		case *kong.Flag:
			says("--"+n.Name, n.OrigHelp)
		case *kong.Value:
			says("<"+n.Name+">", n.OrigHelp)
		}
		return next(nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 100 {
		t.Errorf("%d things were looked at, want all of them", seen)
	}
}

// Configuration has the same names everywhere: a flag --data-dir is FICHA_DATA_DIR.
func TestVariablesAreNamedAsTheirFlags(t *testing.T) {
	err := kong.Visit(modelOf(t), func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			for _, name := range flag.Envs {
				if want := "FICHA_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_")); name != want {
					t.Errorf("--%s is read from %s, want %s", flag.Name, name, want)
				}
			}
		}
		return next(nil)
	})
	if err != nil {
		t.Fatal(err)
	}
}
