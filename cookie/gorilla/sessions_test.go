package gorilla_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/securecookie"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/cookie/gorilla"
	"github.com/hardtack-go/hardtack/keyring"
)

func codecs(t testing.TB, src keyring.Source, audience string, maxAge time.Duration) []securecookie.Codec {
	t.Helper()
	list, err := gorilla.Codecs(src, audience, maxAge)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 {
		t.Fatalf("%d codecs: EncodeMulti falls back to the second", len(list))
	}
	return list
}

// values are what sessions.CookieStore gives its codecs.
func values() map[any]any { return map[any]any{"user": "ann", 7: "seven"} }

func TestCodecs_RoundTripAndRotation(t *testing.T) {
	var src keyring.Holder
	first := keyring.Generate()
	src.Set(first)
	list := codecs(t, &src, "", time.Hour)

	value, err := securecookie.EncodeMulti("app", values(), list...)
	if err != nil {
		t.Fatal(err)
	}
	second, err := first.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	src.Set(second)

	var got map[any]any
	if err := securecookie.DecodeMulti("app", value, &got, list...); err != nil {
		t.Fatalf("after a rotation: %v", err)
	}
	if got["user"] != "ann" || got[7] != "seven" {
		t.Errorf("got %v", got)
	}
	if n := first.Primary().Counters().Opened; n != 1 {
		t.Errorf("opened %d times, want 1", n)
	}

	// New values are under the new key, and no other.
	value, err = securecookie.EncodeMulti("app", values(), list...)
	if err != nil {
		t.Fatal(err)
	}
	if n := second.Primary().Counters().Sealed; n != 1 {
		t.Errorf("sealed %d times under the primary, want 1", n)
	}
	src.Set(first)
	refusedMulti(t, list, "app", value, cookie.ReasonUnknownKey)
}

// refusedMulti demands a verdict in the way that applications meet it.
func refusedMulti(t testing.TB, list []securecookie.Codec, name, value string, want cookie.Reason) {
	t.Helper()
	got := map[any]any{"kept": true}
	err := securecookie.DecodeMulti(name, value, &got, list...)
	many, ok := err.(securecookie.MultiError)
	if !ok || len(many) != 1 {
		t.Errorf("error %v, want one refusal (%v)", err, want)
		return
	}
	if r := cookie.ReasonOf(many[0]); r != want || !errors.Is(many[0], cookie.ErrInvalid) {
		t.Errorf("verdict %v, want %v", r, want)
	}
	if !many.IsDecode() || many.IsUsage() || many.IsInternal() {
		t.Error("not a decode error in securecookie's terms")
	}
	if one, ok := many[0].(securecookie.Error); !ok || one.Cause() == nil {
		t.Error("not a securecookie.Error with a cause")
	}
	if many[0].Error() != cookie.ErrInvalid.Error() {
		t.Errorf("text %q", many[0])
	}
	if len(got) != 1 || got["kept"] != true {
		t.Error("the destination was touched")
	}
}

// The silent fallback of EncodeMulti: with these codecs there is none.
func TestCodecs_NeverSealWithAFallback(t *testing.T) {
	now := time.Now()
	waiting, err := keyring.New(keyring.NewKeyAt(now.Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	closed := &keyring.Holder{}
	for what, src := range map[string]keyring.Source{
		"no active key": waiting, "closed Holder": closed,
	} {
		closed.Set(waiting)
		list := codecs(t, src, "", time.Hour)
		closed.Set(nil)
		value, err := securecookie.EncodeMulti("app", values(), list...)
		many, ok := err.(securecookie.MultiError)
		if !ok || value != "" || !errors.Is(many[0], cookie.ErrNoPrimary) || !many.IsUsage() || many.IsDecode() {
			t.Errorf("%s: %v, want ErrNoPrimary", what, err)
		}
	}
	// What securecookie itself does when its first codec fails.
	broken, good := securecookie.New(nil, nil), securecookie.New(hashKey, blockKey)
	if _, err := securecookie.EncodeMulti("app", "x", broken, good); err != nil {
		t.Errorf("securecookie no longer falls back (%v): the package doc says otherwise", err)
	}
}

func TestCodecs_Age(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := codecs(t, keyring.Generate(), "", time.Hour)
		time.Sleep(300 * time.Millisecond) // dates are whole seconds; now is not
		value, err := securecookie.EncodeMulti("app", values(), list...)
		if err != nil {
			t.Fatal(err)
		}
		opens := func(when string) {
			var got map[any]any
			if err := securecookie.DecodeMulti("app", value, &got, list...); err != nil {
				t.Errorf("%s: %v", when, err)
			}
		}
		opens("at once")
		time.Sleep(time.Hour)
		opens("at the exact age")
		time.Sleep(time.Second)
		refusedMulti(t, list, "app", value, cookie.ReasonExpired)
	})
}

