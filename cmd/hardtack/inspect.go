package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hardtack-go/hardtack/cmd/hardtack/internal/inspect"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/ssestore"
	"github.com/spf13/cobra"
)

// maxInput is more than any server takes as a request's header.
const maxInput = 64 << 10

func (a *app) inspect() *cobra.Command {
	var c inspect.Config
	var keys string
	at := &moment{now: func() time.Time { return a.now() }}
	idle, absolute := span(ssestore.DefaultIdle), span(ssestore.DefaultAbsolute)
	persistentIdle, persistentAbsolute := span(ssestore.DefaultPersistentIdle), span(ssestore.DefaultPersistentAbsolute)
	cmd := &cobra.Command{
		Use:   "inspect",
		Short: "Say whether a cookie opens, and why not",
		Long: `Say whether a cookie opens, and why not. It reads a value, a Cookie header or a
Set-Cookie line from standard input, where it stays out of the shell's history.

It never prints the session's id or stamp. It prints user ids and values only with
--show. Whether the user still has the password that the stamp stands for, only the
application can tell.

Exit status 0 means that the cookie opens (or has a good form, without --keys).`,
		Example: `  hardtack inspect --keys keys.json < cookie
  hardtack inspect --keys keys.json --cookie __Secure-shop --audience shop < cookie
  hardtack inspect --keys keys.json --now 2030-01-01T12:00:00Z --show < cookie`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("the cookie comes from standard input: on the command line, other users and the shell's history would see it")
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&keys, "keys", "", "the key `file`; without it, only the form is judged")
	flags.StringVar(&c.Name, "cookie", cookie.DefaultName, "the cookie's `name`")
	flags.StringVar(&c.Audience, "audience", "", "ssestore.Config.Audience")
	flags.StringVar(&c.Ended, "ended", "", "the `value` of the cookie NAME-ended, if it isn't in the header")
	flags.BoolVar(&c.Show, "show", false, "print user ids and the session's values")
	flags.Var(at, "now", "judge as of this `time`")
	flags.Var(&idle, "idle", "ssestore.Config.Idle")
	flags.Var(&absolute, "absolute", "ssestore.Config.Absolute")
	flags.Var(&persistentIdle, "persistent-idle", "ssestore.Config.PersistentIdle")
	flags.Var(&persistentAbsolute, "persistent-absolute", "ssestore.Config.PersistentAbsolute")
	cmd.RunE = func(*cobra.Command, []string) error {
		c.Idle, c.Absolute = time.Duration(idle), time.Duration(absolute)
		c.PersistentIdle, c.PersistentAbsolute = time.Duration(persistentIdle), time.Duration(persistentAbsolute)
		if keys != "" {
			var err error
			if c.Ring, err = a.ring(keys); err != nil {
				return err
			}
		}
		if at.t.IsZero() {
			at.t = a.now()
		}
		pasted, err := a.read("paste the cookie, then press Enter and Ctrl-D")
		if err != nil {
			return err
		}
		if c.Ring != nil {
			c.Ring = c.Ring.At(at.t)
		}
		report, err := inspect.Request(c, pasted, at.t)
		if err != nil {
			return usage("%v", err)
		}
		if err := a.answer(report, func(w io.Writer) { a.writeReport(w, report, at.t) }); err != nil {
			return err
		}
		if report.Verdict != inspect.OK && report.Verdict != inspect.Unopened {
			return errSaid
		}
		return nil
	}
	return cmd
}

// read reads standard input, and tells a person at a terminal what to do.
func (a *app) read(prompt string) (string, error) {
	if isTerminal(a.in) && isTerminal(a.diag) {
		fmt.Fprintln(a.diag, prompt)
	}
	text, err := io.ReadAll(io.LimitReader(a.in, maxInput+1))
	switch {
	case err != nil:
		return "", &ioError{errors.New("standard input can't be read")}
	case len(text) > maxInput:
		return "", refuse("standard input has more than 64 KB, which no server takes as a header")
	}
	return string(text), nil
}

func (a *app) writeReport(w io.Writer, r inspect.Report, now time.Time) {
	fmt.Fprintf(w, "%s: %s\n", r.Cookie, a.coloured(r.Verdict, r.Verdict == inspect.OK || r.Verdict == inspect.Unopened))
	if r.Cause != "" {
		fmt.Fprintf(w, "  %s\n", r.Cause)
	}
	for i, v := range r.Values {
		if len(r.Values) > 1 {
			fmt.Fprintf(w, "\nvalue %d: %s\n", i+1, a.coloured(v.Verdict, v.Verdict == inspect.OK || v.Verdict == inspect.Unopened))
			if v.Cause != "" {
				fmt.Fprintf(w, "  %s\n", v.Cause)
			}
		}
		writeValue(w, v, now)
	}
}

func writeValue(w io.Writer, v inspect.Value, now time.Time) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(t, "  %s\t"+format+"\n", append([]any{name}, args...)...)
	}
	row("length", "%s", plural(v.Length, "character"))
	switch {
	case v.Primary:
		row("kid", "%s, the primary", v.KeyID)
	case v.KeyID != "":
		row("kid", "%s", v.KeyID)
	}
	s := v.Session
	if s == nil {
		t.Flush()
		return
	}
	when := func(name string, at time.Time) { row(name, "%s, %s", stamp(at), relative(at, now)) }
	when("created", s.Created)
	if s.Login != nil {
		when("login", *s.Login)
	}
	when("renewed", s.Renewed)
	when("idle until", s.IdleEnds)
	when("ends", s.Ends)
	row("persistent", "%t", s.Persistent)
	if s.User == nil {
		row("user", "nobody")
	} else {
		row("user", "%s", shown(s.User.Value, true))
		if s.StampKey != "" {
			row("stamp", "under key %s", s.StampKey)
		} else {
			row("stamp", "none")
		}
	}
	if s.Actor != nil {
		row("actor", "%s", shown(s.Actor.Value, true))
	}
	for _, d := range s.Data {
		if d.Value == "" {
			row("value", "%s, %s", d.Name, plural(d.Bytes, "byte"))
		} else {
			row("value", "%s = %s", d.Name, shown(d.Value, false))
		}
	}
	if s.DataFault {
		row("value", "can't be read: the values aren't spelled as we spell them")
	}
	if s.LogID != "" {
		row("log id", "%s", s.LogID)
	}
	t.Flush()
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// shown writes something of a user's. It may hold what a terminal obeys.
func shown(value string, quoted bool) string {
	switch {
	case value == "":
		return "somebody (--show says who)"
	case quoted || strings.ContainsFunc(value, func(r rune) bool { return !strconv.IsPrint(r) }):
		return strconv.Quote(value)
	}
	return value
}

func relative(at, now time.Time) string {
	d := now.Sub(at).Truncate(time.Second)
	if d < 0 {
		return "in " + inspect.Days(-d)
	}
	return inspect.Days(d) + " ago"
}

// coloured marks a verdict for people, unless they have asked for no colour
// (no-color.org).
func (a *app) coloured(word string, good bool) string {
	if !showsColours(a.out) || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return word
	}
	colour := "31" // red (ECMA-48 section 8.3.117)
	if good {
		colour = "32"
	}
	return "\x1b[" + colour + "m" + word + "\x1b[m"
}
