package marks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"math/bits"
	"strconv"
	"sync"

	"github.com/hardtack-go/hardtack/internal/claims"
	"github.com/hardtack-go/hardtack/keyring"
)

// The errors about objects of a snapshot. They come wrapped, with the name of the object:
// test with [errors.Is]. With all of them but ErrStale, the object that the [Reader] had
// before stays.
var (
	// ErrForged is returned for an object that no key of the ring has signed for this
	// audience: one that is cut, changed, empty, or something else.
	ErrForged = errors.New("not signed by a key of the ring")
	// ErrUnknownKey is returned for an object that names a key that isn't in the ring,
	// even after a look for newer keys.
	ErrUnknownKey = errors.New("signed with a key that isn't in the ring")
	// ErrMisplaced is returned for an authentic object under another one's name.
	ErrMisplaced = errors.New("stored under another one's name")
	// ErrRollback is returned for an authentic object that is older than the one that
	// the Reader had.
	ErrRollback = errors.New("older than the one before")
	// ErrMalformed is returned for an authentic object that this version can't read.
	ErrMalformed = errors.New("authentic, but of another version")
	// ErrFuture is returned for an object that was made more than a minute ahead of now.
	ErrFuture = errors.New("made in the future: one of the clocks is wrong")
	// ErrStale is returned for a good object that is older than Policy.MaxStale. The
	// marks in it hold, but whether there are more, nobody knows.
	ErrStale = errors.New("too old to go by")
	// ErrTooLarge is returned for an object over 16 MiB, and by a Reader for one with
	// more marks than Policy.Max.
	ErrTooLarge = errors.New("too large")
)

// A snapshot is a head and 1, 2, 4 … or 256 shards, each an object of its own:
//
//	header ‖ session marks ‖ marks with a time ‖ HMAC-SHA256 of all before it
//
// docs/FORMAT.md has every byte. Nothing after the key id is looked at before the MAC.
const (
	magic     = "HTM1"
	kidLen    = 7
	headerLen = len(magic) + kidLen + 1 + 2 + 4 + 4 + 3*8
	// beforeLen is the length of a time: the year 9999 takes 38 bits.
	beforeLen = 5
	// printBits is the length of a fingerprint. With a million marks, 48 bits take one
	// session in 280 million for another.
	printBits = 48
	// maxObject bounds the memory that an object can ask for, which is three times its
	// own. It has room for more than four million marks.
	maxObject = 16 << 20
	maxShift  = 8 // log2 of 256 shards
	// headIndex is the index of a head, which no shard has.
	headIndex = 0xffff
	// headName is the name of the head's object.
	headName = "marks.head"
)

// shardName returns the name of a shard's object. The key and the number of shards are in
// it, so that shards under a new key don't replace those that readers still go by.
func shardName(kid string, shift uint8, index int) string {
	return "marks." + kid + "." + strconv.Itoa(1<<shift) + "." + strconv.Itoa(index)
}

// label is that of the subkey that signs objects and makes fingerprints.
func label(audience string) keyring.Label {
	return keyring.Label{Purpose: "marks", Audience: audience}
}

// A signer computes HMAC-SHA256 under a subkey. It keeps states that have absorbed the
// key, and their buffers, so that a fingerprint allocates nothing.
type signer struct{ states sync.Pool }

type signing struct {
	hash hash.Hash
	in   []byte
	out  [sha256.Size]byte
}

// newSigner is made for keyring.Key.Cache.
func newSigner(subkey []byte) any {
	if subkey == nil {
		return nil
	}
	s := new(signer)
	s.states.New = func() any { return &signing{hash: hmac.New(sha256.New, subkey)} }
	return s
}

func signerOf(k keyring.Key, l keyring.Label) *signer {
	s, _ := k.Cache(l, newSigner).(*signer)
	return s
}

// sign returns the MAC of an object. Objects begin with a letter, and what fingerprints are
// made of with a Kind, so neither can be taken for the other.
func (s *signer) sign(object []byte) (mac [sha256.Size]byte) {
	h := s.states.Get().(*signing)
	h.hash.Write(object)
	h.hash.Sum(mac[:0])
	h.hash.Reset()
	s.states.Put(h)
	return mac
}

