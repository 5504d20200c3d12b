package fleet_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fleet/enginetest"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
)

// A keeper has the methods of *secrets.Keeper of gocloud.dev.
type keeper struct{ fleet.Wrapper }

func TestY6_NewRefuses(t *testing.T) {
	var m enginetest.Memory
	good := func() fleet.Config {
		return fleet.Config{Engine: m.Open(), Wrapper: keeper{secret(t, 1)}, Application: "shop"}
	}
	for name, c := range map[string]struct {
		change func(*fleet.Config)
		want   []string // fields
	}{
		"good":       {func(*fleet.Config) {}, nil},
		"everything": {func(c *fleet.Config) { *c = fleet.Config{} }, []string{"Engine", "Wrapper", "Application"}},
		"nil pointers": {func(c *fleet.Config) {
			c.Engine, c.Wrapper = (*enginetest.Conn)(nil), (*keeper)(nil)
		}, []string{"Engine", "Wrapper"}},
		"a long name":     {func(c *fleet.Config) { c.Application = strings.Repeat("a", 65) }, []string{"Application"}},
		"the longest":     {func(c *fleet.Config) { c.Application = strings.Repeat("a", 64) }, nil},
		"a broken name":   {func(c *fleet.Config) { c.Application = "\xff" }, []string{"Application"}},
		"an empty ring":   {func(c *fleet.Config) { c.First = new(keyring.Keyring) }, []string{"First"}},
		"a first ring":    {func(c *fleet.Config) { c.First = keyring.Generate() }, nil},
		"too short":       {func(c *fleet.Config) { c.Longest = time.Millisecond }, []string{"Longest"}},
		"half a second":   {func(c *fleet.Config) { c.Longest = 1500 * time.Millisecond }, []string{"Longest"}},
		"negative":        {func(c *fleet.Config) { c.Longest = -time.Second }, []string{"Longest", "Rotation.Keep"}},
		"too long":        {func(c *fleet.Config) { c.Longest, c.Rotation.Every = 401*day, 100*day }, []string{"Longest"}},
		"400 days":        {func(c *fleet.Config) { c.Longest, c.Rotation.Every = 400*day, 40*day }, nil},
		"a quick beat":    {func(c *fleet.Config) { c.Beat = 9 * time.Millisecond }, []string{"Beat"}},
		"a slow beat":     {func(c *fleet.Config) { c.Beat = time.Minute + time.Millisecond }, []string{"Beat"}},
		"an odd beat":     {func(c *fleet.Config) { c.Beat = 100*time.Millisecond + 1 }, []string{"Beat"}},
		"ahead too short": {func(c *fleet.Config) { c.Rotation.Ahead = 9999 * time.Millisecond }, []string{"Rotation.Ahead"}},
		"ten beats":       {func(c *fleet.Config) { c.Rotation.Ahead = 10 * time.Second }, nil},
		"kept too short":  {func(c *fleet.Config) { c.Rotation.Keep = 30*day - time.Second }, []string{"Rotation.Keep"}},
		"kept longer":     {func(c *fleet.Config) { c.Longest, c.Rotation.Keep = day, 30*day }, nil},
		"ahead of half":   {func(c *fleet.Config) { c.Rotation.Every = 2*day - time.Second }, []string{"Rotation.Every", "Rotation.Keep"}},
		"two days":        {func(c *fleet.Config) { c.Rotation.Every, c.Longest = 2*day, 20*day }, nil},
		// the primary, the next, one by hand: 13 are left, and 12 fit with the minute
		"16 keys":        {func(c *fleet.Config) { c.Rotation.Every, c.Longest = 2*day, 25*day }, nil},
		"17 keys":        {func(c *fleet.Config) { c.Rotation.Every, c.Longest = 2*day, 26*day }, []string{"Rotation.Keep"}},
		"negative every": {func(c *fleet.Config) { c.Rotation.Every = -1 }, []string{"Rotation.Every"}},
		"odd ahead":      {func(c *fleet.Config) { c.Rotation.Ahead = day + 1 }, []string{"Rotation.Ahead"}},
		"for ever":       {func(c *fleet.Config) { c.Rotation.Every = 3651 * day }, []string{"Rotation.Every"}},
		"closed":         {func(c *fleet.Config) { c.Policy.FailClosed = true }, []string{"Policy.MaxStale"}},
		"closed at five": {func(c *fleet.Config) { c.Policy = marks.Policy{FailClosed: true, MaxStale: 5 * time.Second} }, nil},
		"stale at four":  {func(c *fleet.Config) { c.Policy.MaxStale = 4999 * time.Millisecond }, []string{"Policy.MaxStale"}},
		"negative stale": {func(c *fleet.Config) { c.Policy.MaxStale = -1 }, []string{"Policy.MaxStale"}},
		"negative max":   {func(c *fleet.Config) { c.Policy.Max = -1 }, []string{"Policy.Max"}},
	} {
		config := good()
		c.change(&config)
		f, err := fleet.New(config)
		if (f == nil) != (err != nil) || (err != nil) != (len(c.want) > 0) {
			t.Errorf("%s: %v, %v", name, f, err)
			continue
		}
		var got []string
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, err := range joined.Unwrap() {
				var e *fleet.ConfigError
				if !errors.As(err, &e) || e.Package != "fleet" {
					t.Errorf("%s: %v", name, err)
					continue
				}
				got = append(got, e.Field)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, want faults of %v", name, err, c.want)
		}
	}
}