// securecookie accepts any date in the future; a clock that was once wrong would
// have made sessions that never end.
func TestCodecs_Future(t *testing.T) {
	ring := keyring.Generate()
	list := codecs(t, ring, "", time.Hour)
	var value string
	synctest.Test(t, func(t *testing.T) { // the year 2000
		time.Sleep(61 * time.Second)
		var err error
		if value, err = securecookie.EncodeMulti("app", values(), list...); err != nil {
			t.Fatal(err)
		}
	})
	synctest.Test(t, func(t *testing.T) { // and from its start again
		refusedMulti(t, list, "app", value, cookie.ReasonFuture)
		time.Sleep(time.Second) // 60 seconds ahead: within the leeway
		var got map[any]any
		if err := securecookie.DecodeMulti("app", value, &got, list...); err != nil {
			t.Error(err)
		}
	})
}

func TestCodecs_PurposeNameAndAudienceAreBound(t *testing.T) {
	ring := keyring.Generate()
	list := codecs(t, ring, "shop", time.Hour)
	value, err := securecookie.EncodeMulti("app", values(), list...)
	if err != nil {
		t.Fatal(err)
	}
	refusedMulti(t, list, "other", value, cookie.ReasonUnknownKey)
	refusedMulti(t, codecs(t, ring, "blog", time.Hour), "app", value, cookie.ReasonUnknownKey)

	// Neither is a session of hardtack, nor the other way round.
	own := newCodec(t, "app", "shop")
	refused(t, own, ring, value, cookie.ReasonUnknownKey)
	refusedMulti(t, list, "app", mustSeal(t, own, ring, []byte("x")), cookie.ReasonUnknownKey)
}

func TestCodecs_OneSpelling(t *testing.T) {
	list := codecs(t, keyring.Generate(), "", time.Hour)
	for n := range 6 {
		value, err := securecookie.EncodeMulti("app", map[any]any{"k": strings.Repeat("x", n)}, list...)
		if err != nil {
			t.Fatal(err)
		}
		for _, altered := range spellings(value) {
			refusedMulti(t, list, "app", altered, cookie.ReasonForeign)
		}
	}
	refusedMulti(t, list, "app", "", cookie.ReasonForeign)
	refusedMulti(t, list, "app", strings.Repeat("A", 5000), cookie.ReasonForeign) // no length error of another type
}

// MaxLength of securecookie ignores the name.
func TestCodecs_SizeCountsTheName(t *testing.T) {
	list := codecs(t, keyring.Generate(), "", time.Hour)
	for n := 1; ; n++ {
		content := map[any]any{"k": strings.Repeat("x", n*20)}
		value, err := securecookie.EncodeMulti("app", content, list...)
		if err == nil {
			if len("app")+len(value) > 4096 {
				t.Fatalf("%d characters with the name", len("app")+len(value))
			}
			long := strings.Repeat("n", 4097-len(value))
			if _, err := securecookie.EncodeMulti(long, content, list...); err == nil {
				t.Fatal("a long name is not counted")
			}
			continue
		}
		many, _ := err.(securecookie.MultiError)
		var tooLong *cookie.SizeError
		if len(many) != 1 || !errors.As(many[0], &tooLong) || tooLong.Limit != 4096 || tooLong.Size <= 4096 || !many.IsUsage() {
			t.Fatalf("%v, want a SizeError", err)
		}
		return
	}
}

// Values of another type than asked for are securecookie's own error.
func TestCodecs_WrongDestination(t *testing.T) {
	list := codecs(t, keyring.Generate(), "", time.Hour)
	value, err := securecookie.EncodeMulti("app", "a string", list...)
	if err != nil {
		t.Fatal(err)
	}
	var got map[any]any
	err = securecookie.DecodeMulti("app", value, &got, list...)
	if many, ok := err.(securecookie.MultiError); !ok || !many.IsDecode() {
		t.Errorf("%v", err)
	}
	if _, err := securecookie.EncodeMulti("app", func() {}, list...); err == nil {
		t.Error("gob encoded a function")
	}
}

