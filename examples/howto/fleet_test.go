package howto

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fleet/sqlkv"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/ssestore"
)

// The recipe of docs/FLEET.md. The test runs it over SQLite; package sqlkv is tested over
// both.
func overSQL(ctx context.Context, db *sql.DB, secret []byte) (*ssestore.Store, error) {
	engine, err1 := sqlkv.New(sqlkv.Config{DB: db, Dialect: sqlkv.PostgreSQL})
	wrapper, err2 := fleet.Secret(secret) // 32 random bytes, the same everywhere; or a KMS
	f, err3 := fleet.New(fleet.Config{Engine: engine, Wrapper: wrapper, Application: "shop"})
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	if err := engine.Create(ctx); err != nil {
		return nil, err
	}
	go f.Run(ctx)
	<-f.Ready()

	store, err := ssestore.New(ssestore.Config{Keys: f, Marks: f.Marks()})
	return store, err
}

func TestFleetNeedsItsEngine(t *testing.T) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "app.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := overSQL(t.Context(), db, []byte("short")); err == nil {
		t.Error("a secret of five bytes")
	}
	if _, err := overSQL(t.Context(), db, []byte(rand.Text()+rand.Text())); err == nil {
		t.Error("SQLite speaks the SQL of PostgreSQL")
	}
}

// sessions is the table, here in SQLite:
//
//	CREATE TABLE sessions (id TEXT PRIMARY KEY, account TEXT NOT NULL, until INTEGER NOT NULL)
type sessions struct{ db *sql.DB }

// add is for OnLogin of auth.Config, which every way to log in calls.
func (t sessions) add(ctx context.Context, s *ssestore.Session, u *User) {
	mark, ok := s.Principal().Mark()
	if !ok {
		return
	}
	if _, err := t.db.ExecContext(ctx, "INSERT INTO sessions VALUES (?, ?, ?)", mark.ID, u.ID, mark.Until); err != nil {
		slog.ErrorContext(ctx, "a session is missing in the list", "err", err)
	}
}

// end ends one session of u, and never another user's.
func (t sessions) end(ctx context.Context, f *fleet.Fleet, u *User, id string) error {
	mark := marks.Mark{Kind: marks.Session, ID: id}
	err := t.db.QueryRowContext(ctx, "SELECT until FROM sessions WHERE id = ? AND account = ?", id, u.ID).Scan(&mark.Until)
	if err != nil {
		return err
	}
	if err := f.End(ctx, mark); err != nil {
		return err // the row stays, so the user can try again
	}
	_, err = t.db.ExecContext(ctx, "DELETE FROM sessions WHERE id = ?", id)
	return err
}

// TestFleet runs the other pieces of docs/FLEET.md and those of docs/RUNBOOK.md on one
// instance over SQLite.
func TestFleet(t *testing.T) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "app.db")+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	engine, err1 := sqlkv.New(sqlkv.Config{DB: db, Dialect: sqlkv.SQLite, Interval: 10 * time.Millisecond})
	wrapper, err2 := fleet.Secret([]byte(rand.Text() + rand.Text()))
	f, err3 := fleet.New(fleet.Config{Engine: engine, Wrapper: wrapper, Application: "shop", Beat: 20 * time.Millisecond})
	if err := errors.Join(err1, err2, err3, engine.Create(ctx)); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { f.Run(ctx); close(done) }()
	defer func() { stop(); <-done; db.Close() }()
	<-f.Ready()

	store, err := ssestore.New(ssestore.Config{Keys: f, Marks: f.Marks()})
	if err != nil {
		t.Fatal(err)
	}
	ada := &User{ID: "7", Hash: "first"}
	userID := ada.ID
	list := sessions{db}
	if _, err := db.Exec("CREATE TABLE sessions (id TEXT PRIMARY KEY, account TEXT NOT NULL, until INTEGER NOT NULL)"); err != nil {
		t.Fatal(err)
	}
	accounts, err := auth.New(auth.Config[*User]{
		UserByID: func(context.Context, string) (*User, error) { return ada, nil },
		ID:       func(u *User) string { return u.ID },
		Stamp:    func(u *User) string { return u.Hash },
		Ender:    f,
		OnLogin:  list.add,
	})
	if err != nil {
		t.Fatal(err)
	}
	login := func() []string {
		s := store.Load(nil, time.Now())
		if err := accounts.Login(ctx, s, ada); err != nil {
			t.Fatal(err)
		}
		return cookies(t, s)
	}
	user := func(cookies []string) bool {
		_, err := accounts.GetUser(ctx, store.Load(cookies, time.Now()))
		return err == nil
	}

	phone, laptop := login(), login()
	s := store.Load(laptop, time.Now())
	if _, err := accounts.GetUser(ctx, s); err != nil || !user(phone) {
		t.Fatal(err)
	}
	err1 = accounts.LogoutOthers(ctx, s)     // this session stays
	err2 = accounts.LogoutEverywhere(ctx, s) // this one too
	err3 = accounts.Kick(ctx, userID)        // by an administrator
	if err := errors.Join(err1, err2, err3); err != nil || user(phone) || user(laptop) || !user(login()) {
		t.Errorf("log out: %v", err)
	}

	phone, laptop = login(), login()
	mark, _ := store.Load(phone, time.Now()).Principal().Mark()
	if err := list.end(ctx, f, &User{ID: "8"}, mark.ID); !errors.Is(err, sql.ErrNoRows) || !user(phone) {
		t.Errorf("end another user's session: %v", err)
	}
	if err := list.end(ctx, f, ada, mark.ID); err != nil || user(phone) || !user(laptop) {
		t.Errorf("end one session: %v", err)
	}
	if err := list.end(ctx, f, ada, mark.ID); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("the row of a session that was ended: %v", err)
	}

	operators := http.NewServeMux()
	operators.HandleFunc("GET /fleet", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(f.Status())
	})
	w := httptest.NewRecorder()
	operators.ServeHTTP(w, httptest.NewRequest("GET", "/fleet", nil))
	var status fleet.Status
	if err := json.Unmarshal(w.Body.Bytes(), &status); err != nil || !status.Ready || status.Application != "shop" {
		t.Errorf("operators see %+v, %v", status, err)
	}

	phone = login()
	kid := f.At(time.Now()).Primary().ID()
	err = f.Change(ctx, func(r *keyring.Keyring) (*keyring.Keyring, error) { return r.Replace(kid) })
	if err != nil || user(phone) || f.At(time.Now()).Primary().ID() == kid {
		t.Errorf("replace: %v", err)
	}
}

// cookies ends a request and returns the Cookie header of the next one.
func cookies(t *testing.T, s *ssestore.Session) (header []string) {
	t.Helper()
	out, err := s.Commit(http.StatusOK)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range out.SetCookie {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			t.Fatal(err)
		}
		if c.MaxAge >= 0 && c.Name == "__Host-session" {
			header = append(header, c.Name+"="+c.Value)
		}
	}
	return header
}