func TestY35_Secret(t *testing.T) {
	ctx := t.Context()
	ring := []byte(`{"keys":"a ring"}`)
	wrap := func(w fleet.Wrapper) []byte {
		t.Helper()
		wrapped, err := w.Encrypt(ctx, ring)
		if err != nil {
			t.Fatal(err)
		}
		return wrapped
	}
	opens := func(w fleet.Wrapper, wrapped []byte) bool {
		text, err := w.Decrypt(ctx, wrapped)
		return err == nil && string(text) == string(ring)
	}
	first, both, turned, second := secret(t, 1), secret(t, 1, 2), secret(t, 2, 1), secret(t, 2)
	for _, c := range []struct {
		name string
		by   fleet.Wrapper
		to   fleet.Wrapper
		want bool
	}{
		{"itself", first, first, true},
		{"another", first, second, false},
		{"the first wraps", both, first, true},
		{"and the second doesn't", both, second, false},
		{"all unwrap", first, turned, true},
		{"turned around", turned, both, true},
		{"turned around", turned, second, true},
		{"the first is gone", turned, first, false},
	} {
		if got := opens(c.to, wrap(c.by)); got != c.want {
			t.Errorf("%s: opened %v, want %v", c.name, got, c.want)
		}
	}
	wrapped := wrap(first)
	if strings.Contains(string(wrapped), "ring") || string(wrapped) == string(wrap(first)) {
		t.Error("it isn't encrypted, or twice the same")
	}
	for i := range wrapped {
		altered := append([]byte(nil), wrapped...)
		altered[i] ^= 1
		if opens(first, altered) || opens(first, wrapped[:i]) {
			t.Fatalf("altered or cut at byte %d, it still opens", i)
		}
	}
	for name, secrets := range map[string][][]byte{
		"none":   {},
		"short":  {[]byte("0123456789abcdef0123456789abcde")},
		"zero":   {make([]byte, 32)},
		"second": {[]byte("0123456789abcdef0123456789abcdef"), nil},
	} {
		if w, err := fleet.Secret(secrets...); err == nil || w != nil {
			t.Errorf("%s: %v, %v", name, w, err)
		}
	}
	// Nothing prints a secret, or a cipher that was made of it.
	var m enginetest.Memory
	f, err := fleet.New(fleet.Config{Engine: m.Open(), Wrapper: first, Application: "shop", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		for _, v := range []any{first, f} {
			if text := fmt.Sprintf(verb, v); strings.Contains(strings.ToLower(text), "gcm") || strings.Contains(text, "aes.") {
				t.Errorf("%s prints %.200s", verb, text)
			}
		}
	}
}
