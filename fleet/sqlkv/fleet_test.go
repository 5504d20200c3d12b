package sqlkv_test

import (
	"bytes"
	"flag"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fleet/internal/fleettest"
	"github.com/hardtack-go/hardtack/fleet/sqlkv"
)

var long = flag.Bool("long", false, "crash twelve times in a drill, instead of twice")

// engines opens engines over pools of their own.
func engines(t *testing.T, d database, n int) (all []fleet.Engine) {
	for range n {
		all = append(all, d.engine(t, d.open(t)))
	}
	return all
}

// drill lets twelve instances start at once on an empty table. Then keys change, and
// sessions begin, come back and end, while crash is called again and again.
func drill(t *testing.T, all []fleet.Engine, crash func()) {
	rounds := 2
	if *long {
		rounds *= 6
	}
	fleettest.Endure(t, all, rounds, func(int) { crash() }, nil)
}

// TestY57_SQLite: processes that write to the file are killed.
func TestY57_SQLite(t *testing.T) {
	t.Parallel()
	d := newSQLite(t)
	drill(t, engines(t, d, 12), func() { killWriter(t, d) })
}

// TestY57_PostgreSQL: the server is killed, some connections swallow everything, and some
// news comes late.
func TestY57_PostgreSQL(t *testing.T) {
	t.Parallel()
	s := newCluster(t)
	t.Cleanup(s.end)
	d := database{sqlkv.PostgreSQL, s.source(), "news"}
	through := func() (database, *fleettest.Proxy) {
		p := fleettest.NewProxy(t, net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)))
		host, port, err := net.SplitHostPort(p.Addr())
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(port)
		if err != nil {
			t.Fatal(err)
		}
		return database{sqlkv.PostgreSQL, s.through(host, n), "news"}, p
	}
	mute, silent := through()
	late, slow := through()
	slow.Delay(100 * time.Millisecond)
	all := append(engines(t, mute, 2), engines(t, late, 2)...)
	drill(t, append(all, engines(t, d, 8)...), func() {
		s.crash(t)
		silent.Silence()
	})
}

// TestY56_WhatIsStored: neither the rows nor the files hold keys or ids.
func TestY56_WhatIsStored(t *testing.T) {
	both(t, func(t *testing.T, open func(*testing.T) database) {
		d := open(t)
		listener := fleettest.Listen(t, d.engine(t, d.open(t)))
		fleettest.WhatIsStored(t, func() fleet.Engine { return d.engine(t, d.open(t)) }, listener, func() (text []byte) {
			db := d.open(t)
			var file string
			if d.dialect == sqlkv.SQLite {
				d.exec(t, db, "PRAGMA wal_checkpoint(TRUNCATE)")
				file, _, _ = strings.Cut(strings.TrimPrefix(d.source, "file:"), "?")
			} else {
				d.exec(t, db, "CHECKPOINT")
				if err := db.QueryRowContext(t.Context(), "SELECT pg_relation_filepath('"+d.table+"')").Scan(&file); err != nil {
					t.Fatal(err)
				}
				file = filepath.Join(postgres(t).dir, "data", file)
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			// PostgreSQL may have compressed a ring in its file.
			rows, err := db.QueryContext(t.Context(), "SELECT name, value FROM "+d.table)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			for rows.Next() {
				var name string
				var value []byte
				if err := rows.Scan(&name, &value); err != nil {
					t.Fatal(err)
				}
				if !bytes.Contains(text, []byte(name)) {
					t.Errorf("%s isn't in the file", name)
				}
				text = append(append(append(append(text, name...), ' '), value...), '\n')
			}
			if err := rows.Err(); err != nil {
				t.Fatal(err)
			}
			return text
		})
	})
}
