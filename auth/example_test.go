package auth_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// Account is the application's own user type.
type Account struct {
	ID, Name, PasswordHash string
	Staff                  bool
}

// accounts stands for a database.
var accounts = map[string]*Account{"7": {ID: "7", Name: "Ada", PasswordHash: "argon2id-of-ada"}}

func newAccounts() (*ssestore.Store, *auth.Manager[*Account]) {
	store, err := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	if err != nil {
		panic(err)
	}
	users, err := auth.New(auth.Config[*Account]{
		UserByID: func(ctx context.Context, id string) (*Account, error) {
			a, ok := accounts[id]
			if !ok {
				return nil, auth.ErrNoUser
			}
			return a, nil
		},
		ID:    func(a *Account) string { return a.ID },
		Stamp: func(a *Account) string { return a.PasswordHash },
		Staff: func(a *Account) bool { return a.Staff },
	})
	if err != nil {
		panic(err)
	}
	return store, users
}

// cookieOf is what a browser would send back.
func cookieOf(out ssestore.Outcome) []string {
	pair, _, _ := strings.Cut(out.SetCookie[0], ";")
	return []string{pair}
}

// Two requests without any HTTP in them: a login, and a page that knows the user.
func Example() {
	ctx := context.Background()
	store, users := newAccounts()

	s := store.Load(nil, time.Now())
	// … check the password, then:
	if err := users.Login(ctx, s, accounts["7"]); err != nil {
		fmt.Println(err)
	}
	out, err := s.Commit(303)
	if err != nil {
		fmt.Println(err)
	}

	s = store.Load(cookieOf(out), time.Now())
	switch u, err := users.GetUser(ctx, s); {
	case err == nil:
		fmt.Println("hello", u.Name)
	case errors.Is(err, auth.ErrUserStore):
		fmt.Println("503, try again")
	default:
		fmt.Println("please log in")
	}
	// Output: hello Ada
}

func ExampleManager_Authorize() {
	ctx := context.Background()
	store, users := newAccounts()
	s := store.Load(nil, time.Now())

	board := func(ctx context.Context, a *Account) error {
		if a.Name != "Grace" {
			return auth.Forbidden("This page is for the board.")
		}
		return nil
	}
	try := func(rules ...auth.Rule[*Account]) {
		_, err := users.Authorize(ctx, s, rules...)
		var message auth.Forbidden
		switch {
		case err == nil:
			fmt.Println("200")
		case errors.Is(err, auth.ErrNoUser):
			fmt.Println("302 to the login page")
		case errors.Is(err, auth.ErrNotStaff):
			fmt.Println("404")
		case errors.As(err, &message):
			fmt.Println("403", message)
		default:
			fmt.Println("503")
		}
	}
	try(board)
	if err := users.Login(ctx, s, accounts["7"]); err != nil {
		fmt.Println(err)
	}
	try()
	try(board)
	try(users.Staff, board)
	// Output:
	// 302 to the login page
	// 200
	// 403 This page is for the board.
	// 404
}

// An administrator sees the site as one of its users. Whether they may is checked first,
// by the application.
func ExampleManager_Impersonate() {
	ctx := context.Background()
	store, users := newAccounts()
	grace, linus := &Account{ID: "8", Name: "Grace", Staff: true}, &Account{ID: "9", Name: "Linus"}
	accounts["8"], accounts["9"] = grace, linus
	now := time.Now()
	s := store.Load(nil, now)
	if err := users.Login(ctx, s, grace); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := users.Authorize(ctx, s, users.Staff); err == nil {
		err = users.Impersonate(ctx, s, linus)
		fmt.Println(err)
	}
	out, err := s.Commit(200)
	fmt.Println(out.Impersonated, err)

	s = store.Load(cookieOf(out), now)
	user, err := users.GetUser(ctx, s)
	behind, _ := users.Actor(ctx, s)
	fmt.Println(user.Name, err, "is really", behind.Name)
	fmt.Println("may change the password:", users.RecentLogin(ctx, s, time.Hour))

	err = users.EndImpersonation(ctx, s)
	user, _ = users.GetUser(ctx, s)
	fmt.Println(user.Name, err)
	// Output:
	// <nil>
	// true <nil>
	// Linus <nil> is really Grace
	// may change the password: false
	// Grace <nil>
}

