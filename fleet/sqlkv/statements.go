package sqlkv

import (
	"strconv"
	"strings"
)

// statements are those of one dialect. The table has two kinds of rows: those that were
// swapped have no end of their time (until is null), and those that were appended have.
type statements struct {
	create []string
	lock   string // held while the table is made, in one transaction; "" if there is no need

	first  string // name, value, revision
	swap   string // name, value, next revision, revision
	append string // name, value, milliseconds
	clean  string

	// swapped returns name, value, revision, null, null of each row that was swapped,
	// and in one more row null, null, null, mark, server.
	swapped string
	// appended returns at, name and value of the next rows that were appended since a
	// mark, after one of them: mark, at, name. SQLite has no use for the name.
	appended string
	start    string // the mark before everything
}

const (
	// page is how many rows are read at once: 8 MB, if all were as large as can be.
	page = 500
	// old is how many old rows are deleted at once. It takes a millisecond or so. As
	// each Append adds one row, it wins.
	old = 100
)

// fill puts names into a statement, and removes its indentation.
func fill(statement string, names ...string) string {
	statement = strings.Join(strings.Fields(statement), " ")
	return strings.NewReplacer(names...).Replace(statement)
}

// sqlite returns the statements for SQLite.
//
// A write has the file for itself, so what was appended can be numbered in the order in
// which it becomes visible: id is that number, and a mark is the last one given out.
// AUTOINCREMENT keeps the last one although its row is deleted. It is at least the time
// in milliseconds, so that numbers go on when the table is made anew. Within the same
// milliseconds they don't, so a change of the schema counts as another server: everything
// is told once more.
func sqlite(table string) statements {
	names := []string{
		"{table}", `"` + table + `"`, "{swapped}", `"` + table + `_swapped"`, "{until}", `"` + table + `_until"`,
		"{last}", `(SELECT seq FROM sqlite_sequence WHERE name = '` + table + `')`,
		"{now}", `CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)`, // since 1970
		"{page}", strconv.Itoa(page), "{old}", strconv.Itoa(old),
	}
	return statements{
		create: []string{
			fill(`CREATE TABLE IF NOT EXISTS {table} (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,
				value BLOB NOT NULL, rev INTEGER NOT NULL, until INTEGER)`, names...),
			fill(`CREATE INDEX IF NOT EXISTS {swapped} ON {table} (name) WHERE until IS NULL`, names...),
			fill(`CREATE INDEX IF NOT EXISTS {until} ON {table} (until) WHERE until IS NOT NULL`, names...),
		},
		first: fill(`INSERT INTO {table} (name, value, rev) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO NOTHING`, names...),
		swap:  fill(`UPDATE {table} SET value = ?2, rev = ?3 WHERE name = ?1 AND rev = ?4 AND until IS NULL`, names...),
		append: fill(`INSERT INTO {table} AS t (id, name, value, rev, until)
			VALUES (max(coalesce({last}, 0) + 1, {now}), ?1, ?2, 0, {now} + 1 + ?3)
			ON CONFLICT (name) DO UPDATE SET until = excluded.until WHERE t.until < excluded.until`, names...),
		clean: fill(`DELETE FROM {table} WHERE id IN
			(SELECT id FROM {table} WHERE until < {now} ORDER BY until LIMIT {old})`, names...),
		swapped: fill(`SELECT NULL, NULL, NULL, coalesce({last}, 0), (SELECT schema_version FROM pragma_schema_version)
			UNION ALL SELECT name, value, rev, NULL, NULL FROM {table} WHERE until IS NULL`, names...),
		appended: fill(`SELECT id, name, value FROM {table}
			WHERE until IS NOT NULL AND id > max(CAST(?1 AS INTEGER), CAST(?2 AS INTEGER)) AND ?3 IS NOT NULL
			ORDER BY id LIMIT {page}`, names...),
		start: "0",
	}
}

