package next_test

import (
	"fmt"

	"github.com/hardtack-go/hardtack/auth/next"
)

func ExampleSafe() {
	hosts := []string{"example.com"}
	for _, to := range []string{"/inbox?page=2", "https://example.com/inbox", "//evil.example", `/\evil.example`, "javascript:alert(1)"} {
		fmt.Println(next.Safe(to, hosts, true), to)
	}
	// Output:
	// true /inbox?page=2
	// true https://example.com/inbox
	// false //evil.example
	// false /\evil.example
	// false javascript:alert(1)
}

func ExampleLoginURL() {
	fmt.Println(next.LoginURL("/login?lang=en", "https://example.com/inbox?page=2", "next"))
	fmt.Println(next.LoginURL("https://login.example.org/", "https://example.com/inbox", "next"))
	// Output:
	// /login?lang=en&next=/inbox%3Fpage%3D2
	// https://login.example.org/?next=https%3A//example.com/inbox
}
