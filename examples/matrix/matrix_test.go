package matrix_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"text/tabwriter"

	"github.com/hardtack-go/hardtack/examples/internal/browser"
	"github.com/hardtack-go/hardtack/examples/internal/workerd"
)

// A platform runs instances of an example that read sessions.
type platform struct {
	name string
	// start runs an instance with the keys of a stage, until the test ends.
	start func(t *testing.T, s stage) instance
}

// An instance is one process, as a rule. Those that only read issue nothing: do is nil.
type instance struct {
	// do sends a request, with a Cookie header unless that is "".
	do func(t *testing.T, method, path, form, cookie string) response
	// who returns for each Cookie header who is logged in, or "".
	who func(t *testing.T, headers []string) []string
}

type response struct {
	page string
	set  []string // the Set-Cookie lines, each up to its first semicolon
}

// A stage is what an instance knows in a rotation from secret A to B.
type stage struct{ name, primary, next, old string }

const (
	secretA = "Zx3vQm8Lk2Wn5Rt7Yp1Hs4Jd6Fg9Bc0VaKiUe"
	secretB = "b7NqTe2XcR9uLw4YkM1sZf6HjG8dPa3VoCi5Ex"
)

var stages = []stage{
	{name: "A", primary: secretA},
	{name: "A, next B", primary: secretA, next: secretB},
	{name: "B, old A", primary: secretB, old: secretA},
}

func (s stage) environment() []string {
	return []string{"SESSION_SECRET=" + s.primary, "SESSION_SECRET_NEXT=" + s.next, "SESSION_SECRETS_PREVIOUS=" + s.old, "PASSWORD=open sesame"}
}

// knows reports whether an instance opens what one in another stage has sealed.
func (s stage) knows(issuer stage) bool {
	return slices.Contains([]string{s.primary, s.next, s.old}, issuer.primary)
}

// TestE71_Matrix: a session opens on every platform that has its key, whoever issued it.
// After a logout on any platform no other takes it, and none takes it from behind a comma.
func TestE71_Matrix(t *testing.T) {
	browser.Program(t, "node", "nodejs")
	workerd.Program(t)
	platforms := platforms(t)
	instances := map[string]instance{} // by platform and stage
	for _, p := range platforms {
		for _, s := range stages {
			instances[p.name+s.name] = p.start(t, s)
		}
	}
	issuers := slices.DeleteFunc(slices.Clone(platforms), func(p platform) bool { return instances[p.name+"A"].do == nil })

	// A request says who issued its session, when, and in which of three forms.
	type request struct {
		form, platform string
		stage          stage
		cookie         string
	}
	const live, ended, comma = "a session", "one that was logged out on the next platform", "one in a cookie with a comma"
	var requests []request
	for i, p := range issuers {
		next := issuers[(i+1)%len(issuers)]
		for _, s := range stages {
			in := instances[p.name+s.name].do(t, "POST", "/login", "password=open+sesame", "")
			if len(in.set) != 1 {
				t.Fatalf("%s, %s: the login sets %q", p.name, s.name, in.set)
			}
			session := in.set[0]
			out := instances[next.name+s.name].do(t, "POST", "/logout", "", session)
			if len(out.set) != 2 {
				t.Fatalf("%s, %s: the logout sets %q", next.name, s.name, out.set)
			}
			requests = append(requests, request{live, p.name, s, "x=1; " + session},
				request{ended, p.name, s, "x=1; " + session + "; " + out.set[1]},
				request{comma, p.name, s, "x=1, " + session})
		}
	}
	slices.SortStableFunc(requests, func(a, b request) int {
		order := []string{live, ended, comma}
		return slices.Index(order, a.form) - slices.Index(order, b.form)
	})
	var headers []string
	for _, r := range requests {
		headers = append(headers, r.cookie)
	}
	answers := map[string][]string{} // by platform and stage
	for where, i := range instances {
		answers[where] = i.who(t, headers)
	}

	var table bytes.Buffer
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	for i, r := range requests {
		if i == 0 || requests[i-1].form != r.form {
			fmt.Fprintf(w, "\n%s:\nissued by\twith keys", r.form)
			for _, p := range platforms {
				fmt.Fprintf(w, "\t%s", p.name)
			}
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s\t%s", r.platform, r.stage.name)
		for _, p := range platforms {
			cell := ""
			for _, s := range stages {
				want := ""
				if r.form == live && s.knows(r.stage) {
					want = "ada"
				}
				got := answers[p.name+s.name][i]
				if got != want {
					t.Errorf("%s, issued by %s with %s, read by %s with %s: %q, want %q", r.form, r.platform, r.stage.name, p.name, s.name, got, want)
				}
				cell += map[bool]string{true: " yes", false: " -"}[got != ""]
			}
			fmt.Fprintf(w, "\t%s", cell[1:])
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	t.Logf("For each reader, with the keys %s | %s | %s:\n%s", stages[0].name, stages[1].name, stages[2].name, &table)
}
