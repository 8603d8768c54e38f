// Command ficha is the door: it reads the configuration, ties the rooms
// together and serves, or speaks to a server that runs.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is every subcommand; what follows a name here is its help.
type cli struct {
	Config kong.ConfigFlag `help:"YAML file with the same names as the flags." placeholder:"FILE"`

	Serve   serveCommand   `cmd:"" help:"Run the server."`
	Migrate migrateCommand `cmd:"" help:"Bring the database's schema to this program's version."`
	Check   checkCommand   `cmd:"" help:"Ask the invariants of a live database."`
	Backup  backupCommand  `cmd:"" help:"Copy a SQLite database while it is served."`
	Restore restoreCommand `cmd:"" help:"Put a backup in place; nothing that ended comes back to life."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:]))
}

// run runs one command and returns the exit code: 0 done, 1 refused or failed,
// 2 not understood.
func run(ctx context.Context, args []string) int {
	var c cli
	parser, err := kong.New(&c,
		kong.Name("ficha"),
		kong.Description("Ficha is a token server: it issues, lists, introspects, revokes and audits every token that opens a platform's APIs."),
		kong.UsageOnError(),
		kong.Configuration(yamlFile),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, "ficha:", err)
		return 2
	}
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "ficha: %v: see \"ficha --help\"\n", err)
		return 2
	}
	if err := command.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "ficha:", err)
		return 1
	}
	return 0
}
