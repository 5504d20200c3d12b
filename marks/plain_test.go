package marks_test

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/internal/vectors"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
)

// A plain object writes an object of a snapshot as docs/FORMAT.md says, and wrong in one
// way or another. It shares no code with what is under test.
type plain struct {
	magic    string
	kid      string
	shift    int
	index    int
	sequence uint64
	time     uint64
	before   uint64
	ended    []uint64
	timed    []plainTimed

	counts func(ended, timed *uint32)   // changes the numbers in the header
	k      int                          // added to the parameter
	bits   func(ended, timed *string)   // changes the codes, as zeros and ones
	times  func(times []byte) []byte    // changes what follows them
	whole  func(unsigned []byte) []byte // changes all that is signed
}

type plainTimed struct{ print, before uint64 }

const headIndex = 0xffff

// fixedRing is a ring with the same key each time: where fingerprints fall is no accident.
func fixedRing(t testing.TB) *keyring.Keyring {
	t.Helper()
	return vectors.Ring(t, vectors.Key{Kid: "bWFya3M", Root: strings.Repeat("0f1e2d3c4b5a6978", 4), Created: 1})
}

func hmacOf(key []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// marksKey is the subkey of a snapshot.
func marksKey(k keyring.Key, audience string) []byte {
	return k.Derive(keyring.Label{Purpose: "marks", Audience: audience})
}

// printOf is the fingerprint of an id: of a link, of its name.
func printOf(subkey []byte, kind marks.Kind, id string) uint64 {
	b := []byte(id)
	if kind == marks.Link {
		sum := sha256.Sum256(b)
		b = sum[:16]
	}
	sum := hmacOf(subkey, []byte{byte(kind)}, b)
	return binary.BigEndian.Uint64(append([]byte{0, 0}, sum[:6]...))
}

// rice writes a sorted list as zeros and ones.
func rice(list []uint64, width, add int) string {
	if len(list) == 0 {
		return ""
	}
	k := width - bits.Len(uint(len(list))) + add
	var b strings.Builder
	next := uint64(0)
	for _, v := range list {
		v %= 1 << width
		d := v - next
		next = v + 1
		b.WriteString(strings.Repeat("1", int(d>>k)) + "0")
		fmt.Fprintf(&b, "%0*b", k, d%(1<<k))
	}
	return b.String()
}

// pack makes bytes of zeros and ones, and fills the last one with zeros.
func pack(s string) []byte {
	b := make([]byte, (len(s)+7)/8)
	for i, c := range []byte(s) {
		b[i/8] |= (c - '0') << (7 - i%8)
	}
	return b
}

func (p plain) bytes(subkey []byte) []byte {
	width := 48 - p.shift
	ended, timed := slices.Sorted(slices.Values(p.ended)), slices.Clone(p.timed)
	slices.SortFunc(timed, func(a, b plainTimed) int { return cmp.Compare(a.print, b.print) })
	var prints []uint64
	var times []byte
	for _, t := range timed {
		prints = append(prints, t.print)
		times = append(times, binary.BigEndian.AppendUint64(nil, t.before)[3:]...)
	}
	ne, nt := uint32(len(ended)), uint32(len(timed))
	if p.counts != nil {
		p.counts(&ne, &nt)
	}
	be, bt := rice(ended, width, p.k), rice(prints, width, p.k)
	if p.bits != nil {
		p.bits(&be, &bt)
	}
	if p.times != nil {
		times = p.times(times)
	}
	b := []byte(cmp.Or(p.magic, "HTM1"))
	b = append(b, p.kid...)
	b = append(b, byte(p.shift))
	b = binary.BigEndian.AppendUint16(b, uint16(p.index))
	b = binary.BigEndian.AppendUint32(b, ne)
	b = binary.BigEndian.AppendUint32(b, nt)
	b = binary.BigEndian.AppendUint64(b, p.sequence)
	b = binary.BigEndian.AppendUint64(b, p.time)
	b = binary.BigEndian.AppendUint64(b, p.before)
	b = append(b, pack(be)...)
	b = append(b, pack(bt)...)
	b = append(b, times...)
	if p.whole != nil {
		b = p.whole(b)
	}
	return append(b, hmacOf(subkey, b)...)
}

// name is the name of the object.
func (p plain) name() string {
	if p.index == headIndex {
		return "marks.head"
	}
	return fmt.Sprintf("marks.%s.%d.%d", p.kid, 1<<p.shift, p.index)
}

// A bucket is an object store in memory.
type bucket map[string][]byte

func (b bucket) must(t testing.TB, name string) []byte {
	t.Helper()
	if b[name] == nil {
		t.Fatalf("no object %s", name)
	}
	return b[name]
}
