package main

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/hardtack-go/hardtack/cmd/hardtack/internal/inspect"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/spf13/cobra"
)

// masterSize is what NewSchedule asks for at least, and enough: the strength of
// AES-256 (NIST SP 800-57 part 1, table 2).
const masterSize = 32

func (a *app) schedule() *cobra.Command {
	var open int
	var force bool
	period := span(7 * 24 * time.Hour)
	create := &cobra.Command{
		Use:   "new",
		Short: "Make the master secret of a schedule",
		Long: `Make the master secret of a schedule: 32 random bytes in base64. Every instance
derives the key of the current period from it and from its own clock, and nobody
rotates. Anyone who has the master has every key, past and future.`,
		Example: "  hardtack schedule new --period 7d --open 5 | kubectl create secret generic session-master --from-file=master=/dev/stdin",
		Args:    takes(),
	}
	life := lifeFlag(create)
	create.Flags().Var(&period, "period", "how long a key seals")
	create.Flags().IntVar(&open, "open", 5, "for how many more periods it opens")
	forceFlag(create, &force)
	create.RunE = func(*cobra.Command, []string) error {
		master := make([]byte, masterSize)
		rand.Read(master) // never fails: crypto/rand ends the program instead
		schedule, err := keyring.NewSchedule(master, time.Duration(period), open)
		if err != nil {
			return usage("%v", err)
		}
		if schedule.Window() < time.Duration(*life) {
			return usage("--period times --open is %s, and must be at least the longest life of a session or ticket, %s (--life)",
				inspect.Days(schedule.Window()), inspect.Days(time.Duration(*life)))
		}
		text := base64.StdEncoding.EncodeToString(master)
		return a.hand(text, text, force,
			fmt.Sprintf("Decode it and pass it to keyring.NewSchedule(master, %d*time.Second, %d), the same in every instance.", int64(time.Duration(period)/time.Second), open),
			"Set the clocks of all instances by NTP. If the master leaks, make a new one: all sessions end.")
	}
	return a.group(&cobra.Command{
		Use:     "schedule",
		Short:   "Make keys that follow the clock",
		Example: "  hardtack schedule new --period 7d --open 5 > master",
	}, create)
}