// refreshing is a source whose next ring is found by Refresh only, as a key file
// that has been stat'ed within the second.
type refreshing struct {
	now, next *keyring.Keyring
	asked     int
}

func (r *refreshing) At(now time.Time) *keyring.Keyring { return r.now.At(now) }
func (r *refreshing) Refresh(now time.Time) *keyring.Keyring {
	r.asked++
	r.now = r.next
	return r.now.At(now)
}

func TestCodecs_RefreshOnAnUnknownKey(t *testing.T) {
	first := keyring.Generate()
	second, err := first.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	src := &refreshing{now: first, next: second}
	list := codecs(t, src, "", time.Hour)
	value, err := securecookie.EncodeMulti("app", values(), codecs(t, second, "", time.Hour)...)
	if err != nil {
		t.Fatal(err)
	}
	refusedMulti(t, list, "app", "no cookie of ours", cookie.ReasonForeign)
	if src.asked != 0 {
		t.Error("a foreign value makes the source look at its file")
	}
	var got map[any]any
	if err := securecookie.DecodeMulti("app", value, &got, list...); err != nil || src.asked != 1 {
		t.Errorf("%v after %d refreshes", err, src.asked)
	}
}

// TestF405_CodecsFlood: forged values share the looks for newer keys, as in ssestore.
func TestF405_CodecsFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := keyring.Generate()
		src := &refreshing{now: first, next: first}
		list := codecs(t, src, "", time.Hour)
		forged, err := securecookie.EncodeMulti("app", values(), codecs(t, keyring.Generate(), "", time.Hour)...)
		if err != nil {
			t.Fatal(err)
		}
		for round := range 3 {
			for range 100 {
				refusedMulti(t, list, "app", forged, cookie.ReasonUnknownKey)
			}
			if src.asked != round+1 {
				t.Fatalf("round %d: %d looks", round, src.asked)
			}
			<-time.After(50 * time.Millisecond)
		}
		second, err := first.Rotate()
		if err != nil {
			t.Fatal(err)
		}
		src.next = second
		value, err := securecookie.EncodeMulti("app", values(), codecs(t, second, "", time.Hour)...)
		if err != nil {
			t.Fatal(err)
		}
		var got map[any]any
		if err := securecookie.DecodeMulti("app", value, &got, list...); err != nil {
			t.Errorf("a really new key: %v", err)
		}
	})
}

// As ssestore.New: a source that forgets its keys before the values are over.
func TestCodecs_KeysOutliveValues(t *testing.T) {
	weeks, err := keyring.NewSchedule([]byte(strings.Repeat("0123456789abcdef", 2)), 7*24*time.Hour, 5)
	if err != nil {
		t.Fatal(err)
	}
	for maxAge, ok := range map[time.Duration]bool{weeks.Window(): true, weeks.Window() + time.Second: false} {
		if list, err := gorilla.Codecs(weeks, "", maxAge); (err == nil) != ok || (list != nil) != ok {
			t.Errorf("%v: %v", maxAge, err)
		}
	}
}

// As ssestore.New: a source that has no keys now won't get any.
func TestF209_CodecsWithoutKeys(t *testing.T) {
	for what, src := range map[string]keyring.Source{
		"zero Keyring": &keyring.Keyring{}, "zero Holder": &keyring.Holder{}, "zero File": &keyring.File{}, "zero Schedule": &keyring.Schedule{},
	} {
		list, err := gorilla.Codecs(src, "", time.Hour)
		if list != nil || err == nil || err.Error() != "gorilla: the source has no keys: a Holder must be set before" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestCodecs_FaultsAllAtOnce(t *testing.T) {
	var noFile *keyring.File
	var noRing *keyring.Keyring
	for what, src := range map[string]keyring.Source{"nil": nil, "nil file": noFile, "nil ring": noRing} {
		for _, maxAge := range []time.Duration{0, -time.Hour, time.Millisecond, 400*24*time.Hour + 1} {
			list, err := gorilla.Codecs(src, "", maxAge)
			if err == nil || list != nil {
				t.Fatalf("%s, %v: no error", what, maxAge)
			}
			if !strings.Contains(err.Error(), "source of keys") || !strings.Contains(err.Error(), "maxAge") {
				t.Errorf("%s, %v: %q names one fault only", what, maxAge, err)
			}
		}
	}
	if _, err := gorilla.Codecs(keyring.Generate(), "", 400*24*time.Hour); err != nil {
		t.Error(err)
	}
}