// postgres returns the statements for PostgreSQL.
//
// There, numbers become visible in another order than they are given out in: whoever has
// taken a smaller one may commit later, and a poll for greater ones would miss it. So a
// mark is no number but a snapshot, which says of each transaction whether its changes
// were visible at the time (pg_current_snapshot). A poll reads the rows whose transaction
// (tx) is visible now, and wasn't at the mark. Nobody waits for anybody, and a long
// transaction elsewhere makes no difference.
//
// Those rows are found without a look at the rest, because tx is at least the oldest
// transaction that was under way at the mark. A dump that was restored on another server
// has transactions of the old one, and may be ahead: it is told once, at the start.
func postgres(schema, table string) statements {
	full := `"` + table + `"`
	if schema != "" {
		full = `"` + schema + `".` + full
	}
	names := []string{
		"{table}", full, "{swapped}", `"` + table + `_swapped"`, "{until}", `"` + table + `_until"`, "{tx}", `"` + table + `_tx"`,
		"{start}", "1:1:", "{page}", strconv.Itoa(page), "{old}", strconv.Itoa(old),
	}
	return statements{
		// Two who make a table at once get an error from a unique index of the system,
		// in spite of IF NOT EXISTS. The number is arbitrary.
		lock: `SELECT pg_advisory_xact_lock(7274485246313)`,
		create: []string{
			fill(`CREATE TABLE IF NOT EXISTS {table} (name text COLLATE "C" PRIMARY KEY, value bytea NOT NULL, rev bigint NOT NULL,
				until timestamptz, tx xid8 NOT NULL DEFAULT pg_current_xact_id())`, names...),
			fill(`CREATE INDEX IF NOT EXISTS {swapped} ON {table} (name) WHERE until IS NULL`, names...),
			fill(`CREATE INDEX IF NOT EXISTS {until} ON {table} (until) WHERE until IS NOT NULL`, names...),
			fill(`CREATE INDEX IF NOT EXISTS {tx} ON {table} (tx, name) WHERE until IS NOT NULL`, names...),
		},
		first: fill(`INSERT INTO {table} (name, value, rev) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING`, names...),
		swap:  fill(`UPDATE {table} SET value = $2, rev = $3 WHERE name = $1 AND rev = $4 AND until IS NULL`, names...),
		append: fill(`INSERT INTO {table} AS t (name, value, rev, until)
			VALUES ($1, $2, 0, clock_timestamp() + $3::bigint * interval '1 millisecond')
			ON CONFLICT (name) DO UPDATE SET until = excluded.until WHERE t.until < excluded.until`, names...),
		// An array is built once; IN may run its query for each row. SKIP LOCKED keeps
		// two who clean at once from waiting for each other.
		clean: fill(`DELETE FROM {table} WHERE name = ANY (ARRAY
			(SELECT name FROM {table} WHERE until < now() ORDER BY until LIMIT {old} FOR UPDATE SKIP LOCKED))`, names...),
		swapped: fill(`SELECT NULL::text, NULL::bytea, NULL::bigint, pg_current_snapshot()::text, pg_postmaster_start_time()::text
			UNION ALL SELECT name, value, rev, NULL, NULL FROM {table} WHERE until IS NULL`, names...),
		// It begins at the mark, or where the last page ended. ORDER BY tx alone would mean
		// the text that is returned.
		appended: fill(`SELECT t.tx::text, t.name, t.value FROM {table} AS t WHERE t.until IS NOT NULL
			AND (t.tx, t.name) > (greatest($2::text::xid8, pg_snapshot_xmin($1::text::pg_snapshot)), $3::text)
			AND NOT pg_visible_in_snapshot(t.tx, $1::text::pg_snapshot)
			AND ($1::text = '{start}' OR t.tx < pg_snapshot_xmax(pg_current_snapshot()))
			ORDER BY t.tx, t.name LIMIT {page}`, names...),
		start: "1:1:",
	}
}
