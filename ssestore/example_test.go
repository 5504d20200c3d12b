package ssestore_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// Keys are made once, by the package that owns the value.
var (
	visits = ssestore.NewKey[int]("visits")
	basket = ssestore.NewKey[[]string]("shop.basket")
	hello  = ssestore.NewKey[string]("hello")
)

// now is fixed here so that the examples have the same output every time.
var now = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

// cookieOf gives back what a browser would send after this outcome.
func cookieOf(out ssestore.Outcome) []string {
	var pairs []string
	for _, line := range out.SetCookie {
		pair, _, _ := strings.Cut(line, ";")
		pairs = append(pairs, pair)
	}
	return pairs
}

// Two requests of one browser, without net/http.
func Example() {
	store, err := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	if err != nil {
		fmt.Println(err)
		return
	}

	s := store.Load(nil, now)
	if err := visits.Set(s, visits.Get(s)+1); err != nil {
		fmt.Println(err)
	}
	out, err := s.Commit(http.StatusOK)
	fmt.Println(len(out.SetCookie), out.Vary, err)

	s = store.Load(cookieOf(out), now.Add(time.Minute))
	fmt.Println(visits.Get(s))
	// Output:
	// 1 true <nil>
	// 1
}

// An http.Header takes the outcome as it is.
func ExampleOutcome_Merge() {
	store, _ := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	s := store.Load(nil, now)
	fmt.Println(hello.Set(s, "world"))
	out, _ := s.Commit(http.StatusOK)

	header := http.Header{"Cache-Control": {"public, max-age=60"}, "Vary": {"Accept"}}
	out.Merge(header)
	fmt.Println(header.Get("Cache-Control"))
	fmt.Println(header.Get("Vary"))
	fmt.Println(strings.HasPrefix(header.Get("Set-Cookie"), "__Host-session="))
	// Output:
	// <nil>
	// max-age=60, private
	// Accept, Cookie
	// true
}

// A value that is shown once.
func ExampleKey_Pop() {
	store, _ := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	s := store.Load(nil, now)
	fmt.Println(hello.Set(s, "saved"))
	out, _ := s.Commit(http.StatusSeeOther)

	s = store.Load(cookieOf(out), now)
	fmt.Println(hello.Pop(s))
	fmt.Println(hello.Pop(s))
	// Output:
	// <nil>
	// saved true
	//  false
}

// What does not fit the cookie is refused at Set, and says what is large.
func ExampleKey_Set_tooLarge() {
	store, _ := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	s := store.Load(nil, now)
	err := hello.Set(s, strings.Repeat("x", 4000))
	var size *cookie.SizeError
	fmt.Println(errors.As(err, &size), size.Largest)
	fmt.Println(s.Names())
	// Output:
	// true [hello]
	// []
}

// WRONG: what Get returns is a copy. Changing it changes nothing, and nobody
// complains. Change the copy, and Set it.
func ExampleKey_Get_wrongUse() {
	store, _ := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	s := store.Load(nil, now)
	fmt.Println(basket.Set(s, []string{"biscuit"}))

	items := basket.Get(s)
	items[0] = "hardtack" // lost
	fmt.Println(basket.Get(s))

	fmt.Println(basket.Set(s, items)) // right
	fmt.Println(basket.Get(s))
	// Output:
	// <nil>
	// [biscuit]
	// <nil>
	// [hardtack]
}

// WRONG: two keys of one name and different types. Each reads the other's value
// as far as it fits; what does not fit reads as absent. Put the package's name
// in front.
func ExampleNewKey_wrongUse() {
	store, _ := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	s := store.Load(nil, now)
	page := ssestore.NewKey[int]("page")        // of one package
	template := ssestore.NewKey[string]("page") // of another

	fmt.Println(template.Set(s, "front"))
	fmt.Println(page.Lookup(s))
	out, _ := s.Commit(http.StatusOK)
	fmt.Println(out.Unreadable) // the trace that it leaves
	// Output:
	// <nil>
	// 0 false
	// [page]
}

// WRONG: the result of Commit is ignored, so nothing reaches the browser.
func ExampleSession_Commit_wrongUse() {
	store, _ := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	s := store.Load(nil, now)
	fmt.Println(hello.Set(s, "world"))
	s.Commit(http.StatusOK) // lost

	// The second Commit at least says that there was a first.
	_, err := s.Commit(http.StatusOK)
	fmt.Println(err)
	// Output:
	// <nil>
	// ssestore: the session is committed; change it before the response starts
}

