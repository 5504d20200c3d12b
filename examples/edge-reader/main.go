// Command edge-reader is a site whose sessions are also read at the edge, by worker.mjs.
// README.md says how to run both.
package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

type user struct{ Name, Password string } // a real one holds a hash: see signin/password

// An ender ends sessions on this one instance and publishes for the edge that it did. Where
// there are several, a fleet.Fleet takes its place, and tells a Snapshotter in one of them.
type ender struct {
	set       *marks.Set
	published *marks.Snapshotter
	objects   sync.Map // by name; usually a bucket
}

func newEnder(ring *keyring.Keyring) (*ender, error) {
	e := &ender{set: marks.New(marks.Policy{})}
	var err error
	e.published, err = marks.NewSnapshotter(marks.SnapshotConfig{Keys: ring, Store: func(_ context.Context, name string, object []byte) error {
		e.objects.Store(name, object)
		return nil
	}})
	return e, err
}

// End is for auth.Config.Ender.
func (e *ender) End(ctx context.Context, m marks.Mark) error {
	now := time.Now()
	if m.Until == 0 {
		m.Before, m.Until = now.Unix()+1, now.Add(ssestore.DefaultPersistentAbsolute).Unix()
	}
	e.set.Apply(now, m)
	e.published.Apply(now, m)
	return e.published.Publish(ctx, now) // or at the next interval
}

// ServeHTTP serves the snapshot. Anybody may have it: it names nobody, and it is signed.
func (e *ender) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	object, ok := e.objects.Load(r.PathValue("name"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Write(object.([]byte))
}

// readKeys returns the keys that a reader needs, as a JWK Set. Whoever has them can read
// every session and make new ones, so they go into the edge's secrets.
func readKeys(ring *keyring.Keyring) string {
	barrier := keyring.Label{Purpose: "barrier", Name: cookie.DefaultName}
	var keys []string
	for _, key := range ring.Keys() {
		keys = append(keys, string(key.ExportJWK(cookie.SealLabel(cookie.DefaultName, ""))), string(key.ExportJWK(barrier)),
			string(key.ExportJWK(keyring.Label{Purpose: "marks"})))
	}
	return `{"keys":[` + strings.Join(keys, ",") + `]}`
}

func app(ring *keyring.Keyring, ada *user, e *ender) (http.Handler, error) {
	store, err1 := ssestore.New(ssestore.Config{Keys: ring, Marks: e.set, RenewVerified: 10 * time.Minute}) // the edge trusts that
	accounts, err2 := auth.New(auth.Config[*user]{
		UserByID: func(_ context.Context, id string) (*user, error) {
			if id != ada.Name {
				return nil, auth.ErrNoUser
			}
			return ada, nil
		},
		ID:    func(u *user) string { return u.Name },
		Stamp: func(u *user) string { return u.Password },
		Ender: e,
	})
	guard, err3 := middleware.New(store, accounts, middleware.Config{LoginURL: "/login"})
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello", guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *user) {
		fmt.Fprintf(w, "Hello, %s, from the origin!\n", u.Name)
	}))
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<form method="post"><input name="password" type="password"><button>Log in</button></form>`)
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.FormValue("password")), []byte(ada.Password)) != 1 {
			http.Error(w, "wrong password", http.StatusUnauthorized)
			return
		}
		if err := guard.Login(r, ada); err != nil {
			http.Error(w, "cannot log in", http.StatusInternalServerError)
			return
		}
		http.Redirect(w, r, guard.Next(r, "/hello"), http.StatusSeeOther)
	})
	mux.Handle("GET /snapshot/{name}", e)
	mux.HandleFunc("POST /logout", guard.LogoutHandler("/login"))
	return guard.Handler(mux), nil
}

func main() {
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "Usage: go run ./examples/edge-reader")
	}
	if flag.Parse(); flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ring, ada := keyring.Generate(), &user{"ada", rand.Text()} // to outlive the process: keyring.OpenOrCreateFile
	e, err := newEnder(ring)
	if err != nil {
		log.Fatal(err)
	}
	handler, err := app(ring, ada, e)
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		for ; ; time.Sleep(10 * time.Second) {
			if err := e.published.Publish(context.Background(), time.Now()); err != nil {
				log.Print(err)
			}
		}
	}()
	fmt.Printf("export SESSION_READ_KEYS='%s'\n", readKeys(ring))
	fmt.Println("the password is", ada.Password)
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", handler))
}
