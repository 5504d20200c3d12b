package auth_test

import (
	"context"
	"fmt"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/ssestore"
)

// program is an Ender for one instance alone. Where there are several, a *fleet.Fleet
// does this, and tells the others.
type program struct{ set *marks.Set }

func (p program) End(_ context.Context, m marks.Mark) error {
	now := time.Now()
	if m.Kind != marks.Session && m.Before == 0 {
		m.Before = now.Unix() + 1
	}
	if m.Until == 0 {
		m.Until = now.Add(ssestore.DefaultPersistentAbsolute).Unix()
	}
	p.set.Apply(now, m)
	return nil
}

func newMarked() (*ssestore.Store, *auth.Manager[*Account]) {
	set := marks.New(marks.Policy{})
	store, err := ssestore.New(ssestore.Config{Keys: keyring.Generate(), Marks: set})
	if err != nil {
		panic(err)
	}
	users, err := auth.New(auth.Config[*Account]{
		UserByID: func(_ context.Context, id string) (*Account, error) {
			if a, ok := accounts[id]; ok {
				return a, nil
			}
			return nil, auth.ErrNoUser
		},
		ID:    func(a *Account) string { return a.ID },
		Stamp: func(a *Account) string { return a.PasswordHash },
		Ender: program{set},
	})
	if err != nil {
		panic(err)
	}
	return store, users
}

// device is a browser with a session of its own.
func device(store *ssestore.Store, users *auth.Manager[*Account]) []string {
	s := store.Load(nil, time.Now())
	if err := users.Login(context.Background(), s, accounts["7"]); err != nil {
		panic(err)
	}
	out, err := s.Commit(200)
	if err != nil {
		panic(err)
	}
	return cookieOf(out)
}

// Somebody of the staff ends all sessions of a user. The user can log in again at once.
func ExampleManager_Kick() {
	store, users := newMarked()
	laptop := device(store, users)

	if err := users.Kick(context.Background(), "7"); err != nil {
		fmt.Println("nobody knows whether it worked, so try again:", err)
	}

	p := store.Load(laptop, time.Now()).Principal()
	fmt.Printf("laptop: %q, %v\n", p.Identity().ID, p.Refused())
	p = store.Load(device(store, users), time.Now()).Principal()
	fmt.Printf("a new login: %q\n", p.Identity().ID)
	// Output:
	// laptop: "", revoked
	// a new login: "7"
}

// "Log out all other devices". A thief who has a copy of the session could do that too, so
// ask for the password first.
func ExampleManager_LogoutOthers() {
	ctx := context.Background()
	store, users := newMarked()
	laptop, phone := device(store, users), device(store, users)

	s := store.Load(laptop, time.Now()) // a request of the laptop
	if !users.RecentLogin(ctx, s, 5*time.Minute) {
		return // to a page that asks for the password
	}
	if err := users.LogoutOthers(ctx, s); err != nil {
		fmt.Println(err)
	}
	out, err := s.Commit(200)
	if err != nil {
		fmt.Println(err)
	}
	laptop = cookieOf(out)

	for name, cookie := range map[string][]string{"laptop": laptop, "phone": phone} {
		p := store.Load(cookie, time.Now()).Principal()
		fmt.Printf("%s: %q, %v\n", name, p.Identity().ID, p.Refused())
	}
	// Unordered output:
	// laptop: "7", none
	// phone: "", revoked
}

// A list of a user's sessions: the application keeps a mark for each, in a table of its
// own, and publishes the one that the user picks.
func ExampleConfig_listOfSessions() {
	ctx := context.Background()
	set := marks.New(marks.Policy{})
	store, err := ssestore.New(ssestore.Config{Keys: keyring.Generate(), Marks: set})
	if err != nil {
		fmt.Println(err)
		return
	}
	type row struct {
		device string
		mark   marks.Mark
	}
	var table []row
	cookies := map[string][]string{}
	_, users := newAccounts()
	for _, name := range []string{"laptop", "phone"} {
		s := store.Load(nil, time.Now())
		if err := users.Login(ctx, s, accounts["7"]); err != nil {
			fmt.Println(err)
		}
		if m, ok := s.Principal().Mark(); ok { // after the login
			table = append(table, row{name, m})
		}
		out, _ := s.Commit(200)
		cookies[name] = cookieOf(out)
	}

	if err := (program{set}).End(ctx, table[1].mark); err != nil {
		fmt.Println(err)
	}

	for _, name := range []string{"laptop", "phone"} {
		fmt.Println(name, store.Load(cookies[name], time.Now()).Principal().Refused())
	}
	// Output:
	// laptop none
	// phone revoked
}
