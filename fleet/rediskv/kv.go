package rediskv

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/internal/config"
	"github.com/hardtack-go/hardtack/internal/keysource"
)

// Config is what [New] needs.
type Config struct {
	// Client reaches the server, a replicated set of them, or a cluster. See the package's
	// comment for the settings that matter.
	Client rueidis.Client
	// Prefix begins the names of all keys that this package uses, in braces: so they are
	// in one slot of a cluster. Empty means "hardtack". Applications that don't share their
	// keys don't share a prefix.
	Prefix string

	_ struct{} // forces keyed literals, so that fields can be added
}

// A ConfigError names a field of [Config] and the rule it broke. The other packages with a
// Config use the same type.
type ConfigError = config.Error

// KV is a [fleet.Engine] over one server or cluster. It is safe for concurrent use. The
// zero KV isn't usable: call [New].
type KV struct {
	client rueidis.Client
	swaps  string   // the stream of what was swapped
	marks  []string // the streams of what was appended, as in retention

	mu sync.Mutex
	// Where Watch goes on when it is called again.
	watching int      // calls under way
	heard    []string // the newest id that was told of each stream of marks, nil at first
}

var _ fleet.Engine = (*KV)(nil)

// retention is how long each stream of marks keeps its entries. An entry has no time to live
// of its own: the stream is cut off at an age. So a mark is kept for an hour at least, and
// for up to eight times as long as it asks for. Cookies live for at most 400 days (RFC 6265bis, section 5.5).
var retention = [...]struct {
	name string
	age  time.Duration
}{
	{"1h", time.Hour},
	{"8h", 8 * time.Hour},
	{"2d", 2 * 24 * time.Hour},
	{"8d", 8 * 24 * time.Hour},
	{"32d", 32 * 24 * time.Hour},
	{"100d", 100 * 24 * time.Hour},
	{"401d", 401 * 24 * time.Hour},
	{"10y", 3653 * 24 * time.Hour}, // whatever wants to live longer
}

// The fields of an entry of a stream.
const (
	nameField  = "n"
	valueField = "v"
)

// answer is how long a healthy server may take to answer.
const answer = 5 * time.Second

// New returns a KV. It doesn't talk to the server. If the configuration is wrong, New returns
// all faults joined, a *ConfigError for each field.
func New(c Config) (*KV, error) {
	if c.Prefix == "" {
		c.Prefix = "hardtack"
	}
	faults := config.Faults{Package: "rediskv"}
	if keysource.IsNil(c.Client) {
		faults.Add("Client", "must be set")
	}
	if strings.ContainsAny(c.Prefix, "{}") {
		faults.Add("Prefix", "must not have braces")
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	k := &KV{client: c.Client, swaps: "{" + c.Prefix + "}:swaps"}
	for _, r := range retention {
		k.marks = append(k.marks, "{"+c.Prefix+"}:marks:"+r.name)
	}
	return k, nil
}

// swap stores an entry in place of the one with the same name, if that one's id is what the
// caller thinks. The stream holds the current value of each name and nothing else. So
// whoever reads it from the beginning has them all, and whoever waits for more misses none,
// however far behind it is.
const swap = `
local current = ''
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+')) do
	if entry[2][2] == ARGV[1] then current = entry[1] end
end
if current ~= ARGV[3] then return '' end
local id = redis.call('XADD', KEYS[1], '*', 'n', ARGV[1], 'v', ARGV[2])
if current ~= '' then redis.call('XDEL', KEYS[1], current) end
return id`

// Swap stores a value if the revision is rev. See [fleet.Engine].
func (k *KV) Swap(ctx context.Context, name string, value []byte, rev uint64) (uint64, error) {
	if err := fleet.Check(name, value); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	id, err := k.client.Do(ctx, k.eval(swap, k.swaps, name, string(value), id(rev))).ToString()
	if err != nil {
		return 0, fmt.Errorf("rediskv: swap: %w", err)
	}
	if id == "" {
		return 0, fleet.ErrConflict
	}
	return revision(id)
}

// push stores an entry, and drops what is older than ARGV[3] milliseconds.
const push = `
local oldest = redis.call('TIME')[1] * 1000 - ARGV[3]
return redis.call('XADD', KEYS[1], 'MINID', '~', string.format('%.0f', oldest), '*', 'n', ARGV[1], 'v', ARGV[2])`

// eval is the command that runs a script.
//
// It is pinned, so that the client doesn't use its memory for the next command. It does that
// as soon as there is an answer, and when the connection breaks, that is before the client's
// writer has let go of the command (rueidis 1.0.79). Its own scripts can't be pinned.
func (k *KV) eval(script, key string, args ...string) rueidis.Completed {
	return k.client.B().Eval().Script(script).Numkeys(1).Key(key).Arg(args...).Build().Pin()
}

// Append stores a value for at least ttl, or for ten years. If the server doesn't answer, it
// tries again for five seconds. Storing it again adds an entry, which tells nobody anything
// new. See [fleet.Engine].
func (k *KV) Append(ctx context.Context, name string, value []byte, ttl time.Duration) error {
	if err := fleet.Check(name, value); err != nil {
		return err
	}
	class := 0
	for class < len(retention)-1 && retention[class].age < ttl {
		class++
	}
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	keep := strconv.FormatInt(retention[class].age.Milliseconds(), 10)
	// Twice is as good as once, so the client may try again.
	command := k.eval(push, k.marks[class], name, string(value), keep).ToRetryable()
	if err := k.client.Do(ctx, command).Error(); err != nil {
		return fmt.Errorf("rediskv: append: %w", err)
	}
	return nil
}

// A revision is the id of an entry: its milliseconds, and in the lowest bits its place among
// those of the same millisecond, of which a server can't store a million.
const placeBits = 20

var errID = errors.New("rediskv: the server's clock or the id of an entry is out of range")

func revision(id string) (uint64, error) {
	ms, place, err := parseID(id)
	if err != nil || ms >= 1<<(63-placeBits) || place >= 1<<placeBits {
		return 0, errID
	}
	return ms<<placeBits | place, nil
}

// id is the id of a revision, and empty for 0.
func id(rev uint64) string {
	if rev == 0 {
		return ""
	}
	return formatID(rev>>placeBits, rev&(1<<placeBits-1))
}

func formatID(ms, place uint64) string {
	return strconv.FormatUint(ms, 10) + "-" + strconv.FormatUint(place, 10)
}

func parseID(id string) (ms, place uint64, err error) {
	first, second, _ := strings.Cut(id, "-")
	if ms, err = strconv.ParseUint(first, 10, 64); err != nil {
		return 0, 0, errID
	}
	if place, err = strconv.ParseUint(second, 10, 64); err != nil {
		return 0, 0, errID
	}
	return ms, place, nil
}

// before returns an id that is earlier by d.
func before(id string, d time.Duration) (string, error) {
	ms, _, err := parseID(id)
	if err != nil {
		return "", err
	}
	return formatID(ms-min(ms, uint64(d.Milliseconds())), 0), nil
}
