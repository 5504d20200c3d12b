package sqlkv_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fleet/internal/fleettest"
	"github.com/hardtack-go/hardtack/fleet/sqlkv"
)

// A listener counts what Watch tells. It calls Watch again when it fails.
type listener struct {
	t    *testing.T
	mu   sync.Mutex
	told map[string]int // by name and value
	news chan struct{}  // closed at the next event
	hold chan struct{}  // f waits for it after "m.hold"
	held chan struct{}  // closed when f waits
	errs int
	done chan struct{}
	stop context.CancelFunc
}

func listen(t *testing.T, e fleet.Engine) *listener {
	ctx, cancel := context.WithCancel(t.Context())
	l := &listener{t: t, told: map[string]int{}, news: make(chan struct{}), hold: make(chan struct{}), held: make(chan struct{}),
		done: make(chan struct{}), stop: cancel}
	go func() {
		defer close(l.done)
		for ctx.Err() == nil {
			e.Watch(ctx, l.hear)
			l.mu.Lock()
			l.errs++
			l.mu.Unlock()
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-l.done
	})
	return l
}

func (l *listener) hear(ev fleet.Event) {
	l.mu.Lock()
	what := ev.Name + "=" + string(ev.Value)
	if ev.Synced {
		what = "synced"
	}
	l.told[what]++
	close(l.news)
	l.news = make(chan struct{})
	first := ev.Name == "m.hold" && l.told[what] == 1
	l.mu.Unlock()
	if first {
		close(l.held)
		<-l.hold
	}
}

// wait waits until something was told.
func (l *listener) wait(what string) {
	l.t.Helper()
	late := time.After(time.Minute)
	for {
		l.mu.Lock()
		n, news := l.told[what], l.news
		l.mu.Unlock()
		if n > 0 {
			return
		}
		select {
		case <-news:
		case <-late:
			l.t.Fatalf("%s wasn't told", what)
		}
	}
}

func (l *listener) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.told[what]
}

// polls waits until so many polls have ended, at least.
func (l *listener) polls(e fleet.Engine, name string, n int) {
	l.t.Helper()
	for i := range n {
		next := fmt.Sprintf("m.%s-%d", name, i)
		mustAppend(l.t, e, next, time.Hour)
		l.wait(next + "=v")
	}
}

func mustAppend(t testing.TB, e fleet.Engine, name string, ttl time.Duration) {
	t.Helper()
	if err := e.Append(t.Context(), name, []byte("v"), ttl); err != nil {
		t.Fatal(err)
	}
}

