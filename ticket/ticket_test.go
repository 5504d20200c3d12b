package ticket_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ticket"
)

// TestK17_NewRefuses names each field that is wrong, all at once.
func TestK17_NewRefuses(t *testing.T) {
	schedule, err := keyring.NewSchedule([]byte("a master secret of thirty-two b."), 24*time.Hour, 2)
	if err != nil {
		t.Fatal(err)
	}
	var nilFile *keyring.File
	good := ticket.Config{Keys: ring(t, 1), Purpose: "reset", Life: time.Hour}
	for _, c := range []struct {
		what   string
		change func(*ticket.Config)
		fields string
	}{
		{"good", func(c *ticket.Config) {}, ""},
		{"the longest purpose", func(c *ticket.Config) { c.Purpose = strings.Repeat("a", 64) }, ""},
		{"every character", func(c *ticket.Config) { c.Purpose = "abcdefghijklmnopqrstuvwxyz0123456789./-" }, ""},
		{"the shortest life", func(c *ticket.Config) { c.Life = time.Second }, ""},
		{"the longest life", func(c *ticket.Config) { c.Life = 30 * 24 * time.Hour }, ""},
		{"a schedule that is long enough", func(c *ticket.Config) { c.Keys, c.Life = schedule, schedule.Window() }, ""},

		{"the zero Config", func(c *ticket.Config) { *c = ticket.Config{} }, "Keys Purpose Life"},
		{"nil keys", func(c *ticket.Config) { c.Keys = nil }, "Keys"},
		{"a nil pointer", func(c *ticket.Config) { c.Keys = nilFile }, "Keys"},
		{"an empty Holder", func(c *ticket.Config) { c.Keys = new(keyring.Holder) }, "Keys"},
		{"a short schedule", func(c *ticket.Config) { c.Keys, c.Life = schedule, schedule.Window()+time.Second }, "Keys"},
		{"no purpose", func(c *ticket.Config) { c.Purpose = "" }, "Purpose"},
		{"65 characters", func(c *ticket.Config) { c.Purpose = strings.Repeat("a", 65) }, "Purpose"},
		{"upper case", func(c *ticket.Config) { c.Purpose = "Reset" }, "Purpose"},
		{"a space", func(c *ticket.Config) { c.Purpose = "re set" }, "Purpose"},
		{"an underscore", func(c *ticket.Config) { c.Purpose = "re_set" }, "Purpose"},
		{"around the letters", func(c *ticket.Config) { c.Purpose = "re`set" }, "Purpose"},
		{"behind the letters", func(c *ticket.Config) { c.Purpose = "re{set" }, "Purpose"},
		{"behind the digits", func(c *ticket.Config) { c.Purpose = "re:set" }, "Purpose"},
		{"an umlaut", func(c *ticket.Config) { c.Purpose = "zurücksetzen" }, "Purpose"},
		{"no life", func(c *ticket.Config) { c.Life = 0 }, "Life"},
		{"a negative life", func(c *ticket.Config) { c.Life = -time.Hour }, "Life"},
		{"half a second", func(c *ticket.Config) { c.Life = time.Second / 2 }, "Life"},
		{"a second and a half", func(c *ticket.Config) { c.Life = 3 * time.Second / 2 }, "Life"},
		{"31 days", func(c *ticket.Config) { c.Life = 31 * 24 * time.Hour }, "Life"},
	} {
		cfg := good
		c.change(&cfg)
		k, err := ticket.New[string](cfg)
		if got := faults(t, err); got != c.fields || (k != nil) != (got == "") {
			t.Errorf("%s: %v, %q, want %q", c.what, k, got, c.fields)
		}
	}
}

// faults returns the fields that New complains about.
func faults(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var names []string
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		var fault *ticket.ConfigError
		if !errors.As(e, &fault) || fault.Package != "ticket" || fault.Rule == "" {
			t.Errorf("%v is no ConfigError of this package", e)
			continue
		}
		names = append(names, fault.Field)
	}
	return strings.Join(names, " ")
}

// TestK17_ZeroKind: what wasn't made by New does nothing, and says so.
func TestK17_ZeroKind(t *testing.T) {
	token := seal(t, newKind[string](t, ring(t, 1)), "ada")
	for _, k := range []*ticket.Kind[string]{nil, {}} {
		var fault *ticket.ConfigError
		if got, err := k.Seal(t0, "ada"); got != "" || !errors.As(err, &fault) {
			t.Errorf("Seal: %q, %v", got, err)
		}
		if got, err := k.Open(t0, token, nil); got != "" || !errors.As(err, &fault) || errors.Is(err, cookie.ErrInvalid) {
			t.Errorf("Open: %q, %v", got, err)
		}
	}
}

// TestLengths: what the documentation says of the length of a ticket.
func TestLengths(t *testing.T) {
	k := newKind[string](t, ring(t, 1))
	for n := range 50 {
		v := strings.Repeat("x", n)
		for bound, more := range map[string]int{"": 0, "hash": 31} {
			var list []string
			if bound != "" {
				list = []string{bound}
			}
			if got, want := len(seal(t, k, v, list...)), 102+(4*(40+more+n+len(`""`))+2)/3; got != want {
				t.Errorf("%d characters for %d, want %d", got, n, want)
			}
		}
	}
}

