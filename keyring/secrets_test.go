package keyring_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
)

// Secrets as openssl rand -base64 32 prints them.
const (
	secretA = "uHq1yDk3M0fVfXr9oQwLZ2b7Nn5tEjC8aGsTzPpIxRk="
	secretB = "m4Yw0TgE7uJdKqVb1cXnR5zLhS8oPfA2iQ3vNl6WxUs="
	secretC = "Zr2LkQ9eVhXb6MyPwT0cJdGa3nUoSf5iKqW8vN1xYzE="
)

func fromSecrets(t testing.TB, s keyring.Secrets) *keyring.Keyring {
	t.Helper()
	r, err := keyring.FromSecrets(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The keys are part of the format: other bytes log everybody out. The values are
// those of docs/FORMAT.md, and of
//
//	openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt key:SECRET -kdfopt info:"hardtack/v1 secret key" HKDF
func TestF503_FromSecretsKnownAnswers(t *testing.T) {
	k := fromSecrets(t, keyring.Secrets{Primary: secretA}).Primary()
	if k.ID() != "wBlDLh4" || hexOf(raw(t, k.ID())) != hkdf32([]byte(secretA), "hardtack/v1 secret kid")[:10] {
		t.Errorf("kid %s", k.ID())
	}
	root := hkdf32([]byte(secretA), "hardtack/v1 secret key")
	if root != "052bbf6d1e6fa28c0169ce50255a2da78ac1751c6233270fc49888ce8ae5a293" {
		t.Errorf("RFC 5869 gives %s", root)
	}
	bytes, err := hex.DecodeString(root)
	if err != nil {
		t.Fatal(err)
	}
	seal := hexOf(k.Derive(keyring.Label{Purpose: "seal", Name: "__Host-session"}))
	if seal != "5ead6866c1db1ef5ee49d82c0198a3dccbf8b5f7f3325033eb15063e03dd8225" || seal != hkdf32(bytes, lp("hardtack/v1", "seal", "", "__Host-session")) {
		t.Errorf("seal subkey %s", seal)
	}
}

// The kid is public. It must be no part of what the secret itself hashes to, nor
// of its key.
func TestF503_TheKidTellsNothing(t *testing.T) {
	k := fromSecrets(t, keyring.Secrets{Primary: secretA}).Primary()
	kid := hexOf(raw(t, k.ID()))
	for _, other := range []string{
		hexOf(k.Derive(keyring.Label{})), hkdf32([]byte(secretA), ""), hkdf32([]byte(secretA), "hardtack/v1 secret key"),
	} {
		if strings.Contains(other, kid) {
			t.Error("the kid is a slice of something else")
		}
	}
}

// The three deploys that change a secret. In each of them, and on each instance
// beside one of the deploy before, older and newer mean the same.
func TestF503_FromSecretsThreeDeploys(t *testing.T) {
	a, b, c := "wBlDLh4", fromSecrets(t, keyring.Secrets{Primary: secretB}).Primary().ID(), fromSecrets(t, keyring.Secrets{Primary: secretC}).Primary().ID()
	for _, row := range []struct {
		name    string
		secrets keyring.Secrets
		ids     string
		created map[string]int64
	}{
		{"one", keyring.Secrets{Primary: secretA}, "*" + a, map[string]int64{a: 16}},
		{"the next one arrives", keyring.Secrets{Primary: secretA, Next: secretB}, "*" + a + " " + b, map[string]int64{a: 16, b: 17}},
		{"it seals", keyring.Secrets{Primary: secretB, Previous: []string{secretA}}, "*" + b + " " + a, map[string]int64{b: 16, a: 15}},
		{"and another", keyring.Secrets{Primary: secretB, Previous: []string{secretA}, Next: secretC}, "*" + b + " " + a + " " + c, map[string]int64{b: 16, a: 15, c: 17}},
		{"which seals", keyring.Secrets{Primary: secretC, Previous: []string{secretB, secretA}}, "*" + c + " " + b + " " + a, map[string]int64{c: 16, b: 15, a: 14}},
	} {
		r := fromSecrets(t, row.secrets)
		if got := ids(r.At(at(ms0))); got != row.ids || ids(r) != row.ids {
			t.Errorf("%s: %s, want %s", row.name, got, row.ids)
		}
		for _, k := range r.Keys() {
			if k.Created().UnixMilli() != row.created[k.ID()] || !k.Active().IsZero() {
				t.Errorf("%s: %s was created at %v, active %v", row.name, k.ID(), k.Created(), k.Active())
			}
		}
		// Whoever has them both has them in this order: a, b, c.
		for _, pair := range [][2]string{{a, b}, {b, c}, {a, c}} {
			older, ok1 := r.Key(pair[0])
			newer, ok2 := r.Key(pair[1])
			if ok1 && ok2 && newer.Compare(older) != 1 {
				t.Errorf("%s: %s is not newer than %s", row.name, pair[1], pair[0])
			}
		}
		if again := fromSecrets(t, row.secrets); !bytes.Equal(again.JWKSet(), r.JWKSet()) {
			t.Errorf("%s: the same secrets give another ring", row.name)
		}
	}
}

// A ring from secrets takes part in every operation: what is made afterwards is
// newer, and a JWK Set carries it elsewhere.
func TestF503_FromSecretsAfterwards(t *testing.T) {
	r := fromSecrets(t, keyring.Secrets{Primary: secretA, Previous: []string{secretB}, Next: secretC})
	again, err := keyring.Parse(string(r.JWKSet()))
	if err != nil || ids(again) != ids(r) {
		t.Fatalf("read back: %s, %v", ids(again), err)
	}
	next := r.Keys()[2].ID()
	promoted, err := r.Promote(next)
	if err != nil || promoted.Primary().ID() != next {
		t.Errorf("promote next: %v", err)
	}
	for name, op := range map[string]func(*keyring.Keyring) (*keyring.Keyring, error){
		"rotate": (*keyring.Keyring).Rotate,
		"add ahead": func(r *keyring.Keyring) (*keyring.Keyring, error) {
			return r.Add(keyring.NewKeyAt(time.Now().AddDate(0, 0, 1)))
		},
		"add and promote": func(r *keyring.Keyring) (*keyring.Keyring, error) {
			k := keyring.NewKey()
			r, err := r.Add(k)
			if err != nil {
				return nil, err
			}
			return r.Promote(k.ID())
		},
	} {
		got, err := op(again)
		if err != nil || len(got.Keys()) != 4 {
			t.Errorf("%s: %s, %v", name, ids(got), err)
		}
	}
	// The longest list there can be.
	var previous []string
	for i := range 14 {
		previous = append(previous, base64.StdEncoding.EncodeToString(bytesOfText(i)))
	}
	r = fromSecrets(t, keyring.Secrets{Primary: secretA, Previous: previous, Next: secretC})
	keys := r.Keys()
	if len(keys) != 16 || keys[14].Created().UnixMilli() != 2 {
		t.Fatalf("%d keys, the oldest of %v", len(keys), keys[14].Created())
	}
	for i := range 14 {
		if keys[i].Compare(keys[i+1]) != 1 || keys[15].Compare(keys[i]) != 1 {
			t.Errorf("key %d is not in the order of age", i)
		}
	}
	if r, err = keyring.Parse(string(r.JWKSet())); err != nil {
		t.Error(err)
	}
	if _, err = r.Replace(keys[14].ID()); err != nil {
		t.Error(err)
	}
}

// bytesOfText are 32 bytes that look random, other ones for each i.
func bytesOfText(i int) []byte {
	return raw32(rand.New(rand.NewPCG(uint64(i), 7)))
}

func raw32(r *rand.Rand) []byte {
	b := make([]byte, 32)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestF503_SecretsRefused(t *testing.T) {
	const (
		empty       = "empty: is the variable set?"
		space       = "white space before or after it, which another instance may not have: trim it"
		quotes      = "in quotes, which another instance may not have: take them off"
		set         = "a JWK Set: use Parse"
		address     = "the address of a secret, which nothing has resolved"
		placeholder = "a placeholder, not a secret: openssl rand -base64 32 makes one"
		short       = "shorter than 32 bytes: openssl rand -base64 32 makes a secret"
		same        = "fewer than 16 distinct bytes: openssl rand -base64 32 makes a secret"
	)
	for _, row := range []struct{ secret, rule string }{
		{"", empty}, {" \t\n", empty},
		{secretA + "\n", space}, {" " + secretA, space}, {secretA + "\u00a0", space}, {"changeme\n", space},
		{`"` + secretA + `"`, quotes}, {"'" + secretA + "'", quotes}, {"`" + secretA + "`", quotes},
		{jwkSet(jwk("AAAAAAA", 1, ms0, 0)), set}, {base64.StdEncoding.EncodeToString([]byte(jwkSet(jwk("AAAAAAA", 1, ms0, 0)))), set},
		{secretA[:31], short}, {"x", short}, {"F7s2Kq0Zt4Wn8Xv1Bm6Jd3Lh9Pc5Rg", short}, {`"`, short}, {"<>", placeholder},
		{strings.Repeat("ab", 40), same}, {strings.Repeat("Qx7Kp2Vd9Wm4Ztb", 3), same},
		{strings.Repeat("0f1e2d3c", 4), same},                                    // 32 digits of hexadecimal are 16 bytes
		{strings.Repeat("0f1e2d3c4b5a6978", 8)[:62], ""},                         // all sixteen digits
		{"0e1d2c3b4a59687e0d1c2b3a49586e7d0c1b2a394857d6e0b1a2938475c6d0e1", ""}, // fifteen of them, but 32 bytes
		{strings.Repeat("00f1e2d3c4b5a697", 4)[:64], same},                       // 8 distinct ones
		{strings.Repeat("Qx7Kp2Vd9Wm4Ztby", 2), ""},                              // 16 distinct ones, just so
		{"F7s2Kq0Zt4Wn8Xv1Bm6Jd3Lh9Pc5Rg0Y", ""},                                 // 32 bytes, just so
		{"größe Übermut äußert Œuvre naïve façade", ""},                          // bytes count, whatever they spell
		{"yes 'this' has quotes, but 17 distinct ones", ""},                      // inside
		{"op://production/session/SECRET-2026", address},                         // a secret manager that didn't run
		{"vault+kv://" + secretA, address}, {"a://" + secretA, address}, {"z9.-+://" + secretA, address},
		{"://" + secretA, ""}, {"9a://" + secretA, ""}, {"aB://" + secretA, ""}, {"a_b://" + secretA, ""}, {"arm:" + secretA, ""},
		{"file:///run/secrets/session-key-2026", address},
		{"arn:aws:secretsmanager:eu-west-1:123456789012:secret:session", address},
		{"${SESSION_KEY_FROM_THE_VAULT_1234}", placeholder},   // never filled in
		{"$(head -c 32 /dev/urandom | base64)", placeholder},  //
		{"{{ .Values.sessionKeyFromTheVault }}", placeholder}, //
		{"<32 bytes in base64, made with care>", placeholder}, //
		// From .env.example files and documentation of public projects.
		{"changeme", placeholder}, {"secret", placeholder}, {"your-secret-here", placeholder}, {"CHANGE_ME", placeholder},
		{"your-secret-key-here-generate-with-openssl-rand-base64-32", placeholder},
		{"change-this-to-a-long-random-secret", placeholder}, {"change this to something long and arbitrary", placeholder},
		{"keyboard cat", placeholder}, {"django-insecure-4+m_x!u0p8n%k$z2q#v7w^c9r&b1", placeholder},
		{"REPLACE_WITH_32_CHARACTERS_OR_MORE!", placeholder}, {"please-generate-one-and-put-it-here-123", placeholder},
		{"this-is-only-an-Example-0123", placeholder}, {"build-only-auth-secret-0000000000000000", placeholder},
		{"0123456789abcdef0123456789abcdef", placeholder}, {"abcdefghijklmnopqrstuvwxyz012345", placeholder},
		{"correct horse battery staple, twice over", placeholder}, {"dev-session-key-for-local-work-only", placeholder},
		{"A Default Key That Nobody Has Touched Yet", placeholder},
	} {
		for field, s := range map[string]keyring.Secrets{
			"Primary":     {Primary: row.secret},
			"Previous[1]": {Primary: secretA, Previous: []string{secretB, row.secret}},
			"Next":        {Primary: secretA, Next: row.secret},
		} {
			r, err := keyring.FromSecrets(s)
			if row.rule == "" || field == "Next" && row.secret == "" {
				if err != nil || r == nil {
					t.Errorf("%s %q: %v", field, row.secret, err)
				}
				continue
			}
			var ce *keyring.ConfigError
			if r != nil || !errors.As(err, &ce) || ce.Package != "keyring" || ce.Field != field || ce.Rule != row.rule {
				t.Errorf("%s %q: %v, want %s", field, row.secret, err, row.rule)
			} else if len(row.secret) > 8 && strings.Contains(err.Error(), row.secret) {
				t.Errorf("the error repeats %q", row.secret)
			}
		}
	}
}

// One such word gives a placeholder away, however it's spelled, and whatever looks
// random around it.
func TestF503_PlaceholderWords(t *testing.T) {
	for _, word := range []string{
		"secret", "Change", "RE_PLACE", "place holder", "Ex-am-ple", "DEFAULT", "insecure", "pass.word", "passphrase",
		"random", "generate", "OpenSSL", "keyboard", "qwerty", "let-me-in", "correct horse", "session", "development",
		"0123456789", "1234567890", "abcdefghij",
	} {
		_, err := keyring.FromSecrets(keyring.Secrets{Primary: secretA[:20] + word + secretA[20:]})
		if err == nil || !strings.Contains(err.Error(), "a placeholder, not a secret") {
			t.Errorf("%s: %v", word, err)
		}
	}
	for _, template := range []string{"${%s}", "$(%s)", "{{%s}}", "<%s>", "[%s]"} {
		_, err := keyring.FromSecrets(keyring.Secrets{Primary: fmt.Sprintf(template, secretA)})
		if err == nil || !strings.Contains(err.Error(), "a placeholder, not a secret") {
			t.Errorf("%s: %v", template, err)
		}
	}
}

func TestF503_SecretsRefusedTogether(t *testing.T) {
	_, err := keyring.FromSecrets(keyring.Secrets{Primary: "", Previous: []string{secretB, secretB, "x"}, Next: secretB})
	want := "keyring: Primary: empty: is the variable set?\n" +
		"keyring: Previous[1]: the same secret as Previous[0]\n" +
		"keyring: Previous[2]: shorter than 32 bytes: openssl rand -base64 32 makes a secret\n" +
		"keyring: Next: the same secret as Previous[0]"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	_, err = keyring.FromSecrets(keyring.Secrets{Primary: secretA, Previous: make([]string, 15)})
	if err == nil || err.Error() != "keyring: Previous: at most 14" {
		t.Errorf("%v", err)
	}
	// strings.Split of a variable that isn't set gives one empty string.
	_, err = keyring.FromSecrets(keyring.Secrets{Primary: secretA, Previous: strings.Split("", ",")})
	if err == nil || err.Error() != "keyring: Previous[0]: empty: is the variable set?" {
		t.Errorf("%v", err)
	}
}

// What is really random is accepted, however it's spelled.
func TestF503_RandomSecretsAccepted(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	n := 5000
	if testing.Short() {
		n = 500
	}
	for range n {
		b := append(raw32(random), raw32(random)...)
		for _, s := range []string{
			base64.StdEncoding.EncodeToString(b[:32]), base64.RawURLEncoding.EncodeToString(b[:32]),
			hex.EncodeToString(b[:32]), strings.ToUpper(hex.EncodeToString(b[:32])), hex.EncodeToString(b),
		} {
			if _, err := keyring.FromSecrets(keyring.Secrets{Primary: s}); err != nil {
				t.Fatalf("%s: %v", s, err)
			}
		}
	}
}

func TestT1_SecretsNeverPrint(t *testing.T) {
	list := map[string][]string{"secret": needles([]byte(secretA))}
	s := keyring.Secrets{Primary: secretA, Previous: []string{secretA}, Next: secretA}
	for c := 'A'; c <= 'z'; c++ {
		if c == 'p' || c == 'w' { // fmt doesn't ask the value then; vet refuses both
			continue
		}
		search(t, "%"+string(c), fmt.Sprintf("%+#"+string(c)+" %"+string(c), s, &s), list)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "secrets", s, "pointer", &s)
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "secrets", s, "pointer", &s)
	text, err := json.Marshal(struct{ Secrets any }{s})
	if err != nil {
		t.Fatal(err)
	}
	search(t, "json or slog", log.String()+string(text), list)
	if got := fmt.Sprint(s); got != "keyring.Secrets(redacted)" {
		t.Error(got)
	}
}
