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
	// minSecret is the least number of bytes in a secret, the same as minMaster, and
	// minDistinct is how many of them must be different. In 32 random bytes, or 43
	// random characters of base64, there are practically never fewer than 16
	// different ones. If somebody held down a key, there is one. Neither check proves
	// that a secret is random.
	minSecret   = minMaster
	minDistinct = 16

	// The labels for deriving from a secret. Neither is a prefix of a label of
	// Key.Derive, which starts with a length, or of a Schedule's.
	secretKey = "hardtack/v1 secret key"
	secretID  = "hardtack/v1 secret kid"
)

// A ConfigError names a field of [Secrets] and the rule it broke, in three strings:
// Package (here "keyring"), Field and Rule. It doesn't repeat the value. The other
// packages of this module use the same type.
type ConfigError = config.Error

// Secrets is what [FromSecrets] makes a ring from. Only Primary is required.
//
// The fields are the secrets themselves, as they are in environment variables. A
// Secrets prints as redacted, but not from within an unexported field of another
// value, so don't keep it.
type Secrets struct {
	// Primary seals.
	Primary string

	// Previous has the secrets that were Primary before, the latest one first. They
	// only open. There are at most 14.
	Previous []string

	// Next is the secret that will be Primary after the next deploy. It only opens, and
	// is newer than Primary. It may be empty.
	Next string

	_ struct{} // forces keyed literals, so that fields can be added
}

// Format writes a fixed text, whatever the verb and flags.
func (s Secrets) Format(f fmt.State, _ rune) { io.WriteString(f, "keyring.Secrets(redacted)") }

// MarshalText returns the same fixed text, so that neither encoding/json nor
// log/slog can write a secret. The error is always nil.
func (s Secrets) MarshalText() ([]byte, error) { return []byte("keyring.Secrets(redacted)"), nil }

// FromSecrets returns a ring whose keys are derived from secrets. It is for programs
// that get secrets from their environment, and one variable is enough to start with.
// The same secrets give the same keys in every process.
//
//	ring, err := keyring.FromSecrets(keyring.Secrets{
//		Primary:  os.Getenv("SESSION_SECRET"),                           // openssl rand -base64 32
//		Previous: strings.Fields(os.Getenv("SESSION_SECRETS_PREVIOUS")), // none at first
//		Next:     os.Getenv("SESSION_SECRET_NEXT"),                      // none at first
//	})
//
// To change the secret, use three deploys. First, set Next. Once every instance has
// it, make it Primary, and put the old Primary first in Previous. When all sessions
// under the old one have ended, drop it. Without the first deploy, instances that
// don't have the new secret yet would get sessions they can't open. A secret that was
// in Previous must not become Primary again, because a key would be older in one
// instance and newer in another, and they would move sessions back and forth. Make a
// new secret instead.
//
// A secret is random text of at least 32 bytes, 16 of them different, such as the
// output of "openssl rand -base64 32". It is used as it is, without decoding.
// FromSecrets refuses anything that can't be a secret: a placeholder from an example,
// the address of a secret (op://…), white space or quotes around it, a secret that
// appears twice. It reports all faults
// at once, as [*ConfigError], without the value.
//
// The keys don't have a real creation time. Primary's is the 16th millisecond of
// 1970, and the others come before and after it, one millisecond apart. So a key made
// by [NewKey] or [Keyring.Rotate] is newer than every key from a secret, and you can
// use [Keyring.JWKSet] to move such a ring into a file or a secret store and rotate
// it there. A key that is added to the ring in memory is gone when the process ends.
//
// Anyone with a secret has its key. Guard it like a key file, and don't use a password.
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

	const primary = maxKeys // leaves a millisecond for each earlier key
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

// secretRule says why a text can't be a secret, or returns "".
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
	case reference(s):
		return "the address of a secret, which nothing has resolved"
	case placeholder(s):
		return "a placeholder, not a secret: openssl rand -base64 32 makes one"
	case len(s) < minSecret:
		return "shorter than 32 bytes: openssl rand -base64 32 makes a secret"
	}
	// Hexadecimal has only 16 digits, and one random text in four doesn't use them all.
	raw, err := hex.DecodeString(s)
	if distinct(s) < minDistinct && (err != nil || len(raw) < minSecret || distinct(string(raw)) < minDistinct) {
		return "fewer than 16 distinct bytes: openssl rand -base64 32 makes a secret"
	}
	return ""
}

// reference reports whether s is a URL or the name of a cloud resource, as in a
// deployment whose secret manager didn't put the secret in its place.
func reference(s string) bool {
	scheme, _, ok := strings.Cut(s, "://")
	return ok && isScheme(scheme) || strings.HasPrefix(s, "arn:")
}

// isScheme reports whether s is a URL scheme in lower case (RFC 3986 section 3.1).
func isScheme(s string) bool {
	return s != "" && 'a' <= s[0] && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789+-.") == ""
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

// placeholder reports whether s looks like the text to be replaced in an example
// configuration file, or like a template that nobody filled in. The words are so long
// that fewer than one random secret in a million has one of them.
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
		return -1 // change-me, CHANGE_ME and "change me" are the same
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

// enclosed reports whether s begins with the first half of a pair and ends with the
// second.
func enclosed(s string, pairs ...string) bool {
	for _, p := range pairs {
		open, close := p[:(len(p)+1)/2], p[(len(p)+1)/2:]
		if len(s) >= len(p) && strings.HasPrefix(s, open) && strings.HasSuffix(s, close) {
			return true
		}
	}
	return false
}
