package signin

import (
	"math"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits of the memory throttle.
const (
	memoryKeys = 100_000
	perAccount = 10 // attempts at once, then one a minute
	perAddress = 50 // attempts at once, then one every 10 seconds
)

type memory struct {
	address func(*http.Request) string
	mu      sync.Mutex
	limits  map[string]*rate.Limiter
}

// NewMemory returns a Throttle in this process's memory. address returns the client's
// IP address; nil means the address of the connection, which behind a proxy is the
// proxy's.
func NewMemory(address func(*http.Request) string) Throttle {
	if address == nil {
		address = func(r *http.Request) string { return r.RemoteAddr }
	}
	return &memory{address: address, limits: map[string]*rate.Limiter{}}
}

func (m *memory) Allow(r *http.Request, account string) (time.Duration, bool) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	wait := m.take(now, "address "+network(m.address(r)), rate.Every(10*time.Second), perAddress)
	if account != "" {
		wait = max(wait, m.take(now, "account "+account, rate.Every(time.Minute), perAccount))
	}
	return wait, wait == 0
}

// take counts one attempt at a key and returns how long to wait before the next.
func (m *memory) take(now time.Time, key string, every rate.Limit, burst int) time.Duration {
	l := m.limits[key]
	if l == nil {
		if len(m.limits) >= memoryKeys {
			clear(m.limits)
		}
		l = rate.NewLimiter(every, burst)
		m.limits[key] = l
	}
	reserved := l.ReserveN(now, 1)
	if wait := reserved.DelayFrom(now); wait > 0 {
		reserved.CancelAt(now)
		return wait
	}
	return 0
}

// network returns the part of an address that one client holds: an IPv4 address, or
// the /64 of an IPv6 one.
func network(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	ip = ip.Unmap()
	if ip.Is4() {
		return ip.String()
	}
	p, _ := ip.WithZone("").Prefix(64)
	return p.String()
}

// retryAfter returns whole seconds, rounded up.
func retryAfter(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }
