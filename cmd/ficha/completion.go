package main

import (
	"embed"
	"io"
	"os"
	"strings"
	"text/template"

	"github.com/alecthomas/kong"
)

// completionCommand prints a script for a shell.
type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish. For bash: source <(ficha completion bash)."`
}

// Run writes the script out of the commands as they are.
func (c *completionCommand) Run(k *kong.Context) error {
	return complete(os.Stdout, c.Shell, k.Model.Node)
}

//go:embed completion/*.tmpl
var completionTexts embed.FS

// A place is where a command line can stand: at the program or at a command.
type place struct {
	At       string // the commands before, each with a space before it; "" at the program
	Commands []word
	Flags    []flagWord
	Words    []string // that an argument may be
}

// A word is what may come next.
type word struct{ Name, Help string }

// A flagWord is a flag with what may come after it.
type flagWord struct {
	word
	Takes bool // a value
	Words []string
	File  bool // the value is a file or a folder
}

// complete writes the completion of a program for a shell.
func complete(w io.Writer, shell string, program *kong.Node) error {
	text, err := completionTexts.ReadFile("completion/" + shell + ".tmpl")
	if err != nil {
		return err
	}
	t, err := template.New(shell).Funcs(template.FuncMap{"quote": quoteFor(shell), "join": strings.Join}).Parse(string(text))
	if err != nil {
		return err
	}
	return t.Execute(w, map[string]any{"Name": program.Name, "Places": placesOf(program, "")})
}

// placesOf lists a node and all below it.
func placesOf(n *kong.Node, at string) []place {
	here := place{At: at}
	for _, group := range n.AllFlags(true) {
		for _, f := range group {
			here.Flags = append(here.Flags, flagWordOf(f))
		}
	}
	for _, a := range n.Positional {
		here.Words = append(here.Words, wordsOf(a)...)
	}
	all := []place{}
	for _, child := range n.Children {
		if child.Type != kong.CommandNode || child.Hidden {
			continue
		}
		here.Commands = append(here.Commands, word{child.Name, child.Help})
		all = append(all, placesOf(child, at+" "+child.Name)...)
	}
	return append([]place{here}, all...)
}

func flagWordOf(f *kong.Flag) flagWord {
	file := f.PlaceHolder == "FILE" || f.PlaceHolder == "DIR"
	return flagWord{word: word{"--" + f.Name, f.Help}, Takes: !f.IsBool(), Words: wordsOf(f.Value), File: file}
}

func wordsOf(v *kong.Value) []string {
	if v.Enum == "" {
		return nil
	}
	var words []string
	for _, w := range v.EnumSlice() {
		if w != "" {
			words = append(words, w)
		}
	}
	return words
}

// quoteFor returns how a shell writes a text that it shall not look into.
func quoteFor(shell string) func(string) string {
	inner := `'\''`
	if shell == "fish" {
		inner = `\'`
	}
	return func(s string) string {
		if shell == "fish" {
			s = strings.ReplaceAll(s, `\`, `\\`)
		}
		return "'" + strings.ReplaceAll(s, "'", inner) + "'"
	}
}
