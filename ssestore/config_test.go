package ssestore_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

func TestNew_Refuses(t *testing.T) {
	schedule := func(period time.Duration, open int) keyring.Source {
		s, err := keyring.NewSchedule([]byte(strings.Repeat("m0", 16)), period, open)
		must(t, err)
		return s
	}
	var nilFile *keyring.File
	var nilRing *keyring.Keyring
	good := ssestore.Legacy{Cookie: cookie.Config{Name: "x"}, Format: newOld, Until: t0, Migrate: migrate}
	with := func(f func(l *ssestore.Legacy)) []ssestore.Legacy { l := good; f(&l); return []ssestore.Legacy{l} }
	for name, row := range map[string]struct {
		change config
		field  string
	}{
		"no keys":                      {func(c *ssestore.Config) { c.Keys = nil }, "Keys"},
		"typed nil file":               {func(c *ssestore.Config) { c.Keys = nilFile }, "Keys"},
		"typed nil ring":               {func(c *ssestore.Config) { c.Keys = nilRing }, "Keys"},
		"nil func":                     {func(c *ssestore.Config) { c.Keys = sourceFunc(nil) }, "Keys"},
		"nil map":                      {func(c *ssestore.Config) { c.Keys = sourceMap(nil) }, "Keys"},
		"nil slice":                    {func(c *ssestore.Config) { c.Keys = sourceSlice(nil) }, "Keys"},
		"nil channel":                  {func(c *ssestore.Config) { c.Keys = sourceChan(nil) }, "Keys"},
		"short schedule":               {func(c *ssestore.Config) { c.Keys = schedule(7*day, 4) }, "Keys"},
		"fraction":                     {func(c *ssestore.Config) { c.Idle = 1500 * time.Millisecond }, "Idle"},
		"negative":                     {func(c *ssestore.Config) { c.Absolute = -time.Hour }, "Absolute"},
		"under a second":               {func(c *ssestore.Config) { c.PersistentIdle = 1 }, "PersistentIdle"},
		"over 400 days":                {func(c *ssestore.Config) { c.PersistentAbsolute = 401 * day }, "PersistentAbsolute"},
		"no name left for the barrier": {func(c *ssestore.Config) { c.Cookie.Name = strings.Repeat("n", 255) }, "Name"},
		"tiny line":                    {func(c *ssestore.Config) { c.Cookie.MaxLine = 400 }, "Cookie.MaxLine"},
		"legacy without name":          {func(c *ssestore.Config) { c.Legacy = with(func(l *ssestore.Legacy) { l.Cookie.Name = "" }) }, "Legacy[0].Cookie.Name"},
		"legacy format":                {func(c *ssestore.Config) { c.Legacy = with(func(l *ssestore.Legacy) { l.Format = nil }) }, "Legacy[0].Format"},
		"legacy deadline":              {func(c *ssestore.Config) { c.Legacy = with(func(l *ssestore.Legacy) { l.Until = time.Time{} }) }, "Legacy[0].Until"},
		"legacy migrate":               {func(c *ssestore.Config) { c.Legacy = with(func(l *ssestore.Legacy) { l.Migrate = nil }) }, "Legacy[0].Migrate"},
		"nine legacies": {func(c *ssestore.Config) {
			for range 9 {
				c.Legacy = append(c.Legacy, good)
			}
		}, "Legacy"},
		"nil codec": {func(c *ssestore.Config) { c.Format = func(string, string) (cookie.Codec, error) { return nil, nil } }, "Format"},
	} {
		cfg := ssestore.Config{Keys: keyring.Generate()}
		row.change(&cfg)
		s, err := ssestore.New(cfg)
		var ce *ssestore.ConfigError
		if s != nil || !errors.As(err, &ce) || ce.Field != row.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, change := range map[string]config{
		"long schedule": func(c *ssestore.Config) { c.Keys = schedule(7*day, 5) },
		"short life": func(c *ssestore.Config) {
			c.Keys = schedule(day, 2)
			c.PersistentAbsolute = day
			c.PersistentIdle = day
		},
		"func source":   func(c *ssestore.Config) { c.Keys = sourceFunc(func(time.Time) *keyring.Keyring { return nil }) },
		"400 days":      func(c *ssestore.Config) { c.PersistentAbsolute = 400 * day },
		"one second":    func(c *ssestore.Config) { c.Idle, c.Absolute = time.Second, time.Second },
		"eight legacy":  func(c *ssestore.Config) { c.Legacy = []ssestore.Legacy{good, good, good, good, good, good, good, good} },
		"plain cookie":  func(c *ssestore.Config) { c.Cookie.DangerouslyAllowHTTP = true },
		"smallest line": func(c *ssestore.Config) { c.Cookie.MaxLine = 900 },
	} {
		cfg := ssestore.Config{Keys: keyring.Generate()}
		change(&cfg)
		if _, err := ssestore.New(cfg); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A source that has no keys now and won't get any is refused when the program
// starts, and not when the first user logs in.
func TestF209_NoKeys(t *testing.T) {
	closed := new(keyring.Holder)
	closed.Set(keyring.Generate())
	closed.Set(nil)
	for name, keys := range map[string]keyring.Source{
		"zero Keyring": new(keyring.Keyring), "zero Holder": new(keyring.Holder), "closed Holder": closed,
		"zero File": new(keyring.File), "zero Schedule": new(keyring.Schedule),
	} {
		store, err := ssestore.New(ssestore.Config{Keys: keys})
		if want := "ssestore: Keys: has no keys, so nobody could log in: a Holder must be set before"; store != nil || err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	// Keys that can't seal yet are keys: they open, and their time comes.
	asleep, err := keyring.New(keyring.NewKeyAt(time.Now().Add(time.Hour)))
	must(t, err)
	holder := new(keyring.Holder)
	holder.Set(asleep)
	for name, keys := range map[string]keyring.Source{"not active yet": asleep, "Holder of such a ring": holder} {
		_, err := ssestore.New(ssestore.Config{Keys: keys})
		same(t, name, err, error(nil))
	}
}

// A source that is nil because its constructor failed has told why already.
func TestF503_NilKeysPointBack(t *testing.T) {
	file, cause := keyring.OpenFile(filepath.Join(t.TempDir(), "keys.json"), nil)
	if cause == nil {
		t.Fatal("a file out of nowhere")
	}
	for name, keys := range map[string]keyring.Source{"failed": file, "forgotten": nil, "*Keyring": (*keyring.Keyring)(nil), "*Holder": (*keyring.Holder)(nil)} {
		_, err := ssestore.New(ssestore.Config{Keys: keys})
		if want := "ssestore: Keys: must be set; if it was, what made it has returned an error that says why it's nil"; err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

type sourceFunc func(time.Time) *keyring.Keyring

func (f sourceFunc) At(now time.Time) *keyring.Keyring { return f(now) }

type (
	sourceMap   map[string]*keyring.Keyring
	sourceSlice []*keyring.Keyring
	sourceChan  chan *keyring.Keyring
)

func (m sourceMap) At(time.Time) *keyring.Keyring   { return m[""] }
func (l sourceSlice) At(time.Time) *keyring.Keyring { return l[0] }
func (c sourceChan) At(time.Time) *keyring.Keyring  { return <-c }

// TestNew_AllAtOnce: everything that is wrong is reported together, the cookie's
// own errors and the codec's included.
func TestNew_AllAtOnce(t *testing.T) {
	broken := errors.New("codec of its own mind")
	_, err := ssestore.New(ssestore.Config{
		Idle: -1, Absolute: -1, PersistentIdle: -1, PersistentAbsolute: -1,
		Cookie: cookie.Config{Name: "a b", Path: "x"},
		Legacy: []ssestore.Legacy{{}, {Cookie: cookie.Config{Name: "x"}, Format: func(string, string) (cookie.Codec, error) { return nil, broken }}},
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"ssestore: Keys:", "Idle:", "Absolute:", "PersistentIdle:", "PersistentAbsolute:", "cookie: Name:", "cookie: Path:",
		"Legacy[0].Cookie.Name", "Legacy[0].Format", "Legacy[0].Until", "Legacy[0].Migrate", "Legacy[1].Until", "codec of its own mind"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in:\n%v", want, err)
		}
	}
	same(t, "the codec's error is wrapped", errors.Is(err, broken), true)

	faults := map[string]int{}
	countFaults(err, faults)
	same(t, "faults of the store", faults["ssestore"], 11)
	same(t, "faults of the cookie", faults["cookie"], 2)
}

// countFaults counts the faults in a tree of errors by the package that found them. One
// type is enough to look for.
func countFaults(err error, faults map[string]int) {
	switch e := err.(type) {
	case *ssestore.ConfigError:
		faults[e.Package]++
	case interface{ Unwrap() error }:
		countFaults(e.Unwrap(), faults)
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			countFaults(err, faults)
		}
	}
}

func TestStoreProperties(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		s := newStore(t, c, ring(t, 1))
		same(t, "name", s.CookieName(), "__Host-session")
		same(t, "secure", s.Secure(), true)
		s = newStore(t, c, ring(t, 1), func(c *ssestore.Config) { c.Cookie.DangerouslyAllowHTTP = true })
		same(t, "name", s.CookieName(), "session")
		same(t, "secure", s.Secure(), false)
		same(t, "strict", s.Strict(), false)
		s = newStore(t, c, ring(t, 1), func(c *ssestore.Config) { c.Cookie.SameSite = cookie.SameSiteStrict })
		same(t, "strict", s.Strict(), true)
	})
}
