package howto

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	_ "modernc.org/sqlite" // the driver

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/examples/internal/visitor"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// TestF509_IntegerIDs: a table of users with integer ids.
func TestF509_IntegerIDs(t *testing.T) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // each connection would have a memory of its own
	if _, err := db.Exec(`CREATE TABLE users (id INTEGER PRIMARY KEY, hash TEXT); INSERT INTO users VALUES (7, 'argon2id')`); err != nil {
		t.Fatal(err)
	}
	type User struct {
		ID   int64
		Hash string
	}

	userByID := func(ctx context.Context, id int64) (*User, error) {
		u := &User{ID: id}
		err := db.QueryRowContext(ctx, `SELECT hash FROM users WHERE id = ?`, id).Scan(&u.Hash)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, auth.ErrNoUser // any other error is a 503, and logs nobody out
		}
		return u, err
	}
	accounts, err := auth.New(auth.Config[*User]{
		UserByID: auth.Int64(userByID),
		ID:       func(u *User) string { return strconv.FormatInt(u.ID, 10) },
		Stamp:    func(u *User) string { return u.Hash },
	})

	if err != nil {
		t.Fatal(err)
	}
	who := func(id string) error {
		store, _ := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
		s := store.Load(nil, time.Now())
		if err := s.Principal().Begin(id, ssestore.Stamp{}, nil); err != nil {
			t.Fatal(err)
		}
		_, err := accounts.GetUser(t.Context(), s)
		return err
	}
	if err := who("8"); !errors.Is(err, auth.ErrNoUser) {
		t.Errorf("no such user: %v", err)
	}
	store, err := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	if err != nil {
		t.Fatal(err)
	}
	s := store.Load(nil, time.Now())
	if err := accounts.Login(t.Context(), s, &User{7, "argon2id"}); err != nil {
		t.Fatal(err)
	}
	if u, err := accounts.GetUser(t.Context(), s); err != nil || u.ID != 7 {
		t.Errorf("%v, %v", u, err)
	}
	db.Close()
	if err := who("7"); !errors.Is(err, auth.ErrUserStore) {
		t.Errorf("the database is down: %v", err)
	}
}

// TestF509_UUIDs: ids that have several spellings.
func TestF509_UUIDs(t *testing.T) {
	type User struct{ ID uuid.UUID }
	load := func(_ context.Context, id uuid.UUID) (*User, error) { return &User{id}, nil }

	userByID := func(ctx context.Context, id string) (*User, error) {
		u, err := uuid.Parse(id)
		if err != nil || u.String() != id {
			return nil, auth.ErrBadID // another spelling, or none
		}
		return load(ctx, u)
	}

	const id = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
	if u, err := userByID(t.Context(), id); err != nil || u.ID.String() != id {
		t.Errorf("%v, %v", u, err)
	}
	for _, other := range []string{"{" + id + "}", "urn:uuid:" + id, "7"} {
		if _, err := userByID(t.Context(), other); err != auth.ErrBadID {
			t.Errorf("%s: %v", other, err)
		}
	}
}

// TestF509_Roles: pages for some users.
func TestF509_Roles(t *testing.T) {
	s := newSite(t, ssestore.Config{}, middleware.Config{})
	guard, mux := s.guard, s.app()

	role := func(name string) auth.Rule[*User] {
		return func(_ context.Context, u *User) error {
			if !slices.Contains(u.Roles, name) {
				return auth.Forbidden("This page is for the " + name + "s.")
			}
			return nil
		}
	}
	mux.Handle("GET /drafts", guard.Check(role("editor"), guard.ForUser(members)))
	mux.Handle("/admin/", guard.Require(role("editor"), role("admin"))(guard.ForUser(members)))

	v := serve(t, guard.Handler(mux))
	v.Get("/drafts").Want(t, 302, "/login?next=/drafts")
	v.Post("/login")
	v.Get("/drafts").Want(t, 403, "").Says(t, "This page is for the editors.")
	s.ada.Roles = []string{"editor"}
	v.Get("/drafts").Want(t, 200, "")
	v.Get("/admin/").Want(t, 403, "").Says(t, "This page is for the admins.")
}

