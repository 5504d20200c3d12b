package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fleet/sqlkv"
	"github.com/hardtack-go/hardtack/keyring"
)

// member says which process of a fleet this is. Nil is none.
type member struct {
	Number, Of int
	Home       string        // the page of the supervisor
	Every      time.Duration // between two rotations; 0: never by themselves
}

// parseMember reads the flag -member, such as "2/3@http://localhost:8080".
func parseMember(text string, every time.Duration) (*member, error) {
	if text == "" {
		return nil, nil
	}
	m := &member{Every: every}
	if _, err := fmt.Sscanf(text, "%d/%d@%s", &m.Number, &m.Of, &m.Home); err != nil {
		return nil, fmt.Errorf("-member: %w", err)
	}
	return m, nil
}

// beat is how often the processes prove to each other that news gets through, and poll
// how often they look for some. They share a file on one machine, so that costs little.
const (
	beat = 250 * time.Millisecond
	poll = 100 * time.Millisecond
)

// ahead is how long before its use a key is made. A fleet refuses less than ten beats.
const ahead = 12 * beat

// A joined is a fleet that this process takes part in until it is closed.
type joined struct {
	*fleet.Fleet
	stop func()
}

// join takes part in the fleet over the database. It returns when this process has the
// keys of the others. secret is the file of what stands here for a key management
// service.
func join(ctx context.Context, c config, t *users) (*joined, error) {
	wrapper, err := openSecret(c.Keys)
	if err != nil {
		return nil, err
	}
	engine, err := sqlkv.New(sqlkv.Config{DB: t.db, Dialect: sqlkv.SQLite, Interval: poll})
	if err != nil {
		return nil, err
	}
	if err := engine.Create(ctx); err != nil {
		return nil, err
	}
	f, err := fleet.New(fleet.Config{
		Engine: engine, Wrapper: wrapper, Application: "hardtack demo", Longest: longest, Beat: beat, Log: c.Log,
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{}, 2)
	go func() {
		f.Run(ctx)
		ended <- struct{}{}
	}()
	go func() {
		turn(ctx, f, c)
		ended <- struct{}{}
	}()
	j := &joined{f, func() { cancel(); <-ended; <-ended }}
	select {
	case <-f.Ready():
		return j, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-time.After(time.Minute):
		err = errors.New("the fleet doesn't get ready: " + f.Status().Fault)
	}
	j.stop()
	return nil, err
}

// turn rotates the keys far more often than a fleet does by itself, to be looked at. All
// processes try, and one is first. A ring holds 16 keys, so a session that hasn't been
// seen for ten rotations is over.
func turn(ctx context.Context, f *fleet.Fleet, c config) {
	every := c.Member.Every
	if every == 0 {
		return
	}
	select {
	case <-f.Ready():
	case <-ctx.Done():
		return
	}
	rotation := fleet.Rotation{Every: every, Ahead: ahead, Keep: 10 * every}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := f.Change(ctx, func(ring *keyring.Keyring) (*keyring.Keyring, error) {
			next, err := rotation.Step(ring, time.Now())
			if next == nil { // nothing to do
				next = ring
			}
			return next, err
		})
		if err != nil && ctx.Err() == nil && !errors.Is(err, keyring.ErrFull) {
			c.Log.Error("rotate", "error", err)
		}
	}
}

// openSecret opens the file of the secret that wraps the keys before they go into the
// database, and makes it if it is missing. Without it, a copy of the database opens no
// session. A real fleet asks a key management service, or has the secret from where it
// has its other secrets.
func openSecret(path string) (fleet.Wrapper, error) {
	fresh := make([]byte, 32)
	rand.Read(fresh)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_, err = f.Write(fresh)
		err = errors.Join(err, f.Close())
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	secret, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(secret) != len(fresh) {
		return nil, fmt.Errorf("%s isn't the secret of a fleet, which has %d bytes", path, len(fresh))
	}
	return fleet.Secret(secret)
}

// news is what a process tells its supervisor.
type news struct {
	fleet.Status
	Sealed map[string]uint64 `json:"sealed"` // cookies and tickets, by kid
	Opened map[string]uint64 `json:"opened"`
}

// newsPath is where.
const newsPath = "/fleet.json"

// tell answers the supervisor, and "hardtack fleet status". There are no secrets in the
// answer, but it isn't for visitors either: the processes of -fleet listen on this
// machine only.
func (j *joined) tell(w http.ResponseWriter, r *http.Request) {
	note(r.Context()).route = "GET " + newsPath
	n := news{j.Status(), map[string]uint64{}, map[string]uint64{}}
	for _, k := range j.At(time.Now()).Keys() {
		c := k.Counters()
		n.Sealed[k.ID()], n.Opened[k.ID()] = c.Sealed, c.Opened
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	json.NewEncoder(w).Encode(n)
}
