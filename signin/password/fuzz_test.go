package password_test

import (
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/signin/password"
)

var (
	plainArgon2id = regexp.MustCompile(`^\$argon2id\$v=19\$m=([1-9][0-9]{0,5}),t=([1-9][0-9]{0,6}),p=([1-9][0-9]?)\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$`)
	plainBcrypt   = regexp.MustCompile(`^\$2[aby]\$(0[4-9]|1[0-4])\$[A-Za-z0-9./]{53}$`)
	plainDjango   = regexp.MustCompile(`^pbkdf2_sha256\$([1-9][0-9]{0,6})\$[^ $\x00-\x1f\x7f-\x{10ffff}]{1,64}\$[A-Za-z0-9+/]{43}=$`)
)

// bounded reports whether a stored hash is in one of the accepted forms, and computing it
// takes no more than about a second and 256 MiB.
func bounded(stored string) bool {
	if m := plainArgon2id.FindStringSubmatch(stored); m != nil {
		n := func(i int) int { v, _ := strconv.Atoi(m[i]); return v }
		raw := base64.RawStdEncoding.Strict()
		salt, err1 := raw.DecodeString(m[4])
		key, err2 := raw.DecodeString(m[5])
		return err1 == nil && err2 == nil && len(salt) >= 8 && len(salt) <= 64 && len(key) >= 16 && len(key) <= 64 &&
			n(3) <= 16 && n(1) >= 8*n(3) && n(1) <= 256*1024 && n(1)*n(2) <= 1<<20
	}
	if m := plainDjango.FindStringSubmatch(stored); m != nil {
		n, _ := strconv.Atoi(m[1])
		return n <= 4_000_000
	}
	return plainBcrypt.MatchString(stored)
}

// FuzzHash: a stored hash is computed if, and only if, it is in one of the forms, in its one
// spelling, and within the bounds. A row that somebody has altered takes nothing down.
func FuzzHash(f *testing.F) {
	for _, row := range published {
		f.Add(row.stored)
		f.Add(row.stored + "\n")
		f.Add(row.stored[:len(row.stored)-1])
		f.Add(strings.Replace(row.stored, "$", "$$", 1))
	}
	const salt, key = "$Y041dExhNkljRUUy$", "TMa6A8fPJhCAUXRhJXCXdw"
	for _, parameters := range []string{
		"m=65536,t=3,p=2", "m=262144,t=4,p=1", "m=262144,t=5,p=1", "m=262145,t=1,p=1", "m=8,t=131072,p=1", "m=8,t=131073,p=1", "m=7,t=1,p=1", "m=128,t=1,p=16", "m=136,t=1,p=17",
		"m=065536,t=3,p=2", "m=+65536,t=3,p=2", "m=65536,t=0,p=2", "m=4294967304,t=1,p=1", "m=65536,t=3,p=258", "t=3,m=65536,p=2", "m=65536,t=3,p=2,x=1",
	} {
		f.Add("$argon2id$v=19$" + parameters + salt + key)
	}
	f.Add("$argon2id$v=16$m=65536,t=3,p=2" + salt + key)
	f.Add("$argon2i$v=19$m=65536,t=3,p=2" + salt + key)
	f.Add("pbkdf2_sha256$4000001$salt$" + strings.Repeat("A", 43) + "=")
	f.Add("")
	f.Fuzz(func(t *testing.T, stored string) {
		if got, want := password.Readable(stored), bounded(stored); got != want {
			t.Errorf("%q is read: %v, want %v", stored, got, want)
		}
	})
}
