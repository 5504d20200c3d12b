// Package sqlkv is a [fleet.Engine] over a table of the SQL database that an application
// has already: SQLite or PostgreSQL. It needs database/sql and the driver that the
// application uses, and nothing else to run.
//
//	engine, err := sqlkv.New(sqlkv.Config{DB: db, Dialect: sqlkv.PostgreSQL})
//	err = engine.Create(ctx) // or the statements of engine.Schema in a migration
//
// Instances poll: each asks twice a second what is new, in two short statements that use
// an index. A session that is ended on one instance is over on the others within a
// second. Dozens of instances are no burden; hundreds are better off with package natskv.
//
// # The database
//
// The table needs the rights to SELECT, INSERT, UPDATE and DELETE. An instance that only
// reads (fleet.Rotation.ReadOnly) and ends no sessions gets by with SELECT. No call holds
// a connection or a transaction for longer than one statement takes, and none has more
// than one connection at a time, so a pool of one is enough. A statement that takes more
// than ten seconds is given up.
//
// What was appended is kept until its time by the clock of the database. Then Append
// deletes it, a hundred rows at most in one call.
//
// SQLite: version 3.24 or newer, and one file on a local disk that all instances on the
// machine open. Every connection needs a busy timeout. Without it a write that meets
// another one fails at once with "database is locked"; nothing is lost, but a logout
// returns an error. Write-ahead logging lets polls read while somebody writes. With
// modernc.org/sqlite both go into the name:
//
//	file:app.db?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)
//
// Stop all instances before you replace the file.
//
// PostgreSQL: version 13 or newer. The DB must lead to the primary; a replica lags
// behind, and nobody would notice. With synchronous_commit off, a crash of the server
// loses what it acknowledged in the last moments. After a crash or a failover every
// instance reads everything once again.
package sqlkv

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"regexp"
	"sync"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/internal/config"
)

// A Dialect is the SQL that a database speaks. The zero Dialect is none.
type Dialect int

// The dialects.
const (
	_ Dialect = iota
	// SQLite is that of SQLite 3.24 (2018) and newer.
	SQLite
	// PostgreSQL is that of PostgreSQL 13 (2020) and newer.
	PostgreSQL
)

const (
	// DefaultTable is the table's name, unless the application chooses one.
	DefaultTable = "hardtack_fleet"

	// DefaultInterval is the mean time between two polls. What is stored is heard of
	// after half of it on average, and after five quarters of it at most: well within a
	// second.
	DefaultInterval = 500 * time.Millisecond

	// patience is how long a statement may take. Without a limit, a connection that
	// swallows everything would hold a Watch for as long as TCP does.
	patience = 10 * time.Second
)

// Config describes a KV. DB and Dialect are required.
type Config struct {
	// DB is the database. It stays the caller's, who sets its limits and closes it.
	DB *sql.DB

	// Dialect is what the database speaks.
	Dialect Dialect

	// Table is the name of the table: 1 to 48 characters of a-z 0-9 _ that don't begin
	// with a digit. In PostgreSQL a schema and a dot may stand before it. "" means
	// DefaultTable. Applications that share a database need tables of their own.
	Table string

	// Interval is the mean time between two polls, from 10 milliseconds to a minute; 0
	// means DefaultInterval. Each waits for between three and five quarters of it, so
	// that instances which start at once don't poll at once forever. It must be shorter
	// than two beats of the fleet.
	Interval time.Duration

	_ struct{} // forces keyed literals, so that fields can be added
}

// A ConfigError names a field of [Config] and the rule it broke, in three strings:
// Package (here "sqlkv"), Field and Rule. It doesn't repeat the value. The other packages
// with a Config use the same type.
type ConfigError = config.Error

// A KV is a [fleet.Engine] over a table. The zero KV is not usable: call [New]. It is
// safe for concurrent use.
type KV struct {
	db       *sql.DB
	interval time.Duration
	sql      statements

	mu      sync.Mutex
	running int       // calls of Watch
	beside  bool      // two of them ran at once, since it was 0
	left    *position // where a call of Watch that ran alone has left off
}

