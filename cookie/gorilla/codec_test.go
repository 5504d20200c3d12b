package gorilla_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/cookie/gorilla"
	"github.com/hardtack-go/hardtack/internal/jwe"
	"github.com/hardtack-go/hardtack/internal/race"
	"github.com/hardtack-go/hardtack/keyring"
)

func TestSecureCookie_NeedsAName(t *testing.T) {
	if c, err := gorilla.SecureCookie("", "shop"); err == nil || c != nil {
		t.Error("a codec without a name")
	}
}

// securecookie's NopEncoder hands the caller's bytes to an encryption in place.
func TestSeal_LeavesThePlaintextAlone(t *testing.T) {
	plaintext := random(100)
	kept := bytes.Clone(plaintext)
	mustSeal(t, newCodec(t, "s", ""), keyring.Generate(), plaintext)
	same(t, plaintext, kept)
	mustSeal(t, withKeys(t, "s", hashKey, blockKey), nil, plaintext)
	same(t, plaintext, kept)
}

// The plaintext is the caller's: writing to it does not reach a second opening.
func TestOpen_PlaintextIsTheCallers(t *testing.T) {
	ring := keyring.Generate()
	c := newCodec(t, "s", "")
	value := mustSeal(t, c, ring, []byte("hello"))
	first, _ := c.Open(ring, value)
	clear(first.Plaintext)
	second, err := c.Open(ring, value)
	if err != nil {
		t.Fatal(err)
	}
	same(t, second.Plaintext, []byte("hello"))
}

func TestSeal_NothingIsRefused(t *testing.T) {
	for _, empty := range [][]byte{nil, {}} {
		if v, err := newCodec(t, "s", "").Seal(keyring.Generate(), empty); err == nil || v != "" {
			t.Error("sealed nothing, which could never be opened")
		}
	}
}

func TestSeal_TooLong(t *testing.T) {
	ring := keyring.Generate()
	c := newCodec(t, "s", "")
	n := 1
	for c.Size(n+1) <= 4096 {
		n++
	}
	value := mustSeal(t, c, ring, random(n))
	if _, err := c.Open(ring, value); err != nil {
		t.Errorf("the longest value does not open: %v", err)
	}
	value, err := c.Seal(ring, random(n+1))
	var tooLong *cookie.SizeError
	if !errors.As(err, &tooLong) || tooLong.Limit != 4096 || tooLong.Size != c.Size(n+1) {
		t.Errorf("one byte more: %q, %v", value, err)
	}
}

