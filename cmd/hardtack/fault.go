package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"regexp"
	"strings"
	"syscall"

	"github.com/hardtack-go/hardtack/keyring"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The exit statuses. Scripts depend on them.
const (
	exitDone    = 0
	exitRefused = 1
	exitUsage   = 2
	exitIO      = 3
)

// errSaid ends a command with exitRefused whose answer has said why.
var errSaid = errors.New("refused")

// usageError says what is wrong with the command line. It doesn't repeat it: what
// stands in the wrong place may be a secret.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usage(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// refusal says why something isn't done.
type refusal struct{ text string }

func (e *refusal) Error() string { return e.text }

func refuse(format string, args ...any) error { return &refusal{fmt.Sprintf(format, args...)} }

// ioError marks an error of a file or of the network that doesn't show by its type.
type ioError struct{ error }

func (e *ioError) Unwrap() error { return e.error }

// codeOf returns the exit status for an error. A key file with a fault in it is
// refused. One that can't be read or written is I/O, and may work the next time.
func codeOf(err error) int {
	var (
		wrong   *usageError
		refused *refusal
		failed  *ioError
		path    *fs.PathError
		number  syscall.Errno
		network net.Error
	)
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &wrong):
		return exitUsage
	case errors.As(err, &refused), errors.Is(err, fs.ErrExist):
		return exitRefused
	case errors.As(err, &failed), errors.As(err, &number), errors.As(err, &network), errors.Is(err, fs.ErrNotExist), errors.Is(err, io.ErrUnexpectedEOF),
		errors.As(err, &path) && path.Op == "lock":
		return exitIO
	}
	return exitRefused
}

// flagName is a flag's name as we write them. Nothing else is repeated in an error.
var flagName = regexp.MustCompile(`^[a-z]{2,12}(-[a-z]{2,12})?$`)

// flagError is a fault of the flags, without what was typed.
func flagError(cmd *cobra.Command, err error) error {
	var (
		invalid *pflag.InvalidValueError
		missing *pflag.ValueRequiredError
		unknown *pflag.NotExistError
	)
	help := cmd.CommandPath() + " -h"
	switch {
	case errors.As(err, &invalid):
		return usage("--%s %s", invalid.GetFlag().Name, wanted(invalid.GetFlag().Value))
	case errors.As(err, &missing):
		return usage("--%s needs a value", missing.GetFlag().Name)
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "" && flagName.MatchString(unknown.GetSpecifiedName()):
		return usage("no flag --%s: %s lists them", unknown.GetSpecifiedName(), help)
	}
	if strings.Contains(cmd.Use, "KID") {
		return usage("no such flag: %s lists them (a kid that begins with - goes after --)", help)
	}
	return usage("no such flag: %s lists them", help)
}

// wanted says what a flag's value has to look like.
func wanted(v pflag.Value) string {
	if w, ok := v.(interface{ Wanted() string }); ok {
		return w.Wanted()
	}
	return "must be a " + v.Type()
}

// takes demands exactly these arguments.
func takes(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == len(names):
			return nil
		case len(names) == 0:
			return usage("%s takes no arguments", cmd.CommandPath())
		}
		return usage("%s takes %s, not %d arguments", cmd.CommandPath(), strings.Join(names, " and "), len(args))
	}
}

// explain adds to an error of the keyring what to do about it.
func explain(err error, file, kid string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, keyring.ErrInUse):
		return refuse("%s is the primary key, which seals: rotate, or promote another, and retire it one session life later. If it leaked: %s",
			kid, command("keys rotate", file, "--replace", kid))
	case errors.Is(err, keyring.ErrUnknownKey):
		return refuse("no key %s in the file: %s", kid, command("keys list", file))
	case errors.Is(err, keyring.ErrOlder) && kid != "":
		return refuse("%s is older than another key of the file, and no instance moves a session to an older key. To go back, go forward: %s",
			kid, command("keys rotate", file))
	case errors.Is(err, keyring.ErrFull):
		return refuse("the file has 16 keys, the most that fit: retire some (%s shows which), or let a new key replace one (rotate --replace KID)",
			command("keys list", file))
	case errors.Is(err, fs.ErrExist):
		return refuse("%s exists and stays as it is: a new key file would end every session. To change it: %s", file, command("keys rotate", file))
	case errors.Is(err, fs.ErrNotExist):
		return &ioError{fmt.Errorf("%s: no such file (hardtack keys new makes one)", file)}
	}
	var parse *keyring.ParseError
	if errors.As(err, &parse) {
		return err
	}
	return fmt.Errorf("%w (the key file is as it was)", err)
}
