package sqlkv_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fleet/enginetest"
	"github.com/hardtack-go/hardtack/fleet/sqlkv"
)

// storage returns a database for the suite. Each of its engines has a pool of at most
// size connections, as if it were in a process of its own.
func storage(t *testing.T, d database, size int) enginetest.Storage {
	return enginetest.Storage{
		Open: func(t *testing.T) fleet.Engine {
			db := d.open(t)
			db.SetMaxOpenConns(size)
			return d.engine(t, db)
		},
		Lose: func(t *testing.T) {
			db := d.open(t)
			d.exec(t, db, "DROP TABLE "+d.table)
			d.engine(t, db)
		},
		// One writer at a time has a file of SQLite for itself, and waits for the disk.
		Patience: 3 * time.Minute,
	}
}

func TestY50_SQLite(t *testing.T) {
	enginetest.Run(t, func(t *testing.T) enginetest.Storage {
		d := newSQLite(t)
		s := storage(t, d, 5)
		s.Crash = func(t *testing.T) { killWriter(t, d) }
		return s
	})
}

func TestY50_PostgreSQL(t *testing.T) {
	postgres(t)
	enginetest.Run(t, func(t *testing.T) enginetest.Storage {
		s := storage(t, newPostgres(t), 5)
		s.Crash = func(t *testing.T) { postgres(t).crash(t) }
		return s
	})
}

// TestY53_PoolOfOne: an instance that has one connection for everything passes, too.
func TestY53_PoolOfOne(t *testing.T) {
	both(t, func(t *testing.T, open func(*testing.T) database) {
		enginetest.Run(t, func(t *testing.T) enginetest.Storage { return storage(t, open(t), 1) })
	})
}

// killWriter starts a process that writes to a file, kills it in the middle of a
// transaction, and looks for what had been acknowledged to it.
func killWriter(t *testing.T, d database) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	prefix := fmt.Sprintf("m.child-%d-", children.Add(1))
	cmd.Env = append(os.Environ(), "SQLKV_CHILD="+d.source, "SQLKV_PREFIX="+prefix)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acknowledged := -1
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "writing" {
		if acknowledged, err = strconv.Atoi(lines.Text()); err != nil {
			t.Error(err)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	cmd.Wait()
	if acknowledged < 10 {
		t.Errorf("a process that was to be killed wrote up to %d only (%v)", acknowledged, lines.Err())
	}
	db := d.open(t)
	if n := d.count(t, db, "name LIKE '"+prefix+"%'"); n != acknowledged+1 {
		t.Errorf("%d rows are there of a process that was killed after %d", n, acknowledged+1)
	}
	if n := d.count(t, db, "value LIKE 'half%'"); n != 0 {
		t.Errorf("%d rows are there of a transaction that was killed", n)
	}
}

var children atomic.Int64

// child is the process that killWriter kills.
func child() {
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	db, err := sql.Open("sqlite", os.Getenv("SQLKV_CHILD"))
	if err != nil {
		fail(err)
	}
	k, err := sqlkv.New(sqlkv.Config{DB: db, Dialect: sqlkv.SQLite, Table: "news"})
	if err != nil {
		fail(err)
	}
	ctx := context.Background()
	for i := range 20 {
		if err := k.Append(ctx, os.Getenv("SQLKV_PREFIX")+strconv.Itoa(i), []byte("v"), time.Hour); err != nil {
			fail(err)
		}
		fmt.Println(i)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		fail(err)
	}
	for i := 0; ; i++ {
		_, err := tx.ExecContext(ctx, "INSERT INTO news (name, value, rev) VALUES (?, ?, 1)", fmt.Sprintf("half-%d", i), "half"+strings.Repeat("x", 16000))
		if err != nil {
			fail(err)
		}
		if i == 200 { // more than its cache holds, so that some of it is in the file
			fmt.Println("writing")
		}
		if i > 100000 {
			fail(errors.New("nobody killed this process"))
		}
	}
}