func TestSeal_OnlyThePrimary(t *testing.T) {
	now := time.Now()
	later := keyring.NewKeyAt(now.Add(time.Hour))
	waiting, err := keyring.New(later)
	if err != nil {
		t.Fatal(err)
	}
	c := newCodec(t, "s", "")
	for what, ring := range map[string]*keyring.Keyring{"nil": nil, "no active key": waiting.At(now)} {
		if v, err := c.Seal(ring, []byte("x")); !errors.Is(err, cookie.ErrNoPrimary) || v != "" {
			t.Errorf("%s: %v, want ErrNoPrimary", what, err)
		}
	}
	// The waiting key opens all the same.
	value, err := c.Seal(waiting.At(now.Add(2*time.Hour)), []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Open(waiting.At(now), value); err != nil {
		t.Error(err)
	}
}

func TestOpen_EveryKeyOfTheRing(t *testing.T) {
	ring := keyring.Generate()
	c := newCodec(t, "s", "")
	var values, ids []string
	for range 16 {
		values = append(values, mustSeal(t, c, ring, []byte("hello")))
		ids = append(ids, ring.Primary().ID())
		if len(ring.Keys()) < 16 {
			var err error
			if ring, err = ring.Rotate(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, value := range values {
		opened, err := c.Open(ring, value)
		if err != nil {
			t.Fatalf("key %d: %v", i, err)
		}
		if opened.Key.ID() != ids[i] {
			t.Errorf("key %d: opened by another", i)
		}
	}
	alone, err := ring.Retire(ids[0])
	if err != nil {
		t.Fatal(err)
	}
	refused(t, c, alone, values[0], cookie.ReasonUnknownKey)
	refused(t, c, nil, values[0], cookie.ReasonUnknownKey)
}

func TestOpen_Issued(t *testing.T) {
	c := withKeys(t, "app", hashKey, blockKey)
	for _, date := range []int64{1, 1700000000, time.Now().Unix() + 1e9, 253402300799} { // past and future: the store judges
		opened, err := c.Open(nil, craft(hashKey, blockKey, "app", fmt.Sprint(date), []byte("x")))
		if err != nil {
			t.Fatal(err)
		}
		if opened.Issued.Unix() != date || opened.Issued.Location() != time.UTC {
			t.Errorf("Issued %v, want %v", opened.Issued, date)
		}
	}
	before := time.Now().Truncate(time.Second)
	ring := keyring.Generate()
	opened, err := newCodec(t, "s", "").Open(ring, mustSeal(t, newCodec(t, "s", ""), ring, []byte("x")))
	if err != nil || opened.Issued.Before(before) || opened.Issued.After(time.Now()) {
		t.Errorf("Issued %v, sealed just now (%v)", opened.Issued, err)
	}
}

// What has not the form of a value is foreign: whose cookie it is we do not know.
func TestOpen_Foreign(t *testing.T) {
	ring := keyring.Generate()
	c := newCodec(t, "s", "")
	jweCodec, err := cookie.JWE("s", "")
	if err != nil {
		t.Fatal(err)
	}
	good := mustSeal(t, c, ring, []byte("hello"))
	b64 := base64.URLEncoding.EncodeToString
	mac := strings.Repeat("m", 32)
	rows := map[string]string{
		"empty":                "",
		"a word":               "hello",
		"one of ours":          mustSeal(t, jweCodec, ring, []byte("hello")),
		"our prefix":           jwe.Prefix,
		"no separator":         b64([]byte("1700000000" + mac)),
		"one separator":        b64([]byte("1700000000|" + mac)),
		"only a mac":           b64([]byte("|" + mac)),
		"three separators":     b64([]byte("1700000000|QQ==|QQ==|" + mac)),
		"mac of 31 bytes":      b64([]byte("1700000000|QQ==|" + mac[1:])),
		"mac of 33 bytes":      b64([]byte("1700000000|QQ==|m" + mac)),
		"no mac":               b64([]byte("1700000000|QQ==|")),
		"no date":              b64([]byte("|QQ==|" + mac)),
		"signed date":          b64([]byte("+1700000000|QQ==|" + mac)),
		"negative date":        b64([]byte("-1700000000|QQ==|" + mac)),
		"leading zero":         b64([]byte("01700000000|QQ==|" + mac)),
		"date zero":            b64([]byte("0|QQ==|" + mac)),
		"date in hex":          b64([]byte("0x17|QQ==|" + mac)),
		"date after 9999":      b64([]byte("253402300800|QQ==|" + mac)),
		"date that overflows":  b64([]byte("18446744073709551617|QQ==|" + mac)),
		"unpadded":             strings.TrimRight(good, "=") + "A",
		"standard alphabet":    "+/+/" + good[4:],
		"a space":              good + " ",
		"quoted":               `"` + good + `"`,
		"over the cap":         strings.Repeat("A", 4100),
		"a million dots":       strings.Repeat(".", 1_000_000),
		"a million separators": b64([]byte(strings.Repeat("|", 1_000_000))),
	}
	for what, value := range rows {
		t.Run(what, func(t *testing.T) { refused(t, c, ring, value, cookie.ReasonForeign) })
	}
	for n := 5; n < 12; n++ { // all three lengths of padding
		for _, altered := range spellings(mustSeal(t, c, ring, random(n))) {
			refused(t, c, ring, altered, cookie.ReasonForeign)
		}
	}
}

// The cap holds for values that are right in all else.
func TestOpen_OverTheCapUnderTheRightKey(t *testing.T) {
	c := withKeys(t, "app", hashKey, blockKey)
	n := 1
	for c.Size(n+1) <= 4096 {
		n++
	}
	if _, err := c.Open(nil, craft(hashKey, blockKey, "app", "1700000000", random(n))); err != nil {
		t.Error(err)
	}
	refused(t, c, nil, craft(hashKey, blockKey, "app", "1700000000", random(n+1)), cookie.ReasonForeign)
}

// The same dates, made by a holder of the keys: still one form only, and the
// MAC being right is no excuse.
func TestOpen_ForeignDateUnderTheRightKey(t *testing.T) {
	c := withKeys(t, "app", hashKey, blockKey)
	for _, date := range []string{"+1700000000", "-1", "01700000000", "0", "", "253402300800", "1e9"} {
		refused(t, c, nil, craft(hashKey, blockKey, "app", date, []byte("x")), cookie.ReasonForeign)
	}
}

func TestOpen_UnknownKey(t *testing.T) {
	ring := keyring.Generate()
	c := newCodec(t, "s", "")
	good := mustSeal(t, c, ring, []byte("hello"))
	refused(t, c, keyring.Generate(), good, cookie.ReasonUnknownKey)

	raw, _ := base64.URLEncoding.DecodeString(good)
	raw[len(raw)-1] ^= 1
	refused(t, c, ring, base64.URLEncoding.EncodeToString(raw), cookie.ReasonUnknownKey)

	// Another cookie of the same program under the same secrets.
	refused(t, withKeys(t, "other", hashKey, blockKey), nil,
		craft(hashKey, blockKey, "app", "1700000000", []byte("x")), cookie.ReasonUnknownKey)
}

// The MAC covers "name|date|payload" without lengths, so names with a '|' could
// take text from their neighbour. The form refuses what such a move leaves.
func TestOpen_NamesWithASeparator(t *testing.T) {
	raw, _ := base64.URLEncoding.DecodeString(craft(hashKey, blockKey, "a", "1", []byte("x")))
	moved := base64.URLEncoding.EncodeToString(raw[len("1|"):])
	refused(t, withKeys(t, "a|1", hashKey, blockKey), nil, moved, cookie.ReasonForeign)

	raw, _ = base64.URLEncoding.DecodeString(craft(hashKey, blockKey, "a|1", "17", []byte("x")))
	moved = base64.URLEncoding.EncodeToString(append([]byte("1|"), raw...))
	refused(t, withKeys(t, "a", hashKey, blockKey), nil, moved, cookie.ReasonForeign)
}

// An empty hash key makes MACs that anyone can make.
func TestOpen_EmptyKeyNeverOpens(t *testing.T) {
	for what, ring := range map[string]*keyring.Keyring{"nil ring": nil, "ring": keyring.Generate()} {
		for _, key := range [][]byte{nil, make([]byte, 32)} {
			value := craft(key, make([]byte, 32), "s", "1700000000", []byte("x"))
			t.Run(what, func(t *testing.T) {
				refused(t, newCodec(t, "s", ""), ring, value, cookie.ReasonUnknownKey)
			})
		}
	}
}

func TestOpen_Malformed(t *testing.T) {
	c := withKeys(t, "app", hashKey, blockKey)
	for what, value := range map[string]string{
		"payload is only an IV":       craft(hashKey, blockKey, "app", "1700000000", nil),
		"payload shorter than an IV":  craftRaw(hashKey, "app", "1700000000", "QQ=="),
		"no payload":                  craftRaw(hashKey, "app", "1700000000", ""),
		"payload is no base64":        craftRaw(hashKey, "app", "1700000000", "!!!!"),
		"payload is unpadded base64":  craftRaw(hashKey, "app", "1700000000", "QQ"),
		"payload in another alphabet": craftRaw(hashKey, "app", "1700000000", strings.Repeat("+/", 20)),
	} {
		t.Run(what, func(t *testing.T) { refused(t, c, nil, value, cookie.ReasonMalformed) })
	}
}

// J11: name, audience and purpose are bound, and nothing moves between them.
func TestJ11_Swaps(t *testing.T) {
	ring := keyring.Generate()
	type id struct{ name, audience string }
	ids := []id{{"s", ""}, {"s", "a"}, {"sa", ""}, {"a", "s"}, {"s|", "a"}, {"s", "|a"}, {"S", "a"}}
	var codecs []cookie.Codec
	for _, id := range ids {
		codecs = append(codecs, newCodec(t, id.name, id.audience))
	}
	for i := range ids {
		value := mustSeal(t, codecs[i], ring, []byte("hello"))
		for j := range ids {
			_, err := codecs[j].Open(ring, value)
			if (err == nil) != (i == j) {
				t.Errorf("sealed as %v, opened as %v: %v", ids[i], ids[j], err)
			}
		}
	}
}

// J13: no string but the one that was sealed opens to anything.
func TestJ13_Mutants(t *testing.T) {
	ring := keyring.Generate()
	rnd := rand.New(rand.NewPCG(13, 1)) // the same mutants in every run
	perValue := 10_000
	if race.Enabled {
		perValue = 500
	}
	for _, n := range []int{1, 5, 16, 33, 150, 220, 221, 222, 600, 1000} {
		c := newCodec(t, "s", "")
		value := mustSeal(t, c, ring, random(n))
		for range perValue {
			mutant := mutate(rnd, value)
			if mutant == value {
				continue
			}
			if opened, err := c.Open(ring, mutant); err == nil {
				t.Fatalf("a mutant of a value of %d bytes opens (%d bytes)", n, len(opened.Plaintext))
			}
		}
	}
}

// mutate changes a value in one of the ways that lax parsers overlook.
func mutate(rnd *rand.Rand, value string) string {
	b := []byte(value)
	at := rnd.IntN(len(b))
	switch rnd.IntN(9) {
	case 0:
		b[at] ^= 1 << rnd.IntN(8)
	case 1: // another character of the alphabet, most often near the end
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		b[len(b)-1-min(rnd.IntN(8), len(b)-1)] = alphabet[rnd.IntN(64)]
	case 2:
		b = b[:at]
	case 3:
		b = append(b[:at:at], append([]byte{"\r\n =\t.|A"[rnd.IntN(8)]}, b[at:]...)...)
	case 4:
		b = append(b[:at:at], b[min(at+1+rnd.IntN(5), len(b)):]...)
	case 5: // swap case
		b[at] ^= 0x20
	case 6: // swap two places
		other := rnd.IntN(len(b))
		b[at], b[other] = b[other], b[at]
	case 7: // move a piece
		b = append(append([]byte(nil), b[at:]...), b[:at]...)
	case 8:
		b = append(b, b[:at]...)
	}
	return string(b)
}

func TestWithKeys_FaultsAllAtOnce(t *testing.T) {
	rows := []struct {
		what  string
		pairs [][]byte
		want  []string
	}{
		{"none", nil, []string{"no keys"}},
		{"nil hash key", [][]byte{nil, blockKey}, []string{"pair 1: the hash key is shorter"}},
		{"empty hash key", [][]byte{{}, blockKey}, []string{"pair 1: the hash key is shorter"}},
		{"short hash key", [][]byte{hashKey[:15]}, []string{"pair 1: the hash key is shorter"}},
		{"zero hash key", [][]byte{make([]byte, 32)}, []string{"pair 1: the hash key is all zeros"}},
		{"empty block key", [][]byte{hashKey, {}}, []string{"pair 1: the block key is neither"}},
		{"block key of 31", [][]byte{hashKey, blockKey[:31]}, []string{"pair 1: the block key is neither"}},
		{"zero block key", [][]byte{hashKey, make([]byte, 32)}, []string{"pair 1: the block key is all zeros"}},
		{"hash key twice", [][]byte{hashKey, blockKey, hashKey, nil}, []string{"pair 2: the hash key is that of pair 1"}},
		{"several", [][]byte{{1}, {2}, hashKey, {3}}, []string{"pair 1: the hash", "pair 1: the block", "pair 2: the block"}},
	}
	for _, row := range rows {
		t.Run(row.what, func(t *testing.T) {
			c, err := gorilla.WithKeys(row.pairs...)("", "")
			if err == nil || c != nil {
				t.Fatal("no error")
			}
			for _, want := range append(row.want, "needs the name") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			for _, key := range row.pairs {
				if len(key) > 4 && strings.Contains(err.Error(), string(key)) {
					t.Error("the error shows a key")
				}
			}
		})
	}
}

func TestWithKeys_CopiesTheKeys(t *testing.T) {
	hash, block := bytes.Clone(hashKey), bytes.Clone(blockKey)
	newCodec := gorilla.WithKeys(hash, block)
	clear(hash)
	clear(block)
	c, err := newCodec("app", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Open(nil, craft(hashKey, blockKey, "app", "1700000000", []byte("x"))); err != nil {
		t.Error("the codec shares its keys with the caller")
	}
}

func TestWithKeys_EveryPair(t *testing.T) {
	other := []byte("another hash key of 32 bytes ...")
	third := []byte("a third hash key of 32 bytes ....")
	c := withKeys(t, "app", hashKey, blockKey, other, nil, third)
	for what, value := range map[string]string{
		"first":  craft(hashKey, blockKey, "app", "1700000000", []byte("x")),
		"second": craft(other, nil, "app", "1700000000", []byte("x")),
		"third":  craft(third, nil, "app", "1700000000", []byte("x")),
	} {
		if _, err := c.Open(nil, value); err != nil {
			t.Errorf("%s pair: %v", what, err)
		}
	}
	refused(t, c, nil, craft(other[:20], nil, "app", "1700000000", []byte("x")), cookie.ReasonUnknownKey)
	// It seals under the first.
	if _, err := withKeys(t, "app", hashKey, blockKey).Open(nil, mustSeal(t, c, nil, []byte("x"))); err != nil {
		t.Error(err)
	}
}

// T6: a bad cookie of the greatest length against a full ring.
func TestT6_MemoryPerBadCookie(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	ring := keyring.Generate()
	for len(ring.Keys()) < 16 {
		ring, _ = ring.Rotate()
	}
	c := newCodec(t, "s", "")
	n := 1
	for c.Size(n+1) <= 4096 {
		n++
	}
	value := mustSeal(t, c, keyring.Generate(), random(n))
	c.Open(ring, value) // derive first
	const runs = 100
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		c.Open(ring, value)
	}
	runtime.ReadMemStats(&after)
	if got := (after.TotalAlloc - before.TotalAlloc) / runs; got > 16<<10 {
		t.Errorf("%d bytes for one bad cookie", got)
	}
}

func TestConcurrentUse(t *testing.T) {
	ring := keyring.Generate()
	c := newCodec(t, "s", "")
	given := withKeys(t, "s", hashKey, blockKey)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				for _, c := range []cookie.Codec{c, given} {
					want := random(50)
					value, err := c.Seal(ring, want)
					if err != nil {
						t.Error(err)
						return
					}
					opened, err := c.Open(ring, value)
					if err != nil || !bytes.Equal(opened.Plaintext, want) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	group.Wait()
}
