// Command hardtack looks after the keys and cookies of Hardtack sessions.
//
//	hardtack keys new|add|promote|retire|rotate|list|export|print
//	hardtack inspect          why doesn't this cookie open?
//	hardtack schedule new     a master secret for keyring.NewSchedule
//	hardtack doctor URL       the headers of a live login
//	hardtack fleet status     do the instances of a fleet hear each other?
//	hardtack version, hardtack completion SHELL
//
// Every command takes -h, which shows an example, and --json. The exit status is
//
//	0  done
//	1  refused: the cookie doesn't open, the key is in use, the doctor found something,
//	   the fleet isn't well
//	2  usage: the command line is wrong
//	3  I/O: a file or the network failed
//
// A command that would print a secret refuses a terminal unless it is given --force.
// No command prints what is in a session unless it is given --show.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program, and returns its exit status.
func run(args []string, in io.Reader, out, diag io.Writer) int {
	a := &app{in: in, out: out, diag: diag, now: time.Now}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(diag)
	err := root.Execute()
	if err == nil {
		return exitDone
	}
	if errors.Is(err, errSaid) {
		return exitRefused
	}
	fmt.Fprintln(diag, "hardtack:", err)
	// The flag itself may not have been parsed.
	if code := codeOf(err); !a.json && !slices.Contains(args, "--json") {
		return code
	} else {
		a.json = true
		a.answer(failure{err.Error(), code}, nil)
		return code
	}
}

// failure is what a command that failed answers with --json.
type failure struct {
	Error string `json:"error"`
	Exit  int    `json:"exit"`
}

// app is what all commands share.
type app struct {
	in        io.Reader
	out, diag io.Writer
	now       func() time.Time
	json      bool
}

const overview = `Keys and cookies of Hardtack sessions.

Exit status: 0 done, 1 refused (the cookie doesn't open, the key is in use,
the doctor found something, the fleet isn't well), 2 usage, 3 a file or the network
failed.`

func (a *app) root() *cobra.Command {
	root := a.group(&cobra.Command{
		Use:   "hardtack",
		Short: "Keys and cookies of Hardtack sessions",
		Long:  overview,
		Example: `  hardtack keys new keys.json
  hardtack inspect --keys keys.json < cookie`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}, a.keys(), a.inspect(), a.schedule(), a.doctor(), a.fleet(), a.version(), a.completion())
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON")
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(a.help())
	root.CompletionOptions.DisableDefaultCmd = true
	return root
}

// group makes a command of others. Cobra answers a misspelt command below the root with
// help and success, which would hide the mistake from a script.
func (a *app) group(cmd *cobra.Command, children ...*cobra.Command) *cobra.Command {
	cmd.AddCommand(children...)
	cmd.Args = cobra.ArbitraryArgs
	cmd.SuggestionsMinimumDistance = 2 // one letter wrong, or two in the wrong order
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			cmd.SetOut(a.diag)
			cmd.Help()
			return usage("which command?")
		}
		return unknownCommand(cmd, args[0])
	}
	return cmd
}

func unknownCommand(cmd *cobra.Command, name string) error {
	if like := cmd.SuggestionsFor(name); len(like) > 0 {
		return usage("no such command; did you mean %s %s?", cmd.CommandPath(), like[0])
	}
	return usage("no such command: %s -h lists them", cmd.CommandPath())
}

func (a *app) help() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Explain a command",
		Example: "  hardtack help keys rotate",
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				return unknownCommand(found, rest[0])
			}
			return found.Help()
		},
	}
}

// answer prints a result: with --json the value itself, otherwise what text writes. It
// is written in one piece, and a full disk or a closed pipe is an error.
func (a *app) answer(value any, text func(w io.Writer)) error {
	var b bytes.Buffer
	if a.json {
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(value); err != nil {
			return err
		}
	} else {
		text(&b)
	}
	if _, err := a.out.Write(b.Bytes()); err != nil {
		return &ioError{err}
	}
	return nil
}

// isTerminal reports whether somebody looks at what is written to w.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// secret refuses to print a secret to a terminal: it would stay in the scrollback, and
// in the log of whatever records the session.
func (a *app) secret(force bool) error {
	if isTerminal(a.out) && !force {
		return refuse("this prints a secret, and the output is a terminal: pipe it into the secret store, or use --force")
	}
	return nil
}

// forceFlag is the flag of the commands that print secrets.
func forceFlag(cmd *cobra.Command, force *bool) {
	cmd.Flags().BoolVar(force, "force", false, "print the secret even to a terminal")
}

// warn is for what a command notices on the side.
func (a *app) warn(err error) { fmt.Fprintln(a.diag, "hardtack: warning:", err) }