func mustSwap(t testing.TB, e fleet.Engine, name, value string, rev uint64) uint64 {
	t.Helper()
	next, err := e.Swap(t.Context(), name, []byte(value), rev)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// TestY51_CommitsOutOfOrder: a transaction takes its number, others commit greater ones
// and are heard of, and then it commits.
func TestY51_CommitsOutOfOrder(t *testing.T) {
	d := newPostgres(t)
	db := d.open(t)
	k := d.engine(t, db)
	l := listen(t, k)
	l.wait("synced")
	const insert = "INSERT INTO %s (name, value, rev, until) VALUES ('%s', 'v', 0, now() + interval '1 hour')"
	late, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Rollback()
	d.exec(t, late, fmt.Sprintf(insert, d.table, "m.late"))
	lost, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer lost.Rollback()
	d.exec(t, lost, fmt.Sprintf(insert, d.table, "m.rolled-back"))

	mustAppend(t, k, "m.early", time.Hour)
	l.wait("m.early=v")
	l.polls(k, "before", 3)
	if err := lost.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := late.Commit(); err != nil {
		t.Fatal(err)
	}
	l.wait("m.late=v")
	l.polls(k, "after", 3)
	// It isn't enough to read again whatever is young: while somebody's transaction is
	// under way for an hour, that would be everything of an hour, twice a second. What
	// comes while a poll is reading is told by the next one, too.
	for _, what := range []string{"m.early=v", "m.late=v", "m.before-0=v", "m.after-0=v"} {
		if n := l.count(what); n < 1 || n > 2 {
			t.Errorf("%s was told %d times", what, n)
		}
	}
	if n := l.count("m.rolled-back=v"); n != 0 {
		t.Error("what was rolled back was told")
	}
	// The trap is real: by its number, the late one is before what was told earlier.
	if n := d.count(t, db, "name = 'm.late' AND tx < (SELECT tx FROM "+d.table+" WHERE name = 'm.early')"); n != 1 {
		t.Error("m.late has no smaller number than m.early, so this test shows nothing")
	}
}

// TestY51_NumbersGoOn: a number of SQLite isn't given out again when its row is gone.
func TestY51_NumbersGoOn(t *testing.T) {
	d := newSQLite(t)
	db := d.open(t)
	k := d.engine(t, db)
	l := listen(t, k)
	l.wait("synced")
	// The clock was an hour ahead when this one was appended.
	d.exec(t, db, "INSERT INTO news (id, name, value, rev, until) VALUES (?, 'm.ahead', 'v', 0, 1)", time.Now().Add(time.Hour).UnixMilli())
	l.wait("m.ahead=v")
	mustAppend(t, k, "m.cleans", time.Hour)
	l.wait("m.cleans=v")
	if n := d.count(t, db, "name = 'm.ahead'"); n != 0 {
		t.Fatal("m.ahead is still there")
	}
	d.exec(t, db, "DELETE FROM news")
	mustAppend(t, k, "m.next", time.Hour)
	l.wait("m.next=v")
}

// TestY51_ManyPages: each of many rows is told, whether it was there before or came
// between two polls, and not again and again.
func TestY51_ManyPages(t *testing.T) {
	both(t, func(t *testing.T, open func(*testing.T) database) {
		d := open(t)
		db := d.open(t)
		k := d.engine(t, db)
		insert := func(kind string) {
			d.exec(t, db, map[sqlkv.Dialect]string{
				sqlkv.SQLite: `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 1200)
					INSERT INTO news (name, value, rev, until) SELECT 'm.` + kind + `-' || i, 'v', 0, 9e12 FROM n`,
				// The first 1200 are of many transactions, the others of one.
				sqlkv.PostgreSQL: `INSERT INTO ` + d.table + ` (tx, name, value, rev, until)
					SELECT CASE '` + kind + `' WHEN 'before' THEN (3 + i)::text::xid8 ELSE pg_current_xact_id() END,
					'm.` + kind + `-' || i, 'v', 0, now() + interval '1 hour' FROM generate_series(1, 1200) i`,
			}[d.dialect])
		}
		mustAppend(t, k, "m.hold", time.Hour)
		insert("before")
		l := listen(t, k)
		<-l.held
		insert("after")
		close(l.hold)
		l.wait("synced")
		for i := range 1200 {
			l.wait(fmt.Sprintf("m.before-%d=v", i+1))
			l.wait(fmt.Sprintf("m.after-%d=v", i+1))
		}
		l.polls(k, "more", 2)
		for i := range 1200 {
			// Twice, because they came while it was reading, or because the numbers of
			// their transactions are ahead of the server's.
			if n := l.count(fmt.Sprintf("m.before-%d=v", i+1)) + l.count(fmt.Sprintf("m.after-%d=v", i+1)); n > 4 {
				t.Fatalf("m.before-%d and m.after-%d were told %d times", i+1, i+1, n)
			}
		}
	})
}

// TestY52_KeptUntil: what is appended is kept until its time by the database's clock, and
// for longer if it is appended again. Then it goes, a hundred rows at a time.
func TestY52_KeptUntil(t *testing.T) {
	both(t, func(t *testing.T, open func(*testing.T) database) {
		d := open(t)
		db := d.open(t)
		k := d.engine(t, db)
		left := map[sqlkv.Dialect]string{
			sqlkv.SQLite:     "(until/1000 - CAST(strftime('%s','now') AS INTEGER))",
			sqlkv.PostgreSQL: "extract(epoch FROM until - now())",
		}[d.dialect]
		for _, c := range []struct {
			ttl       time.Duration
			least, to int // seconds
		}{
			{time.Hour, 3500, 3601}, {time.Second, 3500, 3601}, {400 * 24 * time.Hour, 34559900, 34560001}, {time.Hour, 34559900, 34560001},
		} {
			mustAppend(t, k, "m.one", c.ttl)
			if n := d.count(t, db, fmt.Sprintf("name = 'm.one' AND %s BETWEEN %d AND %d", left, c.least, c.to)); n != 1 {
				t.Errorf("after an Append for %s it isn't kept for %d seconds", c.ttl, c.least)
			}
		}
		round := 0
		fleettest.Eventually(t, "three rows are appended and counted within a second", func() bool {
			round++
			began := time.Now()
			for _, short := range []time.Duration{-time.Hour, 0, 1} {
				mustAppend(t, k, fmt.Sprintf("m.short-%d-%d", round, max(short, -1)+1), short)
			}
			n := d.count(t, db, fmt.Sprintf("name LIKE 'm.short-%d-%%' AND %s >= 0", round, left))
			if time.Since(began) >= time.Second {
				return false
			}
			if n != 3 {
				t.Errorf("%d of 3 rows that were appended for less than a second are kept for one", n)
			}
			return true
		})

		rev := mustSwap(t, k, "ring", "r", 0)
		old := map[sqlkv.Dialect]string{
			sqlkv.SQLite: `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 250)
				INSERT INTO news (name, value, rev, until) SELECT 'm.old-' || i, 'v', 0, 1000 + i FROM n`,
			sqlkv.PostgreSQL: `INSERT INTO ` + d.table + ` (name, value, rev, until)
				SELECT 'm.old-' || i, 'v', 0, now() - interval '1 minute' FROM generate_series(1, 250) i`,
		}[d.dialect]
		d.exec(t, db, old)
		for i, want := range []int{150, 50, 0, 0} {
			mustAppend(t, k, fmt.Sprintf("m.new-%d", i), time.Hour)
			if n := d.count(t, db, "name LIKE 'm.old%'"); n != want {
				t.Errorf("after %d more, %d old rows are left, want %d", i+1, n, want)
			}
		}
		if n := d.count(t, db, "name LIKE 'm.new%' OR name IN ('m.one', 'ring')"); n != 6 {
			t.Errorf("%d rows of 6 are left that aren't old", n)
		}
		mustSwap(t, k, "ring", "s", rev)
	})
}

// TestY54_Config: the name of a table is checked, since it goes into the statements, and
// all faults are told at once.
func TestY54_Config(t *testing.T) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, dialect := range []sqlkv.Dialect{sqlkv.SQLite, sqlkv.PostgreSQL} {
		for _, name := range []string{
			"1a", "A", "a-b", "a b", `a"b`, "a'b", "a;b", "a.b.c", ".a", "a.", "ä", "a\n", "a\x00", strings.Repeat("a", 49),
			strings.Repeat("a", 49) + ".a", "A.a",
		} {
			_, err := sqlkv.New(sqlkv.Config{DB: db, Dialect: dialect, Table: name})
			var fault *sqlkv.ConfigError
			if !errors.As(err, &fault) || fault.Package != "sqlkv" || fault.Field != "Table" {
				t.Errorf("dialect %d, table %q: %v", dialect, name, err)
			}
		}
		for _, name := range []string{"", "a", "_", "order", "t_1", strings.Repeat("a", 48)} {
			if _, err := sqlkv.New(sqlkv.Config{DB: db, Dialect: dialect, Table: name}); err != nil {
				t.Errorf("dialect %d, table %q: %v", dialect, name, err)
			}
		}
	}
	if _, err := sqlkv.New(sqlkv.Config{DB: db, Dialect: sqlkv.SQLite, Table: "main.a"}); err == nil {
		t.Error("SQLite takes a schema, whose indexes would be elsewhere")
	}
	_, err = sqlkv.New(sqlkv.Config{Interval: time.Millisecond})
	for _, field := range []string{"DB", "Dialect", "Interval"} {
		if err == nil || !strings.Contains(err.Error(), "sqlkv: "+field+": ") {
			t.Errorf("%v doesn't say what is wrong with %s", err, field)
		}
	}
	if _, err := sqlkv.New(sqlkv.Config{DB: db, Dialect: sqlkv.PostgreSQL + 1}); err == nil {
		t.Error("an unknown dialect is taken")
	}
	if _, err := sqlkv.New(sqlkv.Config{DB: db, Dialect: sqlkv.SQLite, Interval: time.Minute + 1}); err == nil {
		t.Error("an interval of more than a minute is taken")
	}
}

