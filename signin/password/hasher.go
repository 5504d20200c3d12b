package password

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"

	"github.com/alexedwards/argon2id"
	"github.com/hardtack-go/hardtack/internal/config"
)

// Defaults of [HasherConfig]. The cost is that of the second row in OWASP's Password
// Storage Cheat Sheet (19 MiB, two passes, one lane). All its rows are equally strong,
// and this one needs little memory on a small server. There is one lane, rather than
// one per processor, because machines with different numbers of processors would keep
// rehashing each other's hashes.
const (
	DefaultMemory      = 19 * 1024 // KiB
	DefaultIterations  = 2
	DefaultParallelism = 1
	DefaultMaxLength   = 1024 // bytes; NIST SP 800-63B asks for at least 64 characters
)

// The lengths of a new hash, by RFC 9106 section 4: 128 bits of salt, 256 of tag.
const (
	saltLength = 16
	keyLength  = 32
)

// ErrTooLong is returned by [Hasher.Hash] when the password is longer than
// [HasherConfig.MaxLength]. To [Hasher.Verify], such a password just doesn't match.
var ErrTooLong = errors.New("password: longer than the limit")

// ErrHash is returned when the stored string isn't a hash that this package accepts.
// Its text doesn't repeat the string.
var ErrHash = errors.New("password: the stored hash is not acceptable")

// ErrZeroHasher is returned by a [Hasher] that [NewHasher] didn't make.
var ErrZeroHasher = errors.New("password: use of a Hasher that NewHasher did not make")

// HasherConfig sets the cost of a hash. The zero value is the recommended default.
type HasherConfig struct {
	// Memory (in KiB), Iterations (passes over the memory) and Parallelism (lanes)
	// apply to new hashes. Zero means the default. Memory must be at least 7,168,
	// and Memory × Iterations at least 35,840, the weakest row that OWASP lists.
	Memory      uint32
	Iterations  uint32
	Parallelism uint8

	// MaxLength is the length in bytes of the longest password. Zero means 1,024.
	MaxLength int

	// Concurrent is how many hashes may be computed at once. Each takes Memory
	// KiB. Zero means GOMAXPROCS, since more would take more memory without being
	// faster.
	Concurrent int

	_ struct{}
}

// A ConfigError names a field of a configuration and the rule it broke, in three
// strings: Package (here "password"), Field and Rule. It doesn't repeat the value. The
// other packages of this module use the same type.
type ConfigError = config.Error

// A Hasher makes and checks hashes. It is immutable and safe for concurrent
// use. The zero Hasher and a nil one refuse everything with [ErrZeroHasher].
type Hasher struct {
	params argon2id.Params
	max    int
	// dummy is checked in place of a hash that doesn't exist. Its key is random
	// rather than derived, so no password is known to match it.
	dummy string
	slots chan struct{}
}

// NewHasher checks the configuration and reports every [ConfigError] at once.
func NewHasher(c HasherConfig) (*Hasher, error) {
	p := argon2id.Params{
		Memory:      orDefault(c.Memory, DefaultMemory),
		Iterations:  orDefault(c.Iterations, DefaultIterations),
		Parallelism: orDefault(c.Parallelism, DefaultParallelism),
		SaltLength:  saltLength,
		KeyLength:   keyLength,
	}
	limit := orDefault(c.MaxLength, DefaultMaxLength)
	slots := orDefault(c.Concurrent, runtime.GOMAXPROCS(0))

	faults := config.Faults{Package: "password"}
	if p.Memory < minMemory {
		faults.Add("Memory", "is below 7168 KiB")
	}
	if uint64(p.Memory)*uint64(p.Iterations) < minWork {
		faults.Add("Iterations", "times Memory is below 35840")
	}
	if !bounded(&p) {
		faults.Add("Memory, Iterations, Parallelism", "exceed what Verify would accept")
	}
	if limit < 64 || limit > maxLengthLimit {
		faults.Add("MaxLength", "is not within 64 and 65536 bytes")
	}
	if slots < 1 {
		faults.Add("Concurrent", "is negative")
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}

	random := make([]byte, saltLength+keyLength)
	rand.Read(random) // never fails: crypto/rand crashes the program instead
	return &Hasher{
		params: p,
		max:    limit,
		dummy:  encode(&p, random[:saltLength], random[saltLength:]),
		slots:  make(chan struct{}, slots),
	}, nil
}

func orDefault[N uint8 | uint32 | int](n, byDefault N) N {
	if n == 0 {
		return byDefault
	}
	return n
}

// Hash returns a PHC string for the password, with a fresh salt. It waits for a
// free slot, and returns the context's error if the context ends first. The only
// other error of a Hasher made by [NewHasher] is [ErrTooLong]. Hash treats an empty password
// like any other. The application decides whether to allow one.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if h == nil || h.slots == nil {
		return "", ErrZeroHasher
	}
	if len(password) > h.max {
		return "", ErrTooLong
	}
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	return argon2id.CreateHash(password, &h.params)
}

// Verify reports whether the password matches the stored hash, which Hash made or which
// came from another system: a bcrypt hash of cost 4 to 14, or one of Django's
// pbkdf2_sha256 hashes of at most 4,000,000 iterations.
//
// If there is no such user, pass "". Verify then does the same work as for a wrong
// password and returns false without an error, so the time it takes doesn't reveal who
// has an account. If the stored string isn't acceptable, Verify returns [ErrHash],
// after the same work. For a password over the limit it returns false at once, for any
// user.
//
// The only other error is the context's, if it ends before a slot is free. Whenever
// there is an error, the result is false.
func (h *Hasher) Verify(ctx context.Context, password, stored string) (bool, error) {
	if h == nil || h.slots == nil {
		return false, ErrZeroHasher
	}
	if len(password) > h.max {
		return false, nil
	}
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()

	check := reader(stored)
	if check == nil {
		// Ignore the result and the error: the point is the time this takes.
		argon2id.ComparePasswordAndHash(password, h.dummy)
		if stored == "" {
			return false, nil
		}
		return false, ErrHash
	}
	return check(password)
}

func checkArgon2id(password, stored string) (bool, error) {
	match, err := argon2id.ComparePasswordAndHash(password, stored)
	if err != nil {
		return false, ErrHash
	}
	return match, nil
}

// NeedsRehash reports whether [Hasher.Hash] would now use other parameters than those
// of the stored hash, or another algorithm. Call it after a successful [Hasher.Verify], and hash the password
// again. Store the result only if the old hash is still there, so that you don't undo
// a password change made at the same moment. NeedsRehash is also true for a string that
// Verify refuses.
func (h *Hasher) NeedsRehash(stored string) bool {
	if h == nil {
		return false
	}
	p, err := decode(stored)
	return err != nil || *p != h.params
}

// enter takes a slot, or returns the context's error.
func (h *Hasher) enter(ctx context.Context) error {
	// Ask the context first, because select picks at random if both are ready.
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("password: waiting: %w", err)
	}
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("password: waiting: %w", ctx.Err())
	}
}

func (h *Hasher) leave() { <-h.slots }

// encode writes the one spelling that decode accepts, which is the library's.
func encode(p *argon2id.Params, salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s",
		p.Memory, p.Iterations, p.Parallelism, b64.EncodeToString(salt), b64.EncodeToString(key))
}
