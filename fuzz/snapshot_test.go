package fuzz_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/fuzz/internal/fixed"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
)

// snapshotNow is the time of a request.
const snapshotNow = 1_800_000_000

// A plainShard is what docs/FORMAT.md says is in an object of a snapshot, without the
// magic, the key and the MAC.
type plainShard struct {
	shift        int
	index        int
	rest         []byte // of the header: the sequence, the time and the mark for all
	ended, timed []uint64
	times        []byte
}

// readShard reads an object bit by bit. Whether it was the one spelling shows when it is
// written again.
func readShard(b []byte) (s plainShard, ok bool) {
	if len(b) < 35 {
		return s, false
	}
	s = plainShard{shift: int(b[0]), index: int(binary.BigEndian.Uint16(b[1:])), rest: b[11:35]}
	n, m := binary.BigEndian.Uint32(b[3:]), binary.BigEndian.Uint32(b[7:])
	at, before := binary.BigEndian.Uint64(b[19:]), binary.BigEndian.Uint64(b[27:])
	head := s.index == 0xffff
	if s.shift > 8 || !head && s.index >= 1<<s.shift || head && n+m > 0 || at == 0 || at > 253402300799 || before > 253402300799 {
		return s, false
	}
	b = b[35:]
	if s.ended, b, ok = readRice(b, n, 48-s.shift); !ok {
		return s, false
	}
	if s.timed, b, ok = readRice(b, m, 48-s.shift); !ok || len(b) != 5*len(s.timed) {
		return s, false
	}
	for i := range s.timed {
		if t := binary.BigEndian.Uint64(append([]byte{0, 0, 0}, b[5*i:5*i+5]...)); t == 0 || t > 253402300799 {
			return s, false
		}
	}
	s.times = b
	return s, true
}

func riceBits(n uint32, width int) int { return width - bits.Len32(n) }

func readRice(b []byte, n uint32, width int) (list []uint64, rest []byte, ok bool) {
	at := 0
	bit := func() (v uint64, ok bool) {
		if at >= 8*len(b) {
			return 0, false
		}
		v = uint64(b[at/8] >> (7 - at%8) & 1)
		at++
		return v, true
	}
	next := uint64(0)
	for range n {
		q := uint64(0)
		for {
			v, ok := bit()
			if !ok {
				return nil, nil, false
			}
			if v == 0 {
				break
			}
			q++
		}
		k := riceBits(n, width)
		v := uint64(0)
		for range k {
			one, ok := bit()
			if !ok {
				return nil, nil, false
			}
			v = v<<1 | one
		}
		if q > 1<<20 {
			return nil, nil, false
		}
		if v += next + q<<k; v >= 1<<width {
			return nil, nil, false
		}
		list = append(list, v)
		next = v + 1
	}
	return list, b[(at+7)/8:], true
}

func (s plainShard) write() []byte {
	b := []byte{byte(s.shift)}
	b = binary.BigEndian.AppendUint16(b, uint16(s.index))
	b = binary.BigEndian.AppendUint32(b, uint32(len(s.ended)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(s.timed)))
	b = append(b, s.rest...)
	for _, list := range [][]uint64{s.ended, s.timed} {
		k, next, n := riceBits(uint32(len(list)), 48-s.shift), uint64(0), 0
		var packed []byte
		put := func(bit uint64) {
			if n%8 == 0 {
				packed = append(packed, 0)
			}
			packed[n/8] |= byte(bit) << (7 - n%8)
			n++
		}
		for _, v := range list {
			d := v - next
			next = v + 1
			for range d >> k {
				put(1)
			}
			put(0)
			for i := k - 1; i >= 0; i-- {
				put(d >> i & 1)
			}
		}
		b = append(b, packed...)
	}
	return append(b, s.times...)
}