// A page that polls in the background would keep the session alive in an
// abandoned tab. Its handler says that nobody is there.
func ExampleSession_Limit() {
	store, _ := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	s := store.Load(nil, now)
	fmt.Println(hello.Set(s, "world"))
	out, _ := s.Commit(http.StatusOK)
	cookies := cookieOf(out)

	for _, poll := range []bool{false, true} {
		s := store.Load(cookies, now.Add(20*time.Minute))
		if poll {
			s.Limit(ssestore.WritesNone)
		}
		hello.Get(s)
		out, _ := s.Commit(http.StatusOK)
		fmt.Println(out.Renewed, len(out.SetCookie))
	}
	// Output:
	// <nil>
	// true 1
	// false 0
}

// A film that plays is a use of the session, though the browser loads it in small
// parts and the page asks for nothing else.
func ExampleSession_Renew() {
	store, _ := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	s := store.Load(nil, now)
	fmt.Println(hello.Set(s, "world"))
	out, _ := s.Commit(http.StatusOK)
	cookies := cookieOf(out)

	s = store.Load(cookies, now.Add(20*time.Minute))
	s.Limit(ssestore.WritesSolicited) // as package middleware does for media
	fmt.Println(s.Renew())
	out, _ = s.Commit(http.StatusPartialContent)
	fmt.Println(out.Renewed)
	// Output:
	// <nil>
	// <nil>
	// true
}

// Authentication of your own, without package auth.
// Each tenant has an idle time of its own. Config.Idle has to be the longest of them.
// Like an idle time of the library's, it moves when a sixth of it has passed, so that
// not every request costs a cookie.
func ExampleSession_ExpireAt_idleTime() {
	store, err := ssestore.New(ssestore.Config{Keys: keyring.Generate(), Idle: 2 * time.Hour})
	if err != nil {
		fmt.Println(err)
		return
	}
	used := func(s *ssestore.Session, idle time.Duration) error {
		left := s.Info().Expires.Sub(s.Now())
		if left > idle || left < idle*5/6 {
			return s.ExpireAt(s.Now().Add(idle))
		}
		return nil
	}
	var jar []string
	for _, minutes := range []time.Duration{0, 1, 5, 14, 24} {
		s := store.Load(jar, now.Add(minutes*time.Minute))
		n := visits.Get(s)
		if n == 0 {
			visits.Set(s, 1)
		}
		used(s, 10*time.Minute)
		out, err := s.Commit(http.StatusOK)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("minute %d: visits=%d, cookie written: %v\n", minutes, n, len(out.SetCookie) > 0)
		if len(out.SetCookie) > 0 {
			jar = cookieOf(out)
		}
	}
	// Output:
	// minute 0: visits=0, cookie written: true
	// minute 1: visits=1, cookie written: false
	// minute 5: visits=1, cookie written: true
	// minute 14: visits=1, cookie written: true
	// minute 24: visits=0, cookie written: true
}

func ExampleSession_Principal() {
	store, _ := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	passwordHash := "$argon2id$…"

	// Login.
	s := store.Load(nil, now)
	p := s.Principal()
	stamp, err := p.Stamp("ann", passwordHash)
	fmt.Println(err, p.Begin("ann", stamp, nil))
	out, _ := s.Commit(http.StatusSeeOther)

	// Every later request.
	who := func(passwordHash string) string {
		s := store.Load(cookieOf(out), now.Add(time.Minute))
		p := s.Principal()
		id := p.Identity()
		if id.ID == "" {
			return "nobody"
		}
		// Load the user here. Not found: "nobody". The store is down: p.Hold(), 503.
		age, ok, err := p.Check(id.Stamp, id.ID, passwordHash)
		if err != nil { // a key that this instance doesn't have yet
			return "nobody"
		}
		if !ok {
			p.Refuse(id, cookie.ReasonStampMismatch)
			return "nobody"
		}
		fresh := ssestore.Stamp{}
		if age < 0 { // made under an older key: move to the primary
			fresh, _ = p.Stamp(id.ID, passwordHash)
		}
		if p.Confirm(id, fresh) != nil { // somebody logged in or out meanwhile
			return "nobody"
		}
		return id.ID
	}
	fmt.Println(who(passwordHash))
	fmt.Println(who("a new one"))
	// Output:
	// <nil> <nil>
	// ann
	// nobody
}
