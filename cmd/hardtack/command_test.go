package main

import (
	"bytes"
	"encoding/json"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// walk visits a command and those below it.
func walk(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, child := range cmd.Commands() {
		walk(child, visit)
	}
}

func commands() *cobra.Command {
	return (&app{in: strings.NewReader(""), out: io.Discard, diag: io.Discard, now: time.Now}).root()
}

// Every command explains itself, and its examples are commands that it takes.
func TestE47_EveryCommandHasAnExample(t *testing.T) {
	n := 0
	walk(commands(), func(cmd *cobra.Command) {
		n++
		path := strings.Fields(cmd.CommandPath())[1:]
		for _, help := range [][]string{append(path, "-h"), append([]string{"help"}, path...)} {
			c := call("", help...)
			if c.code != 0 || c.diag != "" || !strings.Contains(c.out, "Examples:\n  hardtack ") {
				t.Errorf("hardtack %s: status %d\n%s%s", strings.Join(help, " "), c.code, c.out, c.diag)
			}
		}
		for line := range strings.Lines(cmd.Example) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), " <")
			line, _, _ = strings.Cut(line, " >")
			line, _, _ = strings.Cut(line, " |")
			root := commands()
			found, args, err := root.Find(strings.Fields(line)[1:])
			if err == nil {
				err = found.ParseFlags(args)
			}
			if err == nil {
				err = found.ValidateArgs(found.Flags().Args())
			}
			if err != nil || cmd.HasParent() && !cmd.HasSubCommands() && found.CommandPath() != cmd.CommandPath() && cmd.Name() != "help" {
				t.Errorf("%s: the example %q: %v", cmd.CommandPath(), line, err)
			}
		}
	})
	if n < 16 {
		t.Errorf("%d commands", n)
	}
}

// With --json, whatever a command answers is one JSON value.
func TestE58_JSONEverywhere(t *testing.T) {
	t.Chdir(t.TempDir())
	walk(commands(), func(cmd *cobra.Command) {
		if cmd.Name() == "help" {
			return // text, as asked for
		}
		args := strings.Fields(cmd.CommandPath())[1:]
		for _, more := range [][]string{nil, {"a"}, {"a", "b"}, {"--nosuch"}} {
			c := call("", append(append(args, more...), "--json")...)
			d := json.NewDecoder(strings.NewReader(c.out))
			var v any
			if err := d.Decode(&v); err != nil || d.More() {
				t.Errorf("%q: status %d, %v:\n%s", c.args, c.code, err, c.out)
			}
		}
	})
}

// A closed pipe or a full disk at the other end isn't success.
func TestE58_OutputThatFails(t *testing.T) {
	var diag bytes.Buffer
	if code := run([]string{"version"}, strings.NewReader(""), failing{}, &diag); code != exitIO {
		t.Errorf("status %d, %s", code, &diag)
	}
	if code := run([]string{"inspect"}, io.MultiReader(strings.NewReader("x"), failing{}), io.Discard, &diag); code != exitIO {
		t.Errorf("status %d, %s", code, &diag)
	}
	if c := call(strings.Repeat("x", maxInput+1), "inspect"); c.code != exitRefused {
		t.Errorf("%+v", c)
	}
}

// A script that takes status 3 for "nothing was done" would rotate once more.
func TestE58_ChangedWithoutAnAnswer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	for _, args := range [][]string{{"keys", "new", file}, {"keys", "rotate", file}, {"keys", "rotate", file, "--json"}, {"keys", "list", file}} {
		var diag bytes.Buffer
		code := run(args, strings.NewReader(""), failing{}, &diag)
		if said := strings.Contains(diag.String(), "the key file was changed"); code != exitIO || said != (args[1] != "list") {
			t.Errorf("%q: status %d, %s", args, code, &diag)
		}
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
func (failing) Read([]byte) (int, error)  { return 0, io.ErrUnexpectedEOF }

func TestSpan(t *testing.T) {
	for text, want := range map[string]string{"30d": "30d", "36h": "36h", "48h": "2d", "90m": "1h30m", "12h": "12h", "45s": "45s", "20m": "20m", "1d": "1d",
		"0": "", "-1h": "", "0d": "", "1d1h": "", "999999d": "", "d": "", "": ""} {
		var s span
		err := s.Set(text)
		if (err != nil) != (want == "") || err == nil && s.String() != want {
			t.Errorf("%q: %s, %v, want %s", text, &s, err, want)
		}
	}
}