// print returns the fingerprint of whom a mark is about: an id, or for Link a name.
func (s *signer) print(k Kind, id string, name *Name) uint64 {
	h := s.states.Get().(*signing)
	in := append(append(h.in[:0], byte(k)), id...)
	if k == Link {
		in = append(in, name[:]...)
	}
	h.hash.Write(in)
	h.hash.Sum(h.out[:0])
	p := binary.BigEndian.Uint64(h.out[:]) >> (64 - printBits)
	h.hash.Reset()
	clear(in) // it may have been the name of a user
	clear(h.out[:])
	h.in = in
	s.states.Put(h)
	return p
}

// A header is what comes first in an object. Everything in it is authenticated.
type header struct {
	kid      string
	shift    uint8 // log2 of the number of shards
	index    int   // of the shard; headIndex in a head
	sessions int
	timed    int
	sequence uint64 // grows with each snapshot
	time     int64  // the marks are complete as of then, in Unix seconds
	before   int64  // of the mark of kind All; 0: none
}

// A timed mark ends sessions issued before a time. It is about a user or a link.
type timed struct {
	print  uint64
	before int64
}

// An object is a head or a shard that was read. Its lists are sorted by fingerprint, and
// each fingerprint is there once.
type object struct {
	header
	ended []uint64
	timed []timed
}

func (o *object) len() int { return len(o.ended) + len(o.timed) }

// size returns how much memory the lists take.
func (o *object) size() int { return 8*len(o.ended) + 16*len(o.timed) }

// appendTo appends the object's one spelling.
func (o *object) appendTo(b []byte, s *signer) []byte {
	start := len(b)
	b = append(b, magic...)
	b = append(b, o.kid...)
	b = append(b, o.shift)
	b = binary.BigEndian.AppendUint16(b, uint16(o.index))
	b = binary.BigEndian.AppendUint32(b, uint32(len(o.ended)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(o.timed)))
	b = binary.BigEndian.AppendUint64(b, o.sequence)
	b = binary.BigEndian.AppendUint64(b, uint64(o.time))
	b = binary.BigEndian.AppendUint64(b, uint64(o.before))
	width := printBits - uint(o.shift)
	b = appendList(b, o.ended, width)
	prints := make([]uint64, len(o.timed))
	for i, t := range o.timed {
		prints[i] = t.print
	}
	b = appendList(b, prints, width)
	for _, t := range o.timed {
		b = append(b, byte(t.before>>32), byte(t.before>>24), byte(t.before>>16), byte(t.before>>8), byte(t.before))
	}
	mac := s.sign(b[start:])
	return append(b, mac[:]...)
}

// kidOf returns the key id that an object names, or false if it can't be one.
func kidOf(b []byte) (string, bool) {
	if len(b) < headerLen+sha256.Size || string(b[:len(magic)]) != magic {
		return "", false
	}
	return string(b[len(magic):][:kidLen]), true
}

// authentic reports whether the signer has signed the object, in constant time.
func authentic(b []byte, s *signer) bool {
	end := len(b) - sha256.Size
	mac := s.sign(b[:end])
	return hmac.Equal(mac[:], b[end:])
}

// parseHeader reads the header of an authentic object.
func parseHeader(b []byte) (h header, ok bool) {
	h.kid = string(b[len(magic):][:kidLen])
	b = b[len(magic)+kidLen:]
	h.shift = b[0]
	h.index = int(binary.BigEndian.Uint16(b[1:]))
	sessions, named := binary.BigEndian.Uint32(b[3:]), binary.BigEndian.Uint32(b[7:])
	h.sequence = binary.BigEndian.Uint64(b[11:])
	at, before := binary.BigEndian.Uint64(b[19:]), binary.BigEndian.Uint64(b[27:])
	if h.shift > maxShift || sessions > maxObject || named > maxObject ||
		at < 1 || at > claims.MaxTime || before > claims.MaxTime {
		return h, false
	}
	h.sessions, h.timed, h.time, h.before = int(sessions), int(named), int64(at), int64(before)
	if h.index == headIndex {
		return h, sessions == 0 && named == 0
	}
	return h, h.index < 1<<h.shift
}

