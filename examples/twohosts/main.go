// Command twohosts is a single-page application on one host and its JSON API on another.
// The page is index.html. On this machine the hosts are two ports of localhost, which are
// two origins of one site, as app.example.com and api.example.com are.
//
//	go run ./examples/twohosts
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/rs/cors"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/password"
	"github.com/hardtack-go/hardtack/ssestore"
)

//go:embed index.html
var page string

type User struct{ Email, Hash string }

// table is the table of users. It has one row.
type table struct {
	mu  sync.Mutex
	row User
}

func (t *table) find(_ context.Context, email string) (*User, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if email != t.row.Email {
		return nil, auth.ErrNoUser
	}
	u := t.row
	return &u, nil
}

// setHash changes a user's hash if it is still the one that was read.
func (t *table) setHash(u *User, hash string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.row != *u {
		return signin.ErrChanged
	}
	t.row.Hash, u.Hash = hash, hash
	return nil
}

var notes = ssestore.NewKey[[]string]("notes")

// remaining is how many seconds a session has. The page can't compare times, because its
// clock may be wrong.
type remaining struct {
	Idle  int `json:"idle"`  // if nothing renews the session
	Total int `json:"total"` // in any case
}

func left(s *ssestore.Session) remaining {
	info := s.Info()
	return remaining{int(info.IdleEnds.Sub(s.Now()).Seconds()), int(info.Expires.Sub(s.Now()).Seconds())}
}

func read(w http.ResponseWriter, r *http.Request, v any) bool {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<12)).Decode(v)
	if err != nil {
		http.Error(w, "not the JSON that it should be", http.StatusBadRequest)
	}
	return err == nil
}

func write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

// api returns the API, for pages of one other origin.
func api(users *table, hasher *password.Hasher, origin string, place cookie.Config, cfg middleware.Config) (http.Handler, error) {
	protection := http.NewCrossOriginProtection()
	err1 := protection.AddTrustedOrigin(origin)
	cfg.CrossOrigin = protection
	store, err2 := ssestore.New(ssestore.Config{Keys: keyring.Generate(), Cookie: place})
	accounts, err3 := auth.New(auth.Config[*User]{
		UserByID: users.find,
		ID:       func(u *User) string { return u.Email },
		Stamp:    func(u *User) string { return u.Hash },
	})
	guard, err4 := middleware.New(store, accounts, cfg)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	throttle := signin.NewMemory(nil)
	mux := http.NewServeMux()

	mux.HandleFunc("POST /session", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Email, Password string }
		if !read(w, r, &in) {
			return
		}
		if wait, ok := throttle.Allow(r, in.Email); !ok { // before any work
			w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds())+1))
			http.Error(w, "too many attempts", http.StatusTooManyRequests)
			return
		}
		u, err := users.find(r.Context(), in.Email)
		hash := "" // of nobody, which takes as long as a wrong password
		if err == nil {
			hash = u.Hash
		} else if !errors.Is(err, auth.ErrNoUser) {
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		if ok, err := hasher.Verify(r.Context(), in.Password, hash); err != nil || !ok {
			http.Error(w, "wrong address or password", http.StatusForbidden)
		} else if err := guard.Login(r, u); err != nil {
			http.Error(w, "cannot log in", http.StatusInternalServerError)
		} else {
			write(w, left(guard.Session(r)))
		}
	})
	mux.HandleFunc("GET /session", guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *User) {
		guard.Session(r).Limit(ssestore.WritesNone) // a look at the clock is no use of the session
		write(w, left(guard.Session(r)))
	}))
	mux.HandleFunc("POST /session/renew", guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *User) {
		if err := guard.Session(r).Renew(); err != nil {
			http.Error(w, "cannot renew", http.StatusInternalServerError)
			return
		}
		write(w, left(guard.Session(r)))
	}))
	mux.HandleFunc("DELETE /session", func(w http.ResponseWriter, r *http.Request) {
		if err := guard.Logout(r); err != nil {
			http.Error(w, "cannot log out", http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /me", guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *User) {
		write(w, map[string]any{"email": u.Email, "notes": notes.Get(guard.Session(r))})
	}))
	mux.HandleFunc("POST /notes", guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *User) {
		var in string
		if !read(w, r, &in) {
			return
		}
		s := guard.Session(r)
		if err := notes.Set(s, append(notes.Get(s), in)); err != nil {
			http.Error(w, "too many notes", http.StatusUnprocessableEntity)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	mux.HandleFunc("PUT /password", guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *User) {
		var in struct{ Old, New string }
		if !read(w, r, &in) {
			return
		}
		if wait, ok := throttle.Allow(r, u.Email); !ok {
			w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds())+1))
			http.Error(w, "too many attempts", http.StatusTooManyRequests)
		} else if ok, err := hasher.Verify(r.Context(), in.Old, u.Hash); err != nil || !ok {
			http.Error(w, "wrong password", http.StatusForbidden)
		} else if err := password.Validate(r.Context(), in.New, u.Email); err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		} else if hash, err := hasher.Hash(r.Context(), in.New); err != nil {
			http.Error(w, "try again", http.StatusServiceUnavailable)
		} else if err := users.setHash(u, hash); err != nil { // ends all sessions
			http.Error(w, "the account has changed meanwhile", http.StatusConflict)
		} else if err := accounts.RefreshStamp(r.Context(), guard.Session(r), u); err != nil { // but this one
			http.Error(w, "the password is changed; log in again", http.StatusInternalServerError)
		} else {
			w.WriteHeader(http.StatusNoContent)
		}
	}))

	shared := cors.New(cors.Options{
		AllowedOrigins:   []string{origin},
		AllowedMethods:   []string{"GET", "POST", "PUT", "DELETE"},
		AllowCredentials: true,
		ExposedHeaders:   []string{"Retry-After"}, // of a 429 or 503
	})
	return shared.Handler(guard.Handler(mux)), nil // CORS outside, the guard inside
}

func main() {
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "Usage: go run ./examples/twohosts")
	}
	if flag.Parse(); flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	hasher, err1 := password.NewHasher(password.HasherConfig{})
	hash, err2 := hasher.Hash(context.Background(), "open sesame")
	ada := &table{row: User{"ada@example.com", hash}}
	handler, err3 := api(ada, hasher, "http://localhost:8080", cookie.Config{}, middleware.Config{})
	if err := errors.Join(err1, err2, err3); err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(http.ListenAndServe("127.0.0.1:8081", handler)) }()
	fmt.Println(`http://localhost:8080/ and the password of ada@example.com is "open sesame"`)
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, strings.ReplaceAll(page, "https://api.example.com", "http://localhost:8081"))
	})))
}