// TestY54_CreateAtOnce: twelve instances make the table at once, and again. Reserved
// words and schemas are no matter.
func TestY54_CreateAtOnce(t *testing.T) {
	both(t, func(t *testing.T, open func(*testing.T) database) {
		d := open(t)
		names := []string{d.table, "order"}
		if d.dialect == sqlkv.PostgreSQL {
			names = append(names, "public.select")
		}
		for _, name := range names {
			var all sync.WaitGroup
			for range 12 {
				db := d.open(t)
				k, err := sqlkv.New(sqlkv.Config{DB: db, Dialect: d.dialect, Table: name})
				if err != nil {
					t.Fatal(err)
				}
				all.Go(func() {
					if err := k.Create(t.Context()); err != nil {
						t.Errorf("Create at the same time as others: %v", err)
					}
					for _, statement := range k.Schema() {
						if _, err := db.ExecContext(t.Context(), statement); err != nil {
							t.Errorf("%s: %v", statement, err)
						}
					}
				})
			}
			all.Wait()
			k, err := sqlkv.New(sqlkv.Config{DB: d.open(t), Dialect: d.dialect, Table: name})
			if err != nil {
				t.Fatal(err)
			}
			l := listen(t, k)
			mustAppend(t, k, "m.one", time.Hour)
			mustSwap(t, k, "ring", "s", mustSwap(t, k, "ring", "r", 0))
			l.wait("m.one=v")
			l.wait("ring=s")
		}
	})
}

