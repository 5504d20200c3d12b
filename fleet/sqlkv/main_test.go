package sqlkv_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver
	_ "modernc.org/sqlite"             // the driver

	"github.com/hardtack-go/hardtack/fleet/internal/fleettest"
	"github.com/hardtack-go/hardtack/fleet/sqlkv"
)

func TestMain(m *testing.M) {
	if os.Getenv("SQLKV_CHILD") != "" {
		child()
		return
	}
	code := m.Run()
	if s := server.Load(); s != nil {
		s.end()
	}
	os.Exit(code)
}

// A database is a table of its own in one of the databases that are tested.
type database struct {
	dialect sqlkv.Dialect
	source  string // for sql.Open
	table   string
}

// open connects, as one instance does.
func (d database) open(t testing.TB) *sql.DB {
	t.Helper()
	driver := map[sqlkv.Dialect]string{sqlkv.SQLite: "sqlite", sqlkv.PostgreSQL: "pgx"}[d.dialect]
	db, err := sql.Open(driver, d.source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// engine opens an Engine over a pool.
func (d database) engine(t testing.TB, db *sql.DB) *sqlkv.KV {
	t.Helper()
	k, err := sqlkv.New(sqlkv.Config{DB: db, Dialect: d.dialect, Table: d.table, Interval: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	return k
}

// exec runs a statement of a test; {table} stands for the table.
func (d database) exec(t testing.TB, db interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}, statement string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// count returns how many rows fulfil a condition.
func (d database) count(t testing.TB, db *sql.DB, condition string) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+d.table+" WHERE "+condition).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// both runs a test with each kind of database.
func both(t *testing.T, test func(*testing.T, func(*testing.T) database)) {
	t.Run("SQLite", func(t *testing.T) { test(t, newSQLite) })
	t.Run("PostgreSQL", func(t *testing.T) {
		postgres(t) // skips the test if there is none
		test(t, newPostgres)
	})
}

// newSQLite returns an empty file.
func newSQLite(t *testing.T) database {
	file := filepath.Join(t.TempDir(), "app.db")
	return database{sqlkv.SQLite, "file:" + file + "?_pragma=busy_timeout(60000)&_pragma=journal_mode(WAL)", "news"}
}

var tables atomic.Int64

// newPostgres returns the name of a table that isn't there yet.
func newPostgres(t *testing.T) database {
	return database{sqlkv.PostgreSQL, postgres(t).source(), fmt.Sprintf("news_%d", tables.Add(1))}
}

// A cluster is a PostgreSQL server of its own.
type cluster struct {
	bin, dir string
	port     int
	uid, gid int // whom it runs as; 0: us
	running  *exec.Cmd
}

var (
	server  atomic.Pointer[cluster]
	starter sync.Mutex
)

// postgres returns the server that tests share. It starts with the first of them.
func postgres(t testing.TB) *cluster {
	t.Helper()
	starter.Lock()
	defer starter.Unlock()
	if s := server.Load(); s != nil {
		return s
	}
	s := newCluster(t)
	server.Store(s)
	return s
}

// newCluster starts a server.
func newCluster(t testing.TB) *cluster {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // where Debian has them
	if err != nil {
		t.Fatal(err)
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		if os.Getenv("HARDTACK_CI") == "1" {
			t.Fatal("postgresql is not installed, and HARDTACK_CI=1 says that it should be")
		}
		t.Skip("postgresql is not installed")
	}
	slices.Sort(found)
	// Not t.TempDir: it outlives the first test, and a socket's path must be short.
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		t.Fatal(err)
	}
	s := &cluster{bin: filepath.Dir(found[len(found)-1]), dir: dir, port: fleettest.Port(t)}
	if os.Geteuid() == 0 { // whom PostgreSQL refuses
		nobody, err := user.Lookup("nobody")
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.ParseUint(nobody.Uid, 10, 32)
		gid, _ := strconv.ParseUint(nobody.Gid, 10, 32)
		s.uid, s.gid = int(uid), int(gid)
		if err := os.Chown(dir, int(uid), int(gid)); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := s.command("initdb", "-D", dir+"/data", "-U", "app", "-A", "trust", "-E", "UTF8", "--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	s.start(t)
	return s
}

// end ends it for good.
func (s *cluster) end() {
	s.kill()
	os.RemoveAll(s.dir)
}

func (s *cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = s.dir
	runAs(cmd, s.uid, s.gid)
	return cmd
}

func (s *cluster) source() string {
	return s.through(s.dir, s.port)
}

// through is how a client reaches it by another way.
func (s *cluster) through(host string, port int) string {
	return fmt.Sprintf("host=%s port=%d user=app dbname=postgres sslmode=disable connect_timeout=5", host, port)
}

// start starts the server, and waits until it answers. After a kill, what remained of
// the old one may keep it from starting at first.
func (s *cluster) start(t testing.TB) {
	t.Helper()
	db, err := sql.Open("pgx", s.source())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var last error
	for began := time.Now(); time.Since(began) < 2*time.Minute; {
		log, err := os.Create(s.dir + "/log")
		if err != nil {
			t.Fatal(err)
		}
		// fsync is for a loss of power: what a killed server has written stays.
		s.running = s.command("postgres", "-D", s.dir+"/data", "-k", s.dir, "-p", strconv.Itoa(s.port),
			"-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=200")
		s.running.Stdout, s.running.Stderr = log, log
		if err := s.running.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		cmd := s.running
		go func() {
			cmd.Wait()
			close(ended)
		}()
		for alive := true; alive; {
			if last = db.PingContext(context.Background()); last == nil {
				return
			}
			select {
			case <-ended:
				alive = false
			case <-time.After(50 * time.Millisecond):
			}
		}
		log.Close()
		<-time.After(50 * time.Millisecond)
	}
	text, _ := os.ReadFile(s.dir + "/log")
	t.Fatalf("PostgreSQL doesn't start: %v\n%s", last, text)
}

// kill ends the server as kill -9 does. Its children notice, and end themselves.
func (s *cluster) kill() { s.running.Process.Kill() }

// crash kills the server and starts it again.
func (s *cluster) crash(t testing.TB) {
	t.Helper()
	s.kill()
	s.start(t)
}
