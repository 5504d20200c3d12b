package rediskv

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/hardtack-go/hardtack/fleet"
)

const (
	// block is how long the server waits for news before it says that there is none.
	// With late on top it is how long a Watch doesn't notice that nobody is there.
	block = 2 * time.Second

	late = 2 * time.Second

	// page is how many entries of a stream are read at once.
	page = 1000

	// overlap is how far behind the newest news a Watch begins that goes on. After a
	// failover the entries of the new server may have ids that are earlier, as far as its
	// clock is behind.
	overlap = time.Minute

	// first is before the id of any entry.
	first = "0-0"
)

// Watch tells all that is stored, and then what changes. See [fleet.Engine].
//
// Called again on the same KV, it tells what was swapped, and of the rest what was stored
// since a minute before the newest that was told. The ids of entries are times, so that
// also holds for a server that lost its newest entries, or was restored from an older copy.
func (k *KV) Watch(ctx context.Context, f func(fleet.Event)) error {
	err := k.watch(ctx, f)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (k *KV) watch(ctx context.Context, f func(fleet.Event)) error {
	places, err := k.begin()
	defer k.end()
	if err != nil {
		return err
	}
	for synced := false; ; {
		entries, err := k.read(ctx, places, synced)
		if err != nil {
			return fmt.Errorf("rediskv: watch: %w", err)
		}
		full := false
		for i, stream := range k.streams() {
			for _, entry := range entries[stream] {
				if err := tell(entry, stream == k.swaps, f); err != nil {
					return err
				}
				if ctx.Err() != nil {
					return ctx.Err()
				}
				places[i] = entry.ID
			}
			full = full || len(entries[stream]) == page
		}
		if !full && !synced {
			synced = true
			f(fleet.Event{Synced: true})
		}
		if synced {
			k.note(places)
		}
	}
}

// streams are the keys that Watch reads: marks first, so that index i of marks is index i
// here.
func (k *KV) streams() []string { return append(slices.Clip(k.marks), k.swaps) }

// read returns the next entries of each stream. It waits for some if wait is true.
//
// The command isn't marked as one that only reads, so that the client doesn't repeat it when
// the connection breaks. Watch must end then, and begin an overlap earlier. It is always
// marked as one that blocks: it gets a connection of its own then, which is closed when it is
// given up. The next one doesn't have to wait until the client notices that the connection is
// dead which all other commands share. It is pinned as in eval.
func (k *KV) read(ctx context.Context, places []string, wait bool) (map[string][]rueidis.XRangeEntry, error) {
	limit := answer
	command := k.client.B().Arbitrary("XREAD").Args("COUNT", strconv.Itoa(page))
	if wait {
		limit = block + late
		command = command.Args("BLOCK", strconv.FormatInt(block.Milliseconds(), 10))
	}
	command = command.Args("STREAMS").Keys(k.streams()...).Args(places...)
	// A deadline would keep the client from looking at whether ctx has ended.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer time.AfterFunc(limit, func() { cancel(context.DeadlineExceeded) }).Stop()
	entries, err := k.client.Do(ctx, command.Blocking().Pin()).AsXRead()
	if rueidis.IsRedisNil(err) {
		return nil, nil
	}
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return entries, err
}

// tell tells of an entry.
func tell(entry rueidis.XRangeEntry, swapped bool, f func(fleet.Event)) error {
	ev := fleet.Event{Name: entry.FieldValues[nameField], Value: []byte(entry.FieldValues[valueField])}
	if fleet.Check(ev.Name, ev.Value) != nil {
		return nil // not from here
	}
	if swapped {
		var err error
		if ev.Revision, err = revision(entry.ID); err != nil {
			return err
		}
	}
	f(ev)
	return nil
}

// begin returns where a Watch begins in each stream: at the beginning, unless it goes on
// where the last one ended. While another one is under way, nobody knows whose place that
// would be.
func (k *KV) begin() ([]string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.watching++
	if k.watching > 1 {
		k.heard = nil
	}
	places := slices.Repeat([]string{first}, len(k.marks)+1)
	for i, id := range k.heard {
		var err error
		if places[i], err = before(id, overlap); err != nil {
			return nil, err
		}
	}
	return places, nil
}

func (k *KV) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.watching--
}

// note remembers where a Watch is that has told everything.
func (k *KV) note(places []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.watching == 1 {
		k.heard = slices.Clone(places[:len(k.marks)])
	}
}
