package password_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/internal/race"
	"github.com/hardtack-go/hardtack/signin/password"
)

// The passwords and hashes that other projects publish with their tests.
var published = []struct{ from, password, stored string }{
	// golang.org/x/crypto/bcrypt
	{"x/crypto", "allmine", "$2a$10$XajjQvNhvvRt5GSeFk1xFeyqRrsxkhBkUiQeg0dt.wU1qD4aFDcga"},
	// Openwall's crypt_blowfish
	{"crypt_blowfish", "U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
	{"crypt_blowfish", "U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"},
	{"crypt_blowfish", "", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"},
	// Django's tests/auth_tests/test_hashers.py, of versions 1.4, 1.6 and 5.1
	{"Django 1.4", "letmein", "pbkdf2_sha256$10000$seasalt$FQCNpiZpTb0zub+HBsH6TOwyRxJ19FwvjbweatNmK/Y="},
	{"Django 1.6", "lètmein", "pbkdf2_sha256$12000$seasalt$Ybw8zsFxqja97tY/o6G+Fy1ksY4U/Hw3DRrGED6Up4s="},
	{"Django 5.1", "lètmein", "pbkdf2_sha256$870000$seasalt$wJSpLMQRQz0Dhj/pFpbyjMj71B2gUYp6HJS5AU+32Ac="},
	// The same, without "argon2" at the beginning.
	{"Django's argon2", "secret", "$argon2id$v=19$m=102400,t=2,p=8$Y041dExhNkljRUUy$TMa6A8fPJhCAUXRhJXCXdw"},
}

func TestForeign_PublishedHashes(t *testing.T) {
	h := newHasher(t, cheap)
	for _, row := range published {
		if race.Enabled && (strings.Contains(row.stored, "$870000$") || strings.Contains(row.stored, "m=102400")) {
			continue // they take ten seconds
		}
		if ok, err := h.Verify(t.Context(), row.password, row.stored); !ok || err != nil {
			t.Errorf("%s, %s: %v, %v", row.from, row.stored, ok, err)
		}
		if !h.NeedsRehash(row.stored) {
			t.Errorf("%s needs no rehash", row.from)
		}
	}
	for _, row := range []int{1, 4} {
		if ok, err := h.Verify(t.Context(), published[row].password+"x", published[row].stored); ok || err != nil {
			t.Errorf("%s with a wrong password: %v, %v", published[row].from, ok, err)
		}
	}
	// Other libraries write b or y for what they compute alike.
	for _, variant := range []string{"$2b$", "$2y$"} {
		stored := strings.Replace(published[1].stored, "$2a$", variant, 1)
		if ok, err := h.Verify(t.Context(), published[1].password, stored); !ok || err != nil {
			t.Errorf("%s: %v, %v", variant, ok, err)
		}
	}
}

// bcrypt ignores what comes after 72 bytes; the hash that replaces it doesn't.
func TestForeign_BcryptHas72Bytes(t *testing.T) {
	h := newHasher(t, cheap)
	const stored = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui" // crypt_blowfish
	long := strings.Repeat("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", 2)
	for _, pw := range []string{long[:72], long} {
		if ok, err := h.Verify(t.Context(), pw, stored); !ok || err != nil {
			t.Errorf("%d bytes: %v, %v", len(pw), ok, err)
		}
	}
	if ok, _ := h.Verify(t.Context(), long[:71], stored); ok {
		t.Error("71 bytes are enough")
	}
	fresh := mustHash(t, h, long)
	if ok, _ := h.Verify(t.Context(), long[:72], fresh); ok {
		t.Error("72 bytes are enough for argon2id")
	}
}

func TestForeign_Refused(t *testing.T) {
	h := newHasher(t, cheap)
	bcrypt, django := published[0].stored, published[4].stored
	rows := map[string]string{
		"bcrypt x":            strings.Replace(bcrypt, "$2a$", "$2x$", 1),
		"bcrypt without one":  strings.Replace(bcrypt, "$2a$", "$2$", 1),
		"bcrypt 1":            strings.Replace(bcrypt, "$2a$", "$1a$", 1),
		"bcrypt cost 3":       strings.Replace(bcrypt, "$10$", "$03$", 1),
		"bcrypt cost 15":      strings.Replace(bcrypt, "$10$", "$15$", 1),
		"bcrypt cost 31":      strings.Replace(bcrypt, "$10$", "$31$", 1),
		"bcrypt cost in text": strings.Replace(bcrypt, "$10$", "$+5$", 1),
		"bcrypt short":        bcrypt[:59],
		"bcrypt long":         bcrypt + "a",
		"bcrypt line feed":    bcrypt + "\n",
		"bcrypt alphabet":     bcrypt[:59] + "!",
		"bcrypt salt":         strings.Replace(bcrypt, "Xajj", "Xa\nj", 1),
		"Django sha1":         strings.Replace(django, "sha256", "sha1", 1),
		"Django 0":            strings.Replace(django, "$10000$", "$0$", 1),
		"Django 010000":       strings.Replace(django, "$10000$", "$010000$", 1),
		"Django -1":           strings.Replace(django, "$10000$", "$-1$", 1),
		"Django 4000001":      strings.Replace(django, "$10000$", "$4000001$", 1),
		"Django 2^63":         strings.Replace(django, "$10000$", "$9223372036854775808$", 1),
		"Django no salt":      strings.Replace(django, "seasalt", "", 1),
		"Django long salt":    strings.Replace(django, "seasalt", strings.Repeat("s", 65), 1),
		"Django space":        strings.Replace(django, "seasalt", "sea salt", 1),
		"Django unpadded":     strings.TrimSuffix(django, "="),
		"Django trailing bit": strings.Replace(django, "/Y=", "/Z=", 1),
		"Django line feed":    strings.Replace(django, "K/Y=", "K/\nY=", 1),
		"Django empty key":    "pbkdf2_sha256$10000$seasalt$",
		"Django short key":    "pbkdf2_sha256$10000$seasalt$FQCNpiZpTb0zub+HBsH6TA==",
		"Django argon2":       "argon2" + mustHash(t, h, "letmein"),
		"Django unusable":     "!5KcAqTyRCIrFN1rVCwBDtGDuTgMW0eYgLVQO5ZZc",
		"a megabyte":          django + strings.Repeat("A", 1<<20),
	}
	for name, stored := range rows {
		pw := "allmine"
		if strings.HasPrefix(name, "Django") {
			pw = "letmein"
		}
		if ok, err := h.Verify(t.Context(), pw, stored); ok || !errors.Is(err, password.ErrHash) {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
		if !h.NeedsRehash(stored) {
			t.Errorf("%s needs no rehash", name)
		}
	}
}
