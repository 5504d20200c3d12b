package main

import (
	"fmt"
	"io"
	"time"

	"github.com/hardtack-go/hardtack/cmd/hardtack/internal/inspect"
	"github.com/hardtack-go/hardtack/keyring"
)

// keyInfo is a key as it is shown: without its bytes.
type keyInfo struct {
	ID         string     `json:"kid"`
	Role       string     `json:"role"`
	Made       time.Time  `json:"made"`
	Active     *time.Time `json:"seals_from,omitempty"`
	RetireFrom *time.Time `json:"retire_from,omitempty"`
}

// The roles of keys.
const (
	rolePrimary  = "primary"
	roleFallback = "fallback"
	roleNext     = "next"    // newer than the primary, not promoted
	roleWaiting  = "waiting" // its activation time hasn't come, and then it takes over
)

// roleOf returns the role of a key in a ring as of now. A key that stands behind the
// primary never takes over, whatever its activation time: the primary is the first that
// is active.
func roleOf(key keyring.Key, ring *keyring.Keyring, now time.Time) string {
	switch primary := ring.Primary(); {
	case key.ID() == primary.ID():
		return rolePrimary
	case key.Active().After(now) && before(ring.Keys(), key, primary):
		return roleWaiting
	case key.Compare(primary) > 0:
		return roleNext
	}
	return roleFallback
}

// before reports whether one of two keys stands before the other. A ring without a
// primary has the zero Key as that.
func before(keys []keyring.Key, one, other keyring.Key) bool {
	for _, key := range keys {
		switch key.ID() {
		case one.ID():
			return true
		case other.ID():
			return false
		}
	}
	return false
}

func infos(ring *keyring.Keyring, now time.Time, life time.Duration) []keyInfo {
	all := []keyInfo{}
	for _, key := range ring.Keys() {
		k := keyInfo{ID: key.ID(), Role: roleOf(key, ring, now), Made: key.Created(), RetireFrom: retireFrom(key, ring, now, life)}
		if at := key.Active(); !at.IsZero() && (k.Role != roleFallback || !at.After(now)) {
			k.Active = &at
		}
		all = append(all, k)
	}
	return all
}

// retireFrom returns the time before which sessions under a fallback may certainly be
// alive: one life after its successor could seal at the earliest. A newer key that still
// stands behind it was added and never promoted. It is nil for a key that isn't a fallback.
func retireFrom(key keyring.Key, ring *keyring.Keyring, now time.Time, life time.Duration) *time.Time {
	if roleOf(key, ring, now) != roleFallback {
		return nil
	}
	successor := ring.Primary()
	for _, other := range ring.Keys() {
		if other.Compare(key) > 0 && other.Compare(successor) < 0 && before(ring.Keys(), other, key) {
			successor = other
		}
	}
	from := successor.Created()
	if active := successor.Active(); active.After(from) {
		from = active
	}
	from = from.Add(life).Truncate(time.Second)
	return &from
}

// A step is something to do after a change.
type step struct {
	When    string `json:"when"`
	Do      string `json:"do"`
	Command string `json:"command,omitempty"`
}

func writeSteps(w io.Writer, steps []step) {
	if len(steps) == 0 {
		return
	}
	fmt.Fprint(w, "\nNext:\n")
	for i, s := range steps {
		fmt.Fprintf(w, "%3d. %s: %s\n", i+1, s.When, s.Do)
		if s.Command != "" {
			fmt.Fprintf(w, "     %s\n", s.Command)
		}
	}
}

func afterNew(file string) []step {
	return []step{
		{"now", "guard " + file + " like a password database. Anyone who has it can make a session for any user", ""},
		{"now", "give it to every instance. In a container, mount its directory, not the file by itself. keyring.OpenFile reads it", ""},
		{"in a few months", "rotate", command("keys rotate", file)},
	}
}

func afterAdd(file string, key keyring.Key, ring *keyring.Keyring, life time.Duration) []step {
	if at := key.Active(); !at.IsZero() {
		steps := []step{{"before " + stamp(at), "make sure that every instance has this file", ""}, readersToo(file)}
		return append(steps, retirals(file, ring, key.ID(), "from "+stamp(at.Add(life))+" on")...)
	}
	return []step{
		{"now", "make sure that every instance has this file. Copy it if they don't share it", ""},
		readersToo(file),
		{"once every instance has it", "let the new key seal", command("keys promote", file, key.ID())},
	}
}

func afterPromote(file string, ring *keyring.Keyring, now time.Time, life time.Duration) []step {
	steps := []step{{"now", "copy the file to every instance that doesn't share it. Instances that do see it within a second of their next request", ""}}
	return append(steps, retirals(file, ring, ring.Primary().ID(), after(now, life))...)
}

func afterRotate(file string, ring *keyring.Keyring, now time.Time, life time.Duration) []step {
	steps := []step{
		{"now", "nothing where instances share the file: they see it within a second of their next request", ""},
		{"at once", "copy the file to every instance that doesn't share it. Until then it can't read new sessions. The next time use add, then promote", ""},
		readersToo(file),
	}
	return append(steps, retirals(file, ring, ring.Primary().ID(), after(now, life))...)
}

// readersToo is about programs that have exported keys.
func readersToo(file string) step {
	return step{"now", "a service that reads the cookies with exported keys counts as an instance: export them again", command("keys export", file)}
}

func after(now time.Time, life time.Duration) string {
	return "from " + stamp(now.Add(life)) + " on, or " + inspect.Days(life) + " after the last instance has the file"
}

func afterRetire() []step {
	return []step{{"any time", "copy the file to every instance that doesn't share it", ""}}
}

func afterReplace(file string) []step {
	return []step{
		{"at once", "copy the file to every instance that doesn't share it. Whoever has the leaked key can make sessions until the last one has it", ""},
		readersToo(file),
		{"now", "check that an old cookie is refused: the verdict must be unknown-key", command("inspect", "--keys", file)},
	}
}

// retirals lists the older keys that can go one life after the successor.
func retirals(file string, ring *keyring.Keyring, successor, when string) (steps []step) {
	for _, key := range ring.Keys() {
		if next, ok := ring.Key(successor); ok && key.Compare(next) < 0 {
			steps = append(steps, step{when, "retire " + key.ID(), command("keys retire", file, key.ID())})
		}
	}
	return steps
}
