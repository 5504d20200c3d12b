package mutants_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/race"
)

// mutantCount is J13: five million for each format. Under the race detector and
// with -short it is a sample.
func mutantCount() int {
	if race.Enabled || testing.Short() {
		return 100_000
	}
	return 5_000_000
}

// A family is one way to alter a value. change appends the altered value to dst,
// which is empty; it may make use of another sealed value.
type family struct {
	name   string
	change func(r *rand.Rand, dst []byte, base, other string) []byte
}

// A hunt holds what mutants are made of and what must refuse them.
type hunt struct {
	families []family
	sealed   []string // all that has been sealed
	open     func(value string) error
	count    int // of mutants; 0 is mutantCount
	// twice is how often a second change is made on top: one in this many.
	twice int
}

const maxReasons = 16

// A tally counts what happened to the mutants of one family.
type tally struct {
	tried, accepted int
	reasons         [maxReasons]int
	example         string // one that was accepted
	panicked        string
}

// run makes n mutants on all processors. A mutant that is equal to something that
// was sealed does not count. The result is in the order of the families.
func (h *hunt) run(n int) []tally {
	known := map[string]bool{}
	for _, s := range h.sealed {
		known[s] = true
	}
	workers := runtime.GOMAXPROCS(0)
	results := make([][]tally, workers)
	var all sync.WaitGroup
	for w := range workers {
		results[w] = make([]tally, len(h.families))
		all.Go(func() { h.work(rand.New(rand.NewPCG(13, uint64(w))), n/workers+1, known, results[w]) })
	}
	all.Wait()
	total := make([]tally, len(h.families))
	for _, r := range results {
		for i := range r {
			total[i].add(r[i])
		}
	}
	return total
}

func (h *hunt) work(r *rand.Rand, n int, known map[string]bool, result []tally) {
	buf, second := make([]byte, 0, 1<<14), make([]byte, 0, 1<<14)
	for tried := 0; tried < n; {
		i := r.IntN(len(h.families))
		base, other := h.sealed[r.IntN(len(h.sealed))], h.sealed[r.IntN(len(h.sealed))]
		buf = h.families[i].change(r, buf[:0], base, other)
		if h.twice > 0 && r.IntN(h.twice) == 0 && len(buf) > 0 && len(buf) < 8000 {
			// On top of that one of the general changes, which take any string.
			second = h.families[r.IntN(general)].change(r, second[:0], string(buf), other)
			buf, second = second, buf
		}
		value := unsafe.String(unsafe.SliceData(buf), len(buf)) // buf is not written while value is in use
		fault, err := h.try(value)
		switch {
		case fault != "":
			result[i].panicked = fault
		case err != nil:
			result[i].reasons[cookie.ReasonOf(err)%maxReasons]++
		case known[value]:
			continue // no mutant: a change that changed nothing, or undid another
		default:
			result[i].accepted++
			result[i].example = strings.Clone(value)
		}
		result[i].tried++
		tried++
	}
}

// try opens a value. A panic is a result like any other.
func (h *hunt) try(value string) (fault string, err error) {
	defer func() {
		if p := recover(); p != nil {
			fault = fmt.Sprintf("%v, opening %q", p, value)
		}
	}()
	return "", h.open(value)
}

func (t *tally) add(o tally) {
	t.tried += o.tried
	t.accepted += o.accepted
	for i, n := range o.reasons {
		t.reasons[i] += n
	}
	if o.example != "" {
		t.example = o.example
	}
	if o.panicked != "" {
		t.panicked = o.panicked
	}
}

// report prints a line for each family and returns the sum.
func (h *hunt) report(t *testing.T, results []tally, took time.Duration) (sum tally) {
	t.Helper()
	line := func(name string, r tally) string {
		s := fmt.Sprintf("%-12s %8d mutants, %d accepted, refused:", name, r.tried, r.accepted)
		for i, n := range r.reasons {
			if n > 0 {
				s += fmt.Sprintf(" %v %d", cookie.Reason(i), n)
			}
		}
		return s
	}
	var b strings.Builder
	for i, r := range results {
		b.WriteString("\n" + line(h.families[i].name, r))
		sum.add(r)
	}
	t.Logf("%s\n%s\n%.1f s on %d processors", b.String(), line("in all", sum), took.Seconds(), runtime.GOMAXPROCS(0))
	return sum
}

// none runs the hunt and fails the test for each family that found something.
func (h *hunt) none(t *testing.T, reasons ...cookie.Reason) {
	n, began := cmp.Or(h.count, mutantCount()), time.Now()
	results := h.run(n)
	sum := h.report(t, results, time.Since(began))
	for i, r := range results {
		if r.accepted > 0 {
			t.Errorf("%s: %d accepted, such as %q", h.families[i].name, r.accepted, r.example)
		}
		if r.panicked != "" {
			t.Errorf("%s: panic: %s", h.families[i].name, r.panicked)
		}
		if r.tried < n/len(h.families)/4 {
			t.Errorf("%s: only %d mutants", h.families[i].name, r.tried)
		}
	}
	if sum.tried < n {
		t.Errorf("%d mutants, want %d", sum.tried, n)
	}
	for _, reason := range reasons {
		if sum.reasons[reason] < n/1000 {
			t.Errorf("%d mutants refused as %v: they hardly reach that check", sum.reasons[reason], reason)
		}
	}
}

