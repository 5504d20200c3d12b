package keyring_test

import (
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
)

// The functions of docs/ROTATION.md, word for word (TestRotationGuide), so that
// what it tells people compiles and works.

// makeKeyFile writes a new key file, mode 0600. It never overwrites one.
func makeKeyFile(path string) error {
	return keyring.CreateFile(path, keyring.Generate())
}

// firstStart opens the key file, and makes it at the first start. Use it on a single
// machine: if two machines each make a file, neither can read the other's sessions.
func firstStart(path string) (*keyring.File, error) {
	return keyring.OpenOrCreateFile(path, func(err error) {
		var created *keyring.Created
		if errors.As(err, &created) {
			log.Print("first start on this machine: ", created)
			return
		}
		log.Print(err)
	})
}

// openKeys follows the key file. Every instance notices a change within a second
// of its next request. A broken file changes nothing: the last good ring stays,
// and the fault is logged once.
func openKeys(path string) (*keyring.File, error) {
	return keyring.OpenFile(path, func(err error) { log.Print(err) })
}

// rotate makes a new primary. This process uses it at once.
func rotate(file *keyring.File) error {
	return file.Update((*keyring.Keyring).Rotate)
}

// retire drops a key. It refuses the primary and the last one.
func retire(file *keyring.File, id string) error {
	return file.Update(func(ring *keyring.Keyring) (*keyring.Keyring, error) {
		return ring.Retire(id)
	})
}

// ringFromEnv needs SESSION_SECRET. The other two are for changing it.
func ringFromEnv() (*keyring.Keyring, error) {
	return keyring.FromSecrets(keyring.Secrets{
		Primary:  os.Getenv("SESSION_SECRET"),
		Previous: strings.Fields(os.Getenv("SESSION_SECRETS_PREVIOUS")),
		Next:     os.Getenv("SESSION_SECRET_NEXT"),
	})
}

// Deploy 1: every instance can open what the new key seals. Nobody seals with it.
func deploy1(value string) (string, error) {
	ring, err := keyring.Parse(value)
	if err != nil {
		return "", err
	}
	ring, err = ring.Add(keyring.NewKey()) // goes last: a fallback
	return string(ring.JWKSet()), err
}

// Deploy 2, once deploy 1 has reached every instance: the new key seals.
func deploy2(value, newID string) (string, error) {
	ring, err := keyring.Parse(value)
	if err != nil {
		return "", err
	}
	ring, err = ring.Promote(newID)
	return string(ring.JWKSet()), err
}

// Deploy 3, one longest session life after deploy 2 has reached every instance.
func deploy3(value, oldID string) (string, error) {
	ring, err := keyring.Parse(value)
	if err != nil {
		return "", err
	}
	ring, err = ring.At(time.Now()).Retire(oldID)
	return string(ring.JWKSet()), err
}

// deployAhead adds a key that takes over at a given time. Choose a time by which the
// deploy has certainly reached every instance.
func deployAhead(value string, takesOver time.Time) (string, error) {
	ring, err := keyring.Parse(value)
	if err != nil {
		return "", err
	}
	ring, err = ring.Add(keyring.NewKeyAt(takesOver)) // goes first, and waits there
	return string(ring.JWKSet()), err
}

// weekly: a new key each week; a key opens for five more weeks.
func weekly(master []byte) (*keyring.Schedule, error) {
	return keyring.NewSchedule(master, 7*24*time.Hour, 5)
}

// replaceLeaked ends every session that was sealed under the leaked key, including
// the thief's. All others go on.
func replaceLeaked(file *keyring.File, leaked string) error {
	return file.Update(func(ring *keyring.Keyring) (*keyring.Keyring, error) {
		return ring.Replace(leaked)
	})
}

// unused returns how long ago this process last opened anything under a key. Take
// the smallest answer of all instances: each process has its own counters, which
// start at zero when it does.
func unused(key keyring.Key, started, now time.Time) time.Duration {
	last := key.Counters().LastOpened
	if last.IsZero() {
		last = started
	}
	return now.Sub(last)
}

// Every line of Go in the guide is in this file.
func TestRotationGuide(t *testing.T) {
	source, err := os.ReadFile("rotation_example_test.go")
	must(t, err)
	guide, err := os.ReadFile(filepath.Join("..", "docs", "ROTATION.md"))
	must(t, err)
	blocks := strings.Split(string(guide), "```go\n")[1:]
	if len(blocks) == 0 {
		t.Fatal("no code in the guide")
	}
	for _, block := range blocks {
		code, _, _ := strings.Cut(block, "```")
		if !strings.Contains(string(source), code) {
			t.Errorf("not in this file, so perhaps it does not compile:\n%s", code)
		}
		if _, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+code, 0); err != nil {
			t.Error(err)
		}
	}
}

