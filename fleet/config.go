package fleet

import (
	"context"
	"log/slog"
	"time"
	"unicode/utf8"

	"github.com/hardtack-go/hardtack/internal/config"
	"github.com/hardtack-go/hardtack/internal/keysource"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
)

const (
	// DefaultBeat is how often the instances prove to each other that news gets through.
	DefaultBeat = time.Second

	// DefaultLongest is the longest that a session lives by the defaults of package
	// ssestore (DefaultPersistentAbsolute there).
	DefaultLongest = 30 * 24 * time.Hour

	// maxApplication is the longest name of an application in bytes. It is in the record,
	// where JSON may need six for one, and which must stay below maxRecord.
	maxApplication = 64

	// maxLongest is the longest absolute timeout that package ssestore allows.
	maxLongest = 400 * 24 * time.Hour

	// silentBeats is after how many beats without any news a watch is opened again.
	silentBeats = 4

	// lonelyBeats is after how many beats without any news an instance without a ring
	// believes that there is none. Whoever holds one has written it back by then: it
	// takes its own watchdog four beats to see that the engine lost everything.
	lonelyBeats = 10

	// leeway is how far two clocks of an application may be apart: as in package marks.
	leeway = time.Minute
)

// A Wrapper keeps the ring secret from the Engine: a key management service, or
// [Secret]. A *secrets.Keeper of gocloud.dev is one. What Encrypt returns must be
// authenticated: Decrypt fails if it was altered. The plaintext has at most 4,096 bytes,
// the limit of AWS KMS. The texts of its errors are logged.
type Wrapper interface {
	Encrypt(ctx context.Context, plaintext []byte) ([]byte, error)
	Decrypt(ctx context.Context, ciphertext []byte) ([]byte, error)
}

// Config describes an instance of a fleet. Engine, Wrapper and Application are required,
// and must be the same in all instances, as should be the rest.
type Config struct {
	// Engine is where the instances meet.
	Engine Engine

	// Wrapper wraps the ring before it goes to the Engine.
	Wrapper Wrapper

	// Application names the application, in 1 to 64 bytes. It is bound to the ring and
	// to the marks, so that two applications, or production and staging, which share an
	// engine or a key of a KMS by mistake, don't read each other's.
	Application string

	// First is the ring to begin with, if the engine has none. It is for an application
	// that has keys already: its sessions go on. Nil means a new key.
	First *keyring.Keyring

	// Rotation says when keys change. Its zero fields have defaults.
	Rotation Rotation

	// Longest is the longest that a session lives: the longest absolute timeout of the
	// store, in whole seconds. A mark is kept for that long. 0 means DefaultLongest. If it
	// is shorter, a store whose Keys is the Fleet is refused by ssestore.New. One with
	// other keys isn't, and there a session can outlive the mark that ended it.
	Longest time.Duration

	// Policy says how old the news may be. See [Fleet.Marks]. Its OnFull must not call
	// the Fleet.
	Policy marks.Policy

	// Beat is how often news is proven to get through, from 10 milliseconds to a minute;
	// 0 means DefaultBeat. One instance writes a small value each time, and all hear of
	// it. News is between one and about four beats old when nothing is wrong.
	Beat time.Duration

	// OnMark, if not nil, is called for each mark that this instance hears of, also its
	// own, perhaps more than once, by one goroutine at a time. It is for a
	// marks.Snapshotter. It must not call the Fleet.
	OnMark func(marks.Mark)

	// Log is told what goes wrong, each kind of fault at most once a minute. It is
	// told texts of errors of Engine and Wrapper, but no contents. Nil means
	// slog.Default().
	Log *slog.Logger

	_ struct{} // forces keyed literals, so that fields can be added
}

// A ConfigError names a field of [Config] and the rule it broke, in three strings:
// Package (here "fleet"), Field and Rule. It doesn't repeat the value. The other
// packages with a Config use the same type.
type ConfigError = config.Error

// withDefaults returns c with what its zero fields mean.
func (c Config) withDefaults() Config {
	if c.Longest == 0 {
		c.Longest = DefaultLongest
	}
	if c.Beat == 0 {
		c.Beat = DefaultBeat
	}
	c.Rotation = c.Rotation.withDefaults(c.Longest)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

// check returns everything that is wrong with c, which has its defaults.
func (c Config) check() error {
	faults := config.Faults{Package: "fleet"}
	if keysource.IsNil(c.Engine) {
		faults.Add("Engine", "must be set")
	}
	if keysource.IsNil(c.Wrapper) {
		faults.Add("Wrapper", "must be set: a KMS, or fleet.Secret")
	}
	if c.Application == "" || len(c.Application) > maxApplication || !utf8.ValidString(c.Application) {
		faults.Add("Application", "must be 1 to 64 bytes of UTF-8")
	}
	if c.First != nil && len(c.First.Keys()) == 0 {
		faults.Add("First", "has no keys; leave it nil for a new one")
	}
	if c.Longest < time.Second || c.Longest > maxLongest || c.Longest%time.Second != 0 {
		faults.Add("Longest", "must be whole seconds, from one second to 400 days")
	}
	if c.Beat < 10*time.Millisecond || c.Beat > time.Minute || c.Beat%time.Millisecond != 0 {
		faults.Add("Beat", "must be whole milliseconds, from 10 ms to a minute")
	}
	r := c.Rotation
	r.check(&faults)
	if r.Ahead < 10*c.Beat {
		// A watch that goes silent is opened again after four beats.
		faults.Add("Rotation.Ahead", "must be at least ten times Beat, or an instance could miss a key")
	}
	if r.Keep < c.Longest {
		faults.Add("Rotation.Keep", "must be at least Longest, or sessions would end early")
	}
	switch p := c.Policy; {
	case p.MaxStale < 0:
		faults.Add("Policy.MaxStale", "must not be negative")
	case p.MaxStale == 0 && p.FailClosed:
		faults.Add("Policy.MaxStale", "must be set for FailClosed")
	case p.MaxStale > 0 && p.MaxStale < 5*c.Beat:
		faults.Add("Policy.MaxStale", "must be at least five times Beat, or the loss of one instance would make news stale")
	}
	if c.Policy.Max < 0 {
		faults.Add("Policy.Max", "must not be negative")
	}
	return faults.Err()
}
