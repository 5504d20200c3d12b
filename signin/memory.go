package signin

import (
	"hash/maphash"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// The limits of the memory throttle: how many attempts at once, and how long it takes
// to get one back.
//
// One network at one account is what an attacker has who guesses. Ten guesses and one a
// minute find no password that passed the validators, and people don't mistype ten
// times. NIST SP 800-63B section 3.2.2 allows at most 100 failed attempts at an account,
// from wherever; that limit is for many networks at once. It is reached only by more
// than three of them, so that one stranger can't lock out the owner of an account. One
// network may be a whole office behind one address.
var limits = [...]limit{
	clientLimit:    {100, 2 * time.Second},
	accountHere:    {10, time.Minute},
	accountOverall: {100, 20 * time.Second},
}

const (
	clientLimit    = iota // a network, at all accounts
	accountHere           // a network, at an account
	accountOverall        // all networks, at an account
)

type limit struct {
	burst int
	every time.Duration
}

const (
	// memoryKeys is how many counts are kept, at about 150 bytes each.
	memoryKeys = 100_000
	// memorySample is how many of them compete when one has to go.
	memorySample = 8
	// longestAccount is how many bytes of an account are looked at: more than an
	// address can have (RFC 5321 section 4.5.3.1.3).
	longestAccount = 256
)

type memory struct {
	address func(*http.Request) string
	most    int
	seed    maphash.Seed
	mu      sync.Mutex
	counts  map[key]*rate.Limiter
}

// key names a count by a keyed hash. Nobody outside can choose two that meet, and no
// address stays in memory.
type key struct {
	limit int
	hash  uint64
}

// NewMemory returns a Throttle in the memory of this process. address returns the IP
// address of the client, with or without a port. nil means the address of the
// connection, which behind a proxy is the proxy's: there, read the field that your own
// proxy sets, and not one that a client can send.
//
// It has three limits. One network may try 100 times at once, and then every 2 seconds;
// 10 times at one account, and then every minute; and all networks together may try 100
// times at one account, and then every 20 seconds. A network is an IPv4 address, or the
// /64 of an IPv6 one. Attempts are counted, not failures, and refused ones aren't.
//
// Somebody who has many networks can use up the last limit on purpose, and who has a
// large block of IPv6 addresses has many. Somebody who shares the owner's network, such as
// an office or a carrier's NAT, can use up the others. Then the owner of that account
// can't log in by what names the account, a password or a mail, until they stop, but still
// with a passkey or through another site, unless the network's own limit is used up.
//
// Each instance of a program counts for itself, so n instances allow up to n times as
// much. For a shared limit, write a [Throttle] over a store that they share. The memory
// is bounded, at about 15 MB. When it is full, the count that has the most attempts left
// of a few makes room, so a flood of new names doesn't reset one that is used up.
func NewMemory(address func(*http.Request) string) Throttle {
	return newMemory(address, memoryKeys)
}

func newMemory(address func(*http.Request) string, most int) *memory {
	if address == nil {
		address = func(r *http.Request) string { return r.RemoteAddr }
	}
	return &memory{address: address, most: most, seed: maphash.MakeSeed(), counts: map[key]*rate.Limiter{}}
}

func (m *memory) Allow(r *http.Request, account string) (time.Duration, bool) {
	from := network(m.address(r))
	keys := append(make([]key, 0, len(limits)), m.key(clientLimit, from, ""))
	account = strings.TrimSpace(account)
	if account = strings.ToLower(account[:min(len(account), longestAccount)]); account != "" {
		keys = append(keys, m.key(accountHere, from, account), m.key(accountOverall, "", account))
	}
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	var wait time.Duration
	for _, k := range keys {
		if l := m.counts[k]; l != nil {
			if missing := 1 - l.TokensAt(now); missing > 0 {
				wait = max(wait, time.Duration(missing*float64(limits[k.limit].every)))
			}
		}
	}
	if wait > 0 {
		return wait, false
	}
	// All allow it: only now is it counted. Refused attempts make no room either.
	for _, k := range keys {
		l := m.counts[k]
		if l == nil {
			m.makeRoom(now)
			l = rate.NewLimiter(rate.Every(limits[k.limit].every), limits[k.limit].burst)
			m.counts[k] = l
		}
		l.AllowN(now, 1)
	}
	return 0, true
}

func (m *memory) key(limit int, network, account string) key {
	var h maphash.Hash
	h.SetSeed(m.seed)
	h.WriteString(network)
	h.WriteByte(0)
	h.WriteString(account)
	return key{limit, h.Sum64()}
}

// makeRoom removes a count if there are too many. Of a random few it takes the one that
// is nearest to a count that never was. To reset a used-up count that way, somebody has
// to use up most of the others.
func (m *memory) makeRoom(now time.Time) {
	if len(m.counts) < m.most {
		return
	}
	var victim key
	most, seen := -1.0, 0
	for k, l := range m.counts { // begins at a random place
		if left := l.TokensAt(now) / float64(limits[k.limit].burst); left > most {
			victim, most = k, left
		}
		if seen++; seen == memorySample {
			break
		}
	}
	delete(m.counts, victim)
}

// network returns the part of an address that one client holds: an IPv4 address, or
// the /64 of an IPv6 one (RFC 6177 section 2). Everything that can't be parsed is one
// network, so nobody escapes the limit with an address that makes no sense.
func network(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	ip, _ := netip.ParseAddr(strings.Trim(strings.TrimSpace(address), "[]")) // the zero Addr is a network too
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip, 64).Masked().String()
}
