package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
	"github.com/spf13/cobra"
)

// keysResult is the answer of a command that changes or lists a key file.
type keysResult struct {
	File    string    `json:"file"`
	Done    string    `json:"done"`
	Changed bool      `json:"changed"`
	Keys    []keyInfo `json:"keys"`
	Next    []step    `json:"next"`
}

func (r keysResult) text(w io.Writer) {
	if r.Done != "" {
		fmt.Fprintf(w, "%s\n\n", r.Done)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KID\tROLE\tMADE\tSEALS FROM\tRETIRE FROM")
	for _, k := range r.Keys {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", k.ID, k.Role, stamp(k.Made), orDash(k.Active), orDash(k.RetireFrom))
	}
	table.Flush()
	writeSteps(w, r.Next)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func orDash(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return stamp(*t)
}

func (a *app) keys() *cobra.Command {
	return a.group(&cobra.Command{
		Use:   "keys",
		Short: "Make, rotate and hand out keys",
		Long: `Make, rotate and hand out keys.

A change takes a lock, reads the file again, writes a new file and renames it over
the old one. Running instances that have the file open notice within a second of
their next request. If anything fails, the old file is as it was.

Each change says what to do next, and when. docs/ROTATION.md explains why.`,
		Example: "  hardtack keys rotate keys.json",
	}, a.keysNew(), a.keysAdd(), a.keysPromote(), a.keysRetire(), a.keysRotate(), a.keysList(), a.keysExport(), a.keysPrint())
}

func (a *app) keysNew() *cobra.Command {
	return &cobra.Command{
		Use:     "new FILE",
		Short:   "Make a key file with one new key",
		Long:    "Make a key file with one new key, mode 0600. It never overwrites a file.",
		Example: "  hardtack keys new keys.json",
		Args:    takes("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			ring := keyring.Generate()
			if err := keyring.CreateFile(args[0], ring); err != nil {
				return explain(err, args[0], "")
			}
			return a.changed(args[0], "Made "+args[0]+" with one new key.", true, ring, defaultLife, afterNew(args[0]))
		},
	}
}

// defaultLife is the longest life of a session in the default configuration. It is also
// the longest Life that a ticket may have.
const defaultLife = ssestore.DefaultPersistentAbsolute

// lifeFlag is the flag of the commands that compute when a key may go.
func lifeFlag(cmd *cobra.Command) *span {
	life := span(defaultLife)
	cmd.Flags().Var(&life, "life", "the longest life of a session or ticket in your configuration")
	return &life
}

func (a *app) keysAdd() *cobra.Command {
	at := &moment{now: func() time.Time { return a.now() }}
	cmd := &cobra.Command{
		Use:   "add FILE",
		Short: "Add a key that can open, for a fleet to learn",
		Long: `Add a new key that can open but doesn't seal yet, so that every instance knows it
before any instance seals with it. Promote it later, or give the time at which it
takes over by itself.`,
		Example: `  hardtack keys add keys.json
  hardtack keys add keys.json --activate 36h
  hardtack keys add keys.json --activate 2030-01-01T04:00:00Z`,
		Args: takes("FILE"),
	}
	life := lifeFlag(cmd)
	cmd.Flags().Var(at, "activate", "`time` from which the key seals, in RFC 3339 or from now")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		now := a.now()
		if !at.t.IsZero() && !at.t.After(now) {
			return usage("--activate must be in the future: a key takes over at once with promote")
		}
		key := keyring.NewKeyAt(at.t)
		ring, err := a.update(args[0], func(ring *keyring.Keyring) (*keyring.Keyring, error) { return ring.Add(key) })
		if err != nil {
			return explain(err, args[0], "")
		}
		done := "Added " + key.ID() + ". It opens, and doesn't seal yet."
		if !at.t.IsZero() {
			done = "Added " + key.ID() + ". It opens, and seals from " + stamp(key.Active()) + "."
		}
		return a.changed(args[0], done, true, ring, time.Duration(*life), afterAdd(args[0], key, ring.At(now), time.Duration(*life)))
	}
	return cmd
}

func (a *app) keysPromote() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "promote FILE KID",
		Short:             "Let a key that every instance knows seal",
		Example:           "  hardtack keys promote keys.json AAECAwQ",
		Args:              takes("FILE", "KID"),
		ValidArgsFunction: completeKid,
	}
	life := lifeFlag(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		file, id := args[0], args[1]
		if err := checkKid(id); err != nil {
			return err
		}
		already := false
		ring, err := a.update(file, func(ring *keyring.Keyring) (*keyring.Keyring, error) {
			if already = ring.Primary().ID() == id; already {
				return ring, nil
			}
			return ring.Promote(id)
		})
		if err != nil {
			return explain(err, file, id)
		}
		if already {
			return a.changed(file, id+" is the primary key already.", false, ring, time.Duration(*life), nil)
		}
		return a.changed(file, id+" is the primary key.", true, ring, time.Duration(*life), afterPromote(file, ring, a.now(), time.Duration(*life)))
	}
	return cmd
}

func (a *app) keysRetire() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "retire FILE KID",
		Short: "Remove a key that no session needs any more",
		Long: `Remove a key that no session needs any more. Sessions under it end.

A key is refused while it is the primary, and while sessions under it may still be
alive, as far as the file can tell: until its successor is older than --life. The
file doesn't know when the last instance learned of the successor, so wait longer.`,
		Example:           "  hardtack keys retire keys.json AAECAwQ",
		Args:              takes("FILE", "KID"),
		ValidArgsFunction: completeKid,
	}
	life := lifeFlag(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "even if sessions under the key may be alive")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		file, id := args[0], args[1]
		if err := checkKid(id); err != nil {
			return err
		}
		now := a.now()
		ring, err := a.update(file, func(ring *keyring.Keyring) (*keyring.Keyring, error) {
			rest, err := ring.Retire(id)
			if err != nil || force {
				return rest, err
			}
			key, _ := ring.Key(id)
			if from := retireFrom(key, ring, now, time.Duration(*life)); from != nil && now.Before(*from) {
				return nil, refuse("sessions under %s may be alive until %s: wait until then, or end them with --force", id, stamp(*from))
			}
			return rest, nil
		})
		if err != nil {
			return explain(err, file, id)
		}
		return a.changed(file, "Removed "+id+".", true, ring, time.Duration(*life), afterRetire())
	}
	return cmd
}

func (a *app) keysRotate() *cobra.Command {
	var replace string
	var all bool
	cmd := &cobra.Command{
		Use:   "rotate FILE",
		Short: "Make a new primary key; everybody stays logged in",
		Long: `Make a new primary key. All others stay and open, so everybody stays logged in.

This is for instances that share the file. If the file is copied to them, use add,
then promote: an instance that hasn't got its copy can't read new sessions.

--replace is for a key that leaked. The key goes in the same step, and sessions
under it end. --replace-all ends every session.`,
		Example: `  hardtack keys rotate keys.json
  hardtack keys rotate keys.json --replace AAECAwQ
  hardtack keys rotate keys.json --replace-all`,
		Args: takes("FILE"),
	}
	life := lifeFlag(cmd)
	cmd.Flags().StringVar(&replace, "replace", "", "remove the key `KID`, which leaked; sessions under it end")
	cmd.Flags().BoolVar(&all, "replace-all", false, "remove all other keys; every session ends")
	cmd.RegisterFlagCompletionFunc("replace", func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		return kidsOf(args)
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		file := args[0]
		leaked := cmd.Flags().Changed("replace")
		if leaked && all {
			return usage("--replace and --replace-all exclude each other")
		}
		if leaked {
			if err := checkKid(replace); err != nil {
				return err
			}
		}
		gone := 0
		ring, err := a.update(file, func(ring *keyring.Keyring) (*keyring.Keyring, error) {
			switch {
			case leaked:
				return ring.Replace(replace)
			case all:
				gone = len(ring.Keys())
				return fresh(ring)
			}
			return ring.Rotate()
		})
		if err != nil {
			return explain(err, file, replace)
		}
		id := ring.Primary().ID()
		switch {
		case leaked:
			return a.changed(file, "Removed "+replace+", and made "+id+" the primary key. Sessions under "+replace+" end.", true, ring, time.Duration(*life), afterReplace(file))
		case all:
			return a.changed(file, fmt.Sprintf("Removed %d, and made %s the only key. Every session ends.", gone, id), true, ring, time.Duration(*life), afterReplace(file))
		}
		return a.changed(file, "Made "+id+" the primary key. Everybody stays logged in.", true, ring, time.Duration(*life),
			afterRotate(file, ring, a.now(), time.Duration(*life)))
	}
	return cmd
}

// fresh leaves one key, a new one.
func fresh(ring *keyring.Keyring) (*keyring.Keyring, error) {
	ring, err := ring.Replace(ring.Keys()[0].ID())
	for err == nil && len(ring.Keys()) > 1 {
		ring, err = ring.Retire(ring.Keys()[1].ID())
	}
	return ring, err
}

func (a *app) keysList() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list FILE",
		Short: "Show the keys of a file, without the secrets",
		Long: `Show the keys of a file, without the secrets.

  primary   seals, and opens
  fallback  opens what it sealed earlier
  next      newer than the primary: opens, and seals once it is promoted
  waiting   opens, and seals from the time it says`,
		Example: "  hardtack keys list keys.json",
		Args:    takes("FILE"),
	}
	life := lifeFlag(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		ring, err := a.ring(args[0])
		if err != nil {
			return err
		}
		return a.changed(args[0], "", false, ring, time.Duration(*life), nil)
	}
	return cmd
}

// changed answers with the keys of a file.
func (a *app) changed(file, done string, changed bool, ring *keyring.Keyring, life time.Duration, next []step) error {
	r := keysResult{File: file, Done: done, Changed: changed, Keys: infos(ring, a.now(), life), Next: next}
	if r.Next == nil {
		r.Next = []step{}
	}
	err := a.answer(r, r.text)
	if err != nil && changed {
		return &ioError{fmt.Errorf("the key file was changed, but not all of the answer was written: %w", err)}
	}
	return err
}

// ring reads a key file.
func (a *app) ring(file string) (*keyring.Keyring, error) {
	f, err := keyring.OpenFile(file, a.warn)
	if err != nil {
		return nil, explain(err, file, "")
	}
	return f.At(a.now()), nil
}

// update changes a key file and returns the ring that is now in it.
func (a *app) update(file string, change func(*keyring.Keyring) (*keyring.Keyring, error)) (after *keyring.Keyring, err error) {
	f, err := keyring.OpenFile(file, a.warn)
	if err != nil {
		return nil, err
	}
	err = f.Update(func(before *keyring.Keyring) (*keyring.Keyring, error) {
		after, err = change(before)
		return after, err
	})
	return after.At(a.now()), err
}

// completeKid offers the ids of the file that has been named.
func completeKid(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return nil, cobra.ShellCompDirectiveDefault
	case 1:
		return kidsOf(args)
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

func kidsOf(args []string) (kids []string, _ cobra.ShellCompDirective) {
	if len(args) > 0 {
		if f, err := keyring.OpenFile(args[0], nil); err == nil {
			now := time.Now()
			for _, k := range infos(f.At(now), now, defaultLife) {
				kids = append(kids, k.ID+"\t"+k.Role+", made "+stamp(k.Made))
			}
		}
	}
	return kids, cobra.ShellCompDirectiveNoFileComp
}
