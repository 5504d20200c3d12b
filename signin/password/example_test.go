package password_test

import (
	"bufio"
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/hardtack-go/hardtack/signin/password"
)

// A login in a program with pages of its own: one call for every outcome, so that all of them take the same time,
// and an upgrade of old hashes while the password is at hand.
func ExampleHasher() {
	ctx := context.Background()
	hasher, err := password.NewHasher(password.HasherConfig{})
	if err != nil {
		panic(err)
	}
	users := map[string]string{} // a table: address → hash
	users["ada@example.com"], _ = hasher.Hash(ctx, "correct horse battery staple")

	login := func(email, pw string) bool {
		stored := users[email] // "" for an unknown address: Verify works all the same
		ok, err := hasher.Verify(ctx, pw, stored)
		if err != nil || !ok {
			return false
		}
		if hasher.NeedsRehash(stored) {
			if fresh, err := hasher.Hash(ctx, pw); err == nil {
				users[email] = fresh // in a database: only where the old hash still stands
			}
		}
		return true
	}
	fmt.Println(login("ada@example.com", "correct horse battery staple"))
	fmt.Println(login("ada@example.com", "wrong"))
	fmt.Println(login("nobody@example.com", "correct horse battery staple"))
	// Output:
	// true
	// false
	// false
}

// A validator that asks a service whether a password was in a breach, by k-anonymity:
// the service learns five of the forty digits of the password's SHA-1 digest, and
// answers with all that begin with them. Here it is a server that knows one password.
func ExampleValidator() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/range/"+fmt.Sprintf("%X", sha1.Sum([]byte("correct horse battery staple")))[:5] {
			fmt.Fprintf(w, "0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n")
			fmt.Fprintf(w, "%s:3\r\n", fmt.Sprintf("%X", sha1.Sum([]byte("correct horse battery staple")))[5:])
		}
	}))
	defer service.Close()

	notBreached := func(ctx context.Context, pw, _ string) error {
		digest := fmt.Sprintf("%X", sha1.Sum([]byte(pw)))
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, service.URL+"/range/"+digest[:5], nil)
		if err != nil {
			return err
		}
		req.Header.Set("Add-Padding", "true") // hides how many digests the answer has
		res, err := service.Client().Do(req)
		if err != nil {
			return nil // no reason to keep people from choosing a password
		}
		defer res.Body.Close()
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			suffix, count, _ := strings.Cut(lines.Text(), ":")
			if suffix == digest[5:] && count != "0" { // padding has 0
				return password.Problem("That password was in a data breach. Choose another one.")
			}
		}
		return nil
	}

	for _, pw := range []string{"correct horse battery staple", "wrong donkey capacitor paperclip"} {
		var problem password.Problem
		if err := notBreached(context.Background(), pw, ""); errors.As(err, &problem) {
			fmt.Println(problem)
		} else {
			fmt.Println("fine,", err)
		}
	}
	// Output:
	// That password was in a data breach. Choose another one.
	// fine, <nil>
}
