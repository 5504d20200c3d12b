package ops_test

import (
	"strconv"
	"testing"
)

type User struct {
	PasswordHash string
	Logouts      int
}

func stamp(u *User) string {
	if u.Logouts == 0 { // the column is new, and 0 in every row
		return u.PasswordHash
	}
	return u.PasswordHash + "\x00" + strconv.Itoa(u.Logouts)
}

// TestStampOfANewColumn: the recipe of docs/STAMP.md changes no stamp until somebody logs
// out everywhere.
func TestStampOfANewColumn(t *testing.T) {
	if stamp(&User{PasswordHash: "h"}) != "h" {
		t.Error("a new column ends every session")
	}
	if stamp(&User{"h", 1}) == "h" || stamp(&User{"h", 1}) == stamp(&User{"h", 2}) {
		t.Error("log out everywhere ends nothing")
	}
}
