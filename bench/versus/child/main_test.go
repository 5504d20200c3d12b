package main

import (
	"strings"
	"testing"
)

// Every case does its job, and the answers are numbers or errors.
func TestCases(t *testing.T) {
	cases, err := prepare()
	if err != nil {
		t.Fatal(err)
	}
	for name, op := range cases {
		for range 3 {
			if err := op(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, command := range []string{"run " + name + " 2", "allocs " + name} {
			if got := answer(cases, command); strings.Trim(got, "0123456789 ") != "" {
				t.Errorf("%s: %q", command, got)
			}
		}
	}
	cases["wrong"] = func() error { return errWrong }
	for _, command := range []string{"run wrong 1", "run none 1", "allocs none", "walk verify", ""} {
		if got := answer(cases, command); !strings.HasPrefix(got, "error: ") {
			t.Errorf("%q: %q", command, got)
		}
	}
}