// TestURLSafe: a ticket needs no escaping anywhere.
func TestURLSafe(t *testing.T) {
	token := seal(t, newKind[string](t, ring(t, 1)), "ada", "x")
	for _, c := range token {
		if !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.", c) {
			t.Errorf("%q", c)
		}
	}
}

// TestK16_TooLong: the longest ticket that Open looks at is the longest that Seal makes.
func TestK16_TooLong(t *testing.T) {
	k := newKind[string](t, ring(t, 1))
	longest := ""
	for n := 2900; n < 3000; n++ {
		v := strings.Repeat("x", n)
		token, err := k.Seal(t0, v)
		var size *cookie.SizeError
		switch {
		case err == nil && len(token) <= 4096:
			longest = v
			opens(t, k, t0, token, nil, v)
		case !errors.As(err, &size) || size.Limit != 4096 || size.Size <= 4096 || token != "":
			t.Errorf("%d: %d characters, %v", n, len(token), err)
		}
	}
	if len(longest) < 2950 || len(longest) > 2960 {
		t.Errorf("the longest value has %d bytes", len(longest))
	}
}

// TestNoPrimary: a ring whose keys aren't active yet opens and doesn't seal.
func TestNoPrimary(t *testing.T) {
	waiting, err := keyring.New(keyring.NewKeyAt(after(48 * time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	k := newKind[string](t, waiting)
	if token, err := k.Seal(t0, "ada"); token != "" || !errors.Is(err, cookie.ErrNoPrimary) {
		t.Errorf("%q, %v", token, err)
	}
	token, err := k.Seal(after(48*time.Hour), "ada")
	if err != nil {
		t.Fatal(err)
	}
	opens(t, k, after(48*time.Hour), token, nil, "ada")
	// A Holder may lose its ring.
	var h keyring.Holder
	h.Set(ring(t, 1))
	k = newKind[string](t, &h)
	token = seal(t, k, "ada")
	h.Set(nil)
	if _, err := k.Seal(t0, "ada"); !errors.Is(err, cookie.ErrNoPrimary) {
		t.Error(err)
	}
	refused(t, k, t0, token, nil, cookie.ReasonUnknownKey)
}

// TestK18_Counters: a key knows how often it sealed and when it last opened something
// that was good.
func TestK18_Counters(t *testing.T) {
	r := ring(t, 1)
	k := newKind[string](t, r)
	token := seal(t, k, "ada", "hash")
	seal(t, k, "bob")
	if _, err := k.Seal(t0, strings.Repeat("x", 4000)); err == nil {
		t.Error("sealed what is too long")
	}
	opens(t, k, after(time.Minute), token, fields[string]("hash"), "ada")
	refused(t, k, after(2*time.Minute), token, fields[string]("other"), cookie.ReasonStampMismatch)
	refused(t, k, after(2*time.Hour), token, fields[string]("hash"), cookie.ReasonExpired)
	want := keyring.Counters{Sealed: 2, Opened: 1, LastOpened: after(time.Minute).UTC()}
	if got := r.Primary().Counters(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestK15_ErrorsQuoteNothing: no error repeats a value, a field or a ticket.
func TestK15_ErrorsQuoteNothing(t *testing.T) {
	const secret = "correct-horse"
	k := newKind[any](t, ring(t, 1))
	_, err := k.Seal(t0, map[string]any{secret: make(chan int)})
	_, err2 := k.Seal(t0, secret+"\xff")
	_, err3 := k.Open(t0, secret, nil)
	_, err4 := ticket.New[string](ticket.Config{Keys: ring(t, 1), Purpose: secret + "_", Life: time.Hour})
	for _, err := range []error{err, err2, err3, err4} {
		if err == nil || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), secret) {
			t.Errorf("%v", err)
		}
	}
}

// Under GODEBUG=fips140=only AES-GCM takes no nonce from outside, and New says so. The
// setting is read when a program starts, so the test runs itself once more.
func TestK17_FIPS(t *testing.T) {
	if os.Getenv("HARDTACK_TEST_FIPS") == "" {
		if runtime.GOARCH == "wasm" {
			t.Skip("a WebAssembly process cannot start another one")
		}
		again := exec.Command(os.Args[0], "-test.run=^TestK17_FIPS$", "-test.v")
		again.Env = append(os.Environ(), "HARDTACK_TEST_FIPS=1", "GODEBUG=fips140=only")
		out, err := again.CombinedOutput()
		if bytes.Contains(out, []byte("purego")) {
			t.Skip("the standard library has no FIPS mode with -tags purego")
		}
		if err != nil || !bytes.Contains(out, []byte("PASS: TestK17_FIPS")) {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	k, err := ticket.New[string](ticket.Config{Keys: ring(t, 1), Purpose: "reset", Life: time.Hour})
	if k != nil || !errors.Is(err, cookie.ErrFIPS) {
		t.Errorf("%v, want ErrFIPS", err)
	}
}