// Rotating a key file that several processes share.
func ExampleFile_Update() {
	dir, err := os.MkdirTemp("", "keys")
	check(err)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "keys.json")

	check(makeKeyFile(path))
	file, err := openKeys(path)
	check(err)
	old := file.At(time.Now()).Primary()

	check(rotate(file))
	ring := file.At(time.Now())
	_, opens := ring.Key(old.ID())
	fmt.Println("another primary:", ring.Primary().ID() != old.ID(), "– the old key opens:", opens)
	fmt.Println("retire the primary:", retire(file, ring.Primary().ID()))

	check(retire(file, old.ID())) // a month later
	fmt.Println("keys:", len(file.At(time.Now()).Keys()))

	leaked := file.At(time.Now()).Primary().ID()
	check(replaceLeaked(file, leaked))
	_, opens = file.At(time.Now()).Key(leaked)
	fmt.Println("the leaked key opens:", opens)
	// Output:
	// another primary: true – the old key opens: true
	// retire the primary: keyring: the primary and the last key cannot be retired
	// keys: 1
	// the leaked key opens: false
}

// Rotating a ring that a fleet reads from its environment: reader before writer.
func ExampleKeyring_Promote() {
	value := string(keyring.Generate().JWKSet())
	ring, err := keyring.Parse(value)
	check(err)
	old := ring.Primary().ID()

	value, err = deploy1(value)
	check(err)
	ring, err = keyring.Parse(value)
	check(err)
	fmt.Println("deploy 1, the old key seals:", ring.Primary().ID() == old)

	newID := ring.Keys()[1].ID()
	value, err = deploy2(value, newID)
	check(err)
	ring, err = keyring.Parse(value)
	check(err)
	fmt.Println("deploy 2, the new key seals:", ring.Primary().ID() == newID)

	_, err = ring.Promote(old)
	fmt.Println("back to the old one:", err)

	value, err = deploy3(value, old)
	check(err)
	ring, err = keyring.Parse(value)
	check(err)
	fmt.Println("deploy 3, keys:", len(ring.Keys()))
	// Output:
	// deploy 1, the old key seals: true
	// deploy 2, the new key seals: true
	// back to the old one: keyring: a primary must be newer than every other key; rotate instead
	// deploy 3, keys: 1
}

// One deploy instead of two: the key takes over by itself.
func ExampleKeyring_Add() {
	now := time.Now()
	value, err := deployAhead(string(keyring.Generate().JWKSet()), now.Add(time.Hour))
	check(err)
	ring, err := keyring.Parse(value)
	check(err)
	ahead := ring.Keys()[0].ID()
	fmt.Println("now:", ring.At(now).Primary().ID() == ahead)
	fmt.Println("in an hour:", ring.At(now.Add(time.Hour)).Primary().ID() == ahead)
	// Output:
	// now: false
	// in an hour: true
}

// A fleet that rotates by the clock.
func ExampleNewSchedule() {
	master := []byte("0123456789abcdef0123456789abcdef") // 32 random bytes, from a secret store
	one, err := weekly(master)
	check(err)
	other, err := weekly(master) // another instance
	check(err)
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	fmt.Println("the same key everywhere:", one.At(now).Primary().ID() == other.At(now).Primary().ID())
	next := other.At(now.AddDate(0, 0, 7)).Primary().ID()
	_, opens := one.At(now).Key(next)
	fmt.Println("another one next week:", next != one.At(now).Primary().ID(), "– opens already:", opens)
	fmt.Println("a cookie opens for at least", one.Window())
	// Output:
	// the same key everywhere: true
	// another one next week: true – opens already: true
	// a cookie opens for at least 840h0m0s
}

// The guide's variables, through its three deploys.
func TestRotationGuide_Secrets(t *testing.T) {
	var rings []*keyring.Keyring
	for _, env := range [][3]string{{secretA, "", ""}, {secretA, "", secretB}, {secretB, secretA, ""}, {secretB, "", ""}} {
		t.Setenv("SESSION_SECRET", env[0])
		t.Setenv("SESSION_SECRETS_PREVIOUS", env[1])
		t.Setenv("SESSION_SECRET_NEXT", env[2])
		r, err := ringFromEnv()
		must(t, err)
		rings = append(rings, r)
	}
	for i, r := range rings[1:] {
		if _, ok := r.Key(rings[i].Primary().ID()); !ok {
			t.Errorf("deploy %d cannot open what the one before seals", i+1)
		}
		if _, ok := rings[i].Key(r.Primary().ID()); !ok {
			t.Errorf("what deploy %d seals cannot be opened by the one before", i+1)
		}
	}
}

func TestRotationGuide_FirstStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	var text strings.Builder
	log.SetOutput(&text)
	defer log.SetOutput(os.Stderr)
	for range 2 {
		_, err := firstStart(path)
		must(t, err)
	}
	if strings.Count(text.String(), "first start on this machine: keyring: made ") != 1 {
		t.Errorf("logged %s", text.String())
	}
}

func TestRotationGuide_Unused(t *testing.T) {
	k := keyring.NewKey()
	if got := unused(k, seconds(0), seconds(60)); got != time.Minute {
		t.Error(got)
	}
	k.CountOpen(seconds(50))
	if got := unused(k, seconds(0), seconds(60)); got != 10*time.Second {
		t.Error(got)
	}
}

// check is for examples, which have no t.
func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