// TestF509_Flash: a message for the next page.
func TestF509_Flash(t *testing.T) {
	s := newSite(t, ssestore.Config{}, middleware.Config{})
	guard, mux := s.guard, http.NewServeMux()

	var flash = ssestore.NewKey[string]("flash") // a package-level variable

	mux.HandleFunc("POST /save", func(w http.ResponseWriter, r *http.Request) {
		if err := flash.Set(guard.Session(r), "Saved."); err != nil {
			http.Error(w, "cannot save", http.StatusInternalServerError)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		if message, ok := flash.Pop(guard.Session(r)); ok { // before the first byte
			fmt.Fprintf(w, "<p>%s</p>", message)
		}
		io.WriteString(w, "Home")
	})

	v := serve(t, guard.Handler(mux))
	v.Post("/save").Want(t, 303, "/")
	v.Get("/").Says(t, "<p>Saved.</p>Home")
	if a := v.Get("/"); a.Text != "Home" || v.Cookie() != "" {
		t.Errorf("once more: %q, cookie %q", a.Text, v.Cookie())
	}
}

// TestF509_Remember: a checkbox, and a default.
func TestF509_Remember(t *testing.T) {
	s := newSite(t, ssestore.Config{}, middleware.Config{})
	guard, mux := s.guard, s.app()

	mux.HandleFunc("POST /signin", func(w http.ResponseWriter, r *http.Request) {
		u, _ := s.userByID(r.Context(), "7") // and check the password
		if err := guard.Login(r, u); err != nil {
			http.Error(w, "cannot log in", http.StatusInternalServerError)
			return
		}
		if r.FormValue("remember") != "" {
			guard.Session(r).Remember(true)
		}
		http.Redirect(w, r, guard.Next(r, "/"), http.StatusSeeOther)
	})

	for _, remember := range []bool{false, true} {
		v := serve(t, guard.Handler(mux))
		a := v.Post("/signin")
		if remember {
			a = v.Post("/signin", "remember", "on")
		}
		if got := a.Cookies()[0].MaxAge > 0; got != remember {
			t.Errorf("remember %t: a persistent cookie is %t", remember, got)
		}
	}

	// By default, and all day.
	lifetimes := ssestore.Config{
		Keys:               keyring.Generate(),
		Persistent:         true,           // unless Remember(false) says otherwise
		PersistentIdle:     24 * time.Hour, // as long as the other: no idle timeout
		PersistentAbsolute: 24 * time.Hour,
	}
	store, err := ssestore.New(lifetimes)
	if err != nil {
		t.Fatal(err)
	}
	session := store.Load(nil, time.Now())
	if err := s.accounts.Login(t.Context(), session, s.ada); err != nil {
		t.Fatal(err)
	}
	if info := session.Info(); !info.Persistent || info.IdleEnds.Sub(info.Created) != 24*time.Hour {
		t.Errorf("persistent %t, idle ends after %v", info.Persistent, info.IdleEnds.Sub(info.Created))
	}
}

// TestF509_Password: the password changes here, and everybody else with this account is
// logged out.
func TestF509_Password(t *testing.T) {
	s := newSite(t, ssestore.Config{}, middleware.Config{})
	guard, accounts, mux := s.guard, s.accounts, s.app()
	save := func(u *User) error { s.hash.Store(u.Hash); return nil }
	hash := func(password string) string { return "argon2id of " + password }

	mux.HandleFunc("POST /password", guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *User) {
		if !accounts.RecentLogin(r.Context(), guard.Session(r), 10*time.Minute) {
			http.Redirect(w, r, "/login?next=/password", http.StatusSeeOther) // not behind LoginHandler
			return
		}
		u.Hash = hash(r.FormValue("new"))
		err := save(u)
		if err == nil {
			err = accounts.RefreshStamp(r.Context(), guard.Session(r), u) // this session goes on
		}
		if err != nil {
			http.Error(w, "cannot change the password", http.StatusInternalServerError)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}))

	handler := guard.Handler(mux)
	here, elsewhere := serve(t, handler), serve(t, handler)
	here.Post("/login")
	elsewhere.Post("/login")
	s.ahead.Add(int64(5 * time.Minute))
	here.Post("/password", "new", "swordfish").Want(t, 303, "/")
	if !in(here) || in(elsewhere) {
		t.Errorf("here %t, elsewhere %t", in(here), in(elsewhere))
	}
	s.ahead.Add(int64(20 * time.Minute))
	here.Post("/password", "new", "again").Want(t, 303, "/login?next=/password")
}

