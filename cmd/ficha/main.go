// Command ficha is the door: it reads the configuration, and then serves, speaks
// to a server that runs, or looks after its database.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is every subcommand; what follows a name here is its help.
type cli struct {
	Config kong.ConfigFlag `help:"YAML file with the same names as the flags." placeholder:"FILE"`

	Serve   serveCommand   `cmd:"" help:"Run the server."`
	Demo    demoCommand    `cmd:"" help:"Run a throw-away server with something in it, and print commands to paste."`
	Migrate migrateCommand `cmd:"" help:"Bring the database's schema to this program's version."`
	Check   checkCommand   `cmd:"" help:"Ask the invariants of a live database."`
	Backup  backupCommand  `cmd:"" help:"Copy a SQLite database while it is served."`
	Restore restoreCommand `cmd:"" help:"Put a backup in place; nothing that ended comes back to life."`

	Apply       applyCommand       `cmd:"" help:"Bring a running server to what a resources file declares."`
	Token       tokenCommand       `cmd:"" help:"Issue, list, show, revoke, suspend, resume and introspect tokens of a running server."`
	Revoke      revokeCommand      `cmd:"" help:"Revoke, suspend or resume many tokens of a running server by one deed; without --yes, say what it would hit."`
	Revocation  revocationCommand  `cmd:"" help:"See what was done to many tokens at once, and its receipts."`
	Leak        leakCommand        `cmd:"" help:"Report a secret that was found where it should not be, or end it."`
	Uses        usesCommand        `cmd:"" help:"Tell of the use of tokens that a service judged by itself."`
	ExpiryFeed  feedCommand        `cmd:"" help:"Make and end the address of your calendar of what expires."`
	Scope       scopeCommand       `cmd:"" help:"See the scopes that tokens can have."`
	Client      clientCommand      `cmd:"" help:"Look after the clients of a running server."`
	ClientToken clientTokenCommand `cmd:"" help:"See and rotate the client tokens of the Chronos contract."`
	Rotation    rotationCommand    `cmd:"" help:"See the rotations of a workspace, and confirm, cancel, undo or finish them."`
	Key         keyCommand         `cmd:"" help:"See the signing keys, rotate them, or end one that has leaked."`
	Webhook     webhookCommand     `cmd:"" help:"Subscribe addresses to events, try them, and see and repeat what was delivered."`
	User        userCommand        `cmd:"" help:"Look after the members of a workspace of a running server."`
	Policy      policyCommand      `cmd:"" help:"Show, set or try the policy of a workspace of a running server."`
	Alerts      alertsCommand      `cmd:"" help:"See what fires in a workspace, and by which rules it is told."`
	Job         jobCommand         `cmd:"" help:"See what happens by itself, and when it last did."`
	Audit       auditCommand       `cmd:"" help:"Read the ledger of a running server, or prove it from the database."`

	Scan scanCommand `cmd:"" help:"Find secrets of Ficha in files, in git history or in the input, and print rules that let other scanners find them."`

	Impersonate   impersonateCommand   `cmd:"" help:"Act as a member for some minutes; the token is printed once, alone, on the standard output."`
	Impersonation impersonationCommand `cmd:"" help:"See who acts or acted as a member, and end that."`

	Completion completionCommand `cmd:"" help:"Print what makes a shell complete these commands."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
}

func main() {
	dropEmpty()
	ctx, stop := signal.NotifyContext(context.Background(), endings()...)
	defer stop()
	os.Exit(run(ctx, os.Args[1:]))
}

// endings are the signals that ask the program to end. A terminal that is closed
// sends SIGHUP, which would else end a server at once; nohup has it ignored, and
// it stays so.
func endings() []os.Signal {
	all := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		all = append(all, syscall.SIGHUP)
	}
	return all
}

// dropEmpty takes an empty variable for none: that is how a compose file writes
// what its operator has not set.
func dropEmpty() {
	for _, pair := range os.Environ() {
		if name, value, _ := strings.Cut(pair, "="); value == "" && strings.HasPrefix(name, "FICHA_") {
			os.Unsetenv(name) //nolint:errcheck // a name that was just read can be unset
		}
	}
}

// run runs one command and returns the exit code: 0 done, 1 refused or failed,
// 2 not understood.
func run(ctx context.Context, args []string) int {
	parser, err := newParser(ctx, &cli{})
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

func newParser(ctx context.Context, c *cli) (*kong.Kong, error) {
	return kong.New(c,
		kong.Name("ficha"),
		kong.Description("Ficha is a token server: it issues, lists, introspects, revokes and audits every token that opens a platform's APIs."),
		kong.Configuration(yamlFile),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
}