func ExampleManager_RefreshStamp() {
	ctx := context.Background()
	store, users := newAccounts()
	s := store.Load(nil, time.Now())
	if err := users.Login(ctx, s, &Account{ID: "7", PasswordHash: "argon2id-of-ada"}); err != nil {
		fmt.Println(err)
	}
	out, _ := s.Commit(200)
	thisBrowser, otherBrowser := cookieOf(out), cookieOf(out)

	s = store.Load(thisBrowser, time.Now())
	u, err := users.GetUser(ctx, s) // before the change is stored
	if err != nil {
		fmt.Println(err)
	}
	changed := *u
	changed.PasswordHash = "argon2id-of-a-new-password"
	accounts["7"] = &changed
	fmt.Println("refresh:", users.RefreshStamp(ctx, s, &changed))
	out, _ = s.Commit(200)

	for _, cookies := range [][]string{cookieOf(out), otherBrowser} {
		_, err := users.GetUser(ctx, store.Load(cookies, time.Now()))
		fmt.Println(err == nil)
	}
	accounts["7"] = u
	// Output:
	// refresh: <nil>
	// true
	// false
}

// WRONG: the change is stored before anybody asked who this is. The session's
// stamp is then the old one, the session is refused, and there is nothing left
// to keep. Call GetUser first.
func ExampleManager_RefreshStamp_wrongOrder() {
	ctx := context.Background()
	store, users := newAccounts()
	s := store.Load(nil, time.Now())
	if err := users.Login(ctx, s, accounts["7"]); err != nil {
		fmt.Println(err)
	}
	out, _ := s.Commit(200)

	s = store.Load(cookieOf(out), time.Now())
	before := accounts["7"]
	changed := *before
	changed.PasswordHash = "argon2id-of-a-new-password"
	accounts["7"] = &changed
	fmt.Println(users.RefreshStamp(ctx, s, &changed))
	_, err := users.GetUser(ctx, s)
	fmt.Println(err)
	accounts["7"] = before
	// Output:
	// auth: this user is not logged in here
	// auth: no user
}

// A stream of events asks once a minute whether its user may stay. Here the minutes
// come from a slice; in a program they come from a time.Ticker.
func ExampleManager_Recheck() {
	ctx := context.Background()
	store, users := newAccounts()
	start := time.Now()
	s := store.Load(nil, start)
	if err := users.Login(ctx, s, accounts["7"]); err != nil {
		fmt.Println(err)
	}
	s.Commit(200) // the response has begun

	stream := func(minutes []time.Duration) {
		for _, m := range minutes {
			u, err := users.Recheck(ctx, s, start.Add(m))
			switch {
			case errors.Is(err, auth.ErrNoUser):
				fmt.Println(m, "closed") // the client connects again
				return
			case err != nil:
				fmt.Println(m, "the user store is down") // wait, or close as well
			default:
				fmt.Println(m, "an event for", u.Name)
			}
		}
	}
	stream([]time.Duration{time.Minute, 2 * time.Minute, 31 * time.Minute, 32 * time.Minute})
	// Output:
	// 1m0s an event for Ada
	// 2m0s an event for Ada
	// 31m0s closed
}

// Member has a counter that "log out everywhere" increments. The column was added
// later and is 0 in every row that nobody has touched since.
type Member struct {
	ID, PasswordHash string
	Logouts          int
}

// A Stamp function may start to cover another field, user by user: rows that nobody
// has touched keep their stamp, and so their sessions. Release it everywhere before
// the first row changes.
func ExampleConfig_stamp() {
	ctx := context.Background()
	rows := map[string]*Member{"7": {ID: "7", PasswordHash: "argon2id-of-ada"}, "8": {ID: "8", PasswordHash: "argon2id-of-bob"}}
	manager := func(stamp func(*Member) string) *auth.Manager[*Member] {
		m, err := auth.New(auth.Config[*Member]{
			UserByID: func(_ context.Context, id string) (*Member, error) { return rows[id], nil },
			ID:       func(u *Member) string { return u.ID },
			Stamp:    stamp,
		})
		if err != nil {
			panic(err)
		}
		return m
	}
	before := manager(func(u *Member) string { return u.PasswordHash })
	after := manager(func(u *Member) string {
		if u.Logouts == 0 {
			return u.PasswordHash
		}
		return u.PasswordHash + "\x00" + strconv.Itoa(u.Logouts)
	})
	store, err := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	if err != nil {
		panic(err)
	}
	now := time.Now()
	login := func(m *auth.Manager[*Member], id string) []string {
		s := store.Load(nil, now)
		if err := m.Login(ctx, s, rows[id]); err != nil {
			panic(err)
		}
		out, _ := s.Commit(200)
		return cookieOf(out)
	}
	in := func(m *auth.Manager[*Member], cookies []string) bool {
		_, err := m.GetUser(ctx, store.Load(cookies, now.Add(5*time.Minute)))
		return err == nil
	}

	// The first release is under way: either instance takes the other's sessions.
	ada, bob := login(before, "7"), login(after, "8")
	fmt.Println(in(before, ada), in(after, ada), in(before, bob), in(after, bob))

	// It is everywhere. Ada logs out everywhere, which ends her sessions alone.
	rows["7"].Logouts++
	fmt.Println(in(after, ada), in(after, bob), in(after, login(after, "7")))
	// Output:
	// true true true true
	// false true true
}