// FuzzSnapshot: of an authentic object, whatever is in it, a Reader takes what a plain reader
// takes. Any other object is refused.
func FuzzSnapshot(f *testing.F) {
	ring := fixed.Ring(f, 0)
	key := ring.Primary()
	subkey := key.Derive(keyring.Label{Purpose: "marks", Audience: fixed.Audience})
	signed := func(body []byte) []byte {
		b := append([]byte("HTM1"+key.ID()), body...)
		return append(b, fixed.MAC(subkey, b)...)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		reader, err := marks.NewReader(marks.ReaderConfig{Keys: ring, Audience: fixed.Audience})
		if err != nil {
			t.Fatal(err)
		}
		now := time.Unix(snapshotNow, 0)
		want, ok := readShard(body)
		ok = ok && bytes.Equal(want.write(), body)
		name := "marks.head"
		if want.index != 0xffff && want.shift <= 8 && want.index < 1<<want.shift {
			head := append([]byte{byte(want.shift), 0xff, 0xff}, make([]byte, 31)...)
			head = append(head[:26], 1, 0, 0, 0, 0, 0, 0, 0, 0)
			if err := reader.Put(now, "marks.head", signed(head)); err != nil {
				t.Fatal(err)
			}
			name = fmt.Sprintf("marks.%s.%d.%d", key.ID(), 1<<want.shift, want.index)
		}
		if err := reader.Put(now, name, body); !errors.Is(err, marks.ErrForged) && !errors.Is(err, marks.ErrUnknownKey) {
			t.Fatalf("forged: %v", err)
		}
		err = reader.Put(now, name, signed(body))
		switch {
		case len(body) < 35:
			if !errors.Is(err, marks.ErrForged) {
				t.Fatalf("short: %v", err)
			}
		case !ok:
			if !errors.Is(err, marks.ErrMalformed) && !errors.Is(err, marks.ErrTooLarge) {
				t.Fatalf("%v, the plain reader refuses it", err)
			}
		case int64(binary.BigEndian.Uint64(want.rest[8:])) > snapshotNow+60:
			if !errors.Is(err, marks.ErrFuture) {
				t.Fatalf("%v, want %v", err, marks.ErrFuture)
			}
		case err != nil || reader.Len() != len(want.ended)+len(want.timed):
			t.Fatalf("%v with %d marks, the plain reader takes %d", err, reader.Len(), len(want.ended)+len(want.timed))
		}
	})
}

func snapshotSeeds() corpus {
	header := func(shift, index, n, m int, at uint64) []byte {
		b := []byte{byte(shift)}
		b = binary.BigEndian.AppendUint16(b, uint16(index))
		b = binary.BigEndian.AppendUint32(b, uint32(n))
		b = binary.BigEndian.AppendUint32(b, uint32(m))
		b = binary.BigEndian.AppendUint64(b, 7)
		b = binary.BigEndian.AppendUint64(b, at)
		return binary.BigEndian.AppendUint64(b, at-1)
	}
	shard := func(shift, index int, ended, timed []uint64) []byte {
		s := plainShard{shift: shift, index: index, rest: header(0, 0, 0, 0, snapshotNow)[11:], ended: ended, timed: timed}
		for range timed {
			s.times = append(s.times, binary.BigEndian.AppendUint64(nil, snapshotNow-5)[3:]...)
		}
		return s.write()
	}
	var many []uint64
	for i := range uint64(60) {
		many = append(many, i*i*(1<<33)+i)
	}
	full := shard(4, 9, many, []uint64{3, 1 << 40})
	flipped := func(at int) []byte {
		b := bytes.Clone(full)
		b[at] ^= 1
		return b
	}
	return numbered("object", [][]byte{
		nil, {0}, header(0, 0xffff, 0, 0, snapshotNow), header(8, 0xffff, 0, 0, snapshotNow), header(9, 0xffff, 0, 0, snapshotNow),
		header(0, 0xffff, 1, 0, snapshotNow), header(0, 1, 0, 0, snapshotNow), header(0, 0, 0, 0, 0), header(0, 0, 0, 0, 253402300800),
		header(0, 0, 0, 0, snapshotNow+61), header(0, 0, 1<<31, 1<<31, snapshotNow), header(8, 255, 1<<24, 0, snapshotNow),
		shard(0, 0, nil, nil), shard(0, 0, []uint64{0}, nil), shard(0, 0, nil, []uint64{1<<48 - 1}), shard(8, 255, []uint64{0, 1, 2, 1<<40 - 1}, nil),
		full, full[:len(full)-1], full[:50], append(bytes.Clone(full), 0), flipped(2), flipped(6), flipped(10), flipped(35), flipped(80), flipped(len(full) - 1),
	}, one)
}
