package password_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/signin/password"
)

func TestValidate(t *testing.T) {
	const ada = "ada.lovelace+shop@analytical-engine.example"
	for _, row := range []struct{ password, problem string }{
		{"", "Use at least 8 characters."},
		{"äöüßñé!", "Use at least 8 characters."}, // 13 bytes
		{"äöüßñé!?", ""},
		{"🔑🔒🚪🪟🏠🌳🌊🔥", ""},
		{strings.Repeat("🔑", 256), ""}, // 1,024 bytes
		{strings.Repeat("🔑", 257), "Use at most 256 characters."},
		{strings.Repeat("x", 257), "Use at most 256 characters."},
		{"iloveyou", "Too many people use that password. Choose another one."},
		{"TrustNo1", "Too many people use that password. Choose another one."},
		{"28072019", "Use more than digits."},
		{strings.Repeat("7", 30), "Use more than digits."},
		{"٢٨٠٧٢٠١٩", "Use more than digits."},
		{"28.07.2019", ""},
		{"analytical", "That is too much like your address."},
		{"Lovelace99", "That is too much like your address."},
		{"lovelace2024", "That is too much like your address."},
		{"AdaLovelace", "That is too much like your address."},
		{"ecalevol", ""},
		{"lovelace-adds-numbers", ""},
		{"adamantine", ""},
		{"engine-analytical", "That is too much like your address."},
		{"example1", "That is too much like your address."},
		{strings.ToUpper(ada), "That is too much like your address."},
		{"correct horse battery staple", ""},
	} {
		err := password.Validate(t.Context(), row.password, ada)
		var problem password.Problem
		if errors.As(err, &problem); string(problem) != row.problem || err == nil != (row.problem == "") {
			t.Errorf("%q: %v, want %q", row.password, err, row.problem)
		}
	}
	// Words of one or two letters say nothing.
	if err := password.Validate(t.Context(), "a.b.c.io.io.a.b", "a.b.c@io.a.b"); err != nil {
		t.Error(err)
	}
	// Digits are part of a word.
	if err := password.Validate(t.Context(), "x9y8z7-qq", "x9y8z7@example.com"); err == nil {
		t.Error("most of it is from the address")
	}
	// Exactly half is still allowed.
	if err := password.Validate(t.Context(), "lovelace12345678", ada); err != nil {
		t.Error(err)
	}
	// What is left of two parts must not become a third.
	if err := password.Validate(t.Context(), "adshopa-xyzzy", ada); err != nil {
		t.Error(err)
	}
	if err := password.Validate(t.Context(), "quite unrelated", ""); err != nil {
		t.Error(err)
	}
}
