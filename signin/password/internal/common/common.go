// Package common knows the passwords that many people use.
//
// The list is a text file, so that a reviewer can read it and a diff shows what a new
// version changes. The first lines are the notice of those who made it. It is searched
// from beginning to end, which takes far less time than hashing a password does.
package common

import (
	_ "embed"
	"strings"
)

//go:generate go run ./generate

//go:embed common.txt
var list string

// Has reports whether the list has a password, in small or capital letters. It only has
// those of eight or more characters that aren't all digits.
func Has(password string) bool {
	return strings.Contains(list, "\n"+strings.ToLower(password)+"\n")
}