// finds fails the test unless the hunt finds something in each of the families:
// it is run against code that lacks a check.
func (h *hunt) finds(t *testing.T, n int, names ...string) {
	results := h.run(n)
	for _, name := range names {
		for i, f := range h.families {
			if f.name == name && results[i].accepted == 0 {
				t.Errorf("%s: %d mutants, none accepted: the test cannot fail", name, results[i].tried)
			}
		}
	}
	total := 0
	for _, r := range results {
		total += r.accepted
	}
	t.Logf("%d of %d mutants accepted", total, n)
}

const odd = "=+/.-_ \r\n\t\x00%,;\"\\AQgw~\x7f\x80\xff"

// general is the number of families at the front of every list that take any
// string.
const general = 9

// generalFamilies are changes that know nothing of the format.
func generalFamilies() []family {
	return []family{
		{"bit", func(r *rand.Rand, dst []byte, s, _ string) []byte {
			dst = append(dst, s...)
			dst[r.IntN(len(dst))] ^= 1 << r.IntN(8)
			return dst
		}},
		{"bits", func(r *rand.Rand, dst []byte, s, _ string) []byte {
			dst = append(dst, s...)
			for range 2 + r.IntN(7) {
				dst[r.IntN(len(dst))] ^= 1 << r.IntN(8)
			}
			return dst
		}},
		{"truncate", func(r *rand.Rand, dst []byte, s, _ string) []byte {
			switch at := r.IntN(len(s)); r.IntN(4) {
			case 0:
				return append(dst, s[at:]...)
			case 1: // by little, where lengths are almost right
				return append(dst, s[:max(0, len(s)-1-r.IntN(24))]...)
			default:
				return append(dst, s[:at]...)
			}
		}},
		{"insert", func(r *rand.Rand, dst []byte, s, _ string) []byte {
			at := r.IntN(len(s) + 1)
			dst = append(dst, s[:at]...)
			for range 1 + r.IntN(4) {
				if r.IntN(2) == 0 {
					dst = append(dst, odd[r.IntN(len(odd))])
				} else {
					dst = append(dst, s[r.IntN(len(s))])
				}
			}
			return append(dst, s[at:]...)
		}},
		{"cut", func(r *rand.Rand, dst []byte, s, _ string) []byte {
			at := r.IntN(len(s))
			to := at + 1 + r.IntN(min(24, len(s)-at))
			if r.IntN(2) == 0 { // or doubled
				return append(append(dst, s[:to]...), s[at:]...)
			}
			return append(append(dst, s[:at]...), s[to:]...)
		}},
		{"alphabet", func(r *rand.Rand, dst []byte, s, _ string) []byte {
			dst = append(dst, s...)
			if r.IntN(4) == 0 { // the other alphabet of RFC 4648 throughout
				for i, c := range dst {
					switch c {
					case '-':
						dst[i] = '+'
					case '_':
						dst[i] = '/'
					}
				}
			}
			dst[r.IntN(len(dst))] = odd[r.IntN(len(odd))]
			return dst
		}},
		{"case", func(r *rand.Rand, dst []byte, s, _ string) []byte {
			dst = append(dst, s...)
			if r.IntN(64) == 0 {
				for i, c := range dst {
					if 'a' <= c && c <= 'z' {
						dst[i] = c - 32
					}
				}
				return dst
			}
			for range 1 + r.IntN(3) {
				for i, n := r.IntN(len(dst)), 0; n < len(dst); i, n = (i+1)%len(dst), n+1 {
					if c := dst[i] | 0x20; 'a' <= c && c <= 'z' {
						dst[i] ^= 0x20
						break
					}
				}
			}
			return dst
		}},
		{"CR/LF", func(r *rand.Rand, dst []byte, s, _ string) []byte {
			at := r.IntN(len(s) + 1)
			if r.IntN(8) == 0 {
				at = len(s)
			}
			dst = append(dst, s[:at]...)
			dst = append(dst, [...]string{"\r", "\n", "\r\n", "\n\n"}[r.IntN(4)]...)
			return append(dst, s[at:]...)
		}},
		{"splice", func(r *rand.Rand, dst []byte, s, other string) []byte {
			at := r.IntN(len(s))
			dst = append(dst, s[:at]...)
			return append(dst, other[min(at, len(other)):]...)
		}},
	}
}

const characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// unused changes the last character of a base64 segment in the bits that carry no
// data: the same bytes to a lenient decoder.
func unused(r *rand.Rand, dst []byte, bits int) []byte {
	if len(dst) == 0 || bits == 0 {
		return dst
	}
	i := strings.IndexByte(characters, dst[len(dst)-1])
	if i < 0 {
		return dst
	}
	dst[len(dst)-1] = characters[i^(1+r.IntN(1<<bits-1))]
	return dst
}
