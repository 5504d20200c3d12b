package marks

import (
	"math"
	"sync/atomic"
	"time"
)

// DefaultMax is how many marks a [Set] holds if its Policy doesn't say. They take at most
// 30 MB.
const DefaultMax = 1_000_000

// A Policy says how old the news may be, and how many marks there are. The zero Policy
// goes by news of any age and holds DefaultMax marks.
type Policy struct {
	// MaxStale is the age at which the news is too old to go by. 0 means never. It is
	// counted from the last call of Fresh to the request, whose time is cut to the
	// second.
	MaxStale time.Duration
	// FailClosed makes a session that names a user unverified where nobody can tell
	// whether it was ended: the answer is 503, and the cookie is kept. That is so before
	// the first call of Fresh, while the news is too old, and for sessions that a mark
	// which found no room might have ended. Without FailClosed they go on, as sessions
	// without a user always do. Marks that are known hold in any case.
	FailClosed bool
	// Max is the most marks that are held; 0 means DefaultMax. An eighth is for marks of
	// users alone. Each mark takes 23 to 30 bytes, above 40 kilobytes in all. Whoever logs
	// in and out makes a mark that lives as long as the session could have, so plan for
	// the logouts of that time, and with FailClosed for some who mean harm.
	Max int
	// OnFull is called when there is no room for a mark, with the number of marks that
	// are held. It is called again only after a sixteenth of the room was free in
	// between. Apply calls it, after it has tried all marks, and holds no lock, so OnFull
	// may call the Set's methods. nil reports nothing.
	OnFull func(live int)
}

func (p *Policy) max() int64 {
	if p.Max <= 0 {
		return DefaultMax
	}
	return int64(p.Max)
}

// leeway is how far in seconds two clocks of an application may be apart: the leeway of
// package ssestore for times of issue.
const leeway = 60

// freshness is when the news was complete, in Unix milliseconds; 0 is never.
type freshness struct{ at atomic.Int64 }

func (f *freshness) set(now time.Time) {
	ms := now.UnixMilli()
	if ms == 0 {
		ms = 1
	}
	f.at.Store(ms)
}

// age returns the age in milliseconds of news that was complete at at. A time of up to a
// minute before is a request that began earlier. Any other is a clock that was set back:
// the distance is the best guess until the next news.
func age(at, now int64) int64 {
	if at == 0 {
		return math.MaxInt64
	}
	d := now - at
	if d < -leeway*1000 {
		return -d
	}
	return max(d, 0)
}

func (f *freshness) age(now time.Time) time.Duration {
	ms := age(f.at.Load(), now.UnixMilli())
	if ms > math.MaxInt64/int64(time.Millisecond) {
		return math.MaxInt64
	}
	return time.Duration(ms) * time.Millisecond
}

// stale reports whether the news is too old at now, in Unix seconds, or was never
// complete.
func (f *freshness) stale(p *Policy, now int64) bool {
	at := f.at.Load()
	if p.MaxStale == 0 {
		return at == 0
	}
	const far = 1 << 53 // no overflow
	return age(at, min(max(now, -far), far)*1000) > p.MaxStale.Milliseconds()
}