// TestF509_Reason: the login page says why one is there.
func TestF509_Reason(t *testing.T) {
	cfg := middleware.Config{LoginURL: "/login", ReasonField: "why"}

	why := func(r *http.Request) string {
		switch middleware.Reason(r) {
		case cookie.ReasonExpired, cookie.ReasonEnded, cookie.ReasonRevoked:
			return "Your session has ended. Please log in again."
		case cookie.ReasonStampMismatch:
			return "Your password has been changed. Please log in with the new one."
		}
		return "" // a first visit, or nothing to tell
	}

	cfg.Refuse = func(w http.ResponseWriter, r *http.Request, status int, _ error) {
		if text := why(r); status == http.StatusUnauthorized && text != "" {
			json.NewEncoder(w).Encode(map[string]any{"status": status, "title": "Unauthorized", "detail": text})
		}
	}

	s := newSite(t, ssestore.Config{}, cfg)
	guard, mux := s.guard, s.app()
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, why(r)) })
	v := serve(t, guard.Handler(mux))
	page := func() *visitor.Answer { return v.Get(v.Get("/members").Header.Get("Location")) }
	fetched := func() *visitor.Answer {
		r := v.Request("GET", "/members", nil)
		r.Header.Set("Accept", "*/*")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Sec-Fetch-Mode", "cors")
		return v.Do(r).Want(t, 401, "")
	}
	if a := page(); a.Text != "" {
		t.Errorf("a first visit: %q", a.Text)
	}
	fetched().Says(t, "Login required.") // the guard's own words
	v.Post("/login")
	s.ahead.Add(int64(time.Hour))
	fetched().Says(t, "has ended")
	page().Says(t, "has ended")
	v.Post("/login")
	s.hash.Store("changed")
	s.ahead.Add(int64(5 * time.Minute))
	fetched().Says(t, "password has been changed")
	page().Says(t, "password has been changed")
}

// TestF509_Impersonation: an administrator looks at the site as somebody else.
func TestF509_Impersonation(t *testing.T) {
	s := newSite(t, ssestore.Config{}, middleware.Config{})
	guard, accounts, mux, userByID := s.guard, s.accounts, s.app(), s.userByID
	s.grace = &User{ID: "9", Name: "Grace", Hash: "hers"}
	admins := func(_ context.Context, u *User) error {
		if !slices.Contains(u.Roles, "admin") {
			return auth.Forbidden("This page is for the admins.")
		}
		return nil
	}

	mux.Handle("POST /users/{id}/impersonate", guard.Check(admins, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, err := userByID(r.Context(), r.PathValue("id"))
		if err == nil {
			err = accounts.Impersonate(r.Context(), guard.Session(r), u)
		}
		if err != nil {
			http.Error(w, "cannot impersonate", http.StatusConflict)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})))
	mux.HandleFunc("POST /impersonation/end", func(w http.ResponseWriter, r *http.Request) {
		if err := accounts.EndImpersonation(r.Context(), guard.Session(r)); err != nil {
			http.Error(w, "there is none", http.StatusConflict)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /{$}", guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *User) {
		if admin, err := accounts.Actor(r.Context(), guard.Session(r)); err == nil {
			fmt.Fprintf(w, "%s as ", admin.Name) // and a button that ends it
		}
		fmt.Fprint(w, u.Name)
	}))

	v := serve(t, guard.Handler(mux))
	v.Post("/login")
	v.Post("/users/9/impersonate").Want(t, 403, "")
	v.Post("/impersonation/end").Want(t, 409, "")
	s.ada.Roles = []string{"admin"}
	v.Post("/users/8/impersonate").Want(t, 409, "")
	v.Post("/users/9/impersonate").Want(t, 303, "/")
	v.Get("/").Want(t, 200, "").Says(t, "Ada as Grace")
	v.Post("/users/9/impersonate").Want(t, 403, "") // Grace may not
	v.Post("/impersonation/end").Want(t, 303, "/")
	if a := v.Get("/").Want(t, 200, ""); a.Text != "Ada" {
		t.Errorf("back again: %q", a.Text)
	}
}
