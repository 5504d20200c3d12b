package sqlkv_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fleet/sqlkv"
)

// Two instances share a file of SQLite. Package fleet makes these calls; an application
// only makes the table and passes the KV on as fleet.Config.Engine.
func Example() {
	dir, err := os.MkdirTemp("", "app")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	name := "file:" + filepath.Join(dir, "app.db") + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)"
	db, err := sql.Open("sqlite", name)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	engine, err := sqlkv.New(sqlkv.Config{DB: db, Dialect: sqlkv.SQLite})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := engine.Create(ctx); err != nil {
		log.Fatal(err)
	}

	another, err := sqlkv.New(sqlkv.Config{DB: db, Dialect: sqlkv.SQLite})
	if err != nil {
		log.Fatal(err)
	}
	if err := another.Append(ctx, "m.example", []byte("sealed"), time.Hour); err != nil {
		log.Fatal(err)
	}
	engine.Watch(ctx, func(ev fleet.Event) {
		if ev.Synced {
			cancel() // enough for an example
			return
		}
		fmt.Printf("%s: %s\n", ev.Name, ev.Value)
	})
	// Output: m.example: sealed
}

// The statements of a migration, for those who don't let the application make tables.
func ExampleKV_Schema() {
	db, err := sql.Open("pgx", "dbname=app")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	engine, err := sqlkv.New(sqlkv.Config{DB: db, Dialect: sqlkv.PostgreSQL, Table: "app.sessions_ended"})
	if err != nil {
		log.Fatal(err)
	}
	for _, statement := range engine.Schema() {
		fmt.Println(statement)
	}
	// Output:
	// CREATE TABLE IF NOT EXISTS "app"."sessions_ended" (name text COLLATE "C" PRIMARY KEY, value bytea NOT NULL, rev bigint NOT NULL, until timestamptz, tx xid8 NOT NULL DEFAULT pg_current_xact_id())
	// CREATE INDEX IF NOT EXISTS "sessions_ended_swapped" ON "app"."sessions_ended" (name) WHERE until IS NULL
	// CREATE INDEX IF NOT EXISTS "sessions_ended_until" ON "app"."sessions_ended" (until) WHERE until IS NOT NULL
	// CREATE INDEX IF NOT EXISTS "sessions_ended_tx" ON "app"."sessions_ended" (tx, name) WHERE until IS NOT NULL
}