// parseBody reads the lists of an authentic object in their one spelling, or returns nil.
func parseBody(h header, b []byte) *object {
	o := &object{header: h}
	b = b[headerLen : len(b)-sha256.Size]
	width := printBits - uint(h.shift)
	base := uint64(h.index) << width
	var ok bool
	if o.ended, b, ok = parseList(b, h.sessions, width, base); !ok {
		return nil
	}
	prints, b, ok := parseList(b, h.timed, width, base)
	if !ok || len(b) != beforeLen*len(prints) {
		return nil
	}
	o.timed = make([]timed, len(prints))
	for i, p := range prints {
		t := b[beforeLen*i:][:beforeLen]
		before := int64(t[0])<<32 | int64(binary.BigEndian.Uint32(t[1:]))
		if before < 1 || before > claims.MaxTime {
			return nil
		}
		o.timed[i] = timed{p, before}
	}
	return o
}

// A list of n fingerprints is written as Rice codes of their distances (Golomb, "Run-length
// encodings", 1966; Rice, 1979), of which each is one less, because no two are equal. What
// all fingerprints of a shard begin with is left out. The parameter isn't stored: it follows
// from n, so a list has one spelling.
func riceParameter(n int, width uint) uint { return width - uint(bits.Len(uint(n))) }

func appendList(b []byte, list []uint64, width uint) []byte {
	k := riceParameter(len(list), width)
	w := bitWriter{b: b}
	var next uint64
	for _, v := range list {
		v &= 1<<width - 1
		d := v - next
		next = v + 1
		q := d >> k
		for ; q >= 32; q -= 32 {
			w.put(1<<32-1, 32)
		}
		w.put(1<<(q+1)-2, uint(q)+1)
		w.put(d&(1<<k-1), k)
	}
	return w.end()
}

// parseList reads n fingerprints at the start of b, and returns what follows them.
func parseList(b []byte, n int, width uint, base uint64) (list []uint64, rest []byte, ok bool) {
	k := riceParameter(n, width)
	// Before making room: each code has a bit for its end, and k more.
	if uint64(n)*uint64(k+1) > 8*uint64(len(b)) {
		return nil, nil, false
	}
	list = make([]uint64, n)
	r := bitReader{b: b}
	var next uint64
	for i := range list {
		q := r.ones()
		low, ok := r.get(k)
		if !ok || q > (1<<width-1)>>k {
			return nil, nil, false
		}
		v := next + (q<<k | low)
		if v >= 1<<width {
			return nil, nil, false
		}
		list[i], next = base|v, v+1
	}
	rest, ok = r.end()
	return list, rest, ok
}

// A bitWriter writes bits, the highest first.
type bitWriter struct {
	b   []byte
	acc uint64 // the last n bits of it aren't in b yet
	n   uint   // below 8
}

// put writes the last n bits of v, which has no others. n is at most 48.
func (w *bitWriter) put(v uint64, n uint) {
	w.acc = w.acc<<n | v
	for w.n += n; w.n >= 8; w.n -= 8 {
		w.b = append(w.b, byte(w.acc>>(w.n-8)))
	}
}

// end fills the last byte with zeros.
func (w *bitWriter) end() []byte {
	if w.n > 0 {
		w.put(0, 8-w.n)
	}
	return w.b
}

// A bitReader reads bits, the highest first.
type bitReader struct {
	b   []byte
	at  int    // of the byte that comes into acc next
	acc uint64 // the first n bits of it are next, and the others are zero
	n   uint
}

func (r *bitReader) fill() {
	for ; r.n <= 56 && r.at < len(r.b); r.at++ {
		r.acc |= uint64(r.b[r.at]) << (56 - r.n)
		r.n += 8
	}
}

func (r *bitReader) drop(n uint) {
	r.acc <<= n
	r.n -= n
}

// get reads n bits, at most 48.
func (r *bitReader) get(n uint) (v uint64, ok bool) {
	if r.fill(); r.n < n {
		return 0, false
	}
	v = r.acc >> (64 - n)
	r.drop(n)
	return v, true
}

// ones reads ones up to a zero, and the zero, or up to the end, and returns how many there
// were.
func (r *bitReader) ones() (q uint64) {
	for {
		r.fill()
		if r.n == 0 {
			return q
		}
		run := min(uint(bits.LeadingZeros64(^r.acc)), r.n)
		q += uint64(run)
		if run < r.n {
			r.drop(run + 1)
			return q
		}
		r.drop(run)
	}
}

// end returns what follows the byte that was read last, or false if that has bits left that
// aren't zero.
func (r *bitReader) end() (rest []byte, ok bool) {
	whole, part := int(r.n/8), r.n%8
	return r.b[r.at-whole:], r.acc>>(64-part) == 0
}
