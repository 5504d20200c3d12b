package marks_test

import (
	"fmt"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/marks"
)

// Staff log a user out everywhere, and the user logs in again within the same second. A
// fleet publishes such a mark to the Set of each instance.
func ExampleSet() {
	set := marks.New(marks.Policy{})
	now := time.Date(2027, 1, 15, 8, 0, 0, 0, time.UTC)

	kick := marks.Mark{
		Kind:   marks.User,
		ID:     "ada",
		Before: now.Unix() + 1, // so that sessions of this second end too
		Until:  now.AddDate(0, 1, 0).Unix(),
	}
	set.Apply(now, kick)

	session := marks.About{Session: "its id", User: "ada", Issued: now.Unix(), Now: now.Unix()}
	fmt.Println(set.Judge(session))

	session.Issued = max(now.Unix(), set.NotBefore("ada")) // as ssestore does at a login
	fmt.Println(set.Judge(session) == cookie.ReasonNone)
	// Output:
	// revoked
	// true
}

// A Set that fails closed lets nobody through on news that is older than half a minute.
func ExamplePolicy() {
	set := marks.New(marks.Policy{MaxStale: 30 * time.Second, FailClosed: true})
	now := time.Date(2027, 1, 15, 8, 0, 0, 0, time.UTC)
	session := marks.About{Session: "its id", User: "ada", Issued: now.Unix(), Now: now.Unix()}
	fmt.Println(set.Judge(session), "before it has heard from anybody")

	set.Fresh(now)
	fmt.Println(set.Judge(session) == cookie.ReasonNone)

	session.Now += 31
	fmt.Println(set.Judge(session), "after", set.Age(now.Add(31*time.Second)))
	// Output:
	// unverified before it has heard from anybody
	// true
	// unverified after 31s
}

// The bound on memory is told, not met in silence.
func ExamplePolicy_onFull() {
	set := marks.New(marks.Policy{Max: 16, OnFull: func(live int) {
		fmt.Println("no room after", live, "marks")
	}})
	now := time.Date(2027, 1, 15, 8, 0, 0, 0, time.UTC)
	for i := range 20 {
		set.Apply(now, marks.Mark{Kind: marks.Session, ID: fmt.Sprint(i), Until: now.Unix() + 3600})
	}
	// Two places are left for marks of users.
	set.Apply(now, marks.Mark{Kind: marks.User, ID: "ada", Before: now.Unix(), Until: now.Unix() + 3600})
	fmt.Println(set.Len())
	// Output:
	// no room after 14 marks
	// 15
}
