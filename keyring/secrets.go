package keyring

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/hardtack-go/hardtack/internal/config"
)

const (
	// minSecret is what a secret needs at least, in bytes, as minMaster; and
	// minDistinct is how many of them must differ. Of 32 random bytes, or of 43
	// random characters of base64, fewer than 16 differ about never; of a key that
	// somebody held down, one does. Neither proves that a secret is random.
	minSecret   = minMaster
	minDistinct = 16

	// The labels of what is derived from a secret: no prefix of a label of
	// Key.Derive, which starts with a length, nor of a Schedule's.
	secretKey = "hardtack/v1 secret key"
	secretID  = "hardtack/v1 secret kid"
)

// A ConfigError names a field of [Secrets] and the rule it broke: Package (here
// "keyring"), Field and Rule, all strings. It doesn't repeat the value. It is the
// ConfigError of the other packages of this module too.
type ConfigError = config.Error

// Secrets are what [FromSecrets] makes a ring of. Only Primary must be set.
//
// The fields are the secrets themselves, as they stand in environment variables.
// A Secrets prints as redacted, but not from within an unexported field of another
// value: don't keep it.
type Secrets struct {
	// Primary seals.
	Primary string

	// Previous only open: the secrets that were Primary before, the latest one
	// first. At most 14.
	Previous []string

	// Next only opens, and is newer than Primary: the secret that will be Primary
	// after the next deploy. May be empty.
	Next string

	_ struct{} // keyed literals only, so that fields may be added
}

// Format writes a fixed text, whatever the verb and flags.
func (s Secrets) Format(f fmt.State, _ rune) { io.WriteString(f, "keyring.Secrets(redacted)") }

// MarshalText returns the same fixed text, so that neither encoding/json nor
// log/slog can write a secret. The error is always nil.
func (s Secrets) MarshalText() ([]byte, error) { return []byte("keyring.Secrets(redacted)"), nil }

// FromSecrets returns a ring whose keys are derived from secrets, for programs
// that get them from their environment: one variable is enough to start with. The
// same secrets give the same keys in every process.
//
//	ring, err := keyring.FromSecrets(keyring.Secrets{
//		Primary:  os.Getenv("SESSION_SECRET"),                    // openssl rand -base64 32
//		Previous: strings.Fields(os.Getenv("SESSION_SECRETS_OLD")), // none at first
//		Next:     os.Getenv("SESSION_SECRET_NEXT"),               // none at first
//	})
//
// To change the secret, go through three deploys: set Next; when every instance
// has it, make it Primary and put the former Primary first in Previous; when
// sessions under that one have ended, drop it. Without the first deploy, instances
// that lack the new secret meet sessions that they can't open. A secret that was
// Previous must not become Primary again: a key that is older here would be newer
// there, and instances would move sessions back and forth. Make a new one.
//
// A secret is random text of at least 32 bytes, 16 of them distinct, such as
// "openssl rand -base64 32" prints. It's taken as it is, and not decoded. Whatever
// can't be one is refused: a placeholder from an example, white space or quotes
// around it, a secret that appears twice. All faults are reported at once, of
// type [*ConfigError], without the value.
//
// The keys carry no real time of creation. That of Primary is the 16th millisecond
// of 1970; those before and after it follow in steps of one. So a key that was made
// by [NewKey] or [Keyring.Rotate] is newer than every key from a secret, and
// [Keyring.JWKSet] can move such a ring into a file or a secret store, there to be
// rotated. A key that is added to the ring in memory is gone when the process ends.
//
// Whoever has a secret has its key: it's as secret as a key file, and it can't be
// a password.
func FromSecrets(s Secrets) (*Keyring, error) {
	faults := config.Faults{Package: "keyring"}
	var keys []Key
	fields := map[string]string{} // by secret
	add := func(field, secret string, created int64) {
		rule := secretRule(secret)
		if twin, ok := fields[secret]; ok && rule == "" {
			rule = "the same secret as " + twin
		}
		if rule != "" {
			faults.Add(field, rule)
			return
		}
		fields[secret] = field
		derive := func(label string, n int) []byte {
			b, err := hkdf.Key(sha256.New, []byte(secret), nil, label, n)
			faults.Join(err)
			return b
		}
		id, root := derive(secretID, idBytes), derive(secretKey, rootSize)
		if id != nil && root != nil {
			keys = append(keys, makeKey(encoding.EncodeToString(id), [rootSize]byte(root), created, 0))
		}
	}

	const primary = maxKeys // leaves a millisecond for each key before
	add("Primary", s.Primary, primary)
	if len(s.Previous) > maxKeys-2 {
		faults.Add("Previous", "at most 14")
		s.Previous = nil
	}
	for i, secret := range s.Previous {
		add(fmt.Sprintf("Previous[%d]", i), secret, primary-1-int64(i))
	}
	if s.Next != "" {
		add("Next", s.Next, primary+1)
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return New(keys...) // two secrets may have one kid, once in 10^12 rings
}

// secretRule says why a text is no secret, or returns "".
func secretRule(s string) string {
	switch trimmed := strings.TrimSpace(s); {
	case trimmed == "":
		return "empty: is the variable set?"
	case trimmed != s:
		return "white space before or after it, which another instance may not have: trim it"
	case enclosed(s, `""`, `''`, "``"):
		return "in quotes, which another instance may not have: take them off"
	case strings.HasPrefix(s, `{"`) || strings.HasPrefix(s, base64Set):
		return "a JWK Set: use Parse"
	case placeholder(s):
		return "a placeholder, not a secret: openssl rand -base64 32 makes one"
	case len(s) < minSecret:
		return "shorter than 32 bytes: openssl rand -base64 32 makes a secret"
	}
	// Hexadecimal has 16 digits in all, and one random text in four lacks some.
	raw, err := hex.DecodeString(s)
	if distinct(s) < minDistinct && (err != nil || len(raw) < minSecret || distinct(string(raw)) < minDistinct) {
		return "fewer than 16 distinct bytes: openssl rand -base64 32 makes a secret"
	}
	return ""
}

// distinct counts the different bytes of s.
func distinct(s string) (n int) {
	var seen [256]bool
	for i := range len(s) {
		if !seen[s[i]] {
			seen[s[i]] = true
			n++
		}
	}
	return n
}

// placeholder reports whether s is what stands in examples of configuration files
// to be replaced, or a template that nobody filled in. The words are long enough
// that a random secret has one of them less than once in a million times.
func placeholder(s string) bool {
	if enclosed(s, "${}", "$()", "{{}}", "<>", "[]") {
		return true
	}
	plain := strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r - 'A' + 'a'
		}
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return -1 // change-me, CHANGE_ME and "change me" are one
	}, s)
	for _, word := range [...]string{
		"secret", "change", "replace", "placeholder", "example", "default", "insecure", "password", "passphrase",
		"random", "generate", "openssl", "keyboard", "qwerty", "letmein", "correcthorse", "session", "development",
		"0123456789", "1234567890", "abcdefghij",
	} {
		if strings.Contains(plain, word) {
			return true
		}
	}
	return false
}

// enclosed reports whether s begins with the first half of one of the pairs and
// ends with its second half.
func enclosed(s string, pairs ...string) bool {
	for _, p := range pairs {
		open, close := p[:(len(p)+1)/2], p[(len(p)+1)/2:]
		if len(s) >= len(p) && strings.HasPrefix(s, open) && strings.HasSuffix(s, close) {
			return true
		}
	}
	return false
}