// TestY55_LostBetweenPolls: somebody empties the table between two polls, makes it anew,
// or restores it from an old copy, and the next poll tells what is there.
func TestY55_LostBetweenPolls(t *testing.T) {
	both(t, func(t *testing.T, open func(*testing.T) database) {
		for name, lose := range map[string]func(database, *sql.DB){
			"emptied": func(d database, db *sql.DB) { d.exec(t, db, "DELETE FROM "+d.table) },
			"made anew": func(d database, db *sql.DB) {
				d.exec(t, db, "DROP TABLE "+d.table)
				d.engine(t, db)
			},
		} {
			t.Run(name, func(t *testing.T) {
				d := open(t)
				db := d.open(t)
				k := d.engine(t, db)
				mustSwap(t, k, "ring", "first", 0)
				mustAppend(t, k, "m.hold", time.Hour)
				l := listen(t, k)
				<-l.held
				lose(d, db)
				mustSwap(t, k, "ring", "second", 0)
				mustAppend(t, k, "m.new", time.Hour)
				close(l.hold)
				l.wait("ring=second")
				l.wait("m.new=v")
				if l.errs > 0 {
					t.Errorf("Watch ended %d times", l.errs)
				}
			})
		}
		t.Run("restored", func(t *testing.T) {
			d := open(t)
			db := d.open(t)
			k := d.engine(t, db)
			mustSwap(t, k, "ring", "second", mustSwap(t, k, "ring", "old", 0))
			mustAppend(t, k, "m.hold", time.Hour)
			l := listen(t, k)
			<-l.held
			d.exec(t, db, "UPDATE "+d.table+" SET rev = 7, value = 'first' WHERE name = 'ring'")
			close(l.hold)
			l.wait("ring=first")
			next := mustSwap(t, k, "ring", "third", 7)
			l.wait("ring=third")
			if next < 1e15 {
				t.Errorf("after revision 7 of an old copy comes %d, which somebody may remember from before", next)
			}
		})
	})
}

// TestY55_AnotherServer: another server took the place of the one that Watch has read
// from, with everything that was swapped, and an older count of transactions.
func TestY55_AnotherServer(t *testing.T) {
	d := newPostgres(t)
	db := d.open(t)
	k := d.engine(t, db)
	mustAppend(t, k, "m.hold", time.Hour)
	l := listen(t, k)
	<-l.held
	d.exec(t, db, "INSERT INTO "+d.table+" (tx, name, value, rev, until) VALUES ('3', 'm.other', 'v', 0, now() + interval '1 hour')")
	postgres(t).crash(t)
	close(l.hold)
	l.wait("m.other=v")
}

// TestY55_DumpOfAnotherServer: the rows of a dump have numbers of the server that it is
// from. Those that are ahead are told at the start, and not at every poll.
func TestY55_DumpOfAnotherServer(t *testing.T) {
	d := newPostgres(t)
	db := d.open(t)
	k := d.engine(t, db)
	d.exec(t, db, "INSERT INTO "+d.table+" (tx, name, value, rev, until) VALUES ('9000000000000', 'm.ahead', 'v', 0, now() + interval '1 hour')")
	l := listen(t, k)
	l.wait("synced")
	l.polls(k, "next", 5)
	if n := l.count("m.ahead=v"); n != 1 {
		t.Errorf("m.ahead was told %d times", n)
	}
}