// table is what Config.Table may be, but for a schema before it. PostgreSQL cuts names
// after 63 bytes, and the indexes add up to 6 to it.
var (
	table       = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,47}$`)
	schemaTable = regexp.MustCompile(`^(?:([a-z_][a-z0-9_]{0,47})\.)?([a-z_][a-z0-9_]{0,47})$`)
)

// New returns a KV. It doesn't use the database yet.
func New(c Config) (*KV, error) {
	if c.Table == "" {
		c.Table = DefaultTable
	}
	if c.Interval == 0 {
		c.Interval = DefaultInterval
	}
	faults := config.Faults{Package: "sqlkv"}
	if c.DB == nil {
		faults.Add("DB", "must be set")
	}
	var s statements
	switch c.Dialect {
	case SQLite:
		if !table.MatchString(c.Table) {
			faults.Add("Table", "must be 1 to 48 characters of a-z 0-9 _ that don't begin with a digit")
		}
		s = sqlite(c.Table)
	case PostgreSQL:
		m := schemaTable.FindStringSubmatch(c.Table)
		if m == nil {
			faults.Add("Table", "must be 1 to 48 characters of a-z 0-9 _ that don't begin with a digit, after a schema and a dot if need be")
			break
		}
		s = postgres(m[1], m[2])
	default:
		faults.Add("Dialect", "must be SQLite or PostgreSQL")
	}
	if c.Interval < 10*time.Millisecond || c.Interval > time.Minute {
		faults.Add("Interval", "must be 10 ms to a minute")
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return &KV{db: c.DB, interval: c.Interval, sql: s}, nil
}

// Schema returns the statements that make the table and its indexes, for a migration.
// Each can be run again, and does nothing then.
func (k *KV) Schema() []string { return append([]string(nil), k.sql.create...) }

// Create makes the table and its indexes, unless they exist. Any number of instances may
// call it at once.
func (k *KV) Create(ctx context.Context) error {
	if k.sql.lock == "" {
		// Each statement waits for its turn. A transaction that reads and then writes
		// would be refused instead if another one wrote in between.
		for _, statement := range k.sql.create {
			if _, err := k.exec(ctx, statement); err != nil {
				return fmt.Errorf("sqlkv: can't make the table: %w", err)
			}
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tx, err := k.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("sqlkv: can't make the table: %w", err)
	}
	defer tx.Rollback()
	for _, statement := range append([]string{k.sql.lock}, k.sql.create...) {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("sqlkv: can't make the table: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("sqlkv: can't make the table: %w", err)
	}
	return nil
}

// Swap implements [fleet.Engine].
//
// Revisions are times in microseconds, so that those which follow after the table was
// lost or restored from an old copy are none that somebody remembers from before.
func (k *KV) Swap(ctx context.Context, name string, value []byte, rev uint64) (uint64, error) {
	if err := fleet.Check(name, value); err != nil {
		return 0, err
	}
	if rev >= math.MaxInt64 {
		return 0, fleet.ErrConflict // no revision is so great, and SQL couldn't hold it
	}
	next := max(int64(rev)+1, time.Now().UnixMicro())
	var changed int64
	var err error
	if rev == 0 {
		changed, err = k.exec(ctx, k.sql.first, name, value, next)
	} else {
		changed, err = k.exec(ctx, k.sql.swap, name, value, next, int64(rev))
	}
	switch {
	case err != nil:
		return 0, fmt.Errorf("sqlkv: can't swap: %w", err)
	case changed == 0:
		return 0, fleet.ErrConflict
	}
	return uint64(next), nil
}

// Append implements [fleet.Engine]. It deletes up to a hundred rows whose time is over.
func (k *KV) Append(ctx context.Context, name string, value []byte, ttl time.Duration) error {
	if err := fleet.Check(name, value); err != nil {
		return err
	}
	ms := (max(ttl, time.Second) + time.Millisecond - 1).Milliseconds()
	if _, err := k.exec(ctx, k.sql.append, name, value, ms); err != nil {
		return fmt.Errorf("sqlkv: can't append: %w", err)
	}
	if _, err := k.exec(ctx, k.sql.clean); err != nil {
		return fmt.Errorf("sqlkv: can't delete old rows: %w", err)
	}
	return nil
}

// exec runs a statement in a transaction of its own, and returns how many rows it
// changed.
func (k *KV) exec(ctx context.Context, statement string, args ...any) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	result, err := k.db.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
