package marks

import (
	"math"
	"slices"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
)

// A need is the fingerprint of a name that a session has.
type need struct {
	kind  Kind // 0 if there is none
	print uint64
}

// needs returns what must be looked up for a session.
func (e *edition) needs(a *About) (list [3 + MaxLinks]need) {
	if e == nil {
		return list
	}
	if a.Session != "" {
		list[0] = need{Session, e.signer.print(Session, a.Session, nil)}
	}
	if a.User != "" {
		list[1] = need{User, e.signer.print(User, a.User, nil)}
	}
	if a.Actor != "" {
		list[2] = need{User, e.signer.print(User, a.Actor, nil)}
	}
	for i := range a.Links {
		if a.Links[i] != (Name{}) {
			list[3+i] = need{Link, e.signer.print(Link, "", &a.Links[i])}
		}
	}
	return list
}

func (e *edition) place(print uint64) *place {
	return &e.shards[print>>(printBits-uint(e.shift))]
}

// find returns the time before which sessions of a fingerprint have ended: 0 if there is no
// mark, and the end of time for a session mark.
func (o *object) find(n need) (before int64) {
	if n.kind == Session {
		if _, ok := slices.BinarySearch(o.ended, n.print); ok {
			return math.MaxInt64
		}
		return 0
	}
	if i, ok := slices.BinarySearchFunc(o.timed, n.print, comparePrint); ok {
		return o.timed[i].before
	}
	return 0
}

// Judge returns cookie.ReasonRevoked if a mark ends the session, cookie.ReasonUnverified
// if Policy.FailClosed is set and nobody can tell, and cookie.ReasonNone otherwise. It goes
// by what is there, waits for nothing, and doesn't allocate.
func (r *Reader) Judge(a About) cookie.Reason {
	closed := true
	if r != nil && r.cfg.Keys != nil {
		ended, known := r.judge(&a)
		if ended {
			return cookie.ReasonRevoked
		}
		closed = r.cfg.Policy.FailClosed && !known
	}
	if closed && (a.User != "" || a.Actor != "") {
		return cookie.ReasonUnverified
	}
	return cookie.ReasonNone
}

// judge reports whether a mark ends the session, and whether nothing is missing that might.
func (r *Reader) judge(a *About) (ended, known bool) {
	ended, doubt := span{r.all.Load(), math.MaxInt64}.judge(a, All)
	for _, e := range r.both() {
		if ended || known {
			break
		}
		if e != nil {
			ended, known = r.judgeBy(e, a)
		}
	}
	return ended, known && !doubt
}

func (r *Reader) judgeBy(e *edition, a *About) (ended, known bool) {
	known = true
	for _, n := range e.needs(a) {
		if n.kind == 0 {
			continue
		}
		p := e.place(n.print)
		if p.judged.Load() != a.Now {
			p.judged.Store(a.Now)
		}
		o := p.object.Load()
		if o == nil {
			known = false
			continue
		}
		before := o.find(n)
		if before == math.MaxInt64 {
			return true, true
		}
		ends, doubt := span{before, math.MaxInt64}.judge(a, n.kind)
		if ends {
			return true, true
		}
		known = known && !doubt && !r.stale(o, a.Now)
	}
	return false, known
}

// stale reports whether an object is too old at now, in Unix seconds.
func (r *Reader) stale(o *object, now int64) bool {
	var f freshness
	f.at.Store(o.time * 1000)
	return f.stale(&r.cfg.Policy, now)
}

// NotBefore returns the time, in Unix seconds, that a session of the user must not be issued
// before, or 0, as far as it is known.
func (r *Reader) NotBefore(user string) int64 {
	if r == nil {
		return 0
	}
	at := r.all.Load()
	for _, e := range r.both() {
		if e == nil {
			continue
		}
		n := need{User, e.signer.print(User, user, nil)}
		if o := e.place(n.print).object.Load(); o != nil {
			at = max(at, o.find(n))
		}
	}
	return at
}

// Age returns how old the news is that Judge goes by: the age of the oldest object that was
// needed in the last Every, by the time in it. If one was needed that isn't there, it is the
// longest Duration.
func (r *Reader) Age(now time.Time) time.Duration {
	const never = math.MaxInt64
	e, sec := r.both()[0], now.Unix()
	if e == nil {
		return never
	}
	oldest := r.head.object.Load().time
	for i := range e.shards {
		p := &e.shards[i]
		if p.judged.Load() < sec-r.every {
			continue
		}
		o := p.object.Load()
		if o == nil {
			return never
		}
		oldest = min(oldest, o.time)
	}
	var f freshness
	f.at.Store(oldest * 1000)
	return f.age(now)
}

// Len returns how many marks are held, without those of kind All.
func (r *Reader) Len() int {
	return r.sum((*object).len)
}

// Bytes returns the size of the lists that hold the marks.
func (r *Reader) Bytes() int {
	return r.sum((*object).size)
}

func (r *Reader) sum(of func(*object) int) (n int) {
	for _, p := range r.shards() {
		if o := p.object.Load(); o != nil {
			n += of(o)
		}
	}
	return n
}
