package password

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"regexp"
	"strconv"

	"golang.org/x/crypto/bcrypt"
)

// Bounds on the cost of hashes that come from other systems. Like those in phc.go,
// they keep one check at about a second.
//
// maxIterations leaves room: Django 1.6 made 12,000, and Django 6.0 makes 1,200,000
// (https://docs.djangoproject.com/en/6.0/releases/6.0/).
const maxIterations = 4_000_000

// The forms are anchored and bounded, so a string of any length is refused after as many
// characters as a hash has.
var (
	// bcryptForm has costs 4 to 14. The variants a, b and y are one algorithm for
	// what this library computes; x is the one with the sign bug of crypt_blowfish
	// (CVE-2011-2483), and collides.
	bcryptForm = regexp.MustCompile(`^\$2[aby]\$(?:0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}$`)
	// djangoForm is iterations, salt and the 32 bytes of the key.
	djangoForm = regexp.MustCompile(`^pbkdf2_sha256\$([1-9][0-9]{0,6})\$([!-#%-~]{1,64})\$([A-Za-z0-9+/]{43}=)$`)
)

// reader returns what compares a password with a stored hash, or nil if this package
// doesn't accept the hash. All bounds are checked by then.
func reader(stored string) func(password string) (bool, error) {
	if _, err := decode(stored); err == nil {
		return func(password string) (bool, error) { return checkArgon2id(password, stored) }
	}
	if bcryptForm.MatchString(stored) {
		return func(password string) (bool, error) { return checkBcrypt(password, stored) }
	}
	if m := djangoForm.FindStringSubmatch(stored); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil && n <= maxIterations {
			return func(password string) (bool, error) { return checkDjango(password, n, m[2], m[3]) }
		}
	}
	return nil
}

// checkBcrypt looks at 72 bytes of a password, as bcrypt does everywhere.
func checkBcrypt(password, stored string) (bool, error) {
	switch err := bcrypt.CompareHashAndPassword([]byte(stored), []byte(password)); err {
	case nil:
		return true, nil
	case bcrypt.ErrMismatchedHashAndPassword:
		return false, nil
	default:
		return false, ErrHash
	}
}

func checkDjango(password string, iterations int, salt, key string) (bool, error) {
	want, err := base64.StdEncoding.Strict().DecodeString(key)
	if err != nil {
		return false, ErrHash
	}
	got, err := pbkdf2.Key(sha256.New, password, []byte(salt), iterations, len(want))
	if err != nil {
		return false, ErrHash // FIPS 140 mode refuses short salts
	}
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}