// TestY55_DownAndUp: while the database can't be used every call says so, and afterwards
// all goes on.
func TestY55_DownAndUp(t *testing.T) {
	both(t, func(t *testing.T, open func(*testing.T) database) {
		d := open(t)
		db := d.open(t)
		k, err := sqlkv.New(sqlkv.Config{DB: db, Dialect: d.dialect, Table: d.table, Interval: 20 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		fails := func() {
			t.Helper()
			if err := k.Watch(t.Context(), func(fleet.Event) { t.Error("an event, and there is nothing") }); err == nil {
				t.Error("Watch returned no reason")
			}
			for rev := range uint64(2) {
				if _, err := k.Swap(t.Context(), "ring", []byte("v"), rev); err == nil || errors.Is(err, fleet.ErrConflict) {
					t.Errorf("Swap from revision %d: %v", rev, err)
				}
			}
			if err := k.Append(t.Context(), "m.one", []byte("v"), time.Hour); err == nil {
				t.Error("Append worked")
			}
		}
		fails()
		if err := k.Create(t.Context()); err != nil {
			t.Fatal(err)
		}
		l := listen(t, k)
		mustAppend(t, k, "m.one", time.Hour)
		l.wait("m.one=v")
		l.stop()
		<-l.done
		db.Close()
		fails()
		if err := k.Create(t.Context()); err == nil {
			t.Error("Create worked")
		}
	})
}

// TestY55_TwoAtOnce: who watched beside another one hears of what only the other one was
// told.
func TestY55_TwoAtOnce(t *testing.T) {
	d := newSQLite(t)
	k := d.engine(t, d.open(t))
	first, second := listen(t, k), listen(t, k)
	first.wait("synced")
	second.wait("synced")
	first.stop()
	<-first.done
	mustAppend(t, k, "m.between", time.Hour)
	second.wait("m.between=v")
	second.stop()
	<-second.done
	again := listen(t, k)
	again.wait("synced")
	if again.count("m.between=v") != 1 {
		t.Error("m.between wasn't told")
	}
	// And who watches alone isn't told everything again.
	again.stop()
	<-again.done
	alone := listen(t, k)
	alone.wait("synced")
	if n := alone.count("m.between=v"); n != 0 {
		t.Errorf("m.between was told %d times to one that went on", n)
	}
}

// dead is a database that can't be reached. It notes whether whoever tries sets a limit.
type dead struct{ limits []bool }

func (d *dead) Driver() driver.Driver { return nil }
func (d *dead) Connect(ctx context.Context) (driver.Conn, error) {
	deadline, ok := ctx.Deadline()
	d.limits = append(d.limits, ok && time.Until(deadline) <= 10*time.Second)
	return nil, errors.New("dead")
}

// mute is a database whose driver has words of its own for the end of a context.
type mute struct{ dead }

func (*mute) Connect(ctx context.Context) (driver.Conn, error) {
	<-ctx.Done()
	return nil, errors.New("canceling statement due to user request")
}

// TestY58_ReasonOfWatch: Watch says that its context has ended, whatever the driver says.
func TestY58_ReasonOfWatch(t *testing.T) {
	db := sql.OpenDB(&mute{})
	defer db.Close()
	k, err := sqlkv.New(sqlkv.Config{DB: db, Dialect: sqlkv.PostgreSQL})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if err := k.Watch(ctx, func(fleet.Event) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("Watch: %v", err)
	}
}

// TestY58_EveryStatementHasALimit: a database that never answers holds nobody forever.
func TestY58_EveryStatementHasALimit(t *testing.T) {
	for _, dialect := range []sqlkv.Dialect{sqlkv.SQLite, sqlkv.PostgreSQL} {
		var d dead
		db := sql.OpenDB(&d)
		defer db.Close()
		k, err := sqlkv.New(sqlkv.Config{DB: db, Dialect: dialect})
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		_, swap0 := k.Swap(ctx, "ring", []byte("v"), 0)
		_, swap1 := k.Swap(ctx, "ring", []byte("v"), 1)
		appends := k.Append(ctx, "m.one", []byte("v"), time.Hour)
		watch := k.Watch(ctx, func(fleet.Event) {})
		for what, err := range map[string]error{"Swap": swap0, "Swap from 1": swap1, "Append": appends, "Watch": watch, "Create": k.Create(ctx)} {
			if err == nil || !strings.Contains(err.Error(), "dead") || !strings.HasPrefix(err.Error(), "sqlkv: ") {
				t.Errorf("%s: %v", what, err)
			}
		}
		if len(d.limits) != 5 {
			t.Errorf("%d calls reached the database, want 5", len(d.limits))
		}
		for i, limited := range d.limits {
			if !limited {
				t.Errorf("call %d has no limit", i)
			}
		}
	}
}
