package ssestore_test

import (
	"fmt"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/ssestore"
)

// A session that began at an OpenID provider ends when the provider says that its own has
// ended, though all it tells is its own name for it.
func ExamplePrincipal_Link() {
	const issuer, sid = "https://id.example", "08a5"
	set := marks.New(marks.Policy{})
	store, err := ssestore.New(ssestore.Config{Keys: keyring.Generate(), Marks: set})
	if err != nil {
		fmt.Println(err)
		return
	}

	s := store.Load(nil, time.Now())
	p := s.Principal()
	stamp, _ := p.Stamp("7", "argon2id-of-ada")
	if err := p.Begin("7", stamp, nil); err != nil { // the login
		fmt.Println(err)
	}
	if err := p.Link("sid:" + issuer + "#" + sid); err != nil {
		fmt.Println(err)
	}
	out, err := s.Commit(200)
	if err != nil {
		fmt.Println(err)
	}
	cookie := cookieOf(out)

	// The provider posts a logout token. A fleet.Fleet fills in the times.
	now := time.Now()
	set.Apply(now, marks.Mark{
		Kind: marks.Link, ID: "sid:" + issuer + "#" + sid,
		Before: now.Unix() + 1, Until: now.Add(ssestore.DefaultPersistentAbsolute).Unix(),
	})

	fmt.Println(store.Load(cookie, now).Principal().Refused())
	// Output: revoked
}
